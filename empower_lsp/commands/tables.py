"""Tables that fit 80 columns and cut nothing: what is too long for its row has lines of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 80
APART = 2
"""Blanks between two columns."""
INDENT = " " * 4


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a mark of one character or none, a name, further cells, and what else there is to say of it."""

    mark: str
    name: str
    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()
    dim: bool = False


def lines(headings: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table, the headings first; a dim row is styled so."""
    import click

    columns = list(zip(headings[1:], *(row.cells for row in rows), strict=True))
    widths = [max(map(len, column)) for column in columns]
    most = WIDTH - APART - sum(width + APART for width in widths)
    names = [len(name) for name in (headings[0], *(row.name for row in rows)) if len(name) <= most]
    room = max(names, default=0)
    yield _line("", headings[0], headings[1:], room, widths)
    for row in rows:
        lines = [_line(row.mark, row.name, row.cells, room, widths)]
        if len(row.name) > room:
            lines = [f"{row.mark:<{APART}}{row.name}", _line("", "", row.cells, room, widths)]
        for note in row.notes:
            lines += textwrap.wrap(
                note,
                WIDTH,
                initial_indent=INDENT,
                subsequent_indent=INDENT,
                break_long_words=False,
                break_on_hyphens=False,
            )
        for line in lines:
            yield click.style(line, dim=True) if row.dim else line


def _line(mark: str, name: str, cells: Sequence[str], room: int, widths: Sequence[int]) -> str:
    parts = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)]
    return (f"{mark:<{APART}}{name:<{room}}" + "".join(" " * APART + part for part in parts)).rstrip()
