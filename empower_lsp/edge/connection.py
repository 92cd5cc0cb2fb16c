"""The state of one client's connection: its settings, its session, the engine behind it, and what was told."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from empower_lsp import __version__
from empower_lsp.edge.notify import Notifier, outline
from empower_lsp.edge.tolerance import Protocol, tolerant_converter
from empower_lsp.log import Journal
from empower_lsp.serving import Served, start_engine
from empower_lsp.session import Session
from empower_lsp.settings import Settings, parse
from empower_lsp.workspace import Workspace, file_name, is_file
from empower_model.errors import EmpowerError
from empower_model.feed import Feed

if TYPE_CHECKING:
    from empower_model.host import HostEvent

LOGGED = (
    "Your completions are logged, on this machine only; `empower-lsp log off` stops that. The log is for your "
    "statistics and for retraining. Secrets are redacted, and `empower-lsp log status` says what it holds."
)
"""Editors cut long messages off: the first sentence says what matters."""

T = TypeVar("T")

_log = logging.getLogger("empower_lsp")


class Connection(LanguageServer):
    """pygls' server with what is known of its client."""

    def __init__(self, start: Callable[[Settings, Callable[[HostEvent], None], Feed], Served] = start_engine) -> None:
        super().__init__("empower-lsp", __version__, protocol_cls=Protocol, converter_factory=tolerant_converter)
        self.settings = Settings()
        self.session: Session | None = None
        """None until the settings are known, and while no model can be used."""
        self.served: Served | None = None
        """The engine that the session asks; None without one."""
        self.journal: Journal | None = None
        """None until the settings are known."""
        self.feed = Feed()
        """What the memory of the workspace is told."""
        self.configured = asyncio.Event()
        self.finished = False
        """Whether the client has said that it will go."""
        self.switched: dict[str, bool] = {}
        """What was turned on or off by command: by language id, `*` for all."""
        self.engine = ("starting", "Waiting for the settings.")
        """The last thing heard of the engine: its kind and a sentence."""
        self._start = start
        self._heard: object = None
        self._library: Workspace | None = None
        """What the memory was last told to look through."""
        self._initial: tuple[Settings, list[str]] = (Settings(), [])
        self._notifier = Notifier(self)
        self._puzzling: set[str] = set()

    @property
    def encoding(self) -> str:
        """The position encoding agreed with the client."""
        return types.PositionEncodingKind(self.workspace.position_encoding).value

    @property
    def pulls(self) -> bool:
        """Whether the client can be asked for its configuration."""
        workspace = self.client_capabilities.workspace
        return workspace is not None and bool(workspace.configuration)

    @property
    def watches(self) -> bool:
        """Whether the client can be asked to tell of files that change."""
        workspace = self.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        return watching is not None and bool(watching.dynamic_registration)

    @property
    def roots(self) -> list[str]:
        """URIs of the workspace folders."""
        return [folder.uri for folder in self.workspace.folders.values()] or [self.workspace.root_uri or ""]

    def document(self, uri: str) -> TextDocument | None:
        """An open document; never one from the disk."""
        document: TextDocument | None = self.workspace.text_documents.get(unquote(uri))
        return document

    def is_on(self, language: str) -> bool:
        """Whether inline completions are on for a language id, by the settings and by command."""
        return self.switched.get("*", True) and self.switched.get(language, self.settings.allows(language))

    def is_denied(self, uri: str) -> bool:
        """Whether a document's file must not be read."""
        return self._workspace().denies(file_name(uri))

    def look_through(self) -> None:
        """Have the memory follow the workspace folders and the deny list as they are now."""
        if (library := self._workspace()) != self._library:
            self._library = library
            self.feed.walk(library, self.watches)

    def written_in(self, document: TextDocument) -> None:
        """Have the memory know which document a person writes in, and what it says."""
        if is_file(document.uri) and not self.is_denied(document.uri):
            self.feed.written(file_name(document.uri), document.source.replace("\r\n", "\n"))

    def begin(self, options: object) -> None:
        """Remember the initialization options, which hold where the configuration says nothing."""
        self._initial = parse(options)

    def configure(self, raw: object) -> None:
        """Take on a configuration; another engine is started when it asks for one."""
        initial, old_problems = self._initial
        settings, problems = parse(raw, initial)
        changed = settings.engine != self.settings.engine
        self.settings = settings
        self.configured.set()
        _log.setLevel(logging.CRITICAL + 1 if settings.verbosity == "off" else settings.verbosity.upper())
        if changed:
            self._notifier.forget()
        if changed or self.session is None:
            self._restart()
        self.look_through()
        self._log_as_set()
        for problem in (*old_problems, *problems):
            self._notifier.warn(problem)

    def follow(self) -> None:
        """Take up a model, a tuning or a calibration that was put in use since the engine was started."""
        if self.served is None or not self.served.outdated():
            return
        try:
            self._serve()
        except EmpowerError as error:
            self._notifier.warn(str(error))  # what runs goes on

    def close(self) -> None:
        """End the session and its engine."""
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def shutdown(self) -> None:
        """Leave nothing behind, however the connection ended."""
        journal, self.journal = self.journal, None
        if journal is not None:
            journal.close()
        self.close()
        super().shutdown()  # type: ignore[no-untyped-call]

    def puzzled(self, method: str) -> None:
        """A client has sent what cannot be made sense of; a person who types is not told, and the log once."""
        if method not in self._puzzling:
            self._puzzling.add(method)
            _log.warning("%s names no item, or not as `{item}` of ours", method)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what was not foreseen; a person who types is not interrupted for it."""
        _log.warning("%s", outline(sys.exc_info()[1] or error))

    def _restart(self) -> None:
        try:
            self._serve()
        except EmpowerError as error:
            self._failed(str(error))

    def _serve(self) -> None:
        """Answer from a new engine. Raises EmpowerError when there is none to be had."""
        before = self._heard
        try:
            self.served = served = self._start(self.settings, self._listener(), self.feed)
        except EmpowerError:
            self._heard = before
            raise
        if self.session is None:
            self.session = Session(served.completer)
        else:
            self.session.use(served.completer)

    def _log_as_set(self) -> None:
        """Log what the settings say; the first time ever, say that there is a log."""
        from empower_lsp.log import Recorder, Retention, log_path
        from empower_lsp.log import level as levels  # with SQLite and the store: `initialize` does not wait for them

        level = levels.Level.of(self.settings.log)
        retention = Retention(self.settings.log_days, self.settings.log_megabytes)
        if self.journal is None:
            recorder = Recorder(log_path(), level, self._posted(self._notifier.warn), retention=retention)
            self.journal = Journal(recorder, self._text, self._ended)
        self.journal.keep(level, retention)
        with suppress(OSError):  # the recorder will say it of the log itself
            if min(level, levels.chosen()) > levels.Level.OFF and levels.tell_once():
                self._notifier.tell(LOGGED)

    def _workspace(self) -> Workspace:
        folders = (file_name(root).rstrip("/") for root in self.roots)
        return Workspace(tuple(filter(None, folders)), self.settings.deny_globs)

    def _text(self, uri: str) -> str | None:
        document = self.document(uri)
        return None if document is None else document.source

    def _ended(self, identifier: str) -> None:
        if self.session is not None:
            self.session.forget(identifier)

    def _listener(self) -> Callable[[HostEvent], None]:
        """What hears an engine, on any thread, as long as it is the newest."""
        self._heard = engine = object()

        def tell(event: HostEvent) -> None:
            if self._heard is engine:
                self._tell(event)

        return self._posted(tell)

    def _posted(self, function: Callable[[T], None]) -> Callable[[T], None]:
        """The function to be called from any thread, run on the server's own."""
        loop = asyncio.get_running_loop()

        def post(argument: T) -> None:
            with suppress(RuntimeError):  # the loop may be over before the one who calls
                loop.call_soon_threadsafe(function, argument)

        return post

    def _tell(self, event: HostEvent) -> None:
        _log.info("engine %s", event.kind)
        if event.kind != "restarted":  # comes after `ready`
            self.engine = (event.kind, event.message)
        match event.kind:
            case "loading":
                self._notifier.begin(event.message)
            case "failed":
                self._failed(event.message)
            case "restarted":
                self._notifier.warn(event.message)
            case _:
                self._notifier.end()

    def _failed(self, message: str) -> None:
        """Without a usable model there is nothing to ask, until the settings name another."""
        self.engine = ("failed", message)
        self._notifier.end()
        self._notifier.fail(message)
        self.close()
