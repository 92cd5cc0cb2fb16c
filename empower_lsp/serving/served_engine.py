"""An engine that serves an editor: which model it is of, and whether it is still the one that should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from empower_lsp.session import Source
from empower_model.errors import EmpowerError
from empower_model.request import Completion, End

if TYPE_CHECKING:
    from empower_lsp.settings import Settings
    from empower_model.feed import Feed, Remembered
    from empower_model.files import Model
    from empower_model.host import HostEvent
    from empower_model.request import Completer, Request


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Served:
    """An engine that has begun to load."""

    completer: Completer
    source: Source
    outdated: Callable[[], bool] = _never
    """Whether another model, tuning or calibration should be in use by now; takes microseconds while none is."""


class Starter(Protocol):
    """Begins to load a model; `start_engine`, or a fake."""

    def __call__(self, settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed) -> Served:
        """Return the engine that the settings ask for; `on_event` is called on any thread. Raises EmpowerError."""
        ...


class NoCompleter:
    """A completer for as long as there is no model: it ends each request at once, as if it had been superseded."""

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Completion:
        """Return a completion that was stopped before its first token."""
        return Completion("", (), 0, End.STOPPED, 0.0, 0.0, 0, 0, 0.0, 0.0)

    def stop(self) -> None:
        """Do nothing: no request lasts."""

    def close(self) -> None:
        """Do nothing: there is no model to free."""


NOTHING = Served(NoCompleter(), Source(""))
"""What serves an editor before the settings are known, and while no model can be used."""


def start_engine(settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed) -> Served:
    """Begin to load the model that the settings ask for; `feed` fills its memory. Raises ModelError."""
    from empower_model.engine import EngineConfig
    from empower_model.files import store
    from empower_model.host import EngineHost

    model = store.checked(settings.model)
    config = EngineConfig(model.path, settings.threads, settings.gpu_layers, settings.context_size, model.adapter)
    memory = _remembered(model, feed) if settings.memory else None
    idle = settings.idle_minutes * 60
    host = EngineHost(config, model.calibration, idle_seconds=idle, on_event=on_event, memory=memory)
    host.start()
    source = Source(model.name, model.tuning, memory is not None)
    return Served(host, source, watch(settings.model, model, memory))


def _remembered(model: Model, feed: Feed) -> Remembered:
    """Return what an engine needs to have a memory beside a model. Raises ModelError."""
    from empower_model.calibration import Calibration
    from empower_model.feed import Remembered
    from empower_model.files import memory_weights, tunings

    own = tunings.calibration_file(model, memory=True)
    return Remembered(memory_weights(model), feed, Calibration.load(own) if own.exists() else None)


def watch(wish: str, model: Model, memory: Remembered | None = None) -> Callable[[], bool]:
    """Return what says whether `wish`, a name or empty for the person's choice, no longer means `model`.

    With a memory, also whether its weights or their calibration have changed.
    """
    from empower_model.calibration import Calibration
    from empower_model.files import store, tunings, weights_files

    seen: tunings.Stamp | None = None  # what has changed since the model was looked up counts too
    own = tunings.calibration_file(model, memory=True)
    weights = weights_files(model) if memory is not None else ()
    began = tuple(map(tunings.state_of, weights))

    def recalibrated() -> bool:
        return memory is not None and (Calibration.load(own) if own.exists() else None) != memory.calibration

    def outdated() -> bool:
        nonlocal seen
        fitted = tuple(map(tunings.state_of, weights))
        if (now := (*tunings.stamp(model), tunings.state_of(own), *fitted)) == seen:
            return False
        seen = now
        try:
            return store.checked(wish) != model or fitted != began or recalibrated()
        except EmpowerError:
            return False  # what is loaded still works

    return outdated
