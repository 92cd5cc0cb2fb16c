"""From bits to a probability: how often a span of so much surprisal is what the human goes on to type.

A model's own probability of a span, 2 ** -U, is no such probability: spans are chosen greedily and the human
is not the model. Two numbers fitted per model bridge that, as a log-logistic survival curve over U.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from empower_model.errors import ModelError

LEAST_BITS = 1e-6
"""Floor under U when fitting, where ln U is taken; far below what a token's surprisal in float32 resolves."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """p(U) = 1 / (1 + (U / midpoint) ** slope): probability that a span of U bits is right as a whole."""

    midpoint: float = 1.0
    """Bits at which half of the spans are right."""
    slope: float = 1.5
    """How sharply the odds fall: they are (midpoint / U) ** slope."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) and value > 0 for value in (self.midpoint, self.slope)):
            raise ValueError(f"midpoint and slope must be positive, not {self.midpoint} and {self.slope}")

    def probability(self, bits: float) -> float:
        """Probability that the whole of a span of that surprisal is what the human would type."""
        if bits <= 0:
            return 1.0
        log_odds = self.slope * (math.log(self.midpoint) - math.log(bits))
        return _logistic(log_odds)

    def budget(self, probability: float) -> float:
        """Bits at which `probability` is reached: the inverse; 0 for certainty, infinity for no demand."""
        if probability >= 1:
            return 0.0
        if probability <= 0:
            return math.inf
        log_bits = math.log(self.midpoint) + (math.log1p(-probability) - math.log(probability)) / self.slope
        return math.exp(log_bits) if log_bits < 709 else math.inf  # exp(709) is the last that fits a float

    def save(self, path: Path, **provenance: str | int | float) -> None:
        """Write the sidecar, with what it was fitted on, when, on how many spans, beside the two numbers."""
        content = {"midpoint": self.midpoint, "slope": self.slope, **provenance}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read a sidecar; the default if there is none. Raises ModelError on a broken one."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(midpoint=float(content["midpoint"]), slope=float(content["slope"]))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, KeyError) as error:
            reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ModelError(
                f"The calibration {path} cannot be read: {reason}. Delete it to use the default, or fit it again."
            ) from error


def sidecar(model: Path) -> Path:
    """Where the calibration of a model file lies: beside it, as `<stem>.calibration.json`."""
    return model.with_suffix(".calibration.json")


def fit(bits: NDArray[np.floating], right: NDArray[np.bool_]) -> Calibration:
    """The maximum-likelihood calibration of spans: `bits` their surprisal, `right` whether they were typed.

    Both have shape (n_spans,). A logistic regression of `right` on ln U, by Newton's method.
    Raises ValueError on data without a finite answer.
    """
    x = np.log(np.maximum(np.asarray(bits, dtype=np.float64), LEAST_BITS))
    y = np.asarray(right, dtype=np.bool_)
    _refuse_degenerate(np.asarray(bits), x, y)
    centre, scale = x.mean(), x.std()
    intercept, weight = _regress((x - centre) / scale, y)
    slope = -weight / scale
    if slope <= 0:
        raise ValueError("spans of more bits are right more often: these are not surprisals of the spans")
    return Calibration(midpoint=float(np.exp(centre + intercept / slope)), slope=float(slope))


def _refuse_degenerate(bits: NDArray[np.floating], x: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"bits and right must be vectors of one length, not {x.shape} and {y.shape}")
    if not np.isfinite(bits).all() or (bits < 0).any():
        raise ValueError("bits must be finite and not negative")
    if y.all() or not y.any():
        raise ValueError("needs spans that were right and spans that were wrong")
    # In one dimension the maximum is finite exactly when the two kinds overlap (Albert and Anderson, 1984).
    if x[y].max() <= x[~y].min() or x[~y].max() <= x[y].min():
        raise ValueError("right and wrong spans do not overlap in bits: the slope has no bound")


def _regress(x: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[float, float]:
    """Intercept and weight of a logistic regression on a standardised `x`."""
    design = np.stack([np.ones_like(x), x], axis=1)
    theta = np.zeros(2)
    for _ in range(100):
        p = np.exp(-np.logaddexp(0.0, -(design @ theta)))
        gradient = design.T @ (p - y)
        if np.abs(gradient).max() <= 1e-9 * len(x):
            return float(theta[0]), float(theta[1])
        theta -= np.linalg.solve((design.T * (p * (1 - p))) @ design, gradient)
    raise ValueError("the likelihood has no maximum that can be reached: look for outliers in the bits")


def _logistic(x: float) -> float:
    # Only ever the exponential of a negative number, which cannot overflow.
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
