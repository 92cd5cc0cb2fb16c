"""The text of a document as a client has it: a list of code units, edited as the protocol says; as plain as can be.

Shares nothing with what it is compared with. Half a character that an edit leaves is one replacement for each of its
units, so what follows on the line keeps its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

WIDTHS: dict[str, Callable[[str], int]] = {
    "utf-8": lambda character: len(character.encode()),
    "utf-16": lambda character: 2 if ord(character) > 0xFFFF else 1,
    "utf-32": lambda character: 1,
}
"""By position encoding: the units of a character."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of one character, which is told from its equals by a number."""

    character: str
    number: int
    place: int
    width: int


class Reference:
    """A text that is changed by position; lines end with `\\n`, `\\r\\n` or `\\r`."""

    def __init__(self, text: str, encoding: str) -> None:
        self._encoding = encoding
        self._numbers = count()
        self._units = self._of(text)

    def replace(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        """Put a text in the place of a range; each end is a line and a unit in it, clamped to what there is."""
        first, last = self._at(start), self._at(end)
        self._units = self._of(_joined([*self._units[:first], *self._of(text), *self._units[last:]], self._encoding))

    @property
    def text(self) -> str:
        """Return the text as it is."""
        return _joined(self._units, self._encoding)

    def _of(self, text: str) -> list[Unit]:
        whole = "".join("\N{REPLACEMENT CHARACTER}" if 0xD800 <= ord(c) < 0xE000 else c for c in _paired(text))
        return [
            Unit(character, number, place, WIDTHS[self._encoding](character))
            for character, number in zip(whole, self._numbers, strict=False)
            for place in range(WIDTHS[self._encoding](character))
        ]

    def _at(self, position: tuple[int, int]) -> int:
        line, character = position
        at = 0
        for _ in range(line):
            end = self._end(at)
            if end == len(self._units):
                return end
            at = end + (2 if self._is(end, "\r") and self._is(end + 1, "\n") else 1)
        return min(at + character, self._end(at))

    def _end(self, at: int) -> int:
        while at < len(self._units) and not (self._is(at, "\r") or self._is(at, "\n")):
            at += 1
        return at

    def _is(self, at: int, character: str) -> bool:
        return at < len(self._units) and self._units[at].character == character


def _joined(units: list[Unit], encoding: str) -> str:
    """Return what units say, with a replacement for each that has lost the others of its character."""
    text, at = "", 0
    while at < len(units):
        unit = units[at]
        whole = units[at : at + unit.width]
        if [(part.number, part.place) for part in whole] == [(unit.number, place) for place in range(unit.width)]:
            text += unit.character
            at += unit.width
        else:
            text += "\N{REPLACEMENT CHARACTER}" if encoding == "utf-16" else "?"
            at += 1
    return text


def _paired(text: str) -> str:
    """Join halves of a character that stand side by side, as JSON's escapes may write it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
