"""The engine behind a connection: which model it is of, and whether it is still the one that should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from empower_lsp.log import Source
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_lsp.settings import Settings
    from empower_model.feed import Feed, Remembered
    from empower_model.files import Model
    from empower_model.host import HostEvent
    from empower_model.request import Completer


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Served:
    """An engine that has begun to load."""

    completer: Completer
    source: Source
    outdated: Callable[[], bool] = _never
    """Whether another model, tuning or calibration should be in use by now; takes microseconds while none is."""


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
    """The memory for a model. Raises ModelError."""
    from empower_model.calibration import Calibration
    from empower_model.feed import Remembered
    from empower_model.files import memory_weights, tunings

    own = tunings.calibration_file(model, memory=True)
    return Remembered(memory_weights(model), feed, Calibration.load(own) if own.exists() else None)


def watch(wish: str, model: Model, memory: Remembered | None = None) -> Callable[[], bool]:
    """Whether `wish`, a name or empty for the person's choice, has come to mean something else than `model`.

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
