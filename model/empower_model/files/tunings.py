"""What was fine-tuned from a model on this machine, and which of it is in use.

    <data folder>/tunings/<model>/<id>/adapter.gguf           or model.gguf, where all weights were trained
                                      /provenance.json
                                      /calibration.json       of this tuning
                                 /base/calibration.json       of the model as it came, fitted to this person
                                 /promoted.json               ids, oldest first: the last one is in use

A tuning only fits the very file it was made from: with another one in its place it is left alone, and said so once.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from itertools import count
from pathlib import Path

from empower_model.calibration import Calibration, sidecar
from empower_model.engine import is_adapter
from empower_model.errors import ModelError, ModelNotFound, TuningError
from empower_model.files.gguf_file import check_header
from empower_model.files.model import Model
from empower_model.files.provenance import Provenance
from empower_model.folder import data_folder, default_file
from empower_model.regular_file import read_json, reason
from empower_model.whole_file import write_whole

ADAPTER, WHOLE = "adapter.gguf", "model.gguf"
COPY = "requantised.gguf"
"""The model as it came in types of weights that this machine is quick with: `requantised.py`."""
CALIBRATION, PROMOTED = "calibration.json", "promoted.json"
MEMORY_CALIBRATION = "calibration.memory.json"
BASE = "base"
"""In the place of an id: the model as it came."""
LOCK_SECONDS = 10.0
"""How long to wait for another process that promotes: it writes one small file."""

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and time of some files; None for one that is not there."""

_log = logging.getLogger(__name__)
_ID = re.compile(r"\w[\w.-]*")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Tuning:
    """The result of one fine-tune."""

    id: str
    path: Path
    """The adapter, or the whole model."""
    provenance: Provenance | None
    """None when it cannot be read."""
    problem: str = ""
    """Why it cannot be used, as a sentence; empty if it can."""

    @property
    def is_adapter(self) -> bool:
        """Tell whether it is loaded on top of the model it was made from."""
        return self.path.name == ADAPTER


def tunings(model: Model) -> list[Tuning]:
    """Return all tunings of a model, oldest first, unusable ones too."""
    try:
        names = sorted(path.name for path in folder(model).iterdir() if path.is_dir())
    except OSError:
        return []
    every = [_tuning(model, name) for name in names if _ID.fullmatch(name) and name != BASE]
    return sorted(every, key=lambda tuning: (tuning.provenance.date if tuning.provenance else "", tuning.id))


def promoted(model: Model) -> Tuning | None:
    """Return the tuning in use; None for the model as it came, and for one that cannot be used (logged once)."""
    try:
        ids = _ids(model)
    except TuningError as error:
        _warn_once(f"{error} {model.name} is used as it came.")
        return None
    if not ids:
        return None
    tuning = _tuning(model, ids[-1])
    if tuning.problem:
        _warn_once(f"The tuning {tuning.id} is not used: {tuning.problem} {model.name} is used as it came.")
        return None
    return tuning


def promote(model: Model, id: str) -> Tuning:
    """Put a tuning of a model in use from now on. Raises TuningError."""
    tuning = _tuning(model, id) if _ID.fullmatch(id) and id != BASE else None
    if tuning is None or not tuning.path.parent.is_dir():
        raise TuningError(f"{model.name} has no tuning {id}: `empower-lsp model tunings` shows those there are.")
    if tuning.problem:
        raise TuningError(f"The tuning {id} cannot be promoted: {tuning.problem}")
    _change(model, lambda ids: ids if ids[-1:] == [id] else [*ids, id])
    return tuning


def rollback(model: Model) -> Tuning | None:
    """Undo the last promotion; returns the tuning in use now, None for the model as it came.

    Raises TuningError when nothing is promoted.
    """

    def undone(ids: list[str]) -> list[str]:
        if not ids:
            raise TuningError(f"Nothing is promoted for {model.name}: it is in use as it came.")
        return ids[:-1]

    _change(model, undone)
    return promoted(model)


def keep(base: Model, weights: Path, provenance: Provenance, calibration: Calibration | None = None) -> Tuning:
    """Copy a tuned file, an adapter or a whole model, to its place among the tunings of `base`; not yet in use.

    The id is made of date and method. Raises TuningError, and ModelError when the file cannot be one.
    """
    if problem := _misfit(base, provenance):
        raise TuningError(f"{weights} is no tuning of {base.name}: {problem}")
    name = ADAPTER if is_adapter(weights) else WHOLE
    draft = folder(base) / f".{os.getpid()}.draft"
    try:
        draft.mkdir(mode=0o700, parents=True)
        shutil.copyfile(weights, draft / name)
        provenance.save(draft)
        if calibration is not None:
            calibration.save(draft / CALIBRATION, date=provenance.date)
        return _tuning(base, _placed(draft, f"{provenance.date[:10]}-{provenance.method}"))
    except OSError as error:
        raise TuningError(f"{weights} could not be kept in {draft.parent}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _placed(draft: Path, id: str) -> str:
    """Rename a folder to the first free one of `id`, `id-2`, `id-3`, ..., so that it is there whole or not at all."""
    for number in count(1):
        name = id if number == 1 else f"{id}-{number}"
        target = draft.with_name(name)
        try:
            draft.rename(target)
            return name
        except OSError:
            if not target.exists():
                raise
    raise AssertionError("there is always a free number")


def calibration_file(model: Model, memory: bool = False) -> Path:
    """Return where the calibration fitted on this machine lies, for the tuning in use or for the model as it came.

    With a memory, bits mean something else than without, and have a file of their own. It wins over the sidecar
    beside the weights. The folder may not exist yet.
    """
    return folder(model) / (model.tuning or BASE) / (MEMORY_CALIBRATION if memory else CALIBRATION)


def calibration(model: Model, beside: Path) -> Calibration:
    """Return the calibration fitted on this machine, or else the sidecar `beside` the weights. Raises ModelError."""
    own = calibration_file(model)
    return Calibration.load(beside if state_of(own) is None else own)


def stamp(model: Model | None = None) -> Stamp:
    """Return a number that differs from before when what a running server loaded may be out of date.

    Takes microseconds, and never raises.

    Looks at the model that was chosen, the promotions, the calibrations, the copy and the model's own file. With
    another stamp, resolve the model again and compare.
    """
    chosen = os.environ.get("EMPOWER_LSP_DATA", "")
    try:
        paths = _watched(chosen) if model is None else _watched(chosen, model.name, model.tuning, model.path)
    except (OSError, RuntimeError, ValueError):  # a home that is nowhere
        return ()
    return tuple(map(state_of, paths))


@lru_cache(maxsize=16)
def _watched(chosen: str, name: str = "", tuning: str = "", path: Path | None = None) -> tuple[str, ...]:
    """Return the files that a stamp is of: making their paths takes ten times as long as looking at them.

    `chosen` is the data folder as the environment has it, so that another one is not answered from the cache.
    """
    paths = [default_file()]
    if path is not None:
        own = data_folder() / "tunings" / _slug(name)
        paths += [own / BASE / COPY, own / PROMOTED, own / (tuning or BASE) / CALIBRATION, sidecar(path), path]
    return tuple(map(str, paths))


def folder(model: Model) -> Path:
    """Return where all that was made from a model lies; it may not exist yet."""
    return data_folder() / "tunings" / _slug(model.name)


def state_of(path: Path | str) -> tuple[int, int, int] | None:
    """Return inode, size and time of a file; None for one that is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116 (half the time of Path.stat)
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


@cache
def _slug(name: str) -> str:
    """Return a name fit for a folder: one with a path or capitals in it ends with a fingerprint, to keep such apart."""
    if _PLAIN.fullmatch(name):
        return name
    short = re.sub(r"[^\w.-]+", "-", name.removesuffix(".gguf"))[-60:].strip("-._")
    return f"{short}-{sha256(name.encode(errors='replace')).hexdigest()[:8]}"


def _tuning(model: Model, id: str) -> Tuning:
    own = folder(model) / id
    path = own / (WHOLE if state_of(own / ADAPTER) is None else ADAPTER)
    provenance = None
    try:
        provenance = Provenance.load(own)
        check_header(path)
    except ModelNotFound:
        return Tuning(id, path, provenance, f"{path} is missing.")
    except ModelError as error:
        return Tuning(id, path, provenance, str(error))
    return Tuning(id, path, provenance, _misfit(model, provenance))


def _misfit(model: Model, provenance: Provenance) -> str:
    """Say why a tuning is not of the file that `model` now is; empty if it is."""
    cure = "Train again for the file that is there now."
    if model.size != provenance.base_size:
        there = "not there" if model.size is None else f"one of {model.size} bytes"
        return f"It was made from a file of {provenance.base_size} bytes and {model.name} is {there}. {cure}"
    if model.sha256 is not None and model.sha256 != provenance.base_sha256:
        return f"It was made from another file than {model.name} now is: the SHA-256 differ. {cure}"
    return ""


def _ids(model: Model) -> list[str]:
    """Return the ids promoted, oldest first. Raises TuningError."""
    path = folder(model) / PROMOTED
    try:
        ids = read_json(path)["promoted"]
        if isinstance(ids, list) and all(isinstance(tuning_id, str) and _ID.fullmatch(tuning_id) for tuning_id in ids):
            return ids
        raise ValueError("`promoted` is no list of ids")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TuningError(
            f"{path} cannot be read ({reason(error)}): mend it, or delete it to start from nothing."
        ) from error


def _change(model: Model, change: Callable[[list[str]], list[str]]) -> None:
    """Replace the ids promoted, one process at a time."""
    from filelock import FileLock, Timeout

    own = folder(model)
    try:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(own / "promoted.lock", timeout=LOCK_SECONDS):
            write_whole(own / PROMOTED, json.dumps({"promoted": change(_ids(model))}) + "\n")
    except Timeout as error:
        raise TuningError(
            f"Another process holds {error.lock_file}: wait until it has ended, then try again."
        ) from error
    except OSError as error:
        raise TuningError(
            f"What is in use could not be changed in {own}: {error.strerror or error}. What was in use still is."
        ) from error


@cache
def _warn_once(message: str) -> None:
    _log.warning(message)
