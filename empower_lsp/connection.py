"""The state of one client's connection: its settings, its session, the engine behind it, and what was told."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from empower_lsp import __version__
from empower_lsp.notify import Notifier, outline
from empower_lsp.protocol import Protocol, tolerant_converter
from empower_lsp.session import Session
from empower_lsp.settings import Settings, parse
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_model.completion import Completer
    from empower_model.host import HostEvent

_log = logging.getLogger("empower_lsp")


def start_engine(settings: Settings, on_event: Callable[[HostEvent], None]) -> Completer:
    """Begin to load the model that the settings ask for. Raises ModelError."""
    from empower_model import store
    from empower_model.engine import EngineConfig
    from empower_model.host import EngineHost

    model = store.checked(settings.model)
    config = EngineConfig(model.path, settings.threads, settings.gpu_layers, settings.context_size)
    host = EngineHost(config, model.calibration, idle_seconds=settings.idle_minutes * 60, on_event=on_event)
    host.start()
    return host


class Connection(LanguageServer):
    """pygls' server with what is known of its client."""

    def __init__(self, start: Callable[[Settings, Callable[[HostEvent], None]], Completer] = start_engine) -> None:
        super().__init__("empower-lsp", __version__, protocol_cls=Protocol, converter_factory=tolerant_converter)
        self.settings = Settings()
        self.session: Session | None = None
        """None until the settings are known, and while no model can be used."""
        self.configured = asyncio.Event()
        self.finished = False
        """Whether the client has said that it will go."""
        self.switched: dict[str, bool] = {}
        """What was turned on or off by command: by language id, `*` for all."""
        self.engine = ("starting", "Waiting for the settings.")
        """The last thing heard of the engine: its kind and a sentence."""
        self._start = start
        self._heard: object = None
        self._initial: tuple[Settings, list[str]] = (Settings(), [])
        self._notifier = Notifier(self)

    @property
    def encoding(self) -> str:
        """The position encoding agreed with the client."""
        return types.PositionEncodingKind(self.workspace.position_encoding).value

    @property
    def pulls(self) -> bool:
        """Whether the client can be asked for its configuration."""
        workspace = self.client_capabilities.workspace
        return workspace is not None and bool(workspace.configuration)

    def document(self, uri: str) -> TextDocument | None:
        """An open document; never one from the disk."""
        document: TextDocument | None = self.workspace.text_documents.get(unquote(uri))
        return document

    def is_on(self, language: str) -> bool:
        """Whether inline completions are on for a language id, by the settings and by command."""
        return self.switched.get("*", True) and self.switched.get(language, self.settings.allows(language))

    def is_denied(self, uri: str) -> bool:
        """Whether a document's file must not be read."""
        roots = [folder.uri for folder in self.workspace.folders.values()] or [self.workspace.root_uri or ""]
        path, folders = _path(uri), [_path(root).rstrip("/") + "/" for root in roots]
        return self.settings.denies(path, max(filter(path.startswith, folders), key=len, default="/"))

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
        _log.setLevel(logging.CRITICAL + 1 if settings.log_level == "off" else settings.log_level.upper())
        if changed:
            self._notifier.forget()
        if changed or self.session is None:
            self._restart()
        for problem in (*old_problems, *problems):
            self._notifier.warn(problem)

    def close(self) -> None:
        """End the session and its engine."""
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def shutdown(self) -> None:
        """Leave nothing behind, however the connection ended."""
        self.close()
        super().shutdown()  # type: ignore[no-untyped-call]

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what was not foreseen; a person who types is not interrupted for it."""
        _log.warning("%s", outline(sys.exc_info()[1] or error))

    def _restart(self) -> None:
        try:
            completer = self._start(self.settings, self._listener())
        except EmpowerError as error:
            self._failed(str(error))
            return
        if self.session is None:
            self.session = Session(completer)
        else:
            self.session.use(completer)

    def _listener(self) -> Callable[[HostEvent], None]:
        """What hears an engine, on any thread, as long as it is the newest."""
        loop = asyncio.get_running_loop()
        self._heard = engine = object()

        def tell(event: HostEvent) -> None:
            if self._heard is engine:
                self._tell(event)

        def post(event: HostEvent) -> None:
            with suppress(RuntimeError):  # the loop may be over before the engine is
                loop.call_soon_threadsafe(tell, event)

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


def _path(uri: str) -> str:
    return unquote(urlsplit(uri).path)
