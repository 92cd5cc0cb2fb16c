"""Fits a model's calibration to one person's decisions, and judges by cross-validation whether that is better.

The fit is a logistic regression of "all of it was right" on the bits of each text that was seen, held near the model's
own calibration (`fitting.fit_near`). Texts that the rule hid were never judged; they are a question of bits, not of
what became of them, so those that were seen still give the right odds, but only up to the bits that were shown. Above
that only the model's own calibration speaks, and WIDEN bounds how far a fit may go beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from empower_lsp.personal.decision import Decision, grouped
from empower_model.calibration import Calibration
from empower_model.errors import EmpowerError
from empower_model.fitting import (
    FOLDS,
    Bin,
    Interval,
    Vector,
    calibration_error,
    clustered,
    fit_near,
    held_out,
    log_losses,
    probabilities,
    reliability,
    share,
)

LEAST = 100
"""Decisions: with fewer, not even the share that is right is known to within 0.1 (1.96 ** 2 * 0.25 / 0.1 ** 2 = 96)."""
LEAST_OF_A_KIND = 10
"""Of the right and of the wrong ones: ten of the rarer kind for each number to be found (Peduzzi et al., 1996). One,
where half are right, must come from the log alone; the other, the slope, leans on the model's own."""
PRIOR = 20.0
"""Decisions that the model's own calibration counts for. On 1,088 completions of the bundled model at random cursors
of held-out code, fits to 60, 100 and 200 of them were best on the others with 20, and hardly worse from 5 to 80."""
WIDEN = 2.0
"""The confidence must not come to mean more than this many times the most bits that were ever judged."""


class TooFewDecisions(EmpowerError):
    """The log does not hold enough to fit a calibration to."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A calibration fitted to decisions, beside the model's own."""

    own: Calibration
    fitted: Calibration
    prior: float
    """Decisions that the own one counted for."""
    decisions: int
    right: int
    groups: int
    unit: str
    """What was left out at a time, and resampled for the intervals: days, files or stretches of time."""
    loss: tuple[float, float]
    """Bits a decision: of the own one; of fits to the other groups."""
    loss_change: Interval
    error: tuple[float, float]
    """Expected calibration error, likewise."""
    error_change: Interval
    bins: tuple[tuple[Bin, ...], tuple[Bin, ...]]
    """Reliability, likewise."""

    @property
    def better(self) -> bool:
        """Return whether decisions that a fit has not seen are no less likely under it than under the model's own."""
        return self.loss[1] <= self.loss[0]


def recalibrated(decisions: Sequence[Decision], own: Calibration, confidence: float) -> Recalibration:
    """Refit a model's calibration `own` to decisions on it; `confidence` is the one in use.

    Raises TooFewDecisions.
    """
    bits = np.array([decision.bits for decision in decisions], dtype=np.float64)
    right = np.array([decision.right for decision in decisions], dtype=np.bool_)
    _enough(right)
    unit, groups = grouped(decisions, FOLDS)
    before, after = probabilities(own, bits), np.empty_like(bits)
    for out in held_out(groups):
        held, _ = _fitted(bits[~out], right[~out], own, confidence)
        after[out] = probabilities(held, bits[out])
    fitted, prior = _fitted(bits, right, own, confidence)
    losses = log_losses(before, right), log_losses(after, right)
    return Recalibration(
        own=own,
        fitted=fitted,
        prior=prior,
        decisions=len(decisions),
        right=int(right.sum()),
        groups=len(set(groups)),
        unit=unit,
        loss=(float(losses[0].mean()), float(losses[1].mean())),
        loss_change=share(losses[1] - losses[0], np.ones_like(bits), groups),
        error=(_error(before, right), _error(after, right)),
        error_change=clustered(
            lambda some: _error(after[some], right[some]) - _error(before[some], right[some]), groups
        ),
        bins=(reliability(before, right), reliability(after, right)),
    )


def _enough(right: NDArray[np.bool_]) -> None:
    count, yes = right.size, int(right.sum())
    there = f"The log holds {count} decisions on this model: {yes} right to the end, {count - yes} not."
    if count < LEAST or min(yes, count - yes) < LEAST_OF_A_KIND:
        raise TooFewDecisions(
            f"{there} A calibration needs {LEAST}, and {LEAST_OF_A_KIND} of each kind: write on for a while, and "
            "try again."
        )


def _fitted(bits: Vector, right: NDArray[np.bool_], own: Calibration, confidence: float) -> tuple[Calibration, float]:
    """Fit with a prior that is strong enough to hold the fit near the bits that were judged."""
    prior, most = PRIOR, max(own.budget(confidence), WIDEN * float(bits.max()))
    while True:
        try:
            fitted = fit_near(own, prior, bits, right)
            if fitted.budget(confidence) <= most:
                return fitted, prior
        except ValueError:  # texts of more bits were right more often: chance, if the model's bits mean anything
            pass
        prior *= 2
        if prior > 100 * bits.size:
            return own, prior


def _error(predicted: Vector, right: NDArray[np.bool_]) -> float:
    return calibration_error(reliability(predicted, right))
