"""How a prompt is read: in pieces that nobody has to wait for long, at a speed that is learnt from them.

Where a prompt takes longer than the time between two keys, each key ends the reading. So the first piece is short and
is always finished, and each that follows takes about as long as those before it together: whoever types on loses at
most half of the work, and who pauses has it done in few pieces, which are faster.
"""

from __future__ import annotations

from collections.abc import Iterator

PIECE_SECONDS = 0.06
"""What the first piece takes at most, where it has more than FEWEST tokens."""
FEWEST, MOST = 8, 128
"""Tokens of a piece."""
RECENT = 512
"""Tokens that the speed is the mean over, roughly."""
ASSUMED = 64
"""Tokens that the speed taken for granted at first counts for."""


class Speed:
    """How many tokens of prompts are evaluated in a second: a running mean, which begins as `assumed`."""

    def __init__(self, assumed: float) -> None:
        self._tokens = float(ASSUMED)
        self._seconds = ASSUMED / assumed

    def note(self, tokens: int, seconds: float) -> None:
        """Take note of an evaluation; of fewer than FEWEST tokens it says little of longer ones, and is left out."""
        if tokens < FEWEST:
            return
        self._tokens += tokens
        self._seconds += seconds
        if self._tokens > RECENT:
            self._seconds *= RECENT / self._tokens
            self._tokens = RECENT

    @property
    def value(self) -> float:
        """Return it, in tokens a second."""
        return self._tokens / max(self._seconds, 1e-9)


def pieces(count: int, speed: float) -> Iterator[int]:
    """Yield the sizes of the pieces in which so many tokens are read, at that many tokens a second."""
    size = FEWEST
    while size < MOST and 2 * size <= speed * PIECE_SECONDS:
        size *= 2
    while count > 0:
        yield min(size, count)
        count -= size
        size = min(MOST, 2 * size)
