"""The engine's process in virtual time: the child's own loop, over a pipe of which both ends live in virtual time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from empower_model.completing import LocalCompleter
from empower_model.errors import EmpowerError
from empower_model.host import Expected, answering, window
from empower_model.request import Completion, OnPartial, Partial, Request
from empower_training.at_speed.clock import Clock, Process
from empower_training.at_speed.engine import VirtualEngine


@dataclass(slots=True, eq=False)
class PipeEnd:
    """One end of a pipe in virtual time; what is sent is there at once."""

    clock: Clock
    other: PipeEnd | None = None
    _inbox: deque[Any] = field(default_factory=deque)
    _reader: Process | None = None
    _closed: bool = False

    def poll(self) -> bool:
        """Tell whether there is something to receive, or the end."""
        return bool(self._inbox) or self._closed

    def recv(self) -> Any:
        """Return what was sent, waiting for it in a process. Raises EOFError at the end of the pipe."""
        while not self._inbox:
            if self._closed:
                raise EOFError
            self._reader = self.clock.running
            self.clock.wait()
        self._reader = None
        return self._inbox.popleft()

    def send(self, message: Any, /) -> None:
        """Send it. Raises BrokenPipeError where nobody receives any more."""
        assert self.other is not None
        if self._closed:
            raise BrokenPipeError
        self.other._inbox.append(message)
        self.other._wake()

    def close(self) -> None:
        """End the pipe for both."""
        for end in (self, self.other):
            assert end is not None
            end._closed = True
            end._wake()

    def _wake(self) -> None:
        if self._reader is not None:
            self.clock.wake(self._reader)


def pipe(clock: Clock) -> tuple[PipeEnd, PipeEnd]:
    """Return the two ends of a pipe."""
    first, other = PipeEnd(clock), PipeEnd(clock)
    first.other, other.other = other, first
    return first, other


class VirtualHost:
    """Answers requests as `EngineHost` does, with the child's process in virtual time.

    `completer` is what the child has loaded, and `engine` its engine; each request takes `overhead` seconds beside
    that. `seen` is how many tokens of text around a cursor the child is shown.
    """

    def __init__(
        self, clock: Clock, completer: LocalCompleter, engine: VirtualEngine, seen: int, overhead: float
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._seen = seen
        self._overhead = overhead
        self._pipe, wire = pipe(clock)
        self._busy = False
        self._expected: Expected | None = None
        """What the child is to be told once it is idle."""

        def live() -> None:
            answering(completer, wire, clock=clock, processor=lambda: engine.spent.seconds)

        clock.start(live, "child")

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        """Block, in a process, until the completion is there. Raises what the child's completer raises."""
        self._engine.stop.clear()
        self._busy, self._expected = True, None
        shown = window(request, self._seen)
        self._engine.cursor = digest(shown)
        self._clock.wait(self._clock.now + self._overhead)
        self._engine.asked.set()
        self._pipe.send((shown, on_partial is not None))
        while isinstance(answer := self._pipe.recv(), Partial):
            if on_partial is not None:
                on_partial(answer)
        self._busy = False
        self._tell()
        if isinstance(answer, EmpowerError):
            raise answer
        assert isinstance(answer, Completion)
        return answer

    def expect(self, request: Request | None) -> None:
        """Have the child make ready what a request will probably need, once it is idle; None for nothing."""
        self._expected = Expected(window(request, self._seen) if request is not None else None)
        if not self._busy:
            self._tell()

    def _tell(self) -> None:
        expected, self._expected = self._expected, None
        if expected is not None:
            self._pipe.send(expected)

    def stop(self) -> None:
        """End the completion at work within one token; without one, nothing happens."""
        self._engine.stop.set()

    def close(self) -> None:
        """End the child."""
        self._engine.stop.set()
        self._pipe.close()


def digest(request: Request) -> str:
    """Return what tells the cursor of a request from others."""
    text = f"{request.prefix}\0{request.suffix}"
    return blake2b(text.encode(errors="surrogatepass"), digest_size=12).hexdigest()
