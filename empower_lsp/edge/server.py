"""The language server: its handlers translate between the protocol and the conversation, and decide nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from attrs import evolve
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from empower_lsp.edge import convert
from empower_lsp.edge.connection import Connection
from empower_lsp.edge.notify import outline
from empower_lsp.serving import Starter, start_engine, start_instant
from empower_lsp.session import Query
from empower_lsp.settings import SECTION

PULL_SECONDS = 3.0
"""How long a client may take to tell its configuration before the engine starts without."""

DID_SHOW = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
DID_DISMISS = "textDocument/didDismissCompletion"
DID_REST = "textDocument/didRestCursor"
MORE = "textDocument/moreInlineCompletion"

_log = logging.getLogger("empower_lsp")


def create_server(start: Starter = start_engine, start_instant: Starter = start_instant) -> Connection:
    """Return a server for one client; `start` and `start_instant` begin to load models and give their engines."""
    server = Connection(start, start_instant)
    for method, handler in _FEATURES.items():
        server.feature(method, _OPTIONS.get(method))(handler)
    for name, command in _COMMANDS.items():
        server.command(name)(command)
    return server


def _initialize(ls: Connection, params: types.InitializeParams) -> None:
    ls.conversation.begin(params.initialization_options, ls.roots, ls.watches)
    if not ls.pulls:
        asyncio.get_running_loop().call_soon(ls.conversation.configure, None)  # after the reply


async def _initialized(ls: Connection, _: types.InitializedParams) -> None:
    workspace = ls.client_capabilities.workspace
    changes = workspace.did_change_configuration if workspace else None
    if changes and changes.dynamic_registration:
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        wish = types.Registration(id=method, method=method, register_options={"section": SECTION})
        ls.client_register_capability(types.RegistrationParams([wish]))
    if ls.watches:
        method, every = types.WORKSPACE_DID_CHANGE_WATCHED_FILES, types.FileSystemWatcher(glob_pattern="**/*")
        wish = types.Registration(method, method, types.DidChangeWatchedFilesRegistrationOptions([every]))
        ls.client_register_capability(types.RegistrationParams([wish]))
    if ls.pulls:
        await _pull(ls)


async def _did_change_configuration(ls: Connection, params: types.DidChangeConfigurationParams) -> None:
    if ls.pulls:
        await _pull(ls)
    else:
        ls.conversation.configure(params.settings)


async def _pull(ls: Connection) -> None:
    """Ask the client for its configuration; when it does not tell, all stays as it was."""
    section = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
    try:
        [configuration] = await asyncio.wait_for(ls.workspace_configuration_async(section), PULL_SECONDS)
    except (TimeoutError, JsonRpcException, ValueError) as error:
        _log.warning("%s %s", types.WORKSPACE_CONFIGURATION, outline(error))
        if ls.conversation.configured.is_set():
            return
        configuration = None
    ls.conversation.configure(configuration)


def _shutdown(ls: Connection, *_: object) -> None:
    ls.finished = True
    ls.conversation.stop()


def _did_open(ls: Connection, params: types.DidOpenTextDocumentParams) -> None:
    uri = params.text_document.uri
    ls.open(params.text_document)
    ls.notebooks.opened(uri)
    if (notebook := ls.notebooks.of(uri)) is not None:
        _tell_notebook(ls, notebook)
    else:
        ls.conversation.opened(uri)


def _did_change(ls: Connection, params: types.DidChangeTextDocumentParams) -> None:
    if (document := ls.document(params.text_document.uri)) is not None:
        edits = document.take_edits()
        if (notebook := ls.notebooks.of(document.uri)) is not None:
            _tell_notebook(ls, notebook)
        else:
            ls.conversation.edited(document.uri, document.source, edits)


def _did_close(ls: Connection, params: types.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    if (notebook := ls.notebooks.of(uri)) is not None:
        ls.notebooks.closed(uri)
        _tell_notebook(ls, notebook)
    else:
        ls.conversation.closed(uri)


def _did_open_notebook(ls: Connection, params: types.DidOpenNotebookDocumentParams) -> None:
    for item in params.cell_text_documents:
        ls.open(item)
    _arrange(ls, params.notebook_document.uri)


def _did_change_notebook(ls: Connection, params: types.DidChangeNotebookDocumentParams) -> None:
    cells = params.change.cells
    for item in (cells.structure.did_open if cells is not None and cells.structure is not None else None) or ():
        ls.open(evolve(item, text=ls.workspace.text_documents[unquote(item.uri)].source))
    _arrange(ls, params.notebook_document.uri)


def _did_close_notebook(ls: Connection, params: types.DidCloseNotebookDocumentParams) -> None:
    _arrange(ls, params.notebook_document.uri)


def _arrange(ls: Connection, uri: str) -> None:
    """Take note of the cells that a notebook has now, and of what they say."""
    notebook = ls.workspace.get_notebook_document(notebook_uri=uri)
    ls.notebooks.arrange(uri, [cell.document for cell in notebook.cells] if notebook is not None else [])
    _tell_notebook(ls, uri)


def _tell_notebook(ls: Connection, notebook: str) -> None:
    for change in ls.notebooks.changes(notebook):
        ls.conversation.edited(change.uri, change.text, [change.edit])
    for uri in ls.notebooks.gone(notebook):
        ls.conversation.closed(uri)


def _did_save(ls: Connection, params: types.DidSaveTextDocumentParams) -> None:
    ls.conversation.files_changed([params.text_document.uri])


def _did_change_files(ls: Connection, params: types.DidChangeWatchedFilesParams) -> None:
    ls.conversation.files_changed([change.uri for change in params.changes])


def _did_change_folders(ls: Connection, _: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.conversation.folders_changed(ls.roots)


async def _inline_completion(ls: Connection, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    def query() -> Query | None:
        document = ls.document(params.text_document.uri)
        return convert.query(document, params, ls.encoding) if document is not None else None

    return await _answer(ls, types.TEXT_DOCUMENT_INLINE_COMPLETION, query)


async def _more(ls: Connection, params: object) -> types.InlineCompletionList:
    def query() -> Query | None:
        asked = convert.resting(params, ls.document, ls.encoding)
        if asked is None:
            ls.puzzled(MORE)
        return replace(asked, by_hand=True, more=True) if asked is not None else None

    return await _answer(ls, MORE, query)


async def _answer(ls: Connection, method: str, asked: Callable[[], Query | None]) -> types.InlineCompletionList:
    """Answer with an empty list when there is nothing, whatever the reason: at null, Neovim keeps old text."""
    began = time.monotonic()
    items: list[types.InlineCompletionItem] = []
    try:
        if (query := asked()) is not None:
            answer = await ls.conversation.asked(ls.notebooks.around(query))
            items = convert.items(ls.notebooks.within(query, answer), query.text, ls.encoding)
    except Exception as error:
        _log.warning("%s %s", method, outline(error))
    _log.info("%s %.0f ms", method, (time.monotonic() - began) * 1000)
    return types.InlineCompletionList(items)


def _did_show(ls: Connection, params: object) -> None:
    if id := _named(ls, DID_SHOW, params):
        ls.conversation.shown(id)


def _did_partially_accept(ls: Connection, params: object) -> None:
    if id := _named(ls, DID_PARTIALLY_ACCEPT, params):
        left = convert.left(params)
        if left is None:
            ls.puzzled(DID_PARTIALLY_ACCEPT)
        else:
            ls.conversation.partially_accepted(id, left)


def _did_dismiss(ls: Connection, params: object) -> None:
    if id := _named(ls, DID_DISMISS, params):
        ls.conversation.dismissed(id)


def _did_rest(ls: Connection, params: object) -> None:
    query = convert.resting(params, ls.document, ls.encoding)
    if query is None:
        ls.puzzled(DID_REST)
    else:
        ls.conversation.rested(ls.notebooks.around(query))


def _named(ls: Connection, method: str, params: object) -> str | None:
    """Return the id of the completion that a client speaks of; None when it names none."""
    id = convert.item_id(params)
    if id is None:
        ls.puzzled(method)
    return id


def _accept(ls: Connection, *arguments: Any) -> None:
    match arguments:
        case (str(id), *_):
            ls.conversation.accepted(id)


def _why(ls: Connection, *_: Any) -> dict[str, Any] | None:
    return ls.conversation.why()


def _toggle(ls: Connection, *arguments: Any) -> dict[str, Any]:
    match arguments:
        case (str(language), *_):
            return ls.conversation.toggle(language)
    return ls.conversation.toggle()


def _status(ls: Connection, *_: Any) -> dict[str, Any]:
    return ls.conversation.status()


_FEATURES: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: _initialize,
    types.INITIALIZED: _initialized,
    types.SHUTDOWN: _shutdown,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: _did_change_configuration,
    types.TEXT_DOCUMENT_DID_OPEN: _did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: _did_change,
    types.TEXT_DOCUMENT_DID_CLOSE: _did_close,
    types.TEXT_DOCUMENT_DID_SAVE: _did_save,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: _did_open_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: _did_change_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: _did_close_notebook,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: _did_change_files,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: _did_change_folders,
    types.TEXT_DOCUMENT_INLINE_COMPLETION: _inline_completion,
    MORE: _more,
    DID_SHOW: _did_show,
    DID_PARTIALLY_ACCEPT: _did_partially_accept,
    DID_DISMISS: _did_dismiss,
    DID_REST: _did_rest,
}
_OPTIONS = {types.TEXT_DOCUMENT_INLINE_COMPLETION: types.InlineCompletionOptions()}
_COMMANDS: dict[str, Callable[..., Any]] = {
    convert.ACCEPT: _accept,
    "empower.why": _why,
    "empower.toggle": _toggle,
    "empower.status": _status,
}
