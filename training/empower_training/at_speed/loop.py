"""An event loop in virtual time: where it would sleep, processes have their turns and the clock jumps."""

from __future__ import annotations

import asyncio
import selectors
from math import inf

from empower_training.at_speed.clock import Clock, Stuck


class _Selector(selectors.DefaultSelector):
    """Waits in virtual time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, after so many virtual seconds at most. Raises Stuck where nothing ever will be."""
        ready = super().select(0)
        limit = inf if timeout is None else self._clock.now + timeout
        while not ready and limit > self._clock.now:
            if not self._clock.advance(limit) and limit == inf:
                raise Stuck("everybody waits for what never comes")
            ready = super().select(0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a clock's; what other threads post to it comes from that clock's processes only."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._virtual = clock

    def time(self) -> float:
        """Return the virtual seconds."""
        return self._virtual.now
