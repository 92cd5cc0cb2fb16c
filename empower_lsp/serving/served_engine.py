"""An engine that serves an editor: which model it is of, and whether it is still the one that should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from empower_lsp.session import Source
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_lsp.settings import Settings
    from empower_model.feed import Feed, Remembered
    from empower_model.files import Model
    from empower_model.host import HostEvent
    from empower_model.request import Completer


DEEP, INSTANT = "deep", "instant"
"""The tiers: the model that a person chose, and the bundled one that answers until that can."""

Progress: TypeAlias = "Callable[[int, int], None]"
"""Is told how many tokens of a prompt are evaluated, and of how many."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Served:
    """An engine that has begun to load."""

    completer: Completer
    source: Source
    outdated: Callable[[], bool] = _never
    """Whether another model, tuning or calibration should be in use by now; takes microseconds while none is."""

    @property
    def is_deep(self) -> bool:
        """Tell whether it may take longer than a key can wait."""
        return self.source.tier == DEEP


class Starter(Protocol):
    """Begins to load a model; `start_engine` or `start_instant`, or a fake."""

    def __call__(
        self, settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed, on_progress: Progress
    ) -> Served | None:
        """Return the engine that the settings ask for, None if they ask for none. Raises EmpowerError.

        `on_event` and `on_progress` are called on any thread.
        """
        ...


def start_engine(
    settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed, on_progress: Progress
) -> Served:
    """Begin to load the model that the settings ask for; `feed` fills its memory. Raises ModelError."""
    from empower_lsp.serving.machine import leave_memory
    from empower_model.files import store

    model = store.checked(settings.model)
    tier = INSTANT if _comes_along(model) else DEEP
    if tier is DEEP:
        leave_memory(model.path)
    return _start(settings, settings.model, model, tier, on_event, feed, on_progress)


def start_instant(
    settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed, on_progress: Progress
) -> Served | None:
    """Begin to load the model that comes along, to answer until the chosen one can. Raises ModelError.

    None where that is the chosen one, or is not wanted.
    """
    from empower_model.files import store

    chosen = _chosen(settings.model)
    if not settings.instant or (chosen is not None and _comes_along(chosen)):
        return None
    name = store.bundled()
    return _start(settings, name, store.checked(name), INSTANT, on_event, feed, on_progress)


def _chosen(name: str) -> Model | None:
    """Return the model that a person chose; None where it cannot be had, which its own start tells."""
    from empower_model.files import store

    try:
        return store.resolve(name or store.default_model())
    except EmpowerError:
        return None


def _comes_along(model: Model) -> bool:
    """Return whether a model is a bundled one, by its name or by the path of its file."""
    from empower_model.files import Origin, store

    files = (entry.path for entry in store.catalogue().values() if entry.repo is None)
    return model.origin is Origin.BUNDLED or model.path in files


def _start(
    settings: Settings,
    wish: str,
    model: Model,
    tier: str,
    on_event: Callable[[HostEvent], None],
    feed: Feed,
    on_progress: Progress,
) -> Served:
    from empower_model.engine import EngineConfig
    from empower_model.host import EngineHost

    config = EngineConfig(model.path, settings.threads, settings.gpu_layers, settings.context_size, model.adapter)
    memory = _remembered(model, feed) if settings.memory else None
    host = EngineHost(
        config,
        model.calibration,
        idle_seconds=settings.idle_minutes * 60,
        on_event=on_event,
        memory=memory,
        background=tier is DEEP and settings.instant,
        on_progress=on_progress,
    )
    host.start()
    source = Source(model.name, model.tuning, memory is not None, tier)
    return Served(host, source, watch(wish, model, memory))


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
