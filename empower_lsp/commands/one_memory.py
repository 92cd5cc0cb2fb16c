"""A memory for one command: filled from a file's workspace before the first completion, in bounded time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empower_lsp.serving.serving import memory_in_use
from empower_lsp.workspace.files import Workspace, root_of

if TYPE_CHECKING:
    from empower_model.calibration import Calibration
    from empower_model.engine.seam import Engine
    from empower_model.files.model import Model
    from empower_model.memory.remembering import RememberingEngine

SECONDS = 5.0
"""How long a command reads the workspace; a million tokens, of an engine that has a core to itself."""


@dataclass(frozen=True, slots=True)
class OneMemory:
    """An engine with the memory of whoever writes a file, as the server would have it."""

    engine: RememberingEngine
    calibration: Calibration
    folder: Path
    tokens: int
    seconds: float
    """That it took to read."""
    complete: bool
    """Whether all of the workspace was read; else the time was up."""


def remembering(
    engine: Engine, model: Model, path: Path, folder: Path | None = None, seconds: float = SECONDS
) -> OneMemory:
    """The engine of a model with a memory for a cursor in the file `path`, which itself is left out of it.

    Of a `folder`, or of what an editor would probably have opened for the file. What stands around the cursor is to
    come with each request. Raises ModelError.
    """
    from empower_model.memory.feed import Current, Walk
    from empower_model.memory.index import Level, Memory
    from empower_model.memory.keeper import Keeper
    from empower_model.memory.remembering import RememberingEngine

    weights = memory_in_use(model)
    began = time.perf_counter()
    folder, memory = folder or root_of(path), Memory()
    keeper = Keeper(memory, engine.tokenize)
    keeper.hear(Current(path.resolve().as_posix()))
    keeper.hear(Walk(Workspace((folder.as_posix(),)), watched=True))
    everything = keeper.fill(seconds)
    return OneMemory(
        engine=RememberingEngine(engine, memory, weights),
        calibration=weights.calibration,
        folder=folder,
        tokens=memory.levels[Level.PROJECT].size,
        seconds=time.perf_counter() - began,
        complete=everything,
    )
