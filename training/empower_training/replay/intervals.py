"""The figures of a replay with bootstrap intervals over files, alone and as a paired difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from empower_model.fitting import SHARE, Interval
from empower_training.replay.typist import TYPED, Tally

T = TypeVar("T", bound=Tally)
ROUNDS = 2000


@dataclass(frozen=True, slots=True)
class Figure(Generic[T]):
    """A ratio of two sums over tallies, times `scale`."""

    part: Callable[[T], float]
    whole: Callable[[T], float]
    scale: float = 1.0


EFFORT: Figure[Tally] = Figure(lambda tally: tally.cost, lambda tally: TYPED * tally.characters)
"""Net effort: below 1 the assistant helps."""
KEPT: Figure[Tally] = Figure(lambda tally: tally.kept, lambda tally: tally.characters)
"""Share of the text that the assistant wrote."""

FIGURES: dict[str, Figure[Tally]] = {
    "net_effort": EFFORT,
    "kept": KEPT,
    "keystrokes": Figure(lambda tally: tally.keystrokes, lambda tally: tally.characters),
    "shown_per_1000": Figure(lambda tally: tally.shown, lambda tally: tally.characters, 1000),
    "accepted": Figure(lambda tally: tally.accepted, lambda tally: tally.shown),
    "partially_accepted": Figure(lambda tally: tally.partially, lambda tally: tally.shown),
    "length": Figure(lambda tally: tally.read, lambda tally: tally.shown),
    "read_per_1000": Figure(lambda tally: tally.read, lambda tally: tally.characters, 1000),
    "deleted_per_1000": Figure(lambda tally: tally.deleted, lambda tally: tally.characters, 1000),
    "engine_ms_per_kept": Figure(lambda tally: tally.engine_ms, lambda tally: tally.kept),
    "evaluated_per_request": Figure(lambda tally: tally.evaluated, lambda tally: tally.requests),
}
"""All that is reported with an interval: characters are of the text to type unless they are read."""


def interval(tallies: Sequence[T], figure: Figure[T], *, seed: int = 0) -> Interval:
    """Return the figure over all tallies; whole files are resampled, since the works of one are alike.

    A figure whose whole is 0 is NaN. Raises ValueError without tallies.
    """
    return _interval(_resampled(_sums(tallies, figure), seed))


def difference(ours: Sequence[T], theirs: Sequence[T], figure: Figure[T], *, seed: int = 0) -> Interval:
    """Return the figure of ours minus that of theirs, resampled together: an interval without 0 is a difference.

    Raises ValueError unless both are of the same works.
    """
    a, b = _paired(ours, theirs, figure)
    return _interval(_resampled(a, seed) - _resampled(b, seed))


def luck(ours: Sequence[T], theirs: Sequence[T], figure: Figure[T], *, seed: int = 0) -> float:
    """Return how probably our figure would be as far below theirs if neither were better: a paired permutation test.

    Whole files change sides, in every way where there are few files, else in ROUNDS ways. An interval is too narrow
    where there are fewer than twenty; this is exact, and n files bring it down to 2**-n at best. Raises ValueError
    unless both are of the same works.
    """
    a, b = _paired(ours, theirs, figure)
    files = len(a)
    if 2**files <= ROUNDS:
        changed = np.array(list(product((0.0, 1.0), repeat=files)))
    else:
        drawn = np.random.default_rng(seed).integers(0, 2, (ROUNDS, files))
        changed = np.vstack([np.zeros(files), drawn])
    differences = _ratios(a.sum(axis=0) + changed @ (b - a)) - _ratios(b.sum(axis=0) + changed @ (a - b))
    return float(np.mean(differences <= differences[0] + 1e-12))


def latency(tallies: Sequence[Tally]) -> tuple[float, float]:
    """Return median and 95th percentile of the milliseconds to an answer that was computed; NaN without any."""
    times = [ms for tally in tallies for ms in tally.latencies]
    if not times:
        return float("nan"), float("nan")
    middle, high = np.quantile(times, [0.5, 0.95])
    return float(middle), float(high)


def _paired(
    ours: Sequence[T], theirs: Sequence[T], figure: Figure[T]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if sorted(tally.name for tally in ours) != sorted(tally.name for tally in theirs):
        raise ValueError("a paired difference needs tallies of the same works")
    return _sums(ours, figure), _sums(theirs, figure)


def _sums(tallies: Sequence[T], figure: Figure[T]) -> NDArray[np.float64]:
    """Return part (scaled) and whole of each file, by name: shape (n_files, 2)."""
    if not tallies:
        raise ValueError("there are no tallies to estimate from")
    files: dict[str, list[float]] = {}
    for tally in tallies:
        sums = files.setdefault(tally.name.rpartition(":")[0], [0.0, 0.0])
        sums[0] += figure.scale * figure.part(tally)
        sums[1] += figure.whole(tally)
    return np.array([files[name] for name in sorted(files)])


def _resampled(sums: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the ratio over all files, and then over each resample of them: shape (1 + ROUNDS,)."""
    return _ratios(np.vstack([sums.sum(axis=0), _weights(len(sums), seed) @ sums]))


def _ratios(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ratio of each row of part and whole; NaN where the whole is 0."""
    ratios: NDArray[np.float64] = np.full(len(totals), np.nan)
    np.divide(totals[:, 0], totals[:, 1], out=ratios, where=totals[:, 1] != 0)
    return ratios


@lru_cache(maxsize=4)
def _weights(files: int, seed: int) -> NDArray[np.float64]:
    """Return how often each resample draws each file, shape (ROUNDS, files): the same for all figures of a seed."""
    drawn = np.random.default_rng(seed).multinomial(files, [1 / files] * files, size=ROUNDS)
    return drawn.astype(np.float64)


def _interval(figures: NDArray[np.float64]) -> Interval:
    estimate, resampled = float(figures[0]), figures[1:][np.isfinite(figures[1:])]
    if not resampled.size:
        return Interval(float("nan"), estimate, float("nan"))
    low, high = np.quantile(resampled, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), estimate, float(high))
