"""The child's side of the engine host: loads a model, keeps its memory, answers requests until the pipe ends.

Nothing heavy is imported with this module, since the parent imports it too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from empower_model.calibration import Calibration
from empower_model.engine import EngineConfig, StopFlag
from empower_model.errors import EmpowerError, EngineError, ModelError
from empower_model.host.aside import Reports
from empower_model.host.pause import Pause
from empower_model.request import Completion, Partial, Request

if TYPE_CHECKING:
    from empower_model.completing import LocalCompleter, OnGrown
    from empower_model.memory import KeeperThread, Weights

PARTIAL_SECONDS = 0.02
"""Least time from one word on a completion that is being written to the next."""
YIELDING = 10
"""What is added to the niceness of a child in the background."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Tells the child of a request that will probably come; None: of none."""

    request: Request | None


@dataclass(frozen=True, slots=True)
class Shared:
    """The memory that child and parent share."""

    stop: ctypes.Array[ctypes.c_char]
    """Ends the request at work."""
    asked: ctypes.Array[ctypes.c_char]
    """Ends what is prepared while nobody waits, since somebody does."""
    seconds: ctypes.Array[ctypes.c_double]
    """One number: seconds of a processor that were spent on what nobody waited for."""


@dataclass(frozen=True, slots=True)
class ChildMemory:
    """The memory that the child is to have, as it is told."""

    weights: Path
    calibration: Calibration | None
    """None for that of the weights."""
    news: Connection


class Wire(Protocol):
    """The child's end of the pipe to its parent: a `Connection`, or what stands for one."""

    def poll(self) -> bool:
        """Tell whether there is something to receive, without waiting."""
        ...

    def recv(self) -> Any:
        """Return what the parent sent, waiting for it if need be. Raises EOFError at the end of the pipe."""
        ...

    def send(self, message: Any, /) -> None:
        """Send it to the parent. Raises BrokenPipeError where that is gone."""
        ...


def serve(
    connection: Connection,
    shared: Shared,
    config: EngineConfig,
    calibration: Calibration,
    memory: ChildMemory | None,
    reports: Connection | None = None,
    background: bool = False,
) -> None:
    """Live the child's life: load, say so, answer requests until the pipe ends; in the background others come first."""
    _shield()
    if background:
        _yield()
    on_read = Reports(reports.send).note if reports is not None else None
    try:
        completer, keeper = _loaded(config, shared, calibration, memory, connection.send, on_read)
    except Exception as error:  # whatever it is, it would be the same the next time
        connection.send(error if isinstance(error, EmpowerError) else EngineError(_unforeseen("Loading", error)))
        return
    connection.send(None)

    def spent(seconds: float) -> None:
        shared.seconds[0] += seconds

    answering(completer, connection, keeper.paused if keeper is not None else nullcontext, spent=spent)


def answering(
    completer: LocalCompleter,
    wire: Wire,
    paused: Callable[[], AbstractContextManager[None]] = nullcontext,
    clock: Callable[[], float] = time.perf_counter,
    processor: Callable[[], float] = time.process_time,
    spent: Callable[[float], None] = lambda _: None,
) -> None:
    """Answer what comes over the wire until its end; what is between two requests is used to prepare.

    Whoever keeps the memory is `paused` meanwhile. `clock` counts seconds, `processor` those of work; `spent` is told
    how many of the latter each time between two requests took.
    """
    pause = Pause(clock, processor)
    while True:
        try:
            before = pause.seconds
            pause.use(completer.prepare, wire.poll)
            spent(pause.seconds - before)
            message = wire.recv()
            pause.end()
            if isinstance(message, Expected):
                completer.expect(message.request)
                continue
            request, wants_partials = message
            on_grown = _sparsely(wire.send, clock) if wants_partials else None
            with paused():
                wire.send(_answer(completer, request, on_grown))
        except (EOFError, BrokenPipeError):
            return


def _loaded(
    config: EngineConfig,
    shared: Shared,
    calibration: Calibration,
    memory: ChildMemory | None,
    warn: Callable[[str], None],
    on_read: Callable[[int, int], None] | None = None,
) -> tuple[LocalCompleter, KeeperThread | None]:
    """Return the completer, and who keeps its memory if there is one, already at work. Raises EmpowerError."""
    from empower_model.completing import assemble
    from empower_model.engine.llama import LlamaEngine
    from empower_model.memory import KeeperThread, Memory, WeightedMemory

    engine = LlamaEngine(config, StopFlag(shared.stop), StopFlag(shared.asked), on_read)
    reader = None if engine.is_small else engine
    weights = _weights(memory.weights, warn) if memory is not None else None
    if memory is None or weights is None:
        return assemble(engine, calibration, reader=reader), None
    keeper = KeeperThread(Memory(), engine.tokenize, memory.news)
    keeper.start()
    known = WeightedMemory(keeper.memory, weights)
    return assemble(engine, memory.calibration or weights.calibration, known, reader=reader), keeper


def _weights(path: Path, warn: Callable[[str], None]) -> Weights | None:
    """Return the weights of the memory; those for any model, with a warning, where they cannot be read."""
    from empower_model.files import DEFAULT_WEIGHTS
    from empower_model.memory import Weights

    try:
        return Weights.load(path)
    except ModelError as error:
        if path == DEFAULT_WEIGHTS:
            raise
        warn(f"{error} Until then the weights for any model are used.")
        return Weights.load(DEFAULT_WEIGHTS)


def _sparsely(send: Callable[[Partial], None], clock: Callable[[], float]) -> OnGrown:
    """Pass on how far it is once in PARTIAL_SECONDS: that wakes two threads, as costly as a token of a small model."""
    last = clock()

    def on_grown(partial: Callable[[], Partial]) -> None:
        nonlocal last
        if clock() - last >= PARTIAL_SECONDS:
            last = clock()
            send(partial())

    return on_grown


def _answer(completer: LocalCompleter, request: Request, on_grown: OnGrown | None) -> Completion | EmpowerError:
    try:
        return completer.answer(request, on_grown)
    except EmpowerError as error:
        return error
    except OSError:
        raise  # the pipe is gone
    except Exception as error:  # its text could hold the user's code
        return EngineError(_unforeseen("A completion", error))


def _unforeseen(what: str, error: Exception) -> str:
    """Say where something failed that should not have, without the words of the exception."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f"{at.tb_frame.f_code.co_name}:{at.tb_lineno}" if at else "?"
    return f"{what} failed inside ({type(error).__name__} in {place}); please report it."


def _yield() -> None:
    """Leave the processor to other processes that want it."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(YIELDING)


def _shield() -> None:
    """Keep the child away from the parent's standard input and output, and from its Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
