"""A completion that is on the screen, and the rest of it once a person has typed on."""

from __future__ import annotations

from dataclasses import dataclass

from empower_model.request import Limits


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

    def rest(self, prefix: str, suffix: str, limits: Limits) -> str:
        """Return the part of the text that is still to be typed at a later cursor; empty when it no longer fits there.

        It fits while the person has only typed how the text begins: shown `compute(x)` after `y = `, the rest at
        `y = comp` is `ute(x)`, and at `y = cal` it is empty. It is empty too when the text after the cursor or the
        limits are others, and when all of it was typed.
        """
        typed = typed_since(self.prefix, self.suffix, prefix, suffix)
        return (
            self.text[len(typed) :]
            if typed is not None and limits == self.limits and self.text.startswith(typed)
            else ""
        )


def typed_since(prefix: str, suffix: str, new_prefix: str, new_suffix: str) -> str | None:
    """Return what was typed at one cursor to arrive at another; None if anything else has changed."""
    same = new_suffix == suffix and new_prefix.startswith(prefix)
    return new_prefix[len(prefix) :] if same else None
