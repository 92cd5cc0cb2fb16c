"""A memory for one command: filled from a file's workspace before the first completion, in bounded time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empower_lsp.workspace import Workspace, root_of
from empower_model.memory import memory_in_use

if TYPE_CHECKING:
    from empower_model.engine import Engine
    from empower_model.files import Model
    from empower_model.memory import WeightedMemory

SECONDS = 5.0
"""How long a command reads the workspace; a million tokens, of an engine that has a core to itself."""


@dataclass(frozen=True, slots=True)
class OneMemory:
    """The memory of whoever writes a file, as the server would have it, and how it was read."""

    known: WeightedMemory
    folder: Path
    tokens: int
    seconds: float
    """That it took to read."""
    complete: bool
    """Whether all of the workspace was read; else the time was up."""


def remembered(
    engine: Engine, model: Model, path: Path, folder: Path | None = None, seconds: float = SECONDS
) -> OneMemory:
    """Return the memory of a model for a cursor in the file `path`, which itself is left out of it.

    It is read from `folder`, or from what an editor would probably have opened for the file. What stands around the
    cursor is to come with each request. Raises ModelError.
    """
    from empower_model.feed import Current, Walk
    from empower_model.memory import Keeper, Memory, Scope, WeightedMemory

    weights = memory_in_use(model)
    began = time.perf_counter()
    folder, memory = folder or root_of(path), Memory()
    keeper = Keeper(memory, engine.tokenize)
    keeper.hear(Current(path.resolve().as_posix()))
    keeper.hear(Walk(Workspace((folder.as_posix(),)), watched=True))
    everything = keeper.fill(seconds)
    return OneMemory(
        known=WeightedMemory(memory, weights),
        folder=folder,
        tokens=memory.scopes[Scope.PROJECT].size,
        seconds=time.perf_counter() - began,
        complete=everything,
    )
