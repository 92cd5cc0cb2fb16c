"""Logistic regression, in plain numpy: how log-odds depend on what was observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 100
"""Newton's steps, of which a few suffice."""

Array = NDArray[np.float64]


def logistic(log_odds: Array) -> Array:
    """Return the probabilities of log-odds, shape as these."""
    probabilities: Array = np.exp(-np.logaddexp(0.0, -log_odds))
    return probabilities


def maximum(design: Array, y: Array, weights: Array, ridge: float = 0.0) -> Array:
    """Return the likeliest coefficients, shape (n_columns,), of weighted outcomes that may be shares.

    `design` has shape (n, n_columns), of standardised columns behind one of ones; `y` and `weights` have shape (n,).
    `ridge` holds all coefficients but the first near zero: half of it times their squares is taken off the
    log-likelihood (Hoerl and Kennard, 1970; le Cessie and van Houwelingen, 1992). Newton's steps, halved uphill. Raises
    ValueError where no maximum can be reached.
    """
    held = np.full(design.shape[1], ridge)
    held[0] = 0.0

    def cost(theta: Array) -> float:
        z = design @ theta
        return float(weights @ (np.logaddexp(0.0, z) - y * z) + held @ theta**2 / 2)

    theta: Array = np.zeros(design.shape[1])
    now = cost(theta)
    for _ in range(ROUNDS):
        p = logistic(design @ theta)
        gradient = design.T @ (weights * (p - y)) + held * theta
        if np.abs(gradient).max() <= 1e-9 * weights.sum():
            return theta
        step = np.linalg.solve((design.T * (weights * p * (1 - p))) @ design + np.diag(held), gradient)
        while (then := cost(theta - step)) > now and np.abs(step).max() > 1e-12:
            step /= 2
        theta, now = theta - step, then
    raise ValueError("the likelihood has no maximum that can be reached: look for outliers")
