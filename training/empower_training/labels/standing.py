"""The text that stood in the place of a completion when that was last seen, as the log's outcomes tell."""

from __future__ import annotations

from dataclasses import dataclass

from empower_lsp.log import MARKER, CompletionRecord, Entry, OutcomeRecord
from empower_lsp.outcome import Kind

UNCUT = 200
"""Earlier versions cut what they said of a place at so many characters, without a word on where it began."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """A text that stood where a completion was asked for."""

    text: str
    whole: bool = True
    """Whether it is all that stood there; else its beginning."""
    before: int = 0
    """Characters before the cursor in whose place it stands too."""


def standing(entry: Entry) -> Learnt | None:
    """Return what stood in a completion's place when that was last looked at; None where it is not known.

    When a person accepts `load_config(file)` and makes it `load_config(path)`, two outcomes follow each other: it
    stands there as it was offered, and later `load_config(path)` does. The second one counts.
    """
    written = None
    for outcome in entry.outcomes:
        match outcome.kind:
            case (
                Kind.ACCEPTED | Kind.TYPED_THROUGH | Kind.PARTIALLY_ACCEPTED | Kind.DIVERGED | Kind.KEPT | Kind.CHANGED
            ):
                if outcome.whole is None:
                    written = _of_old(entry, outcome, written)
                else:
                    written = _looked_at(entry.completion, outcome)
    return written


def _looked_at(completion: CompletionRecord, outcome: OutcomeRecord) -> Learnt | None:
    """Return what an outcome says that tells where its text begins."""
    offset, offered, whole = outcome.offset, completion.text or "", bool(outcome.whole)
    if offset is None or outcome.text is None:
        return None
    if offset < 0:  # a secret that was taken out just there has moved the characters
        known = MARKER not in (completion.prefix or "")[2 * offset - len(MARKER) :]
        return Learnt(outcome.text, whole, -offset) if known else None
    if offset >= completion.characters:
        return Learnt(offered + outcome.text, whole)
    return Learnt(offered[:offset] + outcome.text, whole) if not offset or MARKER not in offered else None


def _of_old(entry: Entry, outcome: OutcomeRecord, before: Learnt | None) -> Learnt | None:
    """Return what an outcome says that tells neither where its text begins nor whether it is whole."""
    completion, text = entry.completion, outcome.text or ""
    offered = completion.text or ""
    ahead = completion.characters - outcome.of if outcome.of else 0  # what had been typed when it was answered
    match outcome.kind:
        case Kind.ACCEPTED | Kind.TYPED_THROUGH:
            return Learnt(offered)
        case Kind.PARTIALLY_ACCEPTED:
            return Learnt(offered[: ahead + outcome.characters + outcome.typed]) if ahead >= 0 else None
        case Kind.DIVERGED:
            return Learnt(text) if len(text) < UNCUT and not ahead else None
        case Kind.CHANGED:
            accepted = next((other for other in entry.outcomes if other.kind == Kind.ACCEPTED), None)
            all_of_it = accepted is not None and accepted.of == accepted.characters == completion.characters
            return Learnt(text) if len(text) < UNCUT and all_of_it else None
    return before  # kept, as it was
