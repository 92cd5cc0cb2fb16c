"""An accepted text, looked for again later: how much of it is left, and what stands in the completion's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from empower_lsp.outcome.edits import Edit, moved, survivors
from empower_lsp.outcome.offer import LONGEST, LONGEST_STANDING, Offer
from empower_lsp.outcome.outcome import Kind, Outcome
from empower_lsp.outcome.place import OfferedPlace, Standing

AGES = (30.0, 120.0, 600.0)
"""Seconds after which an accepted text is looked for."""


@dataclass(slots=True)
class Accepted:
    """An accepted text, the range that it lies in, and the range of all of its completion."""

    id: str
    uri: str
    start: int
    end: int
    """What was typed along by hand before the first accept lies before `start`."""
    place: tuple[int, int]
    """Where the completion begins and ends, with what was typed of it."""
    origin: OfferedPlace | None
    at: float
    text: str = ""
    checks: int = 0
    """How many of `AGES` are behind it."""

    @classmethod
    def of(cls, offer: Offer, start: int, at: float) -> Accepted:
        """Return what begins to be accepted of a completion at `start`, as yet nothing."""
        return cls(offer.id, offer.uri, start, start, (offer.start, offer.end), offer.origin, at)

    @property
    def due(self) -> float:
        """Return when it is looked for next."""
        return self.at + AGES[self.checks] if self.checks < len(AGES) else inf

    def move(self, edit: Edit, text: Callable[[], str]) -> None:
        """Follow an edit of `text()`."""
        self.start, self.end = moved(self.start, self.end, edit, text)
        self.place = moved(*self.place, edit, text)

    def take(self, offer: Offer, end: int, at: float) -> None:
        """Count the completion's text up to `end` as accepted too."""
        self.end, self.at = max(self.start, end), at
        self.place = (offer.start, offer.end)
        self.text = offer.region[max(0, self.start - offer.start) : self.end - offer.start]

    def look(self, document: str, age: float) -> Outcome:
        """Return how much of the accepted text is left in the document after `age` seconds, and what stands there."""
        now = document[self.start : self.end][: LONGEST + 4 * len(self.text)]
        kept, of = survivors(self.text, now)
        kind = Kind.KEPT if kept == of else Kind.CHANGED
        at, (start, end) = self.at + age, self.place
        standing = Standing(None, "", None)
        if self.origin is not None:
            standing = self.origin.standing(document, start, document[start:end], LONGEST_STANDING)
        return Outcome(self.id, kind, False, at, kept, of, age=age, **standing._asdict())
