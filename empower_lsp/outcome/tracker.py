"""All completions of one editor that are still to be judged, and the accepted texts that are looked for later.

Knows no LSP types and no clock; `offer.py` says what the words mean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import inf

from empower_lsp.outcome.accepted import AGES, Accepted
from empower_lsp.outcome.edits import Edit, difference, replayed
from empower_lsp.outcome.offer import GRACE_SECONDS, Offer
from empower_lsp.outcome.outcome import Kind, Outcome

_REMEMBERED = 1_000
"""How many completions that have ended are known by their id; the session repeats only the last of each document."""


class Tracker:
    """Follows the completions of one editor.

    `text_of` gives the text of an open document as it is at that moment, None for others. Every method returns what has
    been found out since the last call.
    """

    def __init__(self, text_of: Callable[[str], str | None]) -> None:
        self._text_of = text_of
        self._texts: dict[str, str] = {}
        """Documents with ranges in them, before the next change: references, never copies."""
        self._offers: dict[str, Offer] = {}
        self._accepted: list[Accepted] = []
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._tells_shown = False
        self._editing = False
        """Whether ranges are being moved, so that they fit no text."""
        self._outcomes: list[Outcome] = []

    @property
    def due(self) -> float:
        """Return when `tick` next has something to do; infinity when nothing is awaited."""
        offers = self._offers.values()
        return min(
            (*(min(offer.due, offer.seen_at) for offer in offers), *(held.due for held in self._accepted)), default=inf
        )

    def answered(
        self,
        id: str,
        uri: str,
        start: int,
        end: int,
        text: str,
        at: float,
        *,
        alternative: bool = False,
        length: int | None = None,
    ) -> list[Outcome]:
        """Follow an item that was returned, and replaces `start` to `end`; the same id again when it was typed along.

        `length` is that of the completion it was first made of, some of which may have been typed before.
        An alternative stands beside those before it, unseen unless the editor says that it shows it.
        """
        self._settle(at)
        document = self._text_of(uri)
        if document is None or id in self._ended:
            return self._drain()
        self._texts[uri] = document
        offer = self._offers.get(id)
        if not alternative:
            for other in self._offers.values():
                if other is not offer:
                    other.give_way(uri, end, at)
        if offer is None:
            offer = self._offers[id] = Offer(id, uri, None, length=length)
        offer.alternative = alternative
        if offer.since is None and not alternative and not self._tells_shown:
            offer.since = at
        if not offer.settled:
            offer.offer(document, start, end, text)
        return self._drain()

    def shown(self, id: str, at: float) -> list[Outcome]:
        """Take in that a completion is on the screen, as the editor says.

        From the first such word on, the editor is taken for one that tells of every completion it shows, and what it
        does not name counts as unseen. A word on one of several that were answered together shows no such thing: some
        editors tell only which of them a person has turned to, and nothing of a single one that was simply shown.
        """
        self._settle(at)
        if offer := self._offers.get(id):
            self._tells_shown |= not any(other.alternative for other in self._of(offer.uri))
            if not offer.shown:
                offer.since = at
            self._show(offer, at, explicit=True)
        return self._drain()

    def accepted(self, id: str, at: float) -> list[Outcome]:
        """Take in that the editor ran the item's command, before or after it inserted the text."""
        self._settle(at)
        offer = self._offers.get(id)
        if offer is None or offer.arriving:
            return self._drain()
        arrived = offer.settled or offer.verdict is Kind.DIVERGED
        if not arrived:
            offer.reached = offer.progress
        if offer.verdict is not Kind.ACCEPTED:
            offer.count(offer.reached, len(offer.text))
            offer.judge(Kind.ACCEPTED, at)
            self._pass_over(offer, at)
            if arrived:
                self._hold(offer, at)
        offer.explicit = True
        self._show(offer, at)
        self._finish(offer, at)
        if not arrived:
            offer.arriving, offer.due = True, at + GRACE_SECONDS
            self._offers[id] = offer
        return self._drain()

    def partially_accepted(self, id: str, left: int, at: float) -> list[Outcome]:
        """Take in that the editor has inserted, or is about to, all but the last `left` code points of an item."""
        self._settle(at)
        offer = self._offers.get(id)
        if offer is None or offer.arriving or (position := len(offer.text) - left) <= offer.base:
            return self._drain()
        if left <= 0:
            return self._drain() + self.accepted(id, at)
        offer.explicit, offer.told = True, max(offer.told, position)
        self._show(offer, at)
        if (part := offer.arrived(position)) and offer.count(*part):  # a single character looked like a keystroke
            self._pass_over(offer, at)
            self._hold(offer, at, part)
        return self._drain()

    def dismissed(self, id: str, at: float) -> list[Outcome]:
        """Take in the editor's word that a person has put the item away; what has an end already keeps it."""
        self._settle(at)
        offer = self._offers.get(id)
        if offer is not None and not offer.settled and offer.verdict is not Kind.DIVERGED:
            offer.declined = True
            offer.count(offer.progress, offer.told)  # a part whose edit is still to come
            self._show(offer, at)
            offer.judge(Kind.DISMISSED, at)
            self._finish(offer, at)
        return self._drain()

    def changed(self, uri: str, edits: Sequence[tuple[int, int, str]], at: float) -> list[Outcome]:
        """Follow edits of a document, each counted in what the one before has left; `text_of` has them all."""
        self._settle(at)
        before, after = self._texts.get(uri), self._text_of(uri)
        tracked = self._of(uri) or any(held.uri == uri for held in self._accepted)
        if not tracked or before is None:
            self._texts.pop(uri, None)
            return self._drain()
        if after is None:
            return self.closed(uri, at)
        batch = [Edit(*edit) for edit in edits]
        if len(before) + sum(edit.growth for edit in batch) != len(after) or any(
            edit.end - edit.start == len(before) for edit in batch
        ):
            batch = [difference(before, after)]  # the whole document was sent, or something was missed
        batch = [edit for edit in batch if edit.text or edit.start < edit.end]
        self._editing = True
        self._edit(uri, before, batch, at)
        self._texts[uri], self._editing = after, False
        return self._drain()

    def closed(self, uri: str, at: float) -> list[Outcome]:
        """Say all that is awaited in a document that was closed."""
        self._settle(at)
        for offer in self._of(uri):
            self._finish(offer, at)
        for held in [held for held in self._accepted if held.uri == uri]:
            self._look(held, at - held.at)
            self._accepted.remove(held)
        self._texts.pop(uri, None)
        return self._drain()

    def ended(self, at: float) -> list[Outcome]:
        """Say all that is awaited in any document: the editor has gone."""
        return [outcome for uri in list(self._texts) for outcome in self.closed(uri, at)]

    def tick(self, at: float) -> list[Outcome]:
        """Say what time alone has decided by now."""
        self._settle(at)
        return self._drain()

    def _drain(self) -> list[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _of(self, uri: str) -> list[Offer]:
        """Return the completions of a document, newest first."""
        return [offer for offer in reversed(self._offers.values()) if offer.uri == uri]

    def _settle(self, at: float) -> None:
        """Say what has become due; before an edit is looked at, so that it cannot change what was true till then."""
        for offer in list(self._offers.values()):
            if offer.seen_at <= at:
                self._show(offer, at)
            if offer.due <= at:
                self._finish(offer, at)
        for held in list(self._accepted):
            while held.due <= at:
                self._look(held, AGES[held.checks])
                held.checks += 1
            if held.due == inf:
                self._accepted.remove(held)

    def _edit(self, uri: str, before: str, batch: list[Edit], at: float) -> None:
        touched = set()
        for index, edit in enumerate(batch):
            text = partial(replayed, before, batch, index)
            for held in self._accepted:
                if held.uri == uri:
                    held.move(edit, text)
            for offer in self._of(uri):
                if offer.id in self._offers and (inside := offer.place(edit, text)):
                    touched.add(offer.id)
                    if self._write(offer, inside, at):
                        self._pass_over(offer, at)
        for offer in self._of(uri) if batch else ():
            if offer.id not in touched and offer.verdict is None:
                offer.judge(Kind.DISMISSED, at)

    def _write(self, offer: Offer, edit: Edit, at: float) -> bool:
        """Follow an edit at the place of a completion; return whether it accepts some of it."""
        if offer.arriving:
            offer.take(edit)
            self._hold(offer, at)
            del self._offers[offer.id]
            return True
        if offer.settled:
            if offer.verdict is Kind.TYPED_THROUGH:  # and written on: no word of the editor will follow
                self._finish(offer, at)
            offer.write(edit)
            return False
        kind = offer.take(edit)
        if kind is Kind.ACCEPTED or (kind is Kind.PARTIALLY_ACCEPTED and not offer.replaced):
            offer.count(offer.reached, len(offer.text) if kind is Kind.ACCEPTED else offer.progress)
            offer.judge(kind if kind is Kind.ACCEPTED else None, at)
            self._show(offer, at)
            self._hold(offer, at)
            return True
        if not offer.replaced:
            offer.judge(kind, at)
        elif offer.verdict is Kind.DIVERGED:
            offer.judge(kind if kind is Kind.DIVERGED else Kind.SUPERSEDED, at)
        return False

    def _pass_over(self, accepted: Offer, at: float) -> None:
        """End the others beside an accepted completion: what it inserts was not written by hand in their place."""
        for offer in self._of(accepted.uri):
            if offer is not accepted and not offer.settled:
                self._finish(offer, at)

    def _show(self, offer: Offer, at: float, explicit: bool = False) -> None:
        """Say that a completion was seen: for long enough, or because something was done with it."""
        if not offer.shown:
            offer.shown = True
            self._outcomes.append(Outcome(offer.id, Kind.SHOWN, explicit, at if offer.since is None else offer.since))

    def _finish(self, offer: Offer, at: float) -> None:
        """Say what became of a completion, once; one of which nothing is known was left."""
        if offer.verdict is None:
            offer.judge(Kind.DISMISSED, at)
        del self._offers[offer.id]
        if not offer.arriving:
            self._ended.append(offer.id)
            held = self._held(offer.id)
            if held is not None and not offer.settled and not self._editing:
                held.place = (offer.start, offer.end)
            document = None if self._editing else self._texts[offer.uri]
            self._outcomes.append(offer.conclude(document, held.place if held else None))

    def _hold(self, offer: Offer, at: float, part: tuple[int, int] | None = None) -> None:
        """Look later for a part of the completion's place, and for what was accepted before; else for the last edit."""
        held = self._held(offer.id)
        if held is None:
            start = offer.start + (part[0] if part else min(offer.reached, len(offer.region)))
            held = Accepted.of(offer, start, at)
            self._accepted.append(held)
        held.take(offer, max(held.end, offer.start + part[1]) if part else offer.end, at)

    def _look(self, held: Accepted, age: float) -> None:
        """Say how much of an accepted text is still there, after its final outcome."""
        if (offer := self._offers.get(held.id)) and not offer.arriving:
            self._finish(offer, held.at + age)
        self._outcomes.append(held.look(self._texts[held.uri], age))

    def _held(self, id: str) -> Accepted | None:
        """Return what was accepted of a completion; None when nothing was."""
        return next((held for held in self._accepted if held.id == id), None)
