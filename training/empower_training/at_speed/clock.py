"""Virtual time: threads that run one at a time, and a clock that jumps from one of them to the next.

A process is a thread that runs only in its turn, and until it waits. While it really computes, time stands still and
everybody else waits for it; when all wait, the clock goes on to what comes first. So a run does not depend on how
fast this machine is, and the same run twice is the same to the digit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from math import inf
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class Stuck(RuntimeError):
    """Everybody waits, and for nothing that will come."""


class _Over(BaseException):
    """Ends a process that still waits when its clock is closed."""


@dataclass(slots=True, eq=False)
class Process:
    """A thread that lives in virtual time."""

    name: str
    due: float
    """When it goes on, in seconds; infinity while it waits for somebody to wake it."""
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    done: bool = False
    error: BaseException | None = None


class Clock:
    """Counts virtual seconds, and gives processes their turns; called by one thread that is no process.

    As a function it returns the time.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._processes: list[Process] = []
        self._running: Process | None = None
        self._back = threading.Semaphore(0)
        self._closed = False

    def __call__(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self.now

    @property
    def running(self) -> Process:
        """Return the process whose turn it is. Raises RuntimeError outside of all."""
        if self._running is None:
            raise RuntimeError("no process has its turn")
        return self._running

    def start(self, function: Callable[[], None], name: str) -> Process:
        """Begin a process; it has its first turn at this time, when whoever calls this waits."""
        process = Process(name, self.now)
        self._processes.append(process)
        threading.Thread(target=self._live, args=(process, function), name=name, daemon=True).start()
        return process

    def wait(self, until: float = inf) -> None:
        """Let time pass, in a process, until then or until it is woken."""
        process = self.running
        process.due = until
        self._back.release()
        process.turn.acquire()
        if self._closed:
            raise _Over

    def wake(self, process: Process) -> None:
        """Have a process that waits go on at this time."""
        process.due = min(process.due, self.now)

    def advance(self, limit: float = inf) -> bool:
        """Go on to the next process that is due by then, and give it its turn; without one, to `limit`, and say False.

        Raises what the process did not catch.
        """
        waiting = [process for process in self._processes if not process.done and process.due <= limit]
        if not waiting or limit == inf == min(process.due for process in waiting):
            self.now = max(self.now, limit) if limit < inf else self.now
            return False
        process = min(waiting, key=lambda process: process.due)  # of those due at once, the one begun first
        self.now = max(self.now, process.due)
        self._give(process)
        if process.error is not None:
            error, process.error = process.error, None
            raise error
        return True

    def finish(self, process: Process) -> None:
        """Go on until a process has ended. Raises Stuck where it never will."""
        while not process.done:
            if not self.advance():
                raise Stuck(f"{process.name} waits for what never comes")

    def close(self) -> None:
        """End all processes."""
        self._closed = True
        for process in self._processes:
            if not process.done:
                self._give(process)

    def _give(self, process: Process) -> None:
        process.due, self._running = inf, process
        process.turn.release()
        self._back.acquire()
        self._running = None

    def _live(self, process: Process, function: Callable[[], None]) -> None:
        process.turn.acquire()
        try:
            if not self._closed:
                function()
        except _Over:
            pass
        except BaseException as error:  # handed to whoever gave the turn
            process.error = error
        process.done = True
        self._back.release()


class OneWorker(Executor):
    """An executor with one worker that lives in virtual time: its tasks follow each other in the order they come."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._tasks: list[Callable[[], None]] = []
        self._ended = False
        self._worker = clock.start(self._work, name)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function called in the worker's turn. Raises RuntimeError after `shutdown`."""
        if self._ended:
            raise RuntimeError("the executor was shut down")
        future: Future[T] = Future()

        def task() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)

        self._tasks.append(task)
        self._clock.wake(self._worker)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; where `wait` says so, go on in time until those that there are have been done."""
        self._ended = True
        if cancel_futures:
            self._tasks.clear()
        self._clock.wake(self._worker)
        if wait:
            self._clock.finish(self._worker)

    def _work(self) -> None:
        while not (self._ended and not self._tasks):
            while self._tasks:
                self._tasks.pop(0)()
            if not self._ended:
                self._clock.wait()
