"""Training rows: windows of documents, half of them laid out for filling in the middle as the server does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from empower_training.corpus.tokenizer import END, FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX

Encode = Callable[[str], list[int]]

_CHARACTERS_PER_TOKEN = 3.6
_LONGEST_MIDDLE = 400
"""Characters; a longer completion is never shown."""
_ANCHORS = 48
"""Lines; the server's anchors stand 16 to 48 lines above the cursor, and further up while a person types."""
_UNANCHORED = 0.15
"""Share of middles that begin at the cursor's line."""
_SMALLEST = 48
"""Tokens of room under which a row is filled with plain text."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Ids of the control tokens a sample is built with."""

    end: int
    prefix: int
    middle: int
    suffix: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A text cut for filling in: above + near + middle + below is the text, before truncation; middle begins a line."""

    above: str
    middle: str
    below: str
    near: str = ""
    """The lines from an anchor down to the middle, which the layout puts next to it."""


def marks(tokenizer: Tokenizer) -> Marks:
    """Return the control tokens of a tokeniser trained here; raises ValueError when it lacks one."""
    ids = {name: tokenizer.token_to_id(name) for name in (END, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX)}
    known = [id for id in ids.values() if id is not None]
    if len(known) < len(ids):
        raise ValueError(f"The tokeniser lacks control tokens; it needs {', '.join(ids)}.")
    return Marks(*known)


def encoder(tokenizer: Tokenizer) -> Encode:
    """Return the tokeniser as a function from text to ids."""
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)


def line_starts(text: str) -> list[int]:
    """Return the offsets of the first character of every line, a last empty line left out."""
    starts = [0]
    at = text.find("\n")
    while at != -1 and at + 1 < len(text):
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


def block_end(lines: Sequence[str], first: int) -> int:
    """Return the index behind the statement that begins at line `first`: what is indented deeper, and closers."""
    depth = len(lines[first]) - len(lines[first].lstrip())
    last = first
    for index in range(first + 1, len(lines)):
        body = lines[index].strip()
        if not body:
            continue
        indent = len(lines[index]) - len(lines[index].lstrip())
        if indent < depth or (indent == depth and body[0] not in ")]}"):
            break
        last = index
    return last + 1


def cut(text: str, rng: random.Random) -> Hole:
    """Choose a line and an end: 45 % any character, 35 % a line's end within six lines, 20 % a statement's end."""
    lines = text.splitlines(keepends=True)
    filled = [index for index, line in enumerate(lines) if line.strip()] or [0]
    first = rng.choice(filled)
    start = sum(map(len, lines[:first]))
    kind = rng.random()
    if kind < 0.45:
        span = min(first + rng.choice((1, 1, 1, 2, 3, 5)), len(lines))
        reach = len("".join(lines[first:span]).rstrip("\n"))
        indent = len(lines[first]) - len(lines[first].lstrip())
        end = start + rng.randint(min(indent + 1, reach), reach)
    else:
        stop = min(first + rng.choice((1, 1, 1, 2, 3, 4, 5, 6)), len(lines))
        if kind >= 0.8:
            stop = block_end(lines, first)
        end = start + len("".join(lines[first:stop]).rstrip("\n"))
    if end - start > _LONGEST_MIDDLE:
        newline = text.rfind("\n", start + 1, start + _LONGEST_MIDDLE)
        end = newline if newline > start else start + _LONGEST_MIDDLE
    return Hole(text[:start], text[start:end], text[end:])


def truncate(hole: Hole, rng: random.Random) -> Hole:
    """Lose context as at inference: often a short suffix, sometimes none, sometimes little above.

    Only a middle that ends a line loses its whole suffix: nothing would say where another one ends.
    """
    above, below = hole.above, hole.below
    kind = rng.random()
    if kind < 0.15 and below[:1] in ("", "\n"):
        below = ""
    elif kind < 0.6:
        below = "".join(below.splitlines(keepends=True)[: 1 + rng.randint(0, 40)])
    if rng.random() < 0.2:
        lines = above.splitlines(keepends=True)
        above = "".join(lines[len(lines) - rng.randint(0, len(lines)) :])
    return Hole(above, hole.middle, below)


def anchored(hole: Hole, rng: random.Random, most: int) -> Hole:
    """Set an anchor up to _ANCHORS lines above the middle, as the server does; sometimes at the middle itself.

    At most `most` characters stand between them.
    """
    lines = hole.above.splitlines(keepends=True)
    count = 0 if rng.random() < _UNANCHORED else rng.randint(1, _ANCHORS)
    near = lines[max(0, len(lines) - count) :]
    while sum(map(len, near)) > most:
        del near[0]
    start = len(hole.above) - sum(map(len, near))
    return Hole(hole.above[:start], hole.middle, hole.below, hole.above[start:])


def lay_out(hole: Hole, encode: Encode, marks: Marks, room: int) -> list[int]:
    """Lay a hole out in the server's order, in at most `room` ids: the suffix gives way first, then what is far above.

    Layout: prefix mark, above, suffix mark, below, middle mark, near lines, middle, end of text; all tokenised apart. A
    middle too long for the room is cut, and has no end.
    """
    middle = [*encode(hole.near), *encode(hole.middle), marks.end][: room - 3]
    above, below = encode(hole.above), encode(hole.below)
    left = room - 3 - len(middle)
    below = below[: max(left - len(above), left // 3)]
    above = above[max(0, len(above) - (left - len(below))) :]
    return [marks.prefix, *above, marks.suffix, *below, marks.middle, *middle]


class Stream:
    """An endless, resumable stream of rows of exactly `context` tokens, reshuffled and cut anew in every epoch."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer, seed: int = 0, fim: float = 0.5) -> None:
        """Read texts in a seeded order; `fim` is the share of samples that are laid out for filling in the middle."""
        self._texts = texts
        self._encode = encoder(tokenizer)
        self._marks = marks(tokenizer)
        self._fim = fim
        self._seed = seed
        self._rng = random.Random(seed)
        self.epoch = 0
        self._index = 0
        self._offset = 0
        self._order = self._shuffled()

    def _shuffled(self) -> list[int]:
        order = list(range(len(self._texts)))
        random.Random(f"{self._seed}-{self.epoch}").shuffle(order)
        return order

    def state(self) -> dict[str, Any]:
        """Return where the stream is, for `restore`."""
        return {
            "epoch": self.epoch,
            "index": self._index,
            "offset": self._offset,
            "rng": self._rng.getstate(),
            "texts": len(self._texts),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on exactly where `state` was taken; with other texts, at the beginning of the next epoch."""
        self.epoch, self._index, self._offset = state["epoch"], state["index"], state["offset"]
        if state["texts"] != len(self._texts):
            self.epoch, self._index, self._offset = self.epoch + 1, 0, 0
        self._rng.setstate(state["rng"])
        self._order = self._shuffled()

    def rows(self, count: int, context: int) -> NDArray[np.int64]:
        """Return the next rows, shape (count, context)."""
        return np.array([self._row(context) for _ in range(count)], dtype=np.int64)

    def _row(self, context: int) -> list[int]:
        row: list[int] = []
        while len(row) < context:
            row += self._sample(context - len(row))
        return row

    def _sample(self, room: int) -> list[int]:
        """Return one sample of at most `room` tokens."""
        whole = room < 4 * _SMALLEST or self._rng.random() < 0.6
        budget = room if whole else self._rng.randint(2 * _SMALLEST, room)
        if room < _SMALLEST or self._rng.random() >= self._fim:
            return self._plain(budget)
        window, _ = self._window(int(budget * _CHARACTERS_PER_TOKEN))
        hole = truncate(cut(window, self._rng), self._rng)
        hole = anchored(hole, self._rng, int(budget * _CHARACTERS_PER_TOKEN / 2))
        return lay_out(hole, self._encode, self._marks, budget)

    def _plain(self, budget: int) -> list[int]:
        window, ended = self._window(int(budget * _CHARACTERS_PER_TOKEN * 1.25) + 1)
        ids = self._encode(window)
        return [*ids, self._marks.end][:budget] if ended else ids[:budget]

    def _window(self, characters: int) -> tuple[str, bool]:
        """Return the document's next piece, cut at a line's end, and whether the document ends with it."""
        text = self._texts[self._order[self._index]]
        stop = self._offset + characters
        if stop < len(text):
            newline = text.rfind("\n", self._offset, stop) + 1
            stop = newline if newline > self._offset else stop
        window = text[self._offset : stop]
        self._offset = stop
        ended = stop >= len(text)
        if ended:
            self._offset, self._index = 0, self._index + 1
            if self._index == len(self._order):
                self.epoch, self._index = self.epoch + 1, 0
                self._order = self._shuffled()
        return window, ended
