"""What is measured with: cursors in a real Python file, and the typing of its lines key by key."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from empower_model.request import Limits, Request


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the file: the text before it and after it."""

    prefix: str
    suffix: str

    def request(self, tokens: int) -> Request:
        """Ask for exactly that many tokens here."""
        return Request(self.prefix, self.suffix, exactly(tokens))


def exactly(tokens: int) -> Limits:
    """Limits that end an inline completion at that many tokens and for no reason of content."""
    return Limits(confidence=0.0, rule="budget", max_tokens=tokens, max_lines=100)


@cache
def source() -> str:
    """Return a real file: a module of the standard library."""
    assert argparse.__file__ is not None
    return Path(argparse.__file__).read_text(encoding="utf-8")


def scattered(count: int, seed: int = 0, first: int = 100, last: int = 2000) -> list[Cursor]:
    """Cursors inside random lines of a range: hardly anything is cached from one to the next."""
    random = Random(seed)
    lines = source().splitlines(keepends=True)
    cursors: list[Cursor] = []
    while len(cursors) < count:
        number = random.randrange(first, min(last, len(lines)))
        line = lines[number]
        if len(line.strip()) > 3:
            column = random.randrange(len(line) - len(line.lstrip()), len(line))
            cursors.append(_cursor(lines, number, column))
    return cursors


def typing(number: int) -> list[Cursor]:
    """Return a line's cursors as it is typed, from its indentation to its end; the text below is as it is."""
    lines = source().splitlines(keepends=True)
    line = lines[number].rstrip("\n")
    before, after = "".join(lines[:number]), "\n" + "".join(lines[number + 1 :])
    start = len(line) - len(line.lstrip())
    return [Cursor(before + line[:column], after) for column in range(start, len(line) + 1)]


def typed_lines(count: int, seed: int = 0) -> Iterator[list[Cursor]]:
    """Random lines of the file, each as its cursors while it is typed."""
    random = Random(seed)
    lines = source().splitlines()
    numbers = [number for number, line in enumerate(lines) if len(line.strip()) >= 12]
    for number in sorted(random.sample(numbers, count)):
        yield typing(number)


def _cursor(lines: list[str], number: int, column: int) -> Cursor:
    before, after = "".join(lines[:number]), "".join(lines[number + 1 :])
    return Cursor(before + lines[number][:column], lines[number][column:] + after)
