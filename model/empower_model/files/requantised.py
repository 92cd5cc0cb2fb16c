"""A requantised copy of a model file, used in its place on this machine.

    <data folder>/tunings/<model>/base/requantised.gguf
                                      /requantised.json    of which file it is, and what it won and cost

All that is known of the model stays as it is: its name, so its calibrations, tunings and the log. With another file in
the model's place, the copy is left alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from empower_model.errors import ModelFileInvalid
from empower_model.files.model import Model
from empower_model.files.tunings import BASE, COPY, folder, state_of
from empower_model.regular_file import read_json
from empower_model.whole_file import write_whole

RECORD = "requantised.json"
GROWTH = 1.5
"""Bytes for each of the model's that are free before a copy is made: Q8_0 takes half as much again as Q5_0."""


@contextmanager
def draft(model: Model) -> Iterator[Path]:
    """Lend a path beside the copy's for one to be made, which is deleted in the end unless it was kept.

    Raises ModelFileInvalid where the disk has too little room.
    """
    path = _folder(model) / f"{COPY}.{os.getpid()}.draft"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        needed, free = int(GROWTH * (model.size or 0)), shutil.disk_usage(path.parent).free
        if needed > free:
            raise ModelFileInvalid(
                f"A copy of {model.name} needs up to {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB free: "
                f"free some space for {path.parent}, or move it with EMPOWER_LSP_DATA."
            )
        yield path
    except OSError as error:
        raise ModelFileInvalid(f"A copy of {model.name} could not be stored in {path.parent}: {error}.") from error
    finally:
        with suppress(OSError):  # where no file can be, there is none
            path.unlink(missing_ok=True)


def keep(model: Model, made: Path, figures: Mapping[str, float]) -> Path:
    """Put a draft in use, with what was measured of it. Raises OSError."""
    path = _folder(model) / COPY
    write_whole(_folder(model) / RECORD, json.dumps({"of": state_of(model.path), **figures}, indent=2) + "\n")
    made.replace(path)
    return path


def drop(model: Model) -> bool:
    """Delete the copy of a model; tell whether there was one. Raises OSError."""
    there = (_folder(model) / COPY).exists()
    for name in (COPY, RECORD):
        (_folder(model) / name).unlink(missing_ok=True)
    return there


def copy_of(model: Model) -> Path | None:
    """Return the copy to load in the place of a model's file; None where there is none of that very file."""
    path = _folder(model) / COPY
    if state_of(path) is None:
        return None
    try:
        of = read_json(_folder(model) / RECORD)["of"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return path if of == [*(state_of(model.path) or ())] else None


def _folder(model: Model) -> Path:
    return folder(model) / BASE
