"""What became of a completion: told by the editor, or inferred from later edits; knows no LSP types and no clock.

A completion has one final outcome. What is inferred waits a moment before it is said, since many editors insert first
and run the command of the item then: their word takes the place of the inference. Times are seconds of any clock
that never goes back; offsets and counts are code points.

An inference cannot tell apart: accepting, and pasting or choosing from a menu the very same text; typing, and accepting
what one key could have written (a last letter, a line end with its indentation); an input method's word, and a partial
accept of it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import inf
from os.path import commonprefix

from empower_lsp.edits import Edit, difference, moved, narrowed, replayed, slid, survivors

SEEN_SECONDS = 0.5
"""What was on the screen for less cannot have been rejected."""
GRACE_SECONDS = 1.0
"""How long the editor's own word on what became of a completion is waited for."""
PAUSE_SECONDS = 2.0
"""Without an edit for so long, what was written in place of a completion is complete."""
AGES = (30.0, 120.0, 600.0)
"""Seconds after which an accepted text is looked for."""
LONGEST = 200
"""Code points of the longest text in an outcome."""

_REMEMBERED = 1_000
"""How many completions that have ended are known by their id; the session repeats only the last of each document."""
_PAIRS = frozenset(("()", "[]", "{}", "<>", '""', "''", "``"))
_CLOSERS = frozenset(pair[1] for pair in _PAIRS)
_KEYSTROKE = re.compile(r"\r?\n[ \t]*|[ \t]+|.", re.DOTALL)
_COMPOSED = re.compile(r"[^\x00-\x7f]+")
_LINE = re.compile(r"\s*[^\r\n]*")


class Kind(StrEnum):
    """What became of a completion; all but the first and the last two are final, and exclude each other."""

    SHOWN = "shown"
    ACCEPTED = "accepted"
    """All that was not typed before."""
    PARTIALLY_ACCEPTED = "partially accepted"
    TYPED_THROUGH = "typed through"
    """All of it was typed by hand."""
    DIVERGED = "diverged"
    """Seen, and something else was written."""
    DISMISSED = "dismissed"
    """Seen, and left: the person went on elsewhere, deleted, or closed the document."""
    SUPERSEDED = "superseded"
    """Gone before it was seen, or replaced by the server where it stood: not a rejection."""
    KEPT = "kept"
    """Accepted, and still there."""
    CHANGED = "changed"
    """Accepted, and no longer all there."""


FINAL = frozenset(Kind) - {Kind.SHOWN, Kind.KEPT, Kind.CHANGED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that became of a completion, at the time it happened, which may be before it is told."""

    id: str
    kind: Kind
    explicit: bool
    """Whether the editor said so; else it was inferred."""
    at: float
    characters: int = 0
    """Accepted of it; for kept and changed, the non-whitespace characters still there."""
    of: int = 0
    """What `characters` is out of."""
    typed: int = 0
    """Typed along it by hand."""
    text: str = ""
    """What stands in its place, from where the completion began: for kept and changed now, else as it was written
    up to the end of its line or a pause."""
    age: float = 0.0
    """For kept and changed: seconds since it was accepted."""


@dataclass(slots=True)
class _Accepted:
    """An accepted text and the range that it lies in."""

    id: str
    uri: str
    start: int
    end: int
    text: str
    at: float
    checks: int = 0
    """How many of `AGES` are behind it."""

    def due(self) -> float:
        return self.at + AGES[self.checks] if self.checks < len(AGES) else inf


@dataclass(slots=True)
class _Offer:
    """A completion that is on the screen, or was a moment ago."""

    id: str
    uri: str
    text: str
    start: int
    region: str
    """What stands in its place now, from `start` on."""
    base: int
    """How much of `text` stood there when it was answered: a menu's item replaces the word before the cursor."""
    since: float | None
    """When it came on the screen; None in an editor that tells this and has not."""
    shown: bool = False
    """Whether that has been said."""
    told: int = 0
    """How much the editor says was accepted."""
    explicit: bool = False
    accepted: int = 0
    reached: int = 0
    """How much of `text` stood there before the last edit of it."""
    replaced: bool = False
    """Whether something else is on the screen now."""
    arriving: bool = False
    """Whether it has ended as accepted, ahead of the edit that inserts it."""
    verdict: Kind | None = None
    """What will be said at `due` unless something else happens."""
    at: float = 0.0
    due: float = inf
    held: _Accepted | None = None

    @property
    def end(self) -> int:
        return self.start + len(self.region)

    @property
    def progress(self) -> int:
        """How much of `text` stands there."""
        return len(commonprefix((self.text, self.region)))

    def place(self, edit: Edit, text: Callable[[], str]) -> Edit | None:
        """An edit of `text()` as one of the region; None if it is outside, after taking account of it."""
        if edit.start == self.end and edit.end == edit.start + 1 and edit.text in _CLOSERS:
            return Edit(edit.start, edit.start, edit.text)  # an auto-closed bracket is overtyped with itself
        if not self._contains(edit):
            near = self.start - len(edit.text) <= edit.start <= self.end + len(self.text)
            edit = narrowed(text(), edit) if edit.start < edit.end else slid(text(), edit, self.end) if near else edit
        if self._contains(edit):
            return edit
        if edit.end < self.start or edit.start == edit.end < self.start:
            self.start += edit.growth
        elif edit.start < self.end or edit.end == self.start:
            self.start, self.region, self.replaced = min(self.start, edit.start), "", True
        return None

    def _contains(self, edit: Edit) -> bool:
        return self.start <= edit.start and edit.end <= self.end

    def take(self, edit: Edit) -> Kind | None:
        """Edit the region; accepted (or in part), typed through, diverged, or None when it goes on as `text` does."""
        old, rest = self.region, self.text.removeprefix(self.region)
        follows = len(rest) + len(old) == len(self.text) and self.text.startswith(old)
        self.reached = self.progress
        cut = edit.start - self.start
        self.region = old[:cut] + edit.text + old[cut + edit.end - edit.start :]
        step = self.region[len(old) :] if follows and self.region.startswith(old) else ""
        if step in _PAIRS and rest.startswith(step[0]) and not rest.startswith(step):
            step = step[0]
            self.region = old + step  # the closer that the editor added stands behind the cursor
        whole = self.region == self.text or (len(step) > 1 and _same_but_blanks(step, rest))
        goes_on = self.text.startswith(self.region)
        if step and (whole or goes_on) and (self.told > self.accepted or not _is_typed(step, whole)):
            return Kind.ACCEPTED if whole else Kind.PARTIALLY_ACCEPTED
        if self.region == self.text:
            return Kind.TYPED_THROUGH
        return None if goes_on else Kind.DIVERGED


def _is_typed(step: str, whole: bool) -> bool:
    """Whether one key may have put this in; an input method writes a word at a time, but hardly ends with the text."""
    return bool(_KEYSTROKE.fullmatch(step)) or step in _PAIRS or (not whole and bool(_COMPOSED.fullmatch(step)))


def _same_but_blanks(one: str, other: str) -> bool:
    """Whether two texts have the same words and signs: an editor may indent what it inserts."""
    words = "".join(one.split())
    return bool(words) and words == "".join(other.split())


class Tracker:
    """Follows the completions of one editor.

    `text_of` gives the text of an open document as it is at that moment, None for others. Every method returns what has
    been found out since the last call.
    """

    def __init__(self, text_of: Callable[[str], str | None]) -> None:
        self._text_of = text_of
        self._texts: dict[str, str] = {}
        """Documents with ranges in them, before the next change: references, never copies."""
        self._offers: dict[str, _Offer] = {}
        self._accepted: list[_Accepted] = []
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._tells_shown = False
        self._found: list[Outcome] = []

    @property
    def due(self) -> float:
        """When `tick` next has something to do; infinity when nothing is awaited."""
        showing = (offer.since + SEEN_SECONDS for offer in self._offers.values() if _may_show(offer) and offer.since)
        ends = (offer.due for offer in self._offers.values())
        return min((*showing, *ends, *(held.due() for held in self._accepted)), default=inf)
