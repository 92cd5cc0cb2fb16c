"""Fits a text in front of a word: it makes one word with what stands right behind the cursor, or is not shown."""

from __future__ import annotations

import re

_HEAD = re.compile(r"\w*")
_WORD = re.compile(r"\w")


def inside_word(suffix: str) -> bool:
    """Return whether a word begins or goes on right behind the cursor."""
    return _WORD.match(suffix) is not None


def joined(text: str, prefix: str, suffix: str) -> str:
    """Return the part of a text after which the word behind the cursor goes on where it belongs; empty without one.

    At `assert|Equal(`, `AlmostEqual(a, b)` gives `Almost`: up to where the text itself says `Equal`. Within a word only
    letters, digits and underscores may come between: `Key` and `Error(` in `Ke|yError` are none of its parts. Before a
    word, a text that ends in none may stay as it is: `y + ` before `z`. With no word there, nothing changes.
    """
    if not inside_word(suffix):
        return text
    rest = _HEAD.match(suffix)
    tail = rest[0] if rest else ""
    first = text.partition("\n")[0]
    splits = bool(_WORD.match(prefix[-1:]))
    for match in re.finditer(rf"{re.escape(tail)}(?!\w)", first):
        kept = first[: match.start()]
        if not splits or re.fullmatch(r"\w*", kept):
            return kept
    return "" if splits or _WORD.match(first.rstrip()[-1:]) else first
