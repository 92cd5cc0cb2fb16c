"""Finds the GGUF models that other programs keep on this machine, to be used in place: nothing is copied or changed.

Ollama        <models>/manifests/<host>/<owner>/<model>/<tag>, JSON that names <models>/blobs/sha256-<SHA-256>
LM Studio     <models>/<publisher>/<repository>/<file>.gguf
llama.cpp     <cache>/<file>.gguf
the hub       <cache>/models--<owner>--<repository>/snapshots/<commit>/<file>.gguf, a link to .../blobs/<SHA-256>
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empower_model.errors import ModelError
from empower_model.files.gguf_file import check_header, digest
from empower_model.files.tunings import state_of
from empower_model.folder import data_folder
from empower_model.regular_file import read_json
from empower_model.whole_file import write_whole

MANIFEST_BYTES = 1 << 20
"""A larger manifest is none: they have some hundred bytes."""
_MODEL_LAYER = "application/vnd.ollama.image.model"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_MODEL = re.compile(r"mmproj|-(?!00001)\d{5}-of-\d{5}\.gguf$")
"""A projector for images, or a part of a split model other than the first, which stands for all of it."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A model file of another program."""

    path: Path
    name: str
    """As that program calls it."""
    keeper: str
    """The program, as the end of "kept by"."""
    size: int
    """Bytes."""
    sha256: str | None
    """As its keeper names the file; None where it does not."""


def found_files() -> list[FoundFile]:
    """List the models that other programs keep here, each file once; what cannot be read is passed over."""
    files: dict[Path, FoundFile] = {}
    for keeper in KEEPERS:
        with suppress(OSError, RuntimeError):  # no home, or a folder that is not ours to read
            for file in keeper():
                files.setdefault(file.path.resolve(), file)
    return list(files.values())


def holding(sha256: str, size: int, among: Sequence[FoundFile]) -> FoundFile | None:
    """Return the file of that checksum and size. One that no keeper has named is read once, and its checksum kept."""
    return next((file for file in among if file.size == size and (file.sha256 or _digest(file.path)) == sha256), None)


def _ollama() -> Iterator[FoundFile]:
    chosen = os.environ.get("OLLAMA_MODELS")
    # the second is that of the service which the installer for Linux sets up
    folders = [Path(chosen)] if chosen else [Path.home() / ".ollama/models", Path("/usr/share/ollama/.ollama/models")]
    for folder in folders:
        for manifest in sorted((folder / "manifests").glob("*/*/*/*")):
            host, owner, model, tag = manifest.parts[-4:]
            names = [part for part in (host, owner, model) if part not in ("registry.ollama.ai", "library")]
            for sha256 in _model_layers(manifest):
                yield from _file(folder / "blobs" / f"sha256-{sha256}", f"{'/'.join(names)}:{tag}", "Ollama", sha256)


def _model_layers(manifest: Path) -> list[str]:
    """Return the SHA-256 of the weights that a manifest names; none if it cannot be read."""
    try:
        layers = read_json(manifest, MANIFEST_BYTES)["layers"]
        named = [str(layer["digest"]).removeprefix("sha256:") for layer in layers if layer["mediaType"] == _MODEL_LAYER]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return [sha256 for sha256 in named if _SHA256.fullmatch(sha256)]


def _lm_studio() -> Iterator[FoundFile]:
    for folder in (Path.home() / ".lmstudio/models", Path.home() / ".cache/lm-studio/models"):
        for path in sorted(folder.glob("*/*/*.gguf")):
            yield from _file(path, "/".join(path.parts[-3:]), "LM Studio")


def _llama_cpp() -> Iterator[FoundFile]:
    chosen = os.environ.get("LLAMA_CACHE")
    caches = [_caches(), Path.home() / "Library/Caches"]
    if local := os.environ.get("LOCALAPPDATA"):
        caches.append(Path(local))
    for folder in [Path(chosen)] if chosen else [cache / "llama.cpp" for cache in caches]:
        for path in sorted(folder.glob("*.gguf")):
            yield from _file(path, path.name, "llama.cpp")


def _hub() -> Iterator[FoundFile]:
    home = Path(os.environ.get("HF_HOME") or _caches() / "huggingface").expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or home / "hub").expanduser()
    for snapshot in sorted(cache.glob("models--*/snapshots/*")):
        repository = snapshot.parts[-3].removeprefix("models--").replace("--", "/", 1)
        for path in sorted(snapshot.glob("**/*.gguf")):
            blob = path.resolve().name
            name = f"{repository}:{path.relative_to(snapshot).as_posix()}"
            yield from _file(path, name, "the hub's cache", blob if _SHA256.fullmatch(blob) else None)


def _caches() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


KEEPERS: Sequence[Callable[[], Iterable[FoundFile]]] = (_ollama, _lm_studio, _llama_cpp, _hub)
"""Those asked, in the order of the list."""


def _file(path: Path, name: str, keeper: str, sha256: str | None = None) -> Iterator[FoundFile]:
    """Yield the file, unless it is no model that llama.cpp reads."""
    with suppress(OSError, ModelError):
        if path.is_file() and not _NO_MODEL.search(path.name):
            check_header(path)
            yield FoundFile(path, name, keeper, path.stat().st_size, sha256)


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, from the data folder's `digests.json` if it was read before; None if unreadable."""
    kept = data_folder() / "digests.json"
    known = _read(kept)
    state = state_of(path)
    if (entry := known.get(str(path))) and entry[:3] == [*(state or ())]:
        return str(entry[3])
    try:
        sha256 = digest(path)
    except OSError:
        return None
    with suppress(OSError):  # it is read again the next time
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(kept, json.dumps(known | {str(path): [*(state or ()), sha256]}, indent=2) + "\n")
    return sha256


def _read(kept: Path) -> dict[str, list[Any]]:
    """Return what `_digest` has kept: [inode, size, time, SHA-256] by path; nothing if that is broken."""
    try:
        content = read_json(kept)
    except (OSError, ValueError):
        return {}
    items = content.items() if isinstance(content, dict) else ()
    return {path: entry for path, entry in items if isinstance(entry, list) and len(entry) == 4}
