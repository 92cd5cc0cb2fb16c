"""Where the weights of a workspace's memory lie: fitted on this machine, beside a model, or for any model."""

from __future__ import annotations

from pathlib import Path

from empower_model.files import store, tunings
from empower_model.files.model import Model
from empower_model.regular_file import is_regular

DEFAULT_WEIGHTS = Path(__file__).parents[1] / "weights" / "default.memory.json"
"""Weights for models that have none of their own: they trust the memory less, since most models know more."""


def memory_sidecar(model: Path) -> Path:
    """Return where the weights of the memory for a model file lie: beside it, as `<stem>.memory.json`."""
    return model.with_suffix(".memory.json")


def own_weights(model: Model) -> Path:
    """Return where the weights of the memory that were fitted on this machine lie; the folder may not exist yet."""
    return tunings.calibration_file(model).with_name("memory.json")


def weights_files(model: Model) -> tuple[Path, ...]:
    """Return where weights of the memory for a model may lie, the best first; the last one is always there.

    Fitted on this machine to the tuning in use, or to the model as it came; beside that; for any model.
    """
    base = store.resolve(model.name, tuned=False)
    return tuple(dict.fromkeys((own_weights(model), own_weights(base), memory_sidecar(base.path), DEFAULT_WEIGHTS)))


def memory_weights(model: Model) -> Path:
    """Return where the weights of the memory lie that count for a model."""
    *better, default = weights_files(model)
    return next((path for path in better if is_regular(path)), default)
