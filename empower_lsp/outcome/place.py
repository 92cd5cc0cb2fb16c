"""The text that stands in the place of a completion, said so that it can be put back where that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

WIDEST = 2_000
"""Code points of a line that are compared on each side of a place."""


class Standing(NamedTuple):
    """A text as it stands in the document: the completion's own up to `offset`, and then `text`.

    Of the completion `load_config(file)`: `(17, "", True)` when it stands there as it was offered, and
    `(0, "load_config(path)", True)` once `file` has been overwritten. Line ends are `\\n`.
    """

    offset: int | None
    """Code points of the completion's text, all of which stand before `text`; None where that is not known. Below 0
    where `text` begins so far before the cursor: a menu's item had begun to be typed."""
    text: str
    whole: bool | None
    """Whether that is all, between the very same text on its lines as when the completion was asked for; else it is a
    beginning. None where nobody has looked."""


@dataclass(frozen=True, slots=True)
class OfferedPlace:
    """The place where a completion was offered: its text, and what its line had before and behind it."""

    offered: str
    """With `\\n` line ends; begins where the item did."""
    ahead: int
    """Code points of the completion's text before `offered`: typed while it was computed. Below 0 for a menu's item."""
    head: str
    tail: str

    @classmethod
    def of(cls, document: str, start: int, end: int, text: str, length: int | None = None) -> OfferedPlace:
        """Return the place of an item that replaces `start` to `end`; `length` is that of its completion's text."""
        offered = plain(text)
        ahead = 0 if length is None else length - len(offered)
        return cls(offered, ahead, _head(document, start), _tail(document, end))

    def standing(self, document: str, start: int, text: str, longest: int) -> Standing:
        """Return what is known of the place when it begins at `start` and `text` is all that is in it.

        At most `longest` code points of the text are told.
        """
        end = start + len(text)
        if _head(document, start) != self.head or document[start:end] != text:
            return Standing(None, plain(text[:longest]), False)
        whole = _tail(document, end) == self.tail
        if plain(text) == self.offered:
            return Standing(self.ahead + len(self.offered), "", whole)
        return Standing(self.ahead, plain(text[:longest]), whole and len(text) <= longest)


def _head(document: str, start: int) -> str:
    low = max(0, start - WIDEST)
    return document[max(low, document.rfind("\n", low, start) + 1) : start]


def _tail(document: str, end: int) -> str:
    return document[end : end + WIDEST].partition("\n")[0].removesuffix("\r")


def plain(text: str) -> str:
    """Return a text with `\\n` line ends, as the log has them."""
    return text.replace("\r\n", "\n")
