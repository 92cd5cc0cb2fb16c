"""Drafting: tokens that are guessed are evaluated together with the last one chosen, as many as pay.

What is written stays the same, since each guess is kept only where it is what would have been chosen. One evaluation of
several tokens takes hardly longer than that of one where reading the weights is what takes time, and several times as
long where arithmetic is. Which of the two a machine and a file are is learned from the evaluations themselves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from statistics import median
from typing import NamedTuple, TypeAlias

LENGTHS = (1, 3, 7)
"""Guesses that may go along: with the last token that makes 2, 4 or 8, since kernels work in rows of four."""
TRIES = 3
"""Evaluations of a length after which its price counts; until then it is tried as if it cost nothing."""
RECENT = 15
"""Evaluations of a length that its price is the median of."""
LIKELY = 0.5
"""No guess goes along that is less likely to be reached."""


class Guess(NamedTuple):
    """A token that may come next, and how probable that is if the guesses before it were right."""

    id: int
    probability: float


Drafts: TypeAlias = Callable[[Sequence[int]], Iterator[Guess]]
"""From the ids generated so far to what probably comes next, one guess after another."""


class Pace:
    """The price of evaluations with guesses, as measured, and so how many guesses are worth it."""

    def __init__(self) -> None:
        """Begin knowing nothing: guesses are tried once a token without any was seen."""
        self._single = 0.0
        self._ratios = {length: deque[float](maxlen=RECENT) for length in LENGTHS}

    def note(self, length: int, seconds: float) -> None:
        """Take note of how long an evaluation of the last token and `length` guesses took; 0 or one of LENGTHS."""
        if length == 0:
            self._single = seconds
        elif self._single > 0:  # beside the latest token alone, which saw much the same load
            self._ratios[length].append(seconds / self._single)

    def price(self, length: int) -> float:
        """Return what an evaluation with so many guesses takes, in evaluations without; 1 until it is known."""
        ratios = self._ratios[length]
        return median(ratios) if len(ratios) >= TRIES else 1.0

    def worth(self, guesses: Iterable[Guess]) -> list[int]:
        """Return the ids of the guesses to evaluate along: as many as promise the most tokens for the time."""
        if self._single <= 0:
            return []
        most = max((length for length in LENGTHS if self.price(length) < length + 1), default=0)
        ids: list[int] = []
        reached = tokens = best = 1.0
        chosen = 0
        for guess in islice(guesses, most):
            reached *= guess.probability
            if reached < LIKELY:
                break
            ids.append(guess.id)
            tokens += reached
            if len(ids) in LENGTHS and (rate := tokens / self.price(len(ids))) > best:
                best, chosen = rate, len(ids)
        return ids[:chosen]
