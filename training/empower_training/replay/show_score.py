"""The show score: how probably a text is accepted, by all that is known of it before it is shown.

The rule (`stopping.py`) says how far a text goes, by the sum of its bits; this is a logistic model that also has their
mean and peak, the entropies, the length, the place, and what became of the texts before. It only judges. On replays it
saves no effort beside the rule (training/LOG.md, 2026-11-30), so nothing is shown or hidden by it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empower_model.fitting import Vector, held_out, logistic, maximum

RIDGE = 30.0
"""How firmly weights are held near zero. Of 1, 3, 10, 30 and 100 it was best for fits to 60, 100, 300 and 1,000
decisions of a replay, by the log loss in other projects."""
LEAST_BITS = 1e-3
"""Floor under bits whose logarithm is taken."""
FARTHEST = 4.0
"""Standard deviations beyond which a value is no stranger."""

Right = NDArray[np.bool_]


class Features(NamedTuple):
    """What is known of a text before it is shown, as numbers; NaN for what is not known."""

    surprisal: float
    """Of the whole: the logarithm of its bits."""
    mean_surprisal: float
    highest_surprisal: float
    mean_entropy: float
    highest_entropy: float
    entropy_behind: float
    """All five in bits; the last of the distribution behind the text."""
    length: float
    """The logarithm of its characters."""
    at_line_start: float
    """1 with nothing but white space before the cursor on its line, else 0."""
    in_name: float
    """1 behind a letter, a digit or an underscore, else 0."""
    recent: float
    """What became of the texts before: see `recent`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a text before it is shown; what is None, or empty, is not known."""

    surprisals: Sequence[float]
    """Of its tokens, in bits; at least one."""
    entropies: Sequence[float]
    characters: int
    behind: float | None = None
    """Entropy of the distribution behind the text, in bits."""
    line: str | None = None
    """The line of the cursor, up to it."""
    recent: float = math.nan

    def features(self) -> Features:
        """Return it as numbers."""
        bits, entropies, line = sum(self.surprisals), self.entropies, self.line
        return Features(
            surprisal=math.log(max(bits, LEAST_BITS)),
            mean_surprisal=bits / len(self.surprisals),
            highest_surprisal=max(self.surprisals),
            mean_entropy=sum(entropies) / len(entropies) if entropies else math.nan,
            highest_entropy=max(entropies, default=math.nan),
            entropy_behind=math.nan if self.behind is None else self.behind,
            length=math.log(max(self.characters, 1)),
            at_line_start=math.nan if line is None else float(not line.strip()),
            in_name=math.nan if line is None else float(line[-1:].isalnum() or line.endswith("_")),
            recent=self.recent,
        )


def recent(accepted: Sequence[bool], people: Sequence[Hashable], weight: float = 0.3) -> list[float]:
    """Return, for each decision, a mean of what its person decided before, in which each older one counts for less.

    NaN for a person's first. Accepted, rejected, accepted give NaN, 1, and 1 - `weight`.
    """
    means: dict[Hashable, float] = {}
    before = []
    for yes, person in zip(accepted, people, strict=True):
        before.append(mean := means.get(person, math.nan))
        means[person] = float(yes) if math.isnan(mean) else mean + weight * (yes - mean)
    return before


@dataclass(frozen=True, slots=True, eq=False)
class ShowScore:
    """What each feature counts for, fitted to decisions."""

    centre: Vector
    scale: Vector
    """Of the features, shape (n_features,): a mean and a standard deviation."""
    coefficients: Vector
    """Shape (1 + n_features,): log-odds of a text whose features are all average, and what a standard deviation of each
    adds to that."""

    def probabilities(self, features: Vector) -> Vector:
        """Return how probably texts are accepted: features of shape (n, n_features) to (n,)."""
        return logistic(_design(features, self.centre, self.scale) @ self.coefficients)


def fit(features: Vector, accepted: Right) -> ShowScore:
    """Return the likeliest score of decisions: `features` as `Features` has them, (n, n_features), `accepted` (n,).

    What is not known counts as average. Raises ValueError unless some were accepted and some were not.
    """
    if accepted.all() or not accepted.any():
        raise ValueError("needs texts that were accepted and texts that were not")
    there = ~np.isnan(features)
    count = np.maximum(there.sum(axis=0), 1)
    centre = np.where(there, features, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(there, features - centre, 0.0) ** 2).sum(axis=0) / count)
    scale[scale == 0] = 1.0
    design = _design(features, centre, scale)
    return ShowScore(centre, scale, maximum(design, accepted.astype(np.float64), np.ones(len(design)), RIDGE))


def cross_validated(features: Vector, accepted: Right, groups: Sequence[Hashable]) -> Vector | None:
    """Return how probably each text is accepted by a score that was fitted to other groups, shape (n,).

    None where some other groups have decisions of one kind only.
    """
    probabilities = np.empty(len(accepted))
    for out in held_out(groups):
        if accepted[~out].all() or not accepted[~out].any():
            return None
        probabilities[out] = fit(features[~out], accepted[~out]).probabilities(features[out])
    return probabilities


def _design(features: Vector, centre: Vector, scale: Vector) -> Vector:
    """Return a column of ones, and the features standardised: 0 for what is not known."""
    standard = np.nan_to_num((features - centre) / scale, nan=0.0).clip(-FARTHEST, FARTHEST)
    return np.hstack([np.ones((len(standard), 1)), standard])
