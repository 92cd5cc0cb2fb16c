"""A person's log, as the report shows it: acceptance and latency over time, and whether probabilities came true.

Reads the columns it needs and no text, in two statements, since a log may hold a hundred thousand completions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np

from empower_lsp.log import CompletionRecord, Entry, Group, OutcomeRecord, Store, stats
from empower_lsp.outcome import Kind
from empower_lsp.personal import Decision, decisions
from empower_model.fitting import BINS, Bin, Interval, calibration_error, reliability
from empower_training.report.shares import share_of

MOST_DAYS = 42
"""A log over more days than this is shown by weeks."""
LEAST_JUDGED = 50
"""Decisions on a model; with fewer, its bins would hold too few to tell anything."""
A_BIN = 15
"""Least decisions in a bin, on average."""
Answer: TypeAlias = tuple[float, float]
"""When it was given, in seconds since 1970, and the milliseconds it took."""
TAKEN = (Kind.ACCEPTED, Kind.PARTIALLY_ACCEPTED)

_UNREAD = ("prefix", "suffix", "text", "tokens")
_TOLD = ("completion", "at", "kind", "explicit", "characters", "of", "typed", "age")
"""Columns that are left in the file."""


@dataclass(frozen=True, slots=True)
class Period:
    """A day, or a week by its Monday."""

    start: date
    decided: int
    """Completions that were seen and not superseded."""
    accepted: int
    """Of these, as a whole or in part."""
    answers: int
    p50_ms: float
    p95_ms: float
    """Of all answers, from the request; NaN without any."""

    @property
    def share(self) -> Interval:
        """Return the share accepted of those decided on."""
        return share_of(self.accepted, self.decided)


@dataclass(frozen=True, slots=True)
class JudgedModel:
    """Probabilities of one model against what came true."""

    model: str
    """With its tuning and memory, if it had them."""
    decided: int
    error: float
    """Expected calibration error."""
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class History:
    """A log, in figures."""

    total: Group
    """As `empower-lsp log stats` has it."""
    decided: int
    share: Interval
    """Accepted of those decided on."""
    unit: str
    """day or week."""
    periods: tuple[Period, ...]
    halves: tuple[Interval, Interval]
    """Accepted of the earlier half of the decisions, and of the later; NaN without any."""
    models: tuple[JudgedModel, ...]
    """Those with at least LEAST_JUDGED decisions, the most decided on first."""


def history(store: Store) -> History | None:
    """Return the figures of a log; None for an empty one."""
    answers: list[Answer] = []

    def heard() -> Iterator[Entry]:
        for entry in lean(store):
            answers.append((entry.completion.at, entry.completion.total_ms))
            yield entry

    decided = decisions(heard())
    if not answers:
        return None
    days = (_day(answers[-1][0]) - _day(answers[0][0])).days
    unit = "day" if days < MOST_DAYS else "week"
    return History(
        total=stats(store).total,
        decided=len(decided),
        share=_share(decided),
        unit=unit,
        periods=_periods(answers, decided, _day if unit == "day" else _monday),
        halves=(_share(decided[: len(decided) // 2]), _share(decided[len(decided) // 2 :])),
        models=_models(decided),
    )


def lean(store: Store) -> Iterator[Entry]:
    """Yield the completions from the oldest to the newest, without any text or tokens."""
    names = [field.name for field in fields(CompletionRecord)]
    columns = ", ".join("NULL" if name in _UNREAD else f'"{name}"' for name in names)
    tokens, memory = names.index("tokens"), names.index("memory")
    told = ", ".join(f'"{name}"' for name in _TOLD)
    # Tuples until they are needed: of a hundred thousand objects more, the collector would look at each many times.
    outcomes: dict[str, list[tuple[Any, ...]]] = {}
    for row in store.query(f"SELECT {told} FROM outcomes ORDER BY at, rowid"):
        outcomes.setdefault(row[0], []).append(row)
    for row in store.query(f"SELECT {columns} FROM completions ORDER BY at, rowid"):
        values = list(row)
        values[tokens], values[memory] = (), bool(values[memory])
        record = CompletionRecord(*values)
        yield Entry(record, tuple(map(_outcome, outcomes.pop(record.id, ()))))


def _outcome(row: tuple[Any, ...]) -> OutcomeRecord:
    completion, at, kind, explicit, characters, of, typed, age = row
    return OutcomeRecord(completion, at, kind, bool(explicit), characters, of, typed, age=age)


def _share(some: Sequence[Decision]) -> Interval:
    return share_of(sum(decision.kind in TAKEN for decision in some), len(some))


def _day(at: float) -> date:
    return date.fromtimestamp(at)


def _monday(at: float) -> date:
    day = _day(at)
    return day - timedelta(days=day.weekday())


def _periods(
    answers: Sequence[Answer], decided: Sequence[Decision], start: Callable[[float], date]
) -> tuple[Period, ...]:
    """Return the periods with any completion; answers are in the order of time."""
    counts: dict[date, tuple[int, int]] = {}
    for decision in decided:
        of = start(decision.completion.at)
        all_of, taken = counts.get(of, (0, 0))
        counts[of] = (all_of + 1, taken + (decision.kind in TAKEN))
    periods = []
    for of, some in groupby(answers, key=lambda answer: start(answer[0])):
        times = [ms for _, ms in some]
        middle, high = np.quantile(times, [0.5, 0.95]).tolist()
        periods.append(Period(of, *counts.get(of, (0, 0)), len(times), middle, high))
    return tuple(periods)


def _models(decided: Sequence[Decision]) -> tuple[JudgedModel, ...]:
    models: dict[str, list[Decision]] = {}
    for decision in decided:
        name = " + ".join(
            filter(None, (decision.completion.model, decision.completion.adapter, "memory" * decision.memory))
        )
        models.setdefault(name, []).append(decision)
    ordered = sorted(models.items(), key=lambda item: -len(item[1]))
    return tuple(_judged(name, some) for name, some in ordered if len(some) >= LEAST_JUDGED)


def _judged(name: str, some: Sequence[Decision]) -> JudgedModel:
    predicted = np.array([decision.completion.probability for decision in some])
    right = np.array([decision.right for decision in some], dtype=np.bool_)
    bins = reliability(predicted, right, min(BINS, len(some) // A_BIN))
    return JudgedModel(name, len(some), calibration_error(bins), bins)
