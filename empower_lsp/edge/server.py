"""The language server: its handlers translate between the protocol and the session, and decide nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from empower_lsp import __version__
from empower_lsp.edge import convert
from empower_lsp.edge.connection import Connection
from empower_lsp.edge.notify import outline
from empower_lsp.serving import start_engine
from empower_lsp.session import explanation
from empower_lsp.settings import SECTION
from empower_lsp.workspace import file_name, is_file

LARGEST = 1_000_000
"""Characters of the largest document that gets inline completions."""

ALTERNATIVES = 2
"""Most items beside the first, for a person who asks by hand: an editor's "next" goes through them."""

PULL_SECONDS = 3.0
"""How long a client may take to tell its configuration before the engine starts without."""

DID_SHOW = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
DID_DISMISS = "textDocument/didDismissCompletion"

_log = logging.getLogger("empower_lsp")


def create_server(start: Callable[..., Any] = start_engine) -> Connection:
    """A server for one client; `start` begins to load a model and gives its engine."""
    server = Connection(start)
    for method, handler in _FEATURES.items():
        server.feature(method, _OPTIONS.get(method))(handler)
    for name, command in _COMMANDS.items():
        server.command(name)(command)
    return server


def _initialize(ls: Connection, params: types.InitializeParams) -> None:
    ls.begin(params.initialization_options)
    if not ls.pulls:
        asyncio.get_running_loop().call_soon(ls.configure, None)  # after the reply


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
        ls.configure(params.settings)


async def _pull(ls: Connection) -> None:
    """Ask the client for its configuration; when it does not tell, all stays as it was."""
    section = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
    try:
        [configuration] = await asyncio.wait_for(ls.workspace_configuration_async(section), PULL_SECONDS)
    except (TimeoutError, JsonRpcException, ValueError) as error:
        _log.warning("%s %s", types.WORKSPACE_CONFIGURATION, outline(error))
        if ls.configured.is_set():
            return
        configuration = None
    ls.configure(configuration)


def _shutdown(ls: Connection, *_: object) -> None:
    ls.finished = True
    ls.close()


def _did_open(ls: Connection, params: types.DidOpenTextDocumentParams) -> None:
    opened = convert.Document(params.text_document, ls.encoding)
    ls.workspace.text_documents[unquote(opened.uri)] = opened  # in the place of pygls' own


def _did_change(ls: Connection, params: types.DidChangeTextDocumentParams) -> None:
    uri = params.text_document.uri
    if ls.session is not None:
        ls.session.edited(uri)
    if isinstance(document := ls.document(uri), convert.Document):
        edits = document.take_edits()
        ls.written_in(document)
        if ls.journal is not None:
            ls.journal.changed(document.uri, edits)


def _did_close(ls: Connection, params: types.DidCloseTextDocumentParams) -> None:
    if ls.session is not None:
        ls.session.close_document(params.text_document.uri)
    if ls.journal is not None:
        ls.journal.closed(params.text_document.uri)
    ls.feed.closed(file_name(params.text_document.uri))


def _did_save(ls: Connection, params: types.DidSaveTextDocumentParams) -> None:
    ls.feed.changed([file_name(params.text_document.uri)])


def _did_change_files(ls: Connection, params: types.DidChangeWatchedFilesParams) -> None:
    uris = (change.uri for change in params.changes if is_file(change.uri))
    ls.feed.changed(file_name(uri).rstrip("/") for uri in uris)


def _did_change_folders(ls: Connection, _: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.look_through()


async def _inline_completion(ls: Connection, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """An empty list when there is nothing, whatever the reason: Neovim leaves old text standing for null."""
    began = time.monotonic()
    items: list[types.InlineCompletionItem] = []
    try:
        items = await _items(ls, params)
    except Exception as error:
        _log.warning("%s %s", types.TEXT_DOCUMENT_INLINE_COMPLETION, outline(error))
    _log.info("%s %.0f ms", types.TEXT_DOCUMENT_INLINE_COMPLETION, (time.monotonic() - began) * 1000)
    return types.InlineCompletionList(items)


async def _items(ls: Connection, params: types.InlineCompletionParams) -> list[types.InlineCompletionItem]:
    document = ls.document(params.text_document.uri)
    if document is None or len(document.source) > LARGEST or "\0" in document.source:
        return []
    query = convert.query(document, params, ls.encoding)  # before the first await: the document goes on changing
    await ls.configured.wait()
    unasked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Automatic
    off = not ls.is_on(query.language) or (unasked and ls.settings.trigger == "manual")
    if ls.session is None or off or ls.is_denied(query.uri):
        return []
    ls.follow()
    ls.written_in(document)
    answer = await ls.session.complete(query, ls.settings.limits, 0 if unasked else ALTERNATIVES)
    late = ls.document(query.uri) is not document or document.version != query.version
    if answer is None or late:
        return []
    if ls.journal is not None and ls.served is not None:
        ls.journal.answered(query, answer, ls.served.source, ls.roots)
    return [convert.item(each, query.text, ls.encoding) for each in (answer, *answer.others)]


def _did_show(ls: Connection, params: object) -> None:
    if ls.journal is not None and (id := _named(ls, DID_SHOW, params)):
        ls.journal.shown(id)


def _did_partially_accept(ls: Connection, params: object) -> None:
    if ls.journal is not None and (id := _named(ls, DID_PARTIALLY_ACCEPT, params)):
        left = convert.left(params)
        if left is None:
            ls.puzzled(DID_PARTIALLY_ACCEPT)
        else:
            ls.journal.partially_accepted(id, left)


def _did_dismiss(ls: Connection, params: object) -> None:
    if ls.journal is not None and (id := _named(ls, DID_DISMISS, params)):
        ls.journal.dismissed(id)


def _named(ls: Connection, method: str, params: object) -> str | None:
    """The completion that a client speaks of."""
    id = convert.item_id(params)
    if id is None:
        ls.puzzled(method)
    return id


def _accept(ls: Connection, *arguments: Any) -> None:
    if arguments and isinstance(arguments[0], str):
        if ls.session is not None:
            ls.session.forget(arguments[0])
        if ls.journal is not None:
            ls.journal.accepted(arguments[0])


def _why(ls: Connection, *_: Any) -> dict[str, Any] | None:
    last = ls.session.last if ls.session is not None else None
    return explanation(last) if last is not None else None


def _toggle(ls: Connection, *arguments: Any) -> dict[str, Any]:
    """Until the server ends: for the language id given, else for all."""
    language = arguments[0] if arguments and isinstance(arguments[0], str) else "*"
    was = ls.switched.get(language, language == "*" or ls.settings.allows(language))
    ls.switched[language] = not was
    return {"language": language, "on": not was}


def _status(ls: Connection, *_: Any) -> dict[str, Any]:
    kind, message = ls.engine
    return {
        "version": __version__,
        "engine": kind,
        "message": message,
        "on": ls.switched.get("*", True),
        "trigger": ls.settings.trigger,
        "confidence": ls.settings.confidence,
        "memory": ls.served is not None and ls.served.source.memory,
    }


_FEATURES: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: _initialize,
    types.INITIALIZED: _initialized,
    types.SHUTDOWN: _shutdown,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: _did_change_configuration,
    types.TEXT_DOCUMENT_DID_OPEN: _did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: _did_change,
    types.TEXT_DOCUMENT_DID_CLOSE: _did_close,
    types.TEXT_DOCUMENT_DID_SAVE: _did_save,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: _did_change_files,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: _did_change_folders,
    types.TEXT_DOCUMENT_INLINE_COMPLETION: _inline_completion,
    DID_SHOW: _did_show,
    DID_PARTIALLY_ACCEPT: _did_partially_accept,
    DID_DISMISS: _did_dismiss,
}
_OPTIONS = {types.TEXT_DOCUMENT_INLINE_COMPLETION: types.InlineCompletionOptions()}
_COMMANDS: dict[str, Callable[..., Any]] = {
    convert.ACCEPT: _accept,
    "empower.why": _why,
    "empower.toggle": _toggle,
    "empower.status": _status,
}
