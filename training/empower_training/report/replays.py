"""Replays by `empower-lsp evaluate replay --json`, as the report shows them: rows, sweeps, and what to conclude."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

from empower_model.errors import EmpowerError
from empower_model.fitting import Bin, Interval
from empower_training.replay import BASE, DEFAULT, FIGURES, NOBODY

_SWEPT = re.compile(r"(?P<rule>budget|gain|peak|stop at p <|Base)[ -](?P<number>[\d.]+)")
NO_INTERVAL = Interval(nan, nan, nan)


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One policy on one model; shares are of 1, times are milliseconds."""

    model: str
    """Empty for nobody's help."""
    policy: str
    works: int
    """Texts that were typed."""
    figures: Mapping[str, Interval]
    """By the names of `intervals.FIGURES`."""
    minus_default: Interval
    """Net effort minus that of the default rule, paired; NaN where that was not run."""
    latency: tuple[float, float]
    """Median and 95th percentile."""
    error: float
    """Expected calibration error."""
    bins: tuple[Bin, ...]
    """Texts shown, sorted into bins by the probability they were given."""

    @property
    def effort(self) -> Interval:
        """Return the net effort: below 1 the assistant helps."""
        return self.figures["net_effort"]

    @property
    def kept(self) -> Interval:
        """Return the share of the text that the assistant wrote."""
        return self.figures["kept"]


@dataclass(frozen=True, slots=True)
class Series:
    """Policies that belong on one line: a rule whose number is swept, or the rules of a further model."""

    name: str
    rows: tuple[ReplayRow, ...]
    labels: tuple[str, ...]
    """Of each row: its number, or what its policy is; the default's goes without saying."""
    further: bool = False
    """Whether it is of another model than the first, and so no sweep."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The rows of one file, nobody's help first."""

    name: str
    rows: tuple[ReplayRow, ...]

    @property
    def assisted(self) -> tuple[ReplayRow, ...]:
        """Return all rows but nobody's."""
        return tuple(row for row in self.rows if row.policy != NOBODY)

    @property
    def models(self) -> tuple[str, ...]:
        """Return the models in the order of the rows."""
        return tuple(dict.fromkeys(row.model for row in self.assisted))

    @property
    def best(self) -> ReplayRow:
        """Return the row of the lowest net effort."""
        return min(self.assisted, key=lambda row: row.effort.estimate)

    @property
    def chosen(self) -> tuple[ReplayRow, ...]:
        """Return the row of the default rule for each model; where that was not run, the best row alone."""
        return tuple(row for row in self.assisted if row.policy == DEFAULT) or (self.best,)

    def named(self, row: ReplayRow) -> str:
        """Return the policy of a row, with its model where there are several."""
        return f"{row.policy} on {row.model}" if len(self.models) > 1 else row.policy


def read(path: Path) -> Replay:
    """Read the replay in a file. Raises EmpowerError for a file that is something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(_row(entry) for entry in content)
        if not any(row.policy != NOBODY for row in rows):
            raise ValueError("it has no policy")
    except OSError as error:
        raise EmpowerError(f"{path} cannot be read: {error.strerror}.") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EmpowerError(
            f"{path} is not a replay: make one with `empower-lsp evaluate replay CORPUS --json > {path.name}`."
        ) from error
    return Replay(path.stem, rows)


def _row(content: Mapping[str, Any]) -> ReplayRow:
    return ReplayRow(
        model=_short(str(content["model"])),
        policy=str(content["policy"]),
        works=int(content["works"]),
        figures={name: _interval(content.get(name)) for name in FIGURES} | _needed(content),
        minus_default=_interval(content.get("net_effort_minus_default")),
        latency=(_number(content["latency_ms"][0]), _number(content["latency_ms"][1])),
        error=_number(content.get("calibration_error")),
        bins=tuple(Bin(**bin_) for bin_ in content.get("reliability", ())),
    )


def _needed(content: Mapping[str, Any]) -> dict[str, Interval]:
    """Return the figures without which there is nothing to draw."""
    needed = {name: _interval(content[name]) for name in ("net_effort", "kept")}
    if not all(isfinite(interval.estimate) for interval in needed.values()):
        raise ValueError("net effort and kept characters must be numbers")
    return needed


def _short(model: str) -> str:
    """Return a model's name, of one given by its path the file's: where it lies is nobody's business."""
    return Path(model).stem if model.endswith(".gguf") else model


def _interval(value: Sequence[float | None] | None) -> Interval:
    if value is None:
        return NO_INTERVAL
    low, estimate, high = value
    return Interval(_number(low), _number(estimate), _number(high))


def _number(value: float | None) -> float:
    return nan if value is None else float(value)


def sweeps(replay: Replay) -> tuple[Series, ...]:
    """Return the lines: one for each rule of the first model, the default first, and one for each other model."""
    first, *others = replay.models
    rules: dict[str, list[tuple[float, ReplayRow]]] = {}
    for row in replay.assisted:
        if row.model == first:
            rule, number = swept(row.policy)
            rules.setdefault(rule, []).append((number, row))
    lines = []
    default, _ = swept(DEFAULT)
    for rule, members in sorted(rules.items(), key=lambda item: (item[0] != default, -len(item[1]))):
        ordered = sorted(members, key=lambda point: point[0])
        labels = tuple(f"{number:g}" if isfinite(number) else "" for number, _ in ordered)
        lines.append(Series(rule, tuple(row for _, row in ordered), labels))
    for model in others:
        rows = tuple(row for row in replay.assisted if row.model == model)
        labels = tuple("" if row.policy == DEFAULT else row.policy for row in rows)
        lines.append(Series(model, rows, labels, further=True))
    return tuple(lines)


def swept(policy: str) -> tuple[str, float]:
    """Return the rule behind a policy, and the number that is swept: infinite where there is none."""
    match = _SWEPT.fullmatch(policy)
    return (match["rule"], float(match["number"])) if match else (policy, inf)


def worth(replay: Replay) -> str:
    """Say in a sentence what the default rule is worth."""
    row = replay.chosen[0]
    low, high = row.effort.low, row.effort.high
    told = "it helps" if high < 1 else "it hinders" if low > 1 else "too few files to tell whether it helps"
    cost = f"{row.effort.estimate:.2f} of the effort of typing all of it ({low:.2f} to {high:.2f})"
    return f"With {replay.named(row)}, a text costs {cost}: {told}."


def frontier(replay: Replay) -> str:
    """Say which policy costs least, and whether the default rule is told apart from it, in a sentence or two."""
    best, default = replay.best, replay.chosen[0]
    told = f"{replay.named(best)} costs least: {best.effort.estimate:.2f}, with {percent(best.kept.estimate)} kept."
    low, high = best.minus_default.low, best.minus_default.high
    if best is default or best.model != default.model or not (isfinite(low) and isfinite(high)):
        return told
    if high < 0:
        return f"{told} The default, {default.policy}, costs {-high:.3f} to {-low:.3f} more."
    return f"{told} The default, {default.policy}, is not told apart from it."


def baseline(replay: Replay) -> str:
    """Say in a sentence what the model is worth without a rule; empty where that was not run."""
    row = next((row for row in replay.assisted if row.model == replay.models[0] and row.policy == BASE), None)
    if row is None:
        return ""
    cost = f"{row.effort.estimate:.2f} ({row.effort.low:.2f} to {row.effort.high:.2f})"
    return f"Without a rule the same model keeps {percent(row.kept.estimate)}, at a net effort of {cost}."


def percent(share: float, places: int = 0) -> str:
    """Return a share in per cent, its sign held to it by a space that does not break."""
    return f"{100 * share:.{places}f}\u00a0%"
