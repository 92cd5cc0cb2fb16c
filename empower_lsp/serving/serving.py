"""The engine behind a connection: which model it is of, and whether it is still the one that should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empower_lsp.log.journal import Source
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_lsp.settings import Settings
    from empower_model.files.store import Model
    from empower_model.host.parent import HostEvent
    from empower_model.memory.feed import Feed, Remembered
    from empower_model.memory.mixture import Weights
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
    from empower_model.engine.seam import EngineConfig
    from empower_model.files import store
    from empower_model.host.parent import EngineHost

    model = store.checked(settings.model)
    config = EngineConfig(model.path, settings.threads, settings.gpu_layers, settings.context_size, model.adapter)
    memory = _remembered(model, feed) if settings.memory else None
    idle = settings.idle_minutes * 60
    host = EngineHost(config, model.calibration, idle_seconds=idle, on_event=on_event, memory=memory)
    host.start()
    source = Source(model.name, model.tuning, memory is not None)
    return Served(host, source, watch(settings.model, model, memory))


def calibration_file(model: Model, memory: bool) -> Path:
    """Where the calibration fitted on this machine lies: with a memory, bits mean something else than without."""
    from empower_model.files import tunings

    path = tunings.calibration_file(model)
    return path.with_name("calibration.memory.json") if memory else path


def own_weights(model: Model) -> Path:
    """Where the weights of the memory that were fitted on this machine lie; the folder may not exist yet."""
    from empower_model.files import tunings

    return tunings.calibration_file(model).with_name("memory.json")


def weights_files(model: Model) -> tuple[Path, ...]:
    """Where weights of the memory for a model may lie, the best first; the last one is always there.

    Fitted on this machine to the tuning in use, or to the model as it came; beside that; for any model.
    """
    from empower_model.files import store
    from empower_model.memory.feed import DEFAULT_WEIGHTS, sidecar

    base = store.resolve(model.name, tuned=False)
    return tuple(dict.fromkeys((own_weights(model), own_weights(base), sidecar(base.path), DEFAULT_WEIGHTS)))


def memory_weights(model: Model) -> Path:
    """Where the weights of the memory lie that count for a model."""
    *better, default = weights_files(model)
    return next((path for path in better if path.is_file()), default)


def fitted_memory(model: Model) -> Weights:
    """The weights of the memory that count for a model, with the calibration they came with. Raises ModelError."""
    from empower_model.errors import ModelError
    from empower_model.memory.mixture import Weights

    path = memory_weights(model)
    if (weights := Weights.load(path)) is None:
        raise ModelError(f"The weights of the memory {path} are missing: install empower-lsp again.")
    return weights


def memory_in_use(model: Model) -> Weights:
    """As `fitted_memory`, with the calibration that was fitted to the log where there is one. Raises ModelError."""
    from empower_model.calibration import Calibration
    from empower_model.memory.mixture import Weights

    weights, own = fitted_memory(model), calibration_file(model, memory=True)
    return Weights(weights.coefficients, Calibration.load(own)) if own.exists() else weights


def _remembered(model: Model, feed: Feed) -> Remembered:
    """The memory for a model. Raises ModelError."""
    from empower_model.calibration import Calibration
    from empower_model.memory.feed import Remembered

    own = calibration_file(model, memory=True)
    return Remembered(memory_weights(model), feed, Calibration.load(own) if own.exists() else None)


def watch(wish: str, model: Model, memory: Remembered | None = None) -> Callable[[], bool]:
    """Whether `wish`, a name or empty for the person's choice, has come to mean something else than `model`.

    With a memory, also whether its weights or their calibration have changed.
    """
    from empower_model.calibration import Calibration
    from empower_model.files import store, tunings

    seen: tunings.Stamp | None = None  # what has changed since the model was looked up counts too
    own = calibration_file(model, memory=True)
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
