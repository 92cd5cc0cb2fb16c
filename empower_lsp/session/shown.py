"""A completion that is on the screen, and the rest of it once a person has typed on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from empower_model.request import Limits
from empower_model.trim import trim

CLOSERS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "`": "`"}
"""What editors put behind the cursor by themselves when the first is typed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A completion that an editor shows: the text that was answered, and the cursor and limits it was answered for."""

    id: str
    prefix: str
    suffix: str
    limits: Limits
    text: str
    alternatives: int = 0
    """How many others were asked for together with it: at the same cursor so many need not be computed again. 0 once
    something was typed along, since nothing was asked at the new cursor."""
    since: float = 0.0
    """When it came onto the screen, in seconds of the event loop's clock."""
    typed_along: bool = False
    """Whether some of what was shown first was typed since, or all of it is what a person has asked for."""
    sure: int | None = None
    """The characters of the text up to which it was shown; a person has asked for what follows. None for all of it."""
    partial: bool = False
    """Whether it was still being written when it was shown."""

    def at(self, prefix: str, suffix: str, limits: Limits) -> Shown | None:
        """Return it as it is at a later cursor, cut to its rest; None where it no longer fits."""
        if not (rest := self.rest(prefix, suffix, limits)):
            return None
        along = rest != self.text
        return replace(
            self,
            prefix=prefix,
            suffix=suffix,
            text=rest,
            alternatives=0 if along else self.alternatives,
            typed_along=self.typed_along or along,
            sure=max(0, self.sure - (len(prefix) - len(self.prefix))) if self.sure is not None else None,
        )

    def rest(self, prefix: str, suffix: str, limits: Limits) -> str:
        """Return the part of the text that is still to be typed at a later cursor; empty when it no longer fits there.

        It fits while the person has only typed how the text begins: shown `compute(x)` after `y = `, the rest at
        `y = comp` is `ute(x)`, and at `y = cal` it is empty. It is empty too when the text after the cursor or the
        limits are others, and when all of it was typed. Where the editor has closed a bracket or a quote that was
        typed, the rest is what goes inside: at `y = compute(`, with `)` behind the cursor, it is `x`.
        """
        if limits != self.limits:
            return ""
        typed = typed_since(self.prefix, self.suffix, prefix, suffix)
        if typed is not None:
            return self.text[len(typed) :] if self.text.startswith(typed) else ""
        closed = closed_since(self.suffix, suffix)
        typed = typed_since(self.prefix, self.suffix, prefix, self.suffix)
        if typed is None or not self.text.startswith(typed) or not _closes(closed, prefix):
            return ""
        return trim(self.text[len(typed) :], prefix, suffix)


def typed_since(prefix: str, suffix: str, new_prefix: str, new_suffix: str) -> str | None:
    """Return what was typed at one cursor to arrive at another; None if anything else has changed."""
    same = new_suffix == suffix and new_prefix.startswith(prefix)
    return new_prefix[len(prefix) :] if same else None


def closed_since(suffix: str, new_suffix: str) -> str:
    """Return the closing brackets and quotes that have come before the text after the cursor; empty if others have."""
    closed = new_suffix.removesuffix(suffix) if suffix else new_suffix
    return closed if len(new_suffix) > len(suffix) and set(closed) <= set(CLOSERS.values()) else ""


def _closes(closed: str, prefix: str) -> bool:
    """Return whether closers, innermost first, are those of the last brackets and quotes that a prefix opens."""
    line = prefix.rpartition("\n")[2]
    left: list[str] = []
    for char in line:
        if left and char == left[-1]:
            left.pop()
        elif char in CLOSERS and not (left and left[-1] in "\"'`"):
            left.append(CLOSERS[char])
    return bool(closed) and "".join(reversed(left)).startswith(closed)
