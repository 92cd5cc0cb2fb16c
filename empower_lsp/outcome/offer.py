"""What became of one completion: told by the editor, or inferred from edits; knows no LSP types and no clock.

A completion has one final outcome. What is inferred waits a moment before it is said, since many editors insert first
and run the item's command then: their word takes the place of the inference. Times are seconds of any clock that never
goes back; offsets and counts are code points.

An inference cannot tell apart: accepting, and pasting or choosing from a menu the very same text; typing, and accepting
what one key could have written (a last letter, a line end with its indentation); an input method's word, and a partial
accept of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from empower_lsp.outcome.edits import Edit, difference, narrowed, slid
from empower_lsp.outcome.outcome import Kind, Outcome
from empower_lsp.outcome.place import OfferedPlace, Standing, plain

SEEN_SECONDS = 0.5
"""What was on the screen for less cannot have been rejected."""
GRACE_SECONDS = 1.0
"""How long the editor's own word on what became of a completion is waited for."""
PAUSE_SECONDS = 2.0
"""Without an edit for so long, what was written in place of a completion is complete."""
LONGEST = 200
"""Code points of what a person wrote, from where it left the completion."""
LONGEST_STANDING = 2_000
"""Code points of what stands in a completion's place: several times the longest that one is."""

_PAIRS = frozenset(("()", "[]", "{}", "<>", '""', "''", "``"))
_CLOSERS = frozenset(pair[1] for pair in _PAIRS)
_KEYSTROKE = re.compile(r"\r?\n[ \t]*|[ \t]+|.", re.DOTALL)
_COMPOSED = re.compile(r"[^\x00-\x7f]+")
_LINE = re.compile(r"\s*[^\r\n]*")
_ACCEPTED = (Kind.ACCEPTED, Kind.PARTIALLY_ACCEPTED)


@dataclass(slots=True)
class Offer:
    """A completion that is on the screen, or was a moment ago."""

    id: str
    uri: str
    since: float | None
    """When it came on the screen; None in an editor that tells this and has not."""
    text: str = ""
    start: int = 0
    region: str = ""
    """What stands in its place now, from `start` on."""
    length: int | None = None
    """Code points of the whole completion, some of which may have been typed before it was answered."""
    origin: OfferedPlace | None = None
    """Where it was answered first."""
    base: int = 0
    """How much of `text` stood there when it was answered: a menu's item replaces the word before the cursor."""
    shown: bool = False
    """Whether that has been said."""
    told: int = 0
    """How much of `text` the editor says stands there, since it has inserted a part."""
    explicit: bool = False
    """Whether the editor says that some of it was accepted."""
    declined: bool = False
    """Whether the editor says that it was dismissed."""
    taken: set[int] = field(default_factory=set)
    """Which code points of `text` were accepted: a set, so that none counts twice."""
    steps: list[tuple[int, int]] = field(default_factory=list)
    """How `text` came to stand there, edit by edit: from, to."""
    reached: int = 0
    """How much of `text` stood there before the last edit of it."""
    alternative: bool = False
    """Whether it was answered beside another, unseen until somebody asks for the next."""
    replaced: bool = False
    """Whether something else is on the screen now."""
    arriving: bool = False
    """Whether it has ended as accepted, ahead of the edit that inserts it."""
    verdict: Kind | None = None
    """What will be said at `due` unless something else happens."""
    at: float = 0.0
    due: float = inf

    @property
    def end(self) -> int:
        """Return where its place ends."""
        return self.start + len(self.region)

    @property
    def progress(self) -> int:
        """Return how much of `text` stands there."""
        return difference(self.text, self.region).start

    @property
    def accepted(self) -> int:
        """Return how many code points of `text` were accepted."""
        return len(self.taken)

    @property
    def settled(self) -> bool:
        """Return whether all of `text` stands there: nothing but the editor's word is awaited."""
        return self.verdict in (Kind.ACCEPTED, Kind.TYPED_THROUGH)

    @property
    def seen_at(self) -> float:
        """Return when it will have been on the screen for long enough to say so."""
        waits = not self.shown and self.verdict is None and self.since is not None
        return (self.since or 0.0) + SEEN_SECONDS if waits else inf

    def offer(self, document: str, start: int, end: int, text: str) -> None:
        """Take in that the completion is answered, for the first time or again."""
        if not self.text or document[self.start : start] + text != self.text:
            self.start, self.text = start, text
            self.base = difference(text, document[start:end]).start
            self.origin = OfferedPlace.of(document, start, end, text, self.length)
        self.region = document[self.start : end]
        self.replaced = False
        self.judge(None, 0.0)

    def give_way(self, uri: str, end: int, at: float) -> None:
        """Take in that another completion is answered at a cursor: in place of this one, or where the person went."""
        if self.verdict in (None, Kind.DISMISSED) and not self.replaced:
            here = uri == self.uri and end == self.end
            self.judge(Kind.SUPERSEDED if here else Kind.DISMISSED, at)
        self.replaced = True

    def place(self, edit: Edit, text: Callable[[], str]) -> Edit | None:
        """Return an edit of `text()` as one of the region; None if it is outside, after taking account of it."""
        if edit.start == self.end and edit.end == edit.start + 1 and edit.text in _CLOSERS:
            return Edit(edit.start, edit.start, edit.text)  # an auto-closed bracket is overtyped with itself
        if not self._contains(edit):
            if edit.start < edit.end and edit.start <= self.end and edit.end >= self.start:
                edit = narrowed(text(), edit)
            if self.start - len(edit.text) <= edit.start <= self.end + len(self.text):
                edit = slid(text(), edit, self.end)
        if self._contains(edit):
            return edit
        if edit.end < self.start or edit.start == edit.end < self.start:
            self.start += edit.growth
        elif edit.start < self.end or edit.end == self.start:  # the text that it was to follow is gone
            self.start, self.region, self.replaced = min(self.start, edit.start), "", True
        return None

    def _contains(self, edit: Edit) -> bool:
        return self.start <= edit.start and edit.end <= self.end

    def write(self, edit: Edit) -> None:
        """Edit the region."""
        self.region = Edit(edit.start - self.start, edit.end - self.start, edit.text).apply(self.region)

    def take(self, edit: Edit) -> Kind | None:
        """Edit the region, and return what that means: None when it goes on as `text` does, else a kind of outcome."""
        old, self.reached = self.region, self.progress
        self.write(edit)
        kind = self._read(edit, old)
        self._step()
        return kind

    def _read(self, edit: Edit, old: str) -> Kind | None:
        """Return what the last edit, of what was `old`, means."""
        follows, step = self.text.startswith(old), ""
        if follows and self.region.startswith(old):
            step = self.region[len(old) :]
        elif not follows and self.region == self.text:  # in place of a word that its menu's item does not begin with
            step = edit.text
        rest = self.text[len(old) :] if follows else ""
        if step in _PAIRS and rest.startswith(step[0]) and not rest.startswith(step):
            step = step[0]
            self.region = old + step  # the closer that the editor added stands behind the cursor
        return self._meaning(step, rest)

    def _meaning(self, step: str, rest: str) -> Kind | None:
        """Return what it means that `step` was added where `rest` was offered."""
        goes_on = self.text.startswith(self.region)
        whole = self.region == self.text or (len(step) > 1 and _same_but_blanks(step, rest))
        if step and (goes_on or whole) and (self.told > self.reached or not _is_typed(step, whole)):
            return Kind.ACCEPTED if whole else Kind.PARTIALLY_ACCEPTED
        if self.region == self.text:
            return Kind.TYPED_THROUGH
        return None if goes_on else Kind.DIVERGED

    def _step(self) -> None:
        """Remember how far the last edit has brought it, or that some of it is gone."""
        now = self.progress
        if now < self.reached:
            self.told = min(self.told, now)
            self.steps = [(start, min(end, now)) for start, end in self.steps if start < now]
        elif now > self.reached:
            self.steps.append((self.reached, now))

    def arrived(self, position: int) -> tuple[int, int] | None:
        """Return the part of `text` that came with the edit that brought it to `position`; None before that."""
        steps = reversed(self.steps) if position <= self.progress else ()
        return next(((start, position) for start, end in steps if start < position <= end), None)

    def count(self, start: int, end: int) -> bool:
        """Count a part of `text` as accepted, but for what stood there when it was answered; whether that is new."""
        before = self.accepted
        self.taken.update(range(max(start, self.base), end))
        return self.accepted > before

    def judge(self, verdict: Kind | None, at: float) -> None:
        """Intend to say this, or nothing; for divergence, wait until what is written instead is complete."""
        if self.verdict is None or verdict in (Kind.ACCEPTED, Kind.TYPED_THROUGH):
            self.at = at  # what is given up in one way or the other was given up the first time
        self.verdict, self.due = verdict, inf if verdict is None else at + GRACE_SECONDS
        if verdict is Kind.DIVERGED and self._unseen():
            self.due = self.at + GRACE_SECONDS  # there is one with every key, and little to learn from it
        elif verdict is Kind.DIVERGED and self._instead() == self.region:
            self.due = at + PAUSE_SECONDS

    def _unseen(self) -> bool:
        """Return whether it was given up before it can have been seen."""
        return self.since is None or self.at < self.since + SEEN_SECONDS

    def conclude(self, document: str | None, kept: tuple[int, int] | None) -> Outcome:
        """Return the final outcome, from all that is known by now.

        `document` is the text that it lies in, None while that changes; an accepted text lies in `kept` by now.
        """
        kind = self.verdict or Kind.DISMISSED
        if kind is not Kind.ACCEPTED and self.accepted:
            kind = Kind.PARTIALLY_ACCEPTED
        elif kind in (Kind.DIVERGED, Kind.DISMISSED) and not self.declined and self._unseen():
            kind = Kind.SUPERSEDED
        reached = len(self.text) if kind is Kind.ACCEPTED else self.progress
        return Outcome(
            self.id,
            kind,
            self.declined if kind is Kind.DISMISSED else self.explicit and kind in _ACCEPTED,
            self.at,
            characters=min(self.accepted, len(self.text) - self.base),
            of=len(self.text) - self.base,
            typed=max(0, reached - self.base - self.accepted),
            **self._standing(kind, document, kept)._asdict(),
        )

    def _standing(self, kind: Kind, document: str | None, kept: tuple[int, int] | None) -> Standing:
        """Return what stands in its place at its end; of what was written instead, up to the end of a line."""
        instead = self._instead() if self.verdict is Kind.DIVERGED else ""
        if document is None or self.origin is None or kind in (Kind.DISMISSED, Kind.SUPERSEDED):
            return Standing(None, instead, False if instead else None)
        if kind is Kind.ACCEPTED:  # it may have been written on since, which is no more in its place
            start, end = kept or (0, 0)
            text = document[start:end]
            return self.origin.standing(document, start, text, LONGEST_STANDING) if kept else Standing(None, "", None)
        standing = self.origin.standing(document, self.start, self.region, LONGEST_STANDING)
        line = plain(instead) + "\n" * self.region.startswith(("\n", "\r\n"), len(instead))
        return Standing(standing.offset, line, False) if instead and line != plain(self.region) else standing

    def _instead(self) -> str:
        """Return what was written, up to the end of the line on which it left the completion."""
        left = self.progress
        line = _LINE.match(self.region, left)
        return self.region[: min(line.end() if line else left, left + LONGEST)]


def _is_typed(step: str, whole: bool) -> bool:
    """Return whether one key, or a word of an input method, which hardly ends with the text, may have put this in."""
    return bool(_KEYSTROKE.fullmatch(step)) or step in _PAIRS or (not whole and bool(_COMPOSED.fullmatch(step)))


def _same_but_blanks(text: str, other: str) -> bool:
    """Return whether two texts have the same words and signs: an editor may indent what it inserts."""
    words = "".join(text.split())
    return bool(words) and words == "".join(other.split())
