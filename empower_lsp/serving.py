"""The engine behind a connection: which model it is of, and whether it is still the one that should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from empower_lsp.journal import Source
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_lsp.settings import Settings
    from empower_model.completion import Completer
    from empower_model.host import HostEvent
    from empower_model.store import Model


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Served:
    """An engine that has begun to load."""

    completer: Completer
    source: Source
    outdated: Callable[[], bool] = _never
    """Whether another model, tuning or calibration should be in use by now; takes microseconds while none is."""


def start_engine(settings: Settings, on_event: Callable[[HostEvent], None]) -> Served:
    """Begin to load the model that the settings ask for. Raises ModelError."""
    from empower_model import store
    from empower_model.engine import EngineConfig
    from empower_model.host import EngineHost

    model = store.checked(settings.model)
    config = EngineConfig(model.path, settings.threads, settings.gpu_layers, settings.context_size, model.adapter)
    host = EngineHost(config, model.calibration, idle_seconds=settings.idle_minutes * 60, on_event=on_event)
    host.start()
    return Served(host, Source(model.name, model.tuning), watch(settings.model, model))


def watch(wish: str, model: Model) -> Callable[[], bool]:
    """Whether `wish`, a name or empty for the person's choice, has come to mean something else than `model`."""
    from empower_model import store, tunings

    seen: tunings.Stamp | None = None  # what has changed since the model was looked up counts too

    def outdated() -> bool:
        nonlocal seen
        if (now := tunings.stamp(model)) == seen:
            return False
        seen = now
        try:
            return store.checked(wish) != model
        except EmpowerError:
            return False  # what is loaded still works

    return outdated
