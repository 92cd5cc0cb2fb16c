"""What a benchmark finds out: our figure beside a reference, their ratio with its spread, and the target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

WIDTH = 130
"""Least width of the table, also where the output goes to a file."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. The target bounds the ratio where there is a reference, else our own figure."""

    what: str
    unit: str
    ours: float
    reference: float | None = None
    ratio: float | None = None
    """Median over the pairs that were measured side by side."""
    low: float | None = None
    """Lower quartile of what is judged."""
    high: float | None = None
    target: float | None = None
    """The judged figure may be at most this; None when it is only reported."""
    note: str = ""

    @property
    def judged(self) -> float:
        """The figure that the target bounds."""
        return self.ours if self.ratio is None else self.ratio

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.judged <= self.target


def compare(
    what: str,
    unit: str,
    ours: Sequence[float],
    reference: Sequence[float],
    target: float | None = None,
    note: str = "",
) -> Figure:
    """Two variants measured in turns, element by element under the same load: the median of the paired ratios."""
    ratios = np.asarray(ours) / np.asarray(reference)
    low, middle, high = (float(value) for value in np.quantile(ratios, (0.25, 0.5, 0.75)))
    return Figure(what, unit, float(np.median(ours)), float(np.median(reference)), middle, low, high, target, note)


def alone(what: str, unit: str, values: Sequence[float], target: float | None = None, note: str = "") -> Figure:
    """Repeated measurements of one thing: the median."""
    low, middle, high = (float(value) for value in np.quantile(values, (0.25, 0.5, 0.75)))
    return Figure(what, unit, middle, low=low, high=high, target=target, note=note)


def show(figures: Sequence[Figure]) -> None:
    """Print the report as a table."""
    table = Table("what", "ours", "reference", "ratio", "quartiles", "target", "")
    for column in table.columns[1:]:
        column.no_wrap = True
    for figure in figures:
        table.add_row(
            figure.what + (f"\n[dim]{figure.note}[/dim]" if figure.note else ""),
            f"{number(figure.ours)} {figure.unit}".strip(),
            "" if figure.reference is None else f"{number(figure.reference)} {figure.unit}".strip(),
            "" if figure.ratio is None else number(figure.ratio),
            "" if figure.low is None or figure.high is None else f"{number(figure.low)}-{number(figure.high)}",
            "" if figure.target is None else f"≤ {number(figure.target)}",
            {True: "[green]pass[/green]", False: "[red]FAIL[/red]", None: ""}[figure.passed],
        )
    Console(width=max(WIDTH, Console().width)).print(table)


def save(figures: Sequence[Figure], path: Path) -> None:
    """Write the report as JSON."""
    rows = [{**asdict(figure), "passed": figure.passed} for figure in figures]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
