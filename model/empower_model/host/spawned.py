"""The child process as its parent holds it: how it is begun and how it ends."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from empower_model.calibration import Calibration
from empower_model.engine import EngineConfig
from empower_model.errors import EngineError
from empower_model.feed import Remembered
from empower_model.host.aside import listen
from empower_model.host.child import ChildMemory, Shared, serve

GRACE_SECONDS = 2.0
"""Time a child has to end by itself."""

_spawning = multiprocessing.get_context("spawn")  # a forked child of a threaded parent hangs


@dataclass(frozen=True, slots=True)
class Child:
    """A process that loads a model, and answers."""

    process: BaseProcess
    connection: Connection
    detach: Callable[[], None]
    """Ends what the memory is told."""

    def release(self) -> None:
        """End it, its memory with it."""
        self.detach()
        self.connection.close()  # the child ends when it reads the end of the pipe
        self.process.join(GRACE_SECONDS)
        if self.process.is_alive():
            self.process.kill()


def shared_memory() -> Shared:
    """Return memory for a child, and those that replace it."""
    array = _spawning.RawArray
    return Shared(array(ctypes.c_char, 2), array(ctypes.c_char, 2), array(ctypes.c_double, 1))


def spawn(
    shared: Shared,
    config: EngineConfig,
    calibration: Calibration,
    memory: Remembered | None,
    on_progress: Callable[[int, int], None] | None,
    *,
    background: bool,
) -> Child:
    """Begin a child. Raises EngineError where no process can be started."""
    try:
        Path.cwd()
    except OSError:  # the folder was deleted, and no process starts without one
        os.chdir(Path.home().anchor or os.sep)
    ours, theirs = _spawning.Pipe()
    heard, reports = _spawning.Pipe(duplex=False) if on_progress is not None else (None, None)
    detach, told = _nothing, None
    if memory is not None:
        news, feed = _spawning.Pipe(duplex=False)
        told = ChildMemory(memory.weights, memory.calibration, news)
        detach = memory.feed.attach(feed)
    process = _spawning.Process(
        target=serve,
        args=(theirs, shared, config, calibration, told, reports, background),
        name="empower-engine",
        daemon=True,
    )
    try:
        process.start()
    except Exception as error:  # no folder to start in, no memory to fork, no descriptor left
        detach()
        ours.close()
        raise EngineError(
            f"The engine's process cannot be started ({type(error).__name__}: {error}); see to that, then restart "
            "the server."
        ) from error
    finally:
        for end in (theirs, reports, told.news if told is not None else None):
            if end is not None:
                end.close()
        if heard is not None and on_progress is not None:
            listen(heard, on_progress)
    return Child(process, ours, detach)


def _nothing() -> None:
    """Do nothing: there is no memory to tell anything."""
