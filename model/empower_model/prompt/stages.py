"""How much text a new place begins with, and how much it has once nobody has had to wait for the rest.

The more a model reads, the better it writes, and the longer a person waits for its first word. So where a model is slow
a place begins with the text nearest to the cursor, and all that is worth reading is read behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log2

FIRST_SECONDS = 0.3
"""What it takes to read the text that a place begins with."""
WHOLE_SECONDS = 2.0
"""What it takes to read the whole of a place: typing leaves half of the time for it, and is soon elsewhere."""
LEAST = 64
"""Tokens with which a place begins on any machine."""
STEADY = 1.5
"""A speed that changed by less than this factor changes nothing."""


class Stages:
    """Tokens of a place, in powers of two and at most `most`, at a `speed` in tokens a second; all at once without."""

    def __init__(self, most: int, speed: Callable[[], float] | None = None) -> None:
        self._most = most
        self._speed = speed
        self._held = 0.0
        """The speed that is counted with."""

    @property
    def first(self) -> int:
        """Return how many tokens a place begins with."""
        return self._tokens(FIRST_SECONDS)

    @property
    def whole(self) -> int:
        """Return how many tokens a place has in the end."""
        return self._tokens(WHOLE_SECONDS)

    def _tokens(self, seconds: float) -> int:
        if self._speed is None:
            return self._most
        speed = self._speed()
        if not self._held / STEADY <= speed <= self._held * STEADY:
            self._held = speed
        return min(self._most, max(LEAST, 1 << max(0, round(log2(self._held * seconds)))))
