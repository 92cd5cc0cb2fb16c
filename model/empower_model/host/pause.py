"""The time between two requests, and how much of it is used: pieces that hardly make anybody wait, within a budget."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from empower_model.errors import EmpowerError

PIECE_SECONDS = 0.06
"""What a piece may take in any pause."""
FEWEST, MOST = 8, 256
"""Tokens of a piece."""
BUDGET_SECONDS = 15.0
"""Of a processor, spent in MINUTE seconds at most."""
MINUTE = 60.0
PATIENCE_SECONDS = 30.0
"""After so long without a word from the editor, nothing is prepared: nobody sits there."""


class Pause:
    """Uses pauses; `clock` counts seconds, and `processor` those that a processor was at work."""

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, processor: Callable[[], float] = time.process_time
    ) -> None:
        self._clock = clock
        self._processor = processor
        self._told = clock()
        """When the editor was last heard of."""
        self._spent: deque[tuple[float, float]] = deque()
        """When so many seconds of a processor were spent, within the last minute."""
        self.seconds = 0.0
        """Those spent so far."""

    def end(self) -> None:
        """Take note that the editor was heard of: a key, or where the cursor rests."""
        self._told = self._clock()

    def use(self, prepare: Callable[[int], bool], asked: Callable[[], bool]) -> None:
        """Call `prepare` with a number of tokens until it says that there is no more to do, or somebody asks.

        A piece takes PIECE_SECONDS, or as long as the pause so far: few and large ones are faster, and what is lost
        when somebody asks is half of the work at most.
        """
        began, tokens = self._clock(), FEWEST
        while not asked() and self._affordable():
            started, worked = self._clock(), self._processor()
            try:
                more = prepare(tokens)
            except EmpowerError:  # the next request meets it, and says so
                more = False
            now = self._clock()
            self._note(now, self._processor() - worked)
            if not more:
                return
            took, allowed = now - started, max(PIECE_SECONDS, now - began)
            if took > allowed:
                tokens = max(FEWEST, tokens // 2)
            elif 2 * took <= allowed:
                tokens = min(MOST, 2 * tokens)

    def _affordable(self) -> bool:
        now = self._clock()
        while self._spent and self._spent[0][0] < now - MINUTE:
            self._spent.popleft()
        return now - self._told < PATIENCE_SECONDS and sum(seconds for _, seconds in self._spent) < BUDGET_SECONDS

    def _note(self, now: float, seconds: float) -> None:
        self._spent.append((now, seconds))
        self.seconds += seconds
