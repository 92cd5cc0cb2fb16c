"""The engine that answers an editor, over the editor's whole stay: begun, taken up anew, given up, let go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from empower_lsp.serving.served_engine import NOTHING, Served
from empower_lsp.session import Session
from empower_model.errors import EmpowerError
from empower_model.feed import Feed

if TYPE_CHECKING:
    from empower_lsp.serving.announcer import Announcer
    from empower_lsp.serving.served_engine import Starter
    from empower_lsp.settings import Settings
    from empower_model.host import HostEvent

T = TypeVar("T")

_log = logging.getLogger("empower_lsp")


class EngineInUse:
    """An engine and the session that asks it; there is always a session, and without a model it answers nothing.

    `start` begins to load a model, `feed` fills the memory of each. Lives on one event loop.
    """

    def __init__(self, start: Starter, feed: Feed, announcer: Announcer) -> None:
        self.served = NOTHING
        self.session = Session(NOTHING.completer)
        self.state = ("starting", "Waiting for the settings.")
        """The last thing heard of the engine: its kind and a sentence."""
        self._start, self._feed, self._announcer = start, feed, announcer
        self._heard: object = None
        """Stands for the engine that is listened to: the newest."""

    @property
    def missing(self) -> bool:
        """Tell whether no model has been started, or the last one cannot be used."""
        return self.served is NOTHING

    def restart(self, settings: Settings) -> None:
        """Answer from a new engine; without one to be had, from none, and the person is told why."""
        try:
            self._serve(settings)
        except Exception as error:  # whatever it is, nobody must wait for this engine for ever
            self._failed(_said(error))

    def follow(self, settings: Settings) -> None:
        """Take up a model, a tuning or a calibration that was put in use since the engine was started."""
        try:
            if self.served.outdated():
                self._serve(settings)
        except Exception as error:  # what runs goes on
            self._announcer.warn(_said(error))

    def close(self) -> None:
        """Free the engine before returning; requests that wait for it, and later ones, are answered with None."""
        session, self.session, self.served = self.session, Session(NOTHING.completer), NOTHING
        session.close()

    def _serve(self, settings: Settings) -> None:
        """Answer from a new engine. Raises when there is none to be had; the old one then stays."""
        before = self._heard
        try:
            served = self._start(settings, self._listener(), self._feed)
        except Exception:
            self._heard = before
            raise
        self._use(served)

    def _use(self, served: Served) -> None:
        self.served = served
        self.session.use(served.completer)

    def _listener(self) -> Callable[[HostEvent], None]:
        """Return what hears an engine, on any thread, as long as it is the newest."""
        self._heard = engine = object()

        def hear(event: HostEvent) -> None:
            if self._heard is engine:
                self._hear(event)

        return posted(hear)

    def _hear(self, event: HostEvent) -> None:
        _log.info("engine %s", event.kind)
        if event.kind not in {"restarted", "warned"}:  # they come after, or before, what changes the state
            self.state = (event.kind, event.message)
        match event.kind:
            case "loading":
                self._announcer.begin(event.message)
            case "failed":
                self._failed(event.message)
            case "restarted" | "warned":
                self._announcer.warn(event.message)
            case _:
                self._announcer.end()

    def _failed(self, message: str) -> None:
        """Give up: without a usable model there is nothing to ask, until the settings name another."""
        self.state = ("failed", message)
        self._announcer.end()
        self._announcer.fail(message)
        self._use(NOTHING)


def _said(error: Exception) -> str:
    """Return a sentence on why there is no engine, without the words of what was not foreseen."""
    if isinstance(error, EmpowerError):
        return str(error)
    return f"The engine cannot be started ({type(error).__name__}); `empower-lsp doctor` may tell why."


def posted(function: Callable[[T], None]) -> Callable[[T], None]:
    """Return a function that any thread may call, and that has the given one run on the event loop of this thread."""
    loop = asyncio.get_running_loop()

    def post(argument: T) -> None:
        with suppress(RuntimeError):  # the loop may be over before the one who calls
            loop.call_soon_threadsafe(function, argument)

    return post
