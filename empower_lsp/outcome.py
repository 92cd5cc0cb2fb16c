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
_ACCEPTS = (Kind.ACCEPTED, Kind.PARTIALLY_ACCEPTED)


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
        old, cut = self.region, edit.start - self.start
        self.reached = self.progress
        self.region = old[:cut] + edit.text + old[cut + edit.end - edit.start :]
        follows, step = self.text.startswith(old), ""
        if follows and self.region.startswith(old):
            step = self.region[len(old) :]
        elif not follows and self.region == self.text:  # in place of a word that its menu's item does not begin with
            step = edit.text
        rest = self.text[len(old) :] if follows else ""
        if step in _PAIRS and rest.startswith(step[0]) and not rest.startswith(step):
            step = step[0]
            self.region = old + step  # the closer that the editor added stands behind the cursor
        return self._verdict(step, rest)

    def _verdict(self, step: str, rest: str) -> Kind | None:
        """What it means that `step` was added where `rest` was offered."""
        goes_on = self.text.startswith(self.region)
        whole = self.region == self.text or (len(step) > 1 and _same_but_blanks(step, rest))
        if step and (goes_on or whole) and (self.told > self.accepted or not _is_typed(step, whole)):
            return Kind.ACCEPTED if whole else Kind.PARTIALLY_ACCEPTED
        if self.region == self.text:
            return Kind.TYPED_THROUGH
        return None if goes_on else Kind.DIVERGED

    def count(self, kind: Kind) -> None:
        """Count what the last edit of the region accepted."""
        reached = len(self.text) if kind is Kind.ACCEPTED else self.progress
        self.accepted = max(0, min(self.accepted + reached - self.reached, reached - self.base))

    def judge(self, verdict: Kind | None, at: float) -> None:
        """Intend to say this, or nothing; for divergence, wait until what is written instead is complete."""
        if verdict is not Kind.DIVERGED or self.verdict is not verdict:
            self.at = at
        self.verdict, self.due = verdict, inf if verdict is None else at + GRACE_SECONDS
        if verdict is Kind.DIVERGED and _instead(self.region) == self.region:
            self.due = at + PAUSE_SECONDS

    def conclude(self) -> Outcome:
        """The final outcome, from all that is known by now."""
        kind = self.verdict or Kind.DISMISSED
        if kind is not Kind.ACCEPTED and self.accepted:
            kind = Kind.PARTIALLY_ACCEPTED
        elif kind in (Kind.DIVERGED, Kind.DISMISSED) and (self.since is None or self.at < self.since + SEEN_SECONDS):
            kind = Kind.SUPERSEDED
        reached = len(self.text) if kind is Kind.ACCEPTED else self.progress
        return Outcome(
            self.id,
            kind,
            self.explicit and kind in _ACCEPTS,
            self.at,
            characters=self.accepted,
            of=len(self.text) - self.base,
            typed=max(0, reached - self.base - self.accepted),
            text=_instead(self.region) if self.verdict is Kind.DIVERGED else "",
        )


def _instead(region: str) -> str:
    """What was written, up to the end of its line."""
    return region[: min(LONGEST, len(_LINE.match(region)[0]))]  # type: ignore[index]  # it matches any text


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
        offers = self._offers.values()
        return min((*(min(offer.due, offer.seen_at()) for offer in offers), *(held.due() for held in self._accepted)), default=inf)

    def answered(self, id: str, uri: str, start: int, end: int, text: str, at: float) -> list[Outcome]:
        """An item was returned that replaces `start` to `end`; the same id again when it was typed along."""
        self._settle(at)
        document = self._text_of(uri)
        if document is None or id in self._ended:
            return self._drain()
        self._texts[uri] = document
        offer = self._offers.get(id)
        for other in list(self._offers.values()):
            if other is not offer:
                other.give_way(uri, end, at)
        if offer is None:
            since = None if self._tells_shown else at
            offer = self._offers[id] = _Offer(id, uri, text, start, "", 0, since)
        if offer.verdict not in (Kind.ACCEPTED, Kind.TYPED_THROUGH):
            offer.offer(document, start, end, text)
        return self._drain()

    def shown(self, id: str, at: float) -> list[Outcome]:
        """The editor says that it shows a completion; from then on it is believed about those it does not mention."""
        self._settle(at)
        self._tells_shown = True
        if offer := self._offers.get(id):
            if offer.since is None or not offer.shown:
                offer.since = at
            self._show(offer, explicit=True)
        return self._drain()

    def accepted(self, id: str, at: float) -> list[Outcome]:
        """The editor ran the item's command, before or after it inserted the text."""
        self._settle(at)
        offer = self._offers.get(id)
        if offer is None or offer.arriving:
            return self._drain()
        arrived = offer.verdict in (Kind.ACCEPTED, Kind.TYPED_THROUGH, Kind.DIVERGED)
        if not arrived:
            offer.reached = offer.progress
        if offer.verdict is not Kind.ACCEPTED:
            offer.count(Kind.ACCEPTED)
            offer.judge(Kind.ACCEPTED, at)
            self._pass_over(offer)
            if arrived:
                self._hold(offer, at)
        offer.explicit = True
        self._finish(offer)
        if not arrived:
            offer.arriving, offer.due = True, at + GRACE_SECONDS
            self._offers[id] = offer
        return self._drain()

    def partially_accepted(self, id: str, characters: int, at: float) -> list[Outcome]:
        """The editor says how much of a completion it has inserted so far, before or after it did."""
        offer = self._offers.get(id)
        if offer is None or offer.arriving or characters <= 0:
            return self.tick(at)
        if characters >= len(offer.text) - offer.base:
            return self.accepted(id, at)
        self._settle(at)
        offer.explicit, offer.told = True, max(offer.told, characters)
        self._show(offer)
        if offer.accepted == 0 and offer.reached < offer.progress:  # it has arrived, and looked like a keystroke
            offer.count(Kind.PARTIALLY_ACCEPTED)
            self._hold(offer, at)
        return self._drain()

    def changed(self, uri: str, edits: Sequence[tuple[int, int, str]], at: float) -> list[Outcome]:
        """A document was edited; each edit counts in the document after the one before, and `text_of` knows them all."""
        self._settle(at)
        before, after = self._texts.get(uri), self._text_of(uri)
        tracked = self._of(uri) or any(held.uri == uri for held in self._accepted)
        if not tracked or before is None:
            self._texts.pop(uri, None)
            return self._drain()
        if after is None:
            return self.closed(uri, at)
        batch = [Edit(*edit) for edit in edits]
        if len(before) + sum(edit.growth for edit in batch) != len(after) or any(edit.end - edit.start == len(before) for edit in batch):
            batch = [difference(before, after)]  # the whole document was sent, or something was missed
        batch = [edit for edit in batch if edit.text or edit.start < edit.end]
        self._edit(uri, before, batch, at)
        self._texts[uri] = after
        return self._drain()

    def closed(self, uri: str, at: float) -> list[Outcome]:
        """A document was closed: all that is awaited there is said now."""
        self._settle(at)
        for offer in self._of(uri):
            if offer.verdict is None:
                offer.judge(Kind.DISMISSED, at)
            self._finish(offer)
        for held in [held for held in self._accepted if held.uri == uri]:
            self._look(held, at - held.at)
            self._accepted.remove(held)
        self._texts.pop(uri, None)
        return self._drain()

    def ended(self, at: float) -> list[Outcome]:
        """The editor has gone: every document is closed."""
        return [outcome for uri in list(self._texts) for outcome in self.closed(uri, at)]

    def tick(self, at: float) -> list[Outcome]:
        """Time has passed."""
        self._settle(at)
        return self._drain()

    def _drain(self) -> list[Outcome]:
        found, self._found = self._found, []
        return found

    def _of(self, uri: str) -> list[_Offer]:
        """The completions of a document, newest first."""
        return [offer for offer in reversed(self._offers.values()) if offer.uri == uri]

    def _settle(self, at: float) -> None:
        """Say what has become due; before an edit is looked at, so that it cannot change what was true till then."""
        for offer in list(self._offers.values()):
            if offer.seen_at() <= at:
                self._show(offer)
            if offer.due <= at:
                self._finish(offer)
        for held in list(self._accepted):
            while held.due() <= at:
                self._look(held, AGES[held.checks])
                held.checks += 1
            if held.due() == inf:
                self._accepted.remove(held)

    def _edit(self, uri: str, before: str, batch: list[Edit], at: float) -> None:
        touched = set()
        for index, edit in enumerate(batch):
            text = partial(replayed, before, batch, index)
            for held in self._accepted:
                if held.uri == uri:
                    held.start, held.end = moved(held.start, held.end, edit, text)
            for offer in self._of(uri):
                inside = offer.place(edit, text)
                if inside is None:
                    continue
                touched.add(offer.id)
                if self._write(offer, inside, at):
                    self._pass_over(offer)
                    break
        for offer in self._of(uri) if batch else ():
            if offer.id not in touched and offer.verdict is None:
                offer.judge(Kind.DISMISSED, at)

    def _write(self, offer: _Offer, edit: Edit, at: float) -> bool:
        """An edit at the place of a completion; whether it accepts some of it."""
        if offer.arriving:
            offer.take(edit)
            self._hold(offer, at)
            del self._offers[offer.id]
            return True
        if offer.verdict in (Kind.ACCEPTED, Kind.TYPED_THROUGH):
            return False
        kind = offer.take(edit)
        if kind is Kind.ACCEPTED or (kind is Kind.PARTIALLY_ACCEPTED and not offer.replaced):
            offer.count(kind)
            offer.judge(kind if kind is Kind.ACCEPTED else None, at)
            self._show(offer)
            self._hold(offer, at)
            return True
        if not offer.replaced:
            offer.judge(kind, at)
        elif offer.verdict is Kind.DIVERGED:
            offer.judge(kind if kind is Kind.DIVERGED else Kind.SUPERSEDED, at)
        return False

    def _pass_over(self, accepted: _Offer) -> None:
        """What is accepted of one completion was not written by hand in place of the others."""
        for offer in self._of(accepted.uri):
            if offer is not accepted and offer.verdict is Kind.DIVERGED:
                self._finish(offer)

    def _show(self, offer: _Offer, explicit: bool = False) -> None:
        ...
