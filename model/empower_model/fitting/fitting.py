"""Fitting a calibration to spans that are known to be right or wrong, and judging one on such spans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from empower_model.calibration import Calibration
from empower_model.fitting.logistic import logistic, maximum
from empower_model.request import Limits

GREEDY = Limits(confidence=1e-9, rule="budget", max_tokens=24, max_lines=4)
"""What is written to be judged: everything the model writes, short of certain nonsense."""
MOST_BITS = 12.0
"""Spans of more bits say nothing about a calibration."""
LEAST_BITS = 1e-6
"""Floor under U when fitting, where ln U is taken; far below what a token's surprisal in float32 resolves."""
CERTAIN = 0.999
"""Nobody's next words are surer than this: a bound on the log loss of one span, some 10 bits."""
BINS = 10
_GRID = 20
"""Points of a prior: the centres of as many equal parts of the probabilities from 0 to 1."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Spans of about the same probability."""

    spans: int
    predicted: float
    """Their mean probability."""
    right: float
    """The share of them that was right."""


def fit(bits: NDArray[np.floating], right: NDArray[np.bool_]) -> Calibration:
    """Return the maximum-likelihood calibration of spans: `bits` their surprisal, `right` whether they were typed.

    Both have shape (n_spans,). A logistic regression of `right` on ln U, by Newton's method.
    Raises ValueError on data without a finite answer.
    """
    x, y = _data(bits, right)
    if y.all() or not y.any():
        raise ValueError("needs spans that were right and spans that were wrong")
    # In one dimension the maximum is finite exactly when the two kinds overlap (Albert and Anderson, 1984).
    if x[y].max() <= x[~y].min() or x[~y].max() <= x[y].min():
        raise ValueError("right and wrong spans do not overlap in bits: the slope has no bound")
    return _regression(x, y.astype(np.float64), np.ones_like(x))


def fit_near(prior: Calibration, spans: float, bits: NDArray[np.floating], right: NDArray[np.bool_]) -> Calibration:
    """Return the likeliest calibration of a few spans, given that it should be near a prior one.

    `bits` and `right` as in `fit`. The prior counts for as much as `spans` more spans that went exactly as it says,
    spread evenly over its probabilities: with q_g = (g - 1/2) / G for g = 1 ... G and V_g the bits at which the prior
    gives q_g, what is maximised over midpoint and slope of p is

        sum_i [y_i ln p(U_i) + (1 - y_i) ln(1 - p(U_i))] + spans / G * sum_g [q_g ln p(V_g) + (1 - q_g) ln(1 - p(V_g))]

    (a data-augmentation prior: Bedrick, Christensen and Johnson, 1996). The second sum alone is greatest at the prior,
    and makes the maximum finite and unique on any data, one-sided and constant ones included. Raises ValueError when
    spans of more bits are right more often, by more than the prior can bear.
    """
    x, y = _data(bits, right)
    if not spans > 0:
        raise ValueError(f"the prior must count for some spans, not {spans}")
    q = (np.arange(_GRID) + 0.5) / _GRID
    v = np.log([prior.budget(probability) for probability in q])
    weights = np.concatenate([np.ones_like(x), np.full(_GRID, spans / _GRID)])
    return _regression(np.concatenate([x, v]), np.concatenate([y, q]), weights)


def probabilities(calibration: Calibration, bits: ArrayLike) -> Vector:
    """Return `Calibration.probability` of many spans, shape as `bits`."""
    x = np.log(np.maximum(np.asarray(bits, dtype=np.float64), LEAST_BITS))
    return logistic(calibration.slope * (np.log(calibration.midpoint) - x))


def log_losses(predicted: Vector, right: NDArray[np.bool_]) -> Vector:
    """Return -log2 of the probability of what came, in bits, shape (n_spans,); held within CERTAIN."""
    p = np.clip(predicted, 1 - CERTAIN, CERTAIN)
    losses: Vector = -np.log2(np.where(right, p, 1 - p))
    return losses


def reliability(predicted: Vector, right: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """Sort spans into at most so many bins of about equal size by their probability, the lowest first.

    Spans of the same probability are in the same bin, so that their order cannot matter.
    """
    edges = np.unique(np.quantile(predicted, np.arange(1, bins) / bins))
    number = np.searchsorted(edges, predicted, side="right")
    counts = np.bincount(number)
    there = counts > 0
    sums = (np.bincount(number, weights=values)[there] for values in (predicted, right))
    means = (total / counts[there] for total in sums)
    return tuple(Bin(*row) for row in zip(counts[there].tolist(), *(mean.tolist() for mean in means), strict=True))


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return how far predicted and right are apart, over the bins, weighted by their spans: expected calibration error.

    Guo et al., 2017 (arXiv 1706.04599), with bins of equal size.
    """
    total = sum(bin_.spans for bin_ in bins)
    return sum(bin_.spans * abs(bin_.predicted - bin_.right) for bin_ in bins) / total


def _data(bits: NDArray[np.floating], right: NDArray[np.bool_]) -> tuple[Vector, NDArray[np.bool_]]:
    """Return ln U and what was right, checked."""
    u, y = np.asarray(bits, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    if u.ndim != 1 or u.shape != y.shape:
        raise ValueError(f"bits and right must be vectors of one length, not {u.shape} and {y.shape}")
    if not np.isfinite(u).all() or (u < 0).any():
        raise ValueError("bits must be finite and not negative")
    return np.log(np.maximum(u, LEAST_BITS)), y


def _regression(x: Vector, y: Vector, weights: Vector) -> Calibration:
    """Return the curve of a weighted logistic regression of `y`, which may be shares, on x = ln U."""
    centre, scale = np.average(x, weights=weights), x.std()
    intercept, weight = maximum(np.stack([np.ones_like(x), (x - centre) / scale], axis=1), y, weights)
    slope = -weight / scale
    if slope <= 0:
        raise ValueError("spans of more bits are right more often: these are not surprisals of the spans")
    return Calibration(midpoint=float(np.exp(centre + intercept / slope)), slope=float(slope))
