"""The figures of a comparison at speed, with intervals over files, alone and paired."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from statistics import median
from typing import Any

from empower_model.fitting import Interval
from empower_training.at_speed.typist import WITHIN, TimedTally
from empower_training.replay import EFFORT, KEPT, Figure, Tally, difference, interval


def _timed(figure: Figure[Tally]) -> Figure[TimedTally]:
    """Return a figure of any tally as one of these."""
    return Figure(figure.part, figure.whole, figure.scale)


FIGURES: dict[str, Figure[TimedTally]] = {
    "kept": _timed(KEPT),
    "net_effort": _timed(EFFORT),
    "answered": Figure(lambda tally: tally.answered, lambda tally: tally.keys),
    "in_time": Figure(lambda tally: sum(ms <= WITHIN * 1000 for ms in tally.latencies), lambda tally: tally.keys),
    "with_text": Figure(lambda tally: tally.with_text, lambda tally: tally.keys),
    "shown_per_1000": Figure(lambda tally: tally.shown, lambda tally: tally.characters, 1000),
    "replaced_per_1000_keys": Figure(lambda tally: tally.replaced, lambda tally: tally.keys, 1000),
    "processor_seconds_per_1000": Figure(lambda tally: tally.processor_seconds, lambda tally: tally.characters, 1000),
    "processor_seconds_per_kept": Figure(lambda tally: tally.processor_seconds, lambda tally: tally.kept),
}
"""What is reported of an arm: characters are of the text to type, keys are edits."""
PAIRED: dict[str, Figure[TimedTally]] = {
    "kept_minus_instant": FIGURES["kept"],
    "net_effort_minus_instant": FIGURES["net_effort"],
}
"""What is compared with the bundled model alone on the same machine."""


def figures(tallies: Sequence[TimedTally], instant: Sequence[TimedTally], seed: int = 0) -> dict[str, Any]:
    """Return the figures of an arm as [low, estimate, high], and medians of seconds; what is no number is null."""
    content: dict[str, Any] = {"works": len(tallies), "keys": sum(tally.keys for tally in tallies)}
    content |= {name: _ends(interval(tallies, figure, seed=seed)) for name, figure in FIGURES.items()}
    content |= {name: _ends(difference(tallies, instant, figure, seed=seed)) for name, figure in PAIRED.items()}
    content["first_text_s"] = _rounded(middle([second for tally in tallies for second in tally.firsts]))
    content["first_deep_text_s"] = _rounded(middle([second for tally in tallies for second in tally.deep_firsts]))
    content["places_without_text"] = sum(not tally.firsts for tally in tallies)
    return content


def middle(seconds: Sequence[float]) -> float:
    """Return the median, not a number of nothing."""
    return median(seconds) if seconds else nan


def _ends(bounds: Interval) -> list[float | None]:
    return [_rounded(value) for value in (bounds.low, bounds.estimate, bounds.high)]


def _rounded(value: float) -> float | None:
    return round(value, 5) if isfinite(value) else None
