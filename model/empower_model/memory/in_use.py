"""The weights of the memory that count for a model, with the calibration they are read with."""

from __future__ import annotations

from empower_model.calibration import Calibration
from empower_model.errors import ModelError
from empower_model.files import Model, memory_weights, tunings
from empower_model.memory.mixture import Weights


def fitted_memory(model: Model) -> Weights:
    """Return the memory's weights that count for a model, with the calibration they came with. Raises ModelError."""
    path = memory_weights(model)
    if (weights := Weights.load(path)) is None:
        raise ModelError(f"The weights of the memory {path} are missing: install empower-lsp again.")
    return weights


def memory_in_use(model: Model) -> Weights:
    """Return `fitted_memory`, with the calibration that was fitted to the log where there is one. Raises ModelError."""
    weights, own = fitted_memory(model), tunings.calibration_file(model, memory=True)
    return Weights(weights.coefficients, Calibration.load(own)) if own.exists() else weights
