"""A model as the rest of the program knows it: its files, where they came from, and how its bits are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from empower_model.calibration import Calibration


class Origin(StrEnum):
    """The place where a model file is, or could come from."""

    BUNDLED = "bundled"
    PULLED = "pulled"
    LOCAL = "local"
    FOUND = "found"
    """Another program keeps it here; it is used in place."""
    AVAILABLE = "available"
    """Known by name, not here yet."""
    MISSING = "missing"
    """It should be here and is not."""

    @property
    def here(self) -> bool:
        """Tell whether there is a file."""
        return self not in (Origin.AVAILABLE, Origin.MISSING)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be loaded, or one that could be pulled (`Origin.AVAILABLE`).

    With a tuning in use, `path` and `adapter` are what to load; all else is still about the model it was made from.
    """

    name: str
    """Under which `resolve` finds it again: a name, a hub reference or an absolute path."""
    path: Path
    origin: Origin
    licence: str
    description: str
    size: int | None = None
    """Bytes."""
    sha256: str | None = None
    """What the file should hash to, if that is known."""
    calibration: Calibration = field(default_factory=Calibration)
    adapter: Path | None = None
    """The LoRA adapter to load with it, if the tuning in use is one."""
    tuning: str = ""
    """Id of the tuning in use; empty for the model as it came."""
