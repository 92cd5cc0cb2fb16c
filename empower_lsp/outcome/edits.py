"""Edits of a text: the same edit said differently, what an edit does to a range, and what is left of a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

WINDOW = 500
"""Code points on each side within which a place is looked for in rewritten text: about 5 ms for `difflib`."""

FARTHEST = 2_000
"""Code points by which an insertion may be slid, and by which a rewritten text may have moved."""

_WORD = re.compile(r"[A-Za-z0-9_]+|\S")
_QUOTES = str.maketrans("'`", '""')


class Edit(NamedTuple):
    """Code points `start` to `end` of a text give way to `text`."""

    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        """Return by how many code points the text gets longer."""
        return len(self.text) - (self.end - self.start)

    def apply(self, text: str) -> str:
        """Return the text after the edit."""
        return text[: self.start] + self.text + text[self.end :]


def replayed(text: str, edits: Sequence[Edit], count: int) -> str:
    """Return the text after the first `count` edits."""
    for edit in edits[:count]:
        text = edit.apply(text)
    return text


def difference(before: str, after: str) -> Edit:
    """Return the one edit that leads from one text to the other, without what they have in common at both ends."""
    shorter = min(len(before), len(after))
    start = _agreeing(shorter, lambda low, high: before[low:high] == after[low:high])
    old, new = len(before), len(after)
    tail = _agreeing(shorter - start, lambda low, high: before[old - high : old - low] == after[new - high : new - low])
    return Edit(start, old - tail, after[start : new - tail])


def _agreeing(limit: int, agree: Callable[[int, int], bool]) -> int:
    """Return the largest count up to `limit` for which all agrees, by comparing slices, at memory speed."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if agree(low, middle) else (low, middle - 1)
    return low


def narrowed(text: str, edit: Edit) -> Edit:
    """Leave out of an edit what it replaces by itself: some editors send whole lines, or the whole document."""
    start, end, new = difference(text[edit.start : edit.end], edit.text)
    return Edit(edit.start + start, edit.start + end, new)


def slid(text: str, edit: Edit, place: int) -> Edit:
    """Say an insertion of `place` when that gives the same text; else return it as it is.

    An editor that compares texts to find an edit may report `b|ab` for `|ba` put in before a `b`.
    """
    at, _, new = edit
    if edit.start != edit.end or abs(at - place) > FARTHEST:
        return edit
    if place < at:
        between = text[place:at]
        whole = between + new
        return Edit(place, place, whole[: len(new)]) if whole.endswith(between) else edit
    between = text[at:place]
    whole = new + between
    return Edit(place, place, whole[len(between) :]) if whole.startswith(between) else edit


def moved(start: int, end: int, edit: Edit, text: Callable[[], str]) -> tuple[int, int]:
    """Return where a range lies after an edit of `text()`.

    What is put in at its borders stays outside, unless the range is empty: then an undone text may be coming back.
    """
    if start == end == edit.start == edit.end:
        return start, end + len(edit.text)
    if edit.end <= start:
        return start + edit.growth, end + edit.growth
    if edit.start >= end:
        return start, end
    if start > edit.start or end < edit.end:  # replaced together with text outside
        edit = narrowed(text(), edit)
        if edit.start < start < edit.end or edit.start < end < edit.end:
            return _found(text()[edit.start : edit.end], edit, start, end)
        return moved(start, end, edit, text)
    return start, end + edit.growth


def _found(old: str, edit: Edit, start: int, end: int) -> tuple[int, int]:
    """Find a range, part of which was rewritten, by the words that its surroundings kept."""
    first, last = (min(max(at - edit.start, 0), len(old)) for at in (start, end))
    drift = min(abs(edit.growth), FARTHEST) + WINDOW
    here = _words(old, first - WINDOW, last + WINDOW)
    there = _words(edit.text, first - drift, last + drift)
    kept = SequenceMatcher(None, [word for _, word in here], [word for _, word in there], autojunk=False)
    pairs = [
        (here[a + i][0], there[b + i][0], len(here[a + i][1]))
        for a, b, size in kept.get_matching_blocks()
        for i in range(size)
    ]
    # Within a word that was kept, the same letter; between words, as wide as the words around it allow.
    low = max((there + min(first - here, size) for here, there, size in pairs if here <= first), default=0)
    high = min(
        (there + max(last - here, 0) for here, there, size in pairs if here + size >= last), default=len(edit.text)
    )
    begins = start if start <= edit.start else edit.start + low
    ends = end + edit.growth if end >= edit.end else edit.start + high
    return begins, max(begins, ends)


def survivors(text: str, now: str) -> tuple[int, int]:
    """Count the non-whitespace characters of a text that are still there in order, word by word, and all that it had.

    Whitespace and the kind of quotes do not count: a formatter changes them.
    """
    words, left = ([word for _, word in _words(part, 0, len(part))] for part in (text, now))
    blocks = SequenceMatcher(None, words, left, autojunk=False).get_matching_blocks()
    kept = sum(len(word) for block in blocks for word in words[block.a : block.a + block.size])
    return kept, sum(map(len, words))


def _words(text: str, start: int, end: int) -> list[tuple[int, str]]:
    """Return the words and signs between two offsets, each with its offset, quotes made one kind."""
    matches = _WORD.finditer(text, max(start, 0), max(end, 0))
    return [(match.start(), match[0].translate(_QUOTES)) for match in matches]
