"""What passes between parent and child beside requests and their answers, and makes nobody wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

T = TypeVar("T")

REPORT_SECONDS = 0.25
"""Between two reports of a prompt that is being read."""
LEFT_SECONDS = 2.0
"""After so long without a report, a prompt is taken for left."""


class Newest(Generic[T]):
    """Hands the newest value to `take` on a thread of its own; those that it had no time for are left out."""

    def __init__(self, take: Callable[[T], None]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._values: list[T] = []
        self._at_work = False

    def put(self, value: T) -> None:
        """Have a value taken soon, in the place of one that waits."""
        with self._lock:
            self._values = [value]
            if self._at_work:
                return
            self._at_work = True
        threading.Thread(target=self._work, name="empower-aside", daemon=True).start()

    def drop(self) -> None:
        """Forget a value that waits."""
        with self._lock:
            self._values = []

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._values:
                    self._at_work = False
                    return
                value = self._values.pop()
            self._take(value)


class Reports:
    """Sends how far a prompt is read, every now and then, and its end: nothing of one that is read at once."""

    def __init__(self, send: Callable[[tuple[int, int]], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._send = send
        self._clock = clock
        self._since: float | None = None
        """When the prompt was begun, or reported last."""
        self._whole = 0
        """Tokens of the prompt that was reported last, until its end is."""

    def note(self, read: int, whole: int) -> None:
        """Take note of how many tokens are read, and of how many.

        A short prompt may be read while a longer one waits; its end is not the other's, unless that is left.
        """
        now = self._clock()
        waited = now - self._since if self._since is not None else 0.0
        if read < whole:
            if self._since is None:
                self._since = now
            elif waited >= REPORT_SECONDS:
                self._send((read, whole))
                self._since, self._whole = now, whole
        elif not self._whole:
            self._since = None
        elif whole >= self._whole or waited >= LEFT_SECONDS:
            self._send((read, whole))
            self._since, self._whole = None, 0


def listen(reports: Connection, told: Callable[[int, int], None]) -> None:
    """Pass on what a child reports, on a thread of its own, until the child ends."""

    def read() -> None:
        with reports:
            while True:
                try:
                    told(*reports.recv())
                except (EOFError, OSError):
                    return

    threading.Thread(target=read, name="empower-reports", daemon=True).start()
