"""Tables of figures, as `evaluate` prints them: what stands in a column, and how wide a table is in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

ReplayRow = dict[str, Any]
Column = tuple[str, Callable[[ReplayRow], str]]
"""A heading, and what stands under it for a row; the one without a heading stands at the left."""
WIDE = 220
"""Columns of a table that goes into a file: the widest that `evaluate` prints cuts no heading."""


def cell(name: str, form: str, place: int = 1) -> Callable[[ReplayRow], str]:
    """Return how a figure is printed: its estimate, or the number at another place."""

    def printed(row: ReplayRow) -> str:
        value = row.get(name)
        value = value[place] if isinstance(value, list) else value
        return "" if value is None else format(value, form)

    return printed


def span(name: str, form: str) -> Callable[[ReplayRow], str]:
    """Return how the interval of a figure is printed."""

    def printed(row: ReplayRow) -> str:
        low, _, high = row.get(name) or (None, None, None)
        return "" if low is None or high is None else f"{low:{form}} to {high:{form}}"

    return printed


def empty(columns: Sequence[Column], title: str | None = None) -> Table:
    """Return a table without rows."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for heading, _ in columns:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    return table


def show(table: Table) -> None:
    """Print a table."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)
