"""The kinds of end that a completion may come to, in the words of the log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Event in the life of a completion; all but the first and the last two are final, and exclude each other."""

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
    """Accepted, and still all there."""
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
    """What stands in its place, from where the completion began, with `\\n` line ends; empty where that is what was
    offered. For diverged, up to the end of the line on which it left the completion."""
    age: float = 0.0
    """For kept and changed: seconds since it was accepted."""
    offset: int | None = None
    """Where `text` begins, as `Standing.offset`; None where that is not known."""
    whole: bool | None = None
    """Whether nothing else is in its place, as `Standing.whole`; None where there is nothing to say of the place."""
