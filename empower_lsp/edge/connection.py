"""The connection to one client: what it can do, its documents, and the conversation that is held over it."""

from __future__ import annotations

import logging
import sys
from urllib.parse import unquote

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from empower_lsp import __version__
from empower_lsp.edge.convert import Document
from empower_lsp.edge.notify import Notifier, outline
from empower_lsp.edge.tolerance import Protocol, tolerant_converter
from empower_lsp.serving import Conversation, Starter, start_engine

_log = logging.getLogger("empower_lsp")


class Connection(LanguageServer):
    """pygls' server with what is known of its client; `start` begins to load a model."""

    def __init__(self, start: Starter = start_engine) -> None:
        super().__init__("empower-lsp", __version__, protocol_cls=Protocol, converter_factory=tolerant_converter)
        self.conversation = Conversation(start, Notifier(self), self.text)
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
        self.workspace.text_documents[unquote(item.uri)] = Document(item, self.encoding)

    def document(self, uri: str) -> Document | None:
        """Return an open document; never one from the disk."""
        document = self.workspace.text_documents.get(unquote(uri))
        return document if isinstance(document, Document) else None

    def text(self, uri: str) -> str | None:
        """Return what an open document says now; None for one that is not open."""
        document = self.document(uri)
        return None if document is None else document.source

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
