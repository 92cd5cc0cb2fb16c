"""Intervals around figures whose observations come in groups: a person's, a day's, a file's."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 1000
SHARE = 0.95
"""Of the resampled figures lie in an interval."""
FOLDS = 5

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and the percentile interval around it; the ends are NaN where there is none."""

    low: float
    estimate: float
    high: float


def clustered(
    statistic: Callable[[Indices], float], groups: Sequence[Hashable], *, rounds: int = ROUNDS, seed: int = 0
) -> Interval:
    """Return the statistic of all observations; whole groups are resampled, since the observations of one are alike.

    `groups` names the group of each observation; the statistic is given the indices of observations, repeated where
    their group was drawn more than once, and may be NaN where it has no value (such rounds are left out). Without two
    groups, or with too few rounds that have a value, there is no interval. Raises ValueError without observations.
    """
    number = _numbered(groups)
    estimate = statistic(np.arange(number.size))
    members = [np.flatnonzero(number == group) for group in range(number.max() + 1)]
    random = np.random.default_rng(seed)
    drawn = (random.integers(len(members), size=len(members)) for _ in range(rounds if len(members) > 1 else 0))
    return _interval(
        estimate, np.array([statistic(np.concatenate([members[i] for i in draw])) for draw in drawn]), rounds
    )


def share(
    part: NDArray[Any], whole: NDArray[Any], groups: Sequence[Hashable], *, rounds: int = ROUNDS, seed: int = 0
) -> Interval:
    """Return `clustered` of sum(part) / sum(whole), each of shape (n_observations,): all rounds at once.

    NaN where the whole is nothing.
    """
    number = _numbered(groups)
    sums = np.stack([np.bincount(number, weights=values) for values in (part, whole)], axis=1)
    count = len(sums)
    random = np.random.default_rng(seed)
    weights = random.multinomial(count, np.full(count, 1 / count), size=rounds if count > 1 else 0)
    totals = np.vstack([sums.sum(axis=0), weights @ sums])
    figures = np.full(len(totals), np.nan)
    np.divide(totals[:, 0], totals[:, 1], out=figures, where=totals[:, 1] != 0)
    return _interval(float(figures[0]), figures[1:], rounds)


def folds(groups: Sequence[Hashable], count: int = FOLDS) -> Indices:
    """Return the fold of each observation, from 0: whole groups in at most `count` folds of about equal size.

    The largest group comes first, each into the fold that has least. Raises ValueError without observations.
    """
    number = _numbered(groups)
    sizes = np.bincount(number)
    filled = [0] * min(count, sizes.size)
    fold: Indices = np.empty(sizes.size, dtype=np.intp)
    for group in np.argsort(-sizes, kind="stable").tolist():
        fold[group] = filled.index(min(filled))
        filled[fold[group]] += int(sizes[group])
    return fold[number]


def held_out(groups: Sequence[Hashable], count: int = FOLDS) -> list[NDArray[np.bool_]]:
    """Return, for each of the `folds`, which observations are in it. Raises ValueError without observations."""
    fold = folds(groups, count)
    return [fold == number for number in range(fold.max() + 1)]


def _numbered(groups: Sequence[Hashable]) -> Indices:
    """Return the number of each observation's group, from 0."""
    if not groups:
        raise ValueError("there is nothing to estimate from")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.intp)


def _interval(estimate: float, figures: NDArray[np.float64], rounds: int) -> Interval:
    there = figures[np.isfinite(figures)]
    if not there.size or there.size < rounds / 2:
        return Interval(math.nan, estimate, math.nan)
    low, high = np.quantile(there, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), estimate, float(high))
