"""Fitting a calibration to spans that are known to be right or wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empower_model.calibration import Calibration

LEAST_BITS = 1e-6
"""Floor under U when fitting, where ln U is taken; far below what a token's surprisal in float32 resolves."""


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
