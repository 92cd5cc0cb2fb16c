"""Places in known text where somebody might have been typing: what stands around each, and what comes next."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CHARACTERS = 260
"""Most characters that are read on from a place."""
LINES_TO_TYPE = 12
"""Most lines between a place and what is taken to stand below it already."""
OPENINGS = ".(=,[: "
"""Behind one of these a person often looks for help: a place of kind 1."""
LEAST = 3
"""A line is worth typing that has more characters than this without its indentation: `pass` is, `})` is not."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, and what stands there."""

    name: str
    """The file."""
    prefix: str
    truth: str
    """What the file says next, to its end."""
    suffix: str
    """What is taken to stand below already; the lines between are still to be typed."""


def places(files: Mapping[str, str], seed: int = 0) -> Iterator[Place]:
    """Yield random places without end, one of each file in turn: a line's start, behind punctuation, inside a word.

    Half of them have text below. Files without a line worth typing have none; without any file, it ends.
    """
    rng = random.Random(seed)
    worth = {name: rows(text) for name, text in files.items()}
    names = sorted(name for name, lines in worth.items() if lines)
    rng.shuffle(names)
    kind = 0
    while names:
        for name in names:
            yield place(name, files[name], rng.choice(worth[name]), kind, rng)
            kind = (kind + 1) % 3
        rng.shuffle(names)


def rows(text: str) -> list[int]:
    """Return the lines of a text that are worth typing, counted from 0."""
    return [row for row, line in enumerate(text.splitlines()) if len(line.strip()) > LEAST]


def place(name: str, text: str, row: int, kind: int, rng: random.Random) -> Place:
    """Return a place in a line: of kind 0 at its code, 1 behind punctuation or a space, 2 inside a word, if it can."""
    lines = text.splitlines(keepends=True)
    start = sum(map(len, lines[:row]))
    at = start + _column(lines[row].rstrip("\n"), kind, rng)
    below = start + sum(map(len, lines[row : row + rng.randint(1, LINES_TO_TYPE)]))
    return Place(name, text[:at], text[at:], "\n" + text[below:] if rng.random() < 0.5 else "")


def _column(line: str, kind: int, rng: random.Random) -> int:
    indent = len(line) - len(line.lstrip())
    inner = range(indent + 1, len(line))
    if kind == 1:
        columns = [n for n in inner if line[n - 1] in OPENINGS]
    elif kind == 2:
        columns = [n for n in inner if line[n - 1].isalnum() and line[n].isalnum()]
    else:
        columns = []
    return rng.choice(columns) if columns else indent


def still_to_type(truth: str, suffix: str) -> str:
    """Return what is still to be typed where a text says `truth` next and `suffix` is below already.

    At most CHARACTERS, in whole lines where there is one.
    """
    gap = len(truth) - max(0, len(suffix) - 1)
    text = truth[: min(gap, CHARACTERS)]
    return text[: text.rfind("\n") + 1] or text
