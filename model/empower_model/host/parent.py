"""The engine in a child process: llama.cpp ends its process on many faults, and that must cost one completion.

The parent sends a request and reads the text as it grows, then the completion. A byte of shared memory says stop.
The child is spawned when first needed and let go after a while without requests, its memory with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from empower_model.calibration import Calibration
from empower_model.engine import EngineConfig, StopFlag
from empower_model.errors import EmpowerError, EngineCrashed, EngineError
from empower_model.feed import Remembered
from empower_model.host.aside import Newest
from empower_model.host.child import Expected
from empower_model.host.excerpt import window
from empower_model.host.spawned import GRACE_SECONDS, Child, shared_memory, spawn
from empower_model.request import Completion, OnPartial, Partial, Request

CRASHES = 3
"""After so many crashes in a row, while loading or later, the model is given up."""
FILE_TOKENS = 16_384
"""Tokens of the file around the cursor that are sent to a child with a memory, even if the context takes fewer.

The model reads what fits its context; the memory learns from the rest too: a name used once, far above, is worth
remembering."""


@dataclass(frozen=True, slots=True)
class HostEvent:
    """A change of state worth telling; `message` is a sentence for people."""

    kind: Literal["loading", "ready", "restarted", "released", "failed", "warned"]
    message: str


class EngineHost:
    """Answers requests with an engine in a child process.

    `on_event` is called from whichever thread sees the change. `complete` is for one thread at a time, or they queue.
    With `memory`, the child has one, which it fills again whenever it was restarted. A child in the `background` leaves
    the processor to others that want it. `on_progress` is told, on a thread of its own and at most four times a second,
    how many tokens of a prompt that takes longer are evaluated, and of how many.
    """

    def __init__(
        self,
        config: EngineConfig,
        calibration: Calibration,
        *,
        idle_seconds: float = 600.0,
        on_event: Callable[[HostEvent], None] | None = None,
        memory: Remembered | None = None,
        background: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._config = config
        self._memory = memory
        self._seen = config.context_size if memory is None else max(FILE_TOKENS, config.context_size)
        """Tokens of text around a cursor that the child is shown."""
        self._calibration = calibration
        self._idle_seconds = idle_seconds
        self._tell = on_event or (lambda _: None)
        self._shared = shared_memory()
        self._stop, self._asked = StopFlag(self._shared.stop), StopFlag(self._shared.asked)
        self._background = background
        self._on_progress = on_progress
        self._expected = Newest(self._pass_on)
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._crashes = 0
        self._exit_code: int | None = None
        """Of the child that crashed last."""
        self._idle: threading.Timer | None = None
        self._idle_since = 0.0
        self._closed = False

    def start(self) -> None:
        """Begin to load the model in the background; failures are told as events."""
        threading.Thread(target=self._warm_up, name="empower-load", daemon=True).start()

    def _warm_up(self) -> None:
        with self._lock:
            try:
                self._ready_child()
                self._rest()
            except EmpowerError:
                pass  # told as an event; the first completion raises it again
            except Exception as error:  # whatever it is, nobody must wait for this engine for ever
                self._tell(HostEvent("failed", f"The engine cannot be started ({type(error).__name__}: {error})."))

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        """Block until the completion is there, waiting for the model if need be.

        Raises ModelError when the model cannot be loaded, EngineCrashed when the child ended meanwhile.
        """
        self._stop.clear()
        self._expected.drop()
        with self._lock:
            child = self._ready_child()
            self._asked.set()
            try:
                child.connection.send((window(request, self._seen), on_partial is not None))
                while isinstance(answer := child.connection.recv(), Partial):
                    assert on_partial is not None
                    on_partial(answer)
            except (EOFError, OSError) as error:
                raise self._crashed() from error
            self._rest()
        if isinstance(answer, EmpowerError):
            raise answer
        self._crashes = 0
        assert isinstance(answer, Completion)
        return answer

    def expect(self, request: Request | None) -> None:
        """Have the child, if there is one, make ready what a request will probably need; None for nothing."""
        self._expected.put(request)

    def _pass_on(self, request: Request | None) -> None:
        with self._lock:
            if self._child is not None:
                with suppress(OSError):  # the next request meets it
                    expected = window(request, self._seen) if request is not None else None
                    self._child.connection.send(Expected(expected))

    @property
    def seconds(self) -> float:
        """Return the processor seconds that children have spent on what nobody waited for."""
        return float(self._shared.seconds[0])

    def stop(self) -> None:
        """End the completion at work within one token; without one, nothing happens."""
        self._stop.set()

    def close(self) -> None:
        """End the child and free its memory; later requests raise EngineError."""
        self._closed = True
        self._stop.set()
        if not self._lock.acquire(timeout=GRACE_SECONDS):  # a model that is loading hears no stop
            if (child := self._child) is not None:
                child.process.kill()
            self._lock.acquire()
        try:
            self._release()
        finally:
            self._lock.release()

    @property
    def pid(self) -> int | None:
        """Return the process id of the child, if one runs."""
        return self._child.process.pid if self._child else None

    def _ready_child(self) -> Child:
        """Return the running child, or a new one once it has loaded the model."""
        if self._closed:
            raise EngineError("The engine was closed.")
        if self._child is not None and self._child.process.is_alive():
            return self._child
        if self._child is not None:
            self._crashed()
        self._tell(HostEvent("loading", f"Loading {self._config.path.name}"))
        while self._crashes < CRASHES and not self._closed:
            try:
                self._child = self._spawn()
                first = self._news()
            except EmpowerError as error:
                raise self._failed(error) from error
            except EOFError:
                self._crashed()
                continue
            if isinstance(first, EmpowerError):
                self._release()
                raise self._failed(first)
            self._tell(HostEvent("ready", f"{self._config.path.name} is loaded"))
            if self._crashes:
                self._tell(HostEvent("restarted", "The completion engine ended unexpectedly and was started again."))
            return self._child
        if self._closed:
            raise EngineError("The engine was closed.")
        raise self._failed(
            EngineCrashed(
                f"The completion engine ended unexpectedly {CRASHES} times in a row with {self._config.path.name}, the "
                f"last time with exit code {self._exit_code}; choose a smaller or another model, free some memory, or "
                "run `empower-lsp doctor`."
            )
        )

    def _failed(self, error: EmpowerError) -> EmpowerError:
        """Tell that there is no engine, and return the reason, to be raised."""
        self._tell(HostEvent("failed", str(error)))
        return error

    def _news(self) -> EmpowerError | None:
        """Return how loading went, passing on what is worth a warning. Raises EOFError when the child ends."""
        assert self._child is not None
        try:
            while isinstance(first := self._child.connection.recv(), str):
                self._tell(HostEvent("warned", first))
        except OSError as error:  # as Windows has it
            raise EOFError from error
        assert first is None or isinstance(first, EmpowerError)
        return first

    def _spawn(self) -> Child:
        return spawn(
            self._shared, self._config, self._calibration, self._memory, self._on_progress, background=self._background
        )

    def _crashed(self) -> EngineCrashed:
        assert self._child is not None
        self._child.process.join(GRACE_SECONDS)
        self._exit_code = self._child.process.exitcode
        self._release()
        self._crashes += 1
        return EngineCrashed(f"The completion engine ended unexpectedly (exit code {self._exit_code}).")

    def _rest(self) -> None:
        """Take the time from which the child is idle; one timer looks at it, since arming one costs a thread."""
        self._idle_since = time.monotonic()
        if self._idle_seconds > 0 and self._idle is None:
            self._look_in(self._idle_seconds)

    def _look_in(self, seconds: float) -> None:
        self._idle = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._let_go)
        self._idle.daemon = True
        self._idle.start()

    def _let_go(self) -> None:
        """Release the child if it has been idle for long enough; else look again when it could have been."""
        with self._lock:
            if self._idle is not threading.current_thread() or self._child is None:
                return  # released meanwhile
            self._idle = None
            left = self._idle_since + self._idle_seconds - time.monotonic()
            if left > 0:
                self._look_in(left)
                return
            self._release()
            self._tell(HostEvent("released", "The model was unloaded after a while without use."))

    def _release(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._child is None:
            return
        child, self._child = self._child, None
        child.release()
