"""The child's side of the engine host: loads a model, keeps its memory, answers requests until the pipe ends.

Nothing heavy is imported with this module, since the parent imports it too.
"""

from __future__ import annotations

import ctypes
import os
import signal
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
from empower_model.request import Completion, Request

if TYPE_CHECKING:
    from empower_model.completing import LocalCompleter
    from empower_model.memory import KeeperThread, Weights

TEXT_SECONDS = 0.02
PIECE_SECONDS = 0.03
"""How long a request may have to wait for what is prepared for later ones."""
FEWEST_TOKENS, MOST_TOKENS = 8, 256
"""Of such a piece."""


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


class Pause:
    """The time until the next request, used in pieces of PIECE_SECONDS, after each of which a request is seen."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._tokens = FEWEST_TOKENS
        """What a piece may evaluate: as many as took PIECE_SECONDS the last time."""

    def use(self, prepare: Callable[[int], bool], asked: Callable[[], bool]) -> None:
        """Call `prepare` with a number of tokens until it says that there is no more to do, or somebody asks."""
        while not asked():
            began = self._clock()
            try:
                if not prepare(self._tokens):
                    return
            except EmpowerError:  # the next request meets it, and says so
                return
            took = max(self._clock() - began, 1e-6)
            self._tokens = round(min(MOST_TOKENS, max(FEWEST_TOKENS, self._tokens * PIECE_SECONDS / took)))


def serve(
    connection: Connection,
    stop: ctypes.Array[ctypes.c_char],
    config: EngineConfig,
    calibration: Calibration,
    memory: ChildMemory | None,
) -> None:
    """Live the child's life: load, say so, answer requests until the pipe ends."""
    _shield()
    try:
        completer, keeper = _loaded(config, StopFlag(stop), calibration, memory, connection.send)
    except Exception as error:  # whatever it is, it would be the same the next time
        connection.send(error if isinstance(error, EmpowerError) else EngineError(_unforeseen("Loading", error)))
        return
    connection.send(None)
    answering(completer, connection, keeper.paused if keeper is not None else nullcontext)


def answering(
    completer: LocalCompleter,
    wire: Wire,
    paused: Callable[[], AbstractContextManager[None]] = nullcontext,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Answer what comes over the wire until its end; what is between two requests is used to prepare.

    Whoever keeps the memory is `paused` meanwhile. `clock` counts seconds.
    """
    pause = Pause(clock)
    while True:
        try:
            pause.use(completer.prepare, wire.poll)
            request, wants_text = wire.recv()
            on_text = _sparsely(wire.send, clock) if wants_text else None
            with paused():
                wire.send(_answer(completer, request, on_text))
        except (EOFError, BrokenPipeError):
            return


def _loaded(
    config: EngineConfig,
    stop: StopFlag,
    calibration: Calibration,
    memory: ChildMemory | None,
    warn: Callable[[str], None],
) -> tuple[LocalCompleter, KeeperThread | None]:
    """Return the completer, and who keeps its memory if there is one, already at work. Raises EmpowerError."""
    from empower_model.completing import assemble
    from empower_model.engine.llama import LlamaEngine
    from empower_model.memory import KeeperThread, Memory, WeightedMemory

    engine = LlamaEngine(config, stop)
    weights = _weights(memory.weights, warn) if memory is not None else None
    if memory is None or weights is None:
        return assemble(engine, calibration), None
    keeper = KeeperThread(Memory(), engine.tokenize, memory.news)
    keeper.start()
    known = WeightedMemory(keeper.memory, weights)
    return assemble(engine, memory.calibration or weights.calibration, known), keeper


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


def _sparsely(send: Callable[[str], None], clock: Callable[[], float]) -> Callable[[str], None]:
    """Pass on one text in TEXT_SECONDS at most: each wakes two threads, as costly as a token of a small model."""
    last = clock()

    def on_text(text: str) -> None:
        nonlocal last
        if clock() - last >= TEXT_SECONDS:
            last = clock()
            send(text)

    return on_text


def _answer(
    completer: LocalCompleter, request: Request, on_text: Callable[[str], None] | None
) -> Completion | EmpowerError:
    try:
        return completer.answer(request, on_text)
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


def _shield() -> None:
    """Keep the child away from the parent's standard input and output, and from its Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
