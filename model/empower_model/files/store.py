"""Where model files are: the bundled one, those pulled, those other programs keep here, and any GGUF by its path.

    <data folder>/models/<owner>/<repo>/<file>.gguf        a pulled model
                                       /<file>.pulled.json     where it came from, and its verified SHA-256
                                       /<file>.calibration.json
    <data folder>/default.json                             the model the person chose

What was tuned from them is kept beside (`tunings.py`) and applied here. Nothing here reaches the network:
`download.py` does.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from empower_model.calibration import sidecar
from empower_model.errors import ModelFileInvalid, ModelNotFound
from empower_model.files import requantised, tunings
from empower_model.files.elsewhere import FoundFile, found_files, holding
from empower_model.files.gguf_file import check_file, check_header, digest
from empower_model.files.model import Model, Origin
from empower_model.folder import data_folder, default_file
from empower_model.regular_file import is_regular, read_json, reason
from empower_model.whole_file import write_whole

__all__ = [
    "CatalogueEntry",
    "Model",
    "Origin",
    "bundled",
    "calibration_as_it_came",
    "catalogue",
    "checked",
    "data_folder",
    "default_model",
    "find",
    "here",
    "listing",
    "models_folder",
    "record",
    "resolve",
    "use",
    "verify",
]

_log = logging.getLogger(__name__)

LONGEST_NAME = 200
"""Characters of a name that are shown where there is no such model."""
_PACKAGE = Path(__file__).parents[1]
DEFAULT_CALIBRATION = _PACKAGE / "weights" / "default.calibration.json"
"""For models that nothing was fitted for."""
_REFERENCE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+):(?P<file>[\w.+-]+(?:/[\w.+-]+)*\.gguf)")
"""`owner/repo:file.gguf`: any file of the hub."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """The catalogue's account of a model."""

    name: str
    file: str
    """Name of the GGUF in its repository, or among the bundled weights."""
    licence: str
    description: str
    repo: str | None = None
    """`owner/repo` on the hub; None for a model that comes with the package."""
    revision: str = "main"
    """Branch or commit of the repository."""
    size: int | None = None
    """Bytes, to show and to compare; the hub's word counts when pulling."""
    memory: int | None = None
    """Bytes of memory that it takes, where that was measured."""
    sha256: str | None = None
    base: str | None = None
    """Name of the model that it was tuned from."""

    @property
    def path(self) -> Path:
        """Return where the file lies, or would lie once pulled."""
        return models_folder() / self.repo / self.file if self.repo else _PACKAGE / "weights" / self.file


def models_folder() -> Path:
    """Return where pulled models are kept."""
    return data_folder() / "models"


@cache
def catalogue() -> Mapping[str, CatalogueEntry]:
    """Return all models known by name; the bundled one comes first."""
    content = tomllib.loads((_PACKAGE / "catalogue.toml").read_text(encoding="utf-8"))
    entries = [CatalogueEntry(**table) for table in (content["bundled"], *content["models"])]
    return {entry.name: entry for entry in entries}


def bundled() -> str:
    """Return the name of the model that comes with the package."""
    return next(iter(catalogue()))


def find(name: str) -> CatalogueEntry | None:
    """Return what is known under a name: a catalogue entry, or `owner/repo:file.gguf` on the hub."""
    if entry := catalogue().get(name):
        return entry
    match = _REFERENCE.fullmatch(name)
    if match is None or ".." in name:
        return None
    repo, file = match["repo"], match["file"]
    for entry in catalogue().values():
        if (entry.repo, entry.file) == (repo, file):
            return entry
    return CatalogueEntry(name, file, licence="see its page", description="Not in the catalogue", repo=repo)


def resolve(name_or_path: str, *, tuned: bool = True) -> Model:
    """Return the model of that name, hub reference or path (absolute, `~` or relative to the working directory).

    With the tuning in use applied, unless `tuned` is false. Raises ModelNotFound with the cure, and ModelError for a
    broken calibration; the file itself is looked at by `check_file`.
    """
    base = _base(name_or_path)
    model = _tuned(base) if tuned else base
    return replace(model, calibration=tunings.calibration(model, calibration_as_it_came(base)))


def calibration_as_it_came(base: Model) -> Path:
    """Return where the calibration of a model as it came lies: beside it, or shipped for its file, or for any model."""
    entry = find(base.name)
    shipped = sidecar(_PACKAGE / "weights" / (entry.file if entry is not None else base.path.name))
    beside = (path for path in (sidecar(base.path), shipped) if tunings.state_of(path) is not None)
    return next(beside, DEFAULT_CALIBRATION)


def _base(name_or_path: str) -> Model:
    if entry := find(name_or_path):
        model = here(entry)
        if model is None:
            raise ModelNotFound(_missing(entry))
        return model
    path = _path(name_or_path)
    if path is None or not os.path.exists(path):  # noqa: PTH110 (Path.exists raises on names that are too long)
        raise ModelNotFound(_unknown(name_or_path))
    return _local(path)


def _path(name: str) -> Path | None:
    """Return a name as an absolute path; None where it cannot be one, as `~` of nobody."""
    try:
        return Path(name).expanduser().absolute()
    except (OSError, RuntimeError):
        return None


def here(entry: CatalogueEntry) -> Model | None:
    """Return the model of an entry as it came: bundled, pulled or kept by another program; None if nowhere."""
    model = _model(entry, () if is_regular(entry.path) else found_files())
    return model if model.origin.here else None


def _tuned(base: Model) -> Model:
    if not base.origin.here:
        return base
    tuning = tunings.promoted(base)
    if tuning is not None and not tuning.is_adapter:
        return replace(base, path=tuning.path, tuning=tuning.id)
    quick = requantised.copy_of(base)
    model = base if quick is None else replace(base, path=quick)
    return model if tuning is None else replace(model, adapter=tuning.path, tuning=tuning.id)


def listing() -> list[Model]:
    """List every known model: the catalogue, what else was pulled or found, and the one in use; uncalibrated."""
    entries, others = dict(catalogue()), found_files()
    for reference in _pulled_references():
        if entry := find(reference):
            entries.setdefault(entry.name, entry)
    models = [_model(entry, others) for entry in entries.values()]
    models += [_found(file) for file in others if _entry(file) is None]
    if (in_use := default_model()) not in {model.name for model in models}:
        entry = find(in_use)
        models.append(_model(entry, others) if entry else _local(Path(in_use)))
    return [_tuned(model) for model in models]


def checked(name_or_path: str, *, tuned: bool = True) -> Model:
    """Resolve a name, or for an empty one the default model, and look at the file cheaply: ready to be loaded.

    Raises ModelNotFound and ModelFileInvalid.
    """
    model = resolve(name_or_path or default_model(), tuned=tuned)
    check_file(model.path)
    return model


def use(name_or_path: str) -> Model:
    """Remember a model as the default, after checking its file.

    The path of a file that another program keeps is taken for the name of the model, where the catalogue knows it.
    """
    path = _path(name_or_path)
    entry = next((_entry(file) for file in found_files() if path in (file.path, file.path.resolve())), None)
    model = resolve(entry.name if entry else name_or_path)
    check_file(model.path)
    data_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(default_file(), json.dumps({"model": model.name}) + "\n")
    return model


def default_model() -> str:
    """Return the model to load when none is asked for: the remembered one, else the bundled one."""
    try:
        name = read_json(default_file())["model"]
        if isinstance(name, str) and name:
            return name
        raise ValueError("`model` is not a name")
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, KeyError) as error:
        _log.warning("%s cannot be read (%s): using %s", default_file(), reason(error), bundled())
    return bundled()


def verify(name_or_path: str) -> Model:
    """Read the whole file, as it came, and compare it with its SHA-256; `Model.sha256` is None where none is known.

    Raises ModelFileInvalid when it differs, or is no model.
    """
    model = resolve(name_or_path, tuned=False)
    check_header(model.path)
    if model.sha256 is not None and (actual := digest(model.path)) != model.sha256:
        known = find(model.name) is not None and model.origin is not Origin.BUNDLED
        cure = f"pull --force {model.name}" if known else "list"
        raise ModelFileInvalid(
            f"{model.path} is damaged: its SHA-256 is {actual}, it should be {model.sha256}. "
            f"Run `empower-lsp model {cure}`."
        )
    return model


def record(path: Path) -> Path:
    """Return where it is written what was verified when the model at `path` was pulled."""
    return path.with_suffix(".pulled.json")


def _model(entry: CatalogueEntry, others: Sequence[FoundFile]) -> Model:
    """Return the model of an entry; among the `others` it is sought where it was not pulled."""
    own = is_regular(entry.path)
    if not own and entry.repo and entry.sha256 and entry.size:
        file = holding(entry.sha256, entry.size, others)
        if file is not None:
            about = f"{entry.description}; kept by {file.keeper}: {file.path}"
            return Model(entry.name, file.path, Origin.FOUND, entry.licence, about, file.size, entry.sha256)
    present, absent = (Origin.PULLED, Origin.AVAILABLE) if entry.repo else (Origin.BUNDLED, Origin.MISSING)
    return Model(
        name=entry.name,
        path=entry.path,
        origin=present if own else absent,
        licence=entry.licence,
        description=entry.description,
        size=entry.path.stat().st_size if own else entry.size,
        sha256=_recorded(entry.path) or entry.sha256,
    )


def _entry(file: FoundFile) -> CatalogueEntry | None:
    """Return what the catalogue knows a file as, by size and checksum."""
    known = (entry for entry in catalogue().values() if entry.repo and entry.sha256 and entry.size == file.size)
    return next((entry for entry in known if holding(str(entry.sha256), file.size, [file])), None)


def _found(file: FoundFile) -> Model:
    about = f"{file.name}, kept by {file.keeper}"
    return Model(str(file.path), file.path, Origin.FOUND, licence="", description=about, size=file.size)


def _local(path: Path) -> Model:
    size = path.stat().st_size if is_regular(path) else None
    origin = Origin.LOCAL if os.path.exists(path) else Origin.MISSING  # noqa: PTH110 (as in _base)
    return Model(str(path), path, origin, licence="", description="A file of yours", size=size)


def _recorded(path: Path) -> str | None:
    """Return the SHA-256 verified when the model at `path` was pulled; a broken record counts as none."""
    try:
        sha256 = read_json(record(path))["sha256"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return sha256 if isinstance(sha256, str) else None


def _pulled_references() -> list[str]:
    folder = models_folder()
    parts = (path.relative_to(folder).parts for path in sorted(folder.glob("*/*/**/*.gguf")))
    return [f"{owner}/{repo}:{'/'.join(file)}" for owner, repo, *file in parts]


def _missing(entry: CatalogueEntry) -> str:
    if entry.repo:
        return f"{entry.name} is not pulled yet: run `empower-lsp model pull {entry.name}`."
    return (
        f"The bundled model {entry.name} is missing from this installation ({entry.path}): "
        "reinstall empower-lsp, or choose another with `empower-lsp model use`."
    )


def _unknown(name: str) -> str:
    name = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
    near = difflib.get_close_matches(name, [*catalogue(), *_pulled_references()], cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"There is no model and no file {name}. {hint}`empower-lsp model list` shows the models."
