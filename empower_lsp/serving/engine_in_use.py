"""One of the engines that answer an editor, over the editor's whole stay: begun, taken up anew, given up, let go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec

from empower_lsp.serving.machine import LET_GO, MemoryShort
from empower_lsp.session import KEPT, Tier
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_lsp.serving.announcer import Announcer
    from empower_lsp.serving.served_engine import Served, Starter
    from empower_lsp.settings import Settings
    from empower_model.feed import Feed
    from empower_model.host import HostEvent

P = ParamSpec("P")

_log = logging.getLogger("empower_lsp")


class EngineInUse:
    """An engine, if there is one to be had, and the tier of the session that asks it.

    `start` begins to load a model, `feed` fills the memory of each, and `changed` is called whenever `tier` is another
    one. Lives on one event loop.
    """

    def __init__(self, start: Starter, feed: Feed, announcer: Announcer, changed: Callable[[], None]) -> None:
        self.served: Served | None = None
        self.tier: Tier | None = None
        self.state = ("starting", "Waiting for the settings.")
        """The last thing heard of the engine: its kind and a sentence."""
        self.read: tuple[int, int] | None = None
        """Tokens evaluated of the prompt at hand, and of how many; None once it is evaluated."""
        self._start, self._feed, self._announcer, self._changed = start, feed, announcer, changed
        self._heard: object = None
        """Stands for the engine that is listened to: the newest."""

    def restart(self, settings: Settings) -> None:
        """Answer from a new engine; without one to be had, from none, and the person is told why."""
        try:
            self._serve(settings)
        except Exception as error:  # whatever it is, nobody must wait for this engine for ever
            self._failed(_said(error))

    def resume(self, settings: Settings) -> None:
        """Answer again after `rest`; where there is not yet the memory for that, rest on."""
        try:
            self._serve(settings)
        except MemoryShort:
            self.state = ("resting", LET_GO)
        except Exception as error:  # as in `restart`
            self._failed(_said(error))

    def follow(self, settings: Settings) -> None:
        """Take up a model, a tuning or a calibration that was put in use since the engine was started."""
        try:
            if self.served is not None and self.served.outdated():
                self._serve(settings)
        except Exception as error:  # what runs goes on
            self._announcer.warn(_said(error))

    def rest(self, why: str) -> None:
        """Free the engine until `restart`, for a reason that is a sentence."""
        self._heard = None
        self.state = ("resting", why)
        self._announcer.end()
        self._use(None)

    def forget(self) -> None:
        """Listen to the engine no more; whoever has its tier closes it."""
        self._heard = self.served = self.tier = None

    def _serve(self, settings: Settings) -> None:
        """Answer from a new engine. Raises when there is none to be had; the old one then stays."""
        before = self._heard
        self._heard = engine = object()

        def hear(event: HostEvent) -> None:
            if self._heard is engine:
                self._hear(event)

        def read(count: int, of: int) -> None:
            if self._heard is engine:
                self.read = (count, of) if count < of else None
                self._announcer.reading(count, of)

        try:
            served = self._start(settings, posted(hear), self._feed, posted(read))
        except Exception:
            self._heard = before
            raise
        self._use(served)

    def _use(self, served: Served | None) -> None:
        self.served, self.read = served, None
        self.tier = Tier(served.completer, served.source, KEPT if served.is_deep else 0) if served else None
        self._changed()

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
        self._use(None)


def _said(error: Exception) -> str:
    """Return a sentence on why there is no engine, without the words of what was not foreseen."""
    if isinstance(error, EmpowerError):
        return str(error)
    return f"The engine cannot be started ({type(error).__name__}); `empower-lsp doctor` may tell why."


def posted(function: Callable[P, None]) -> Callable[P, None]:
    """Return a function that any thread may call, and that has the given one run on the event loop of this thread."""
    loop = asyncio.get_running_loop()

    def post(*arguments: P.args, **options: P.kwargs) -> None:
        with suppress(RuntimeError):  # the loop may be over before the one who calls
            loop.call_soon_threadsafe(lambda: function(*arguments, **options))

    return post
