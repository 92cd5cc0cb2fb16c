"""The connection to one client: what it can do, its documents, and the conversation that is held over it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import unquote

from lsprotocol import types
from pygls.io_ import StdoutWriter
from pygls.lsp.server import LanguageServer

from empower_lsp import __version__
from empower_lsp.edge.convert import OpenDocument
from empower_lsp.edge.frames import StandardInput, StreamLost, listen
from empower_lsp.edge.notebook import EVERY_NOTEBOOK, Notebooks
from empower_lsp.edge.notify import Notifier, outline
from empower_lsp.edge.tolerance import Protocol, tolerant_converter
from empower_lsp.serving import Conversation, Starter, start_engine, start_instant

LOOK_SECONDS = 2.0
"""Between two looks at whether the editor's process is there."""

_log = logging.getLogger("empower_lsp")


class Connection(LanguageServer):
    """pygls' server with what is known of its client; `start` and `start_instant` begin to load models."""

    protocol: Protocol

    def __init__(self, start: Starter = start_engine, start_instant: Starter = start_instant) -> None:
        super().__init__(
            "empower-lsp",
            __version__,
            notebook_document_sync=EVERY_NOTEBOOK,
            protocol_cls=Protocol,
            converter_factory=tolerant_converter,
        )
        self.notebooks = Notebooks(self.document)
        self.conversation = Conversation(start, start_instant, Notifier(self), self.text)
        self.finished = False
        """Whether the client has said that it will go."""
        self._puzzling: set[str] = set()

    @property
    def encoding(self) -> str:
        """Return the position encoding agreed with the client."""
        return types.PositionEncodingKind(self.workspace.position_encoding).value

    @property
    def pulls(self) -> bool:
        """Tell whether the client can be asked for its configuration."""
        workspace = self.client_capabilities.workspace
        return workspace is not None and bool(workspace.configuration)

    @property
    def watches(self) -> bool:
        """Tell whether the client can be asked to tell of files that change."""
        workspace = self.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        return watching is not None and bool(watching.dynamic_registration)

    @property
    def roots(self) -> list[str]:
        """Return the URIs of the workspace folders."""
        return [folder.uri for folder in self.workspace.folders.values()] or [self.workspace.root_uri or ""]

    def open(self, item: types.TextDocumentItem) -> None:
        """Hold a document that the client has opened, in the place of the one that pygls made of it."""
        self.workspace.text_documents[unquote(item.uri)] = OpenDocument(item, self.encoding)

    def document(self, uri: str) -> OpenDocument | None:
        """Return an open document; never one from the disk."""
        document = self.workspace.text_documents.get(unquote(uri))
        return document if isinstance(document, OpenDocument) else None

    def text(self, uri: str) -> str | None:
        """Return what an open document, or a notebook, says now; None for one that is not open."""
        document = self.document(uri)
        return self.notebooks.text(uri) if document is None else document.source

    def converse(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        """Serve the client until it says exit, its stream ends or its process is gone."""
        self.protocol.set_writer(StdoutWriter(stdout))
        try:
            asyncio.run(self._converse(stdin))
        except StreamLost as lost:
            sys.stderr.write(f"empower-lsp ends: {lost}.\n")
        except (BrokenPipeError, KeyboardInterrupt, SystemExit, asyncio.CancelledError):
            pass
        finally:
            self.shutdown()

    async def _converse(self, stdin: BinaryIO) -> None:
        listening = asyncio.current_task()
        assert listening is not None
        watching = asyncio.create_task(self._watch_client(listening.cancel))
        try:
            await listen(StandardInput(stdin), self.protocol)
        finally:
            watching.cancel()

    async def _watch_client(self, end: Callable[[], object]) -> None:
        """Call `end` when the client's process is gone, whoever else still holds the stream.

        One that is not to be seen from the start is on another machine, or in another container.
        """
        while self.process_id is None:
            await asyncio.sleep(LOOK_SECONDS)
        import psutil

        try:
            client = psutil.Process(self.process_id)
        except (psutil.Error, ValueError, OverflowError):
            return
        with suppress(psutil.Error):
            while client.is_running() and client.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(LOOK_SECONDS)
        sys.stderr.write("empower-lsp ends: the editor's process is gone.\n")
        end()

    def shutdown(self) -> None:
        """Leave nothing behind, however the connection ended."""
        self.conversation.close()
        super().shutdown()  # type: ignore[no-untyped-call]

    def puzzled(self, method: str) -> None:
        """Log, once a method, that a client has sent what makes no sense; a person who types is not told."""
        if method not in self._puzzling:
            self._puzzling.add(method)
            _log.warning("%s names no item, or not as `{item}` of ours", method)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what was not foreseen; a person who types is not interrupted for it."""
        _log.warning("%s", outline(sys.exc_info()[1] or error))
