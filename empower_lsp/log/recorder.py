"""Writes the log behind the server's back: `record` only puts an event in a queue, one thread does the rest.

Each event is redacted and committed as soon as the thread gets to it, so that a killed process loses at most the event
in flight. What goes wrong is said once and tried again from time to time; no completion waits for any of it.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from empower_lsp.log.errors import LogError
from empower_lsp.log.level import Level, chosen
from empower_lsp.log.records import Record, without_text
from empower_lsp.log.redact import Redactor
from empower_lsp.log.store import Retention, Store
from empower_lsp.secrets import prepare

WAITING = 512
"""Most events in the queue: some megabytes; what comes on top of that is dropped."""
RETRY_SECONDS = 10.0
"""After an error: until an event is tried again; those before are lost."""
KEEP_EVERY = 1000
"""Events between two looks at what is too old or too much."""


class Recorder:
    """A log that can be written to from any thread.

    `on_problem` is called on the recorder's own thread with a sentence or two, when logging has ended because of an
    error and when it has begun again. `allowed` is asked before each event, for a choice that the person may change
    while the server runs.
    """

    def __init__(
        self,
        path: Path,
        level: Level,
        on_problem: Callable[[str], None],
        *,
        retention: Retention | None = None,
        allowed: Callable[[], Level] = chosen,
        open_store: Callable[[Path], Store] = Store,
    ) -> None:
        self.dropped = 0
        """Events lost because the disk did not keep up."""
        self._told = 0
        """As many of them as was said."""
        self.retention = retention or Retention()
        self._path, self._level, self._on_problem = path, level, on_problem
        self._allowed, self._open_store = allowed, open_store
        self._queue: queue.Queue[tuple[Level, Record] | threading.Event | None] = queue.Queue(WAITING)
        self._store: Store | None = None
        self._redactor = Redactor()
        self._written = 0
        self._closing = False
        self._failed: float | None = None
        """When an error ended the logging, in seconds of the monotonic clock; None while there is none."""
        self._thread = threading.Thread(target=self._run, name="empower-log", daemon=True)
        self._thread.start()

    @property
    def level(self) -> Level:
        """Return what is logged now: off also for a while after an error."""
        failed = self._failed
        return Level.OFF if failed is not None and time.monotonic() < failed + RETRY_SECONDS else self._level

    @level.setter
    def level(self, level: Level) -> None:
        """Log more or less from now on; to go through off tries again after an error."""
        self._level = level
        if level is Level.OFF:
            self._failed = None
            with suppress(queue.Full):
                self._queue.put_nowait(threading.Event())  # wakes the thread, which lets go of the file

    def record(self, record: Record) -> None:
        """Take a record; returns at once and never raises. One that comes after `close` is lost."""
        if self.level is Level.OFF or self._closing:
            return
        try:
            self._queue.put_nowait((self._level, record))
        except queue.Full:
            self.dropped += 1

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until all that was recorded is written; False when that takes longer."""
        done = threading.Event()
        deadline = time.monotonic() + seconds
        try:
            self._queue.put(done, timeout=seconds)
        except queue.Full:
            return False
        return done.wait(max(0.0, deadline - time.monotonic()))

    def close(self, seconds: float = 2.0) -> None:
        """Write what is waiting, for so long at most, and let go of the file."""
        self._closing = True
        with suppress(queue.Full):
            self._queue.put(None, timeout=seconds)
        self._thread.join(seconds)

    def _run(self) -> None:
        if self.level is Level.FULL and self._allowed() is Level.FULL:
            with suppress(Exception):  # it will be said when there is something to redact
                prepare()  # while the model is still loading
        while (event := self._queue.get()) is not None:
            try:
                self._handle(event)
            except OSError as error:
                self._give_up(error.strerror or type(error).__name__)
            except (LogError, sqlite3.Error) as error:
                self._give_up(str(error))
            except Exception as error:
                self._give_up(type(error).__name__)  # its words might quote a document
            if self._queue.empty():
                self._own_up()
            if isinstance(event, threading.Event):
                event.set()
        self._own_up()
        self._let_go()

    def _handle(self, event: tuple[Level, Record] | threading.Event) -> None:
        if isinstance(event, threading.Event):
            if self.level is Level.OFF:
                self._let_go()
            return
        level, record = event
        level = min(level, self.level)
        if level is Level.OFF or (level := min(level, self._allowed())) is Level.OFF:
            self._let_go()
            return
        plain = self._redactor.redact(record) if level is Level.FULL else without_text(record)
        if self._store is not None and not self._store.is_there():
            self._let_go()
            self._say(f"The log was deleted or moved while it was open, so a new one is begun ({self._path}).")
        store = self._store = self._store or self._open_store(self._path)
        store.write(plain)
        if self._written % KEEP_EVERY == 0:
            store.keep(self.retention)
        self._written += 1
        if self._failed is not None:
            self._failed = None
            self._say(f"Completions are logged again ({self._path}).")

    def _give_up(self, reason: str) -> None:
        again, self._failed = self._failed is not None, time.monotonic()
        self._let_go()
        if not again:
            self._say(
                f"Completions are no longer logged: {reason.rstrip('.')} ({self._path}). "
                "When that is mended, they are logged again by themselves."
            )

    def _own_up(self) -> None:
        """Say how many events were lost since it was said last."""
        if lost := self.dropped - self._told:
            self._told += lost
            self._say(f"{lost} events were not logged: the disk did not keep up ({self._path}).")

    def _say(self, what: str) -> None:
        with suppress(Exception):  # whoever listened may be gone
            self._on_problem(what)

    def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(sqlite3.Error):
                store.close()
