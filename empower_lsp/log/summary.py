"""The worth of the completions: shown, accepted, kept, and how long they took, by language and by model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from empower_lsp.log.store import Store


@dataclass(frozen=True, slots=True)
class Group:
    """Figures over some completions; the times are None where there are none."""

    name: str
    completions: int
    """Answered, seen or not."""
    shown: int
    accepted: int
    """Whole or in part."""
    inferred: int
    """Of the shown, those that the editor said nothing of: they stood there for long enough, or were accepted."""
    accepted_characters: int
    kept_characters: int
    """Of the accepted ones, those still there when last looked at."""
    p50_ms: float | None
    p95_ms: float | None
    """From the request to the answer."""

    @property
    def rate(self) -> float | None:
        """Return the share of those shown that was accepted; None when none was shown."""
        return self.accepted / self.shown if self.shown else None


@dataclass(frozen=True, slots=True)
class Stats:
    """The figures of a log."""

    total: Group
    languages: tuple[Group, ...]
    models: tuple[Group, ...]
    """By model, with its adapter and a memory of the workspace where it had them: `m + tuned + memory`."""


@dataclass(frozen=True, slots=True)
class _Row:
    language: str
    model: str
    ms: float
    shown: bool
    told: bool
    """Whether the editor said that it was shown."""
    accepted: int
    """Characters."""
    kept: float


_ROWS = """
    SELECT c.language,
           c.model || CASE c.adapter WHEN '' THEN '' ELSE ' + ' || c.adapter END
           || CASE c.memory WHEN 0 THEN '' ELSE ' + memory' END,
           c.total_ms,
           EXISTS (SELECT 1 FROM outcomes o WHERE o.completion = c.id
                   AND o.kind IN ('shown', 'accepted', 'partially accepted')),
           EXISTS (SELECT 1 FROM outcomes o WHERE o.completion = c.id AND o.kind = 'shown' AND o.explicit),
           (SELECT max(o.characters) FROM outcomes o WHERE o.completion = c.id
            AND o.kind IN ('accepted', 'partially accepted')),
           (SELECT o.characters * 1.0 / o.of FROM outcomes o WHERE o.completion = c.id
            AND o.kind IN ('kept', 'changed') AND o.of > 0 ORDER BY o.age DESC LIMIT 1)
    FROM completions c WHERE c.at >= ?
"""


def stats(store: Store, since: float = 0.0) -> Stats:
    """Return the figures of the completions since a time in seconds since 1970."""
    rows = [
        _Row(language, model, ms, bool(shown), bool(told), held or 0, (held or 0) * (1.0 if share is None else share))
        for language, model, ms, shown, told, held, share in store.query(_ROWS, [since])
    ]
    return Stats(_group("all", rows), _groups(rows, lambda row: row.language), _groups(rows, lambda row: row.model))


def _groups(rows: Sequence[_Row], key: Callable[[_Row], str]) -> tuple[Group, ...]:
    """Return the groups, the largest first."""
    parts: dict[str, list[_Row]] = {}
    for row in rows:
        parts.setdefault(key(row), []).append(row)
    groups = (_group(name, part) for name, part in parts.items())
    return tuple(sorted(groups, key=lambda group: (-group.completions, group.name)))


def _group(name: str, rows: Sequence[_Row]) -> Group:
    times = sorted(row.ms for row in rows)
    return Group(
        name=name,
        completions=len(rows),
        shown=sum(row.shown for row in rows),
        accepted=sum(row.accepted > 0 for row in rows),
        inferred=sum(row.shown and not row.told for row in rows),
        accepted_characters=sum(row.accepted for row in rows),
        kept_characters=round(sum(row.kept for row in rows)),
        p50_ms=_percentile(times, 0.50),
        p95_ms=_percentile(times, 0.95),
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
