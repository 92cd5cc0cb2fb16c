"""Packages and indexes for the tests of installing."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes], requires: str = "") -> Path:
    """Write a wheel of pure Python by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {requires}\n" * bool(requires)
    )
    held = {
        **files,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }

    def line(path: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(data)}\n"

    record = "".join(line(path, data) for path, data in held.items()) + f"{info}/RECORD,,\n"
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, data in {**held, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(path, data)
    return made


def index(top: Path, made: Path) -> str:
    """Return the address of a package index that has one wheel of llama-cpp-python."""
    page = top / "llama-cpp-python"
    page.mkdir(parents=True)
    shutil.copy(made, page)
    (page / "index.html").write_text(f'<a href="{made.name}">{made.name}</a>')
    return top.as_uri()


def broken_sdist(folder: Path, backend: str) -> Path:
    """Return a folder with a source distribution of llama-cpp-python whose build does what `backend` says."""
    source = folder / "llama_cpp_python-0.3.99"
    source.mkdir(parents=True)
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "llama-cpp-python"\nversion = "0.3.99"\n'
    )
    (source / "backend.py").write_text(f"def build_wheel(*_, **__):\n    {backend}\n")
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: 0.3.99\n")
    with tarfile.open(folder / "llama_cpp_python-0.3.99.tar.gz", "w:gz") as archive:
        archive.add(source, source.name)
    return folder


def compiled(folder: Path) -> Path:
    """Return a wheel of llama-cpp-python that works here: the one that pip has compiled for this environment."""
    pinned = re.search(r"^llama_cpp_python==\S+", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    assert pinned is not None
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), pinned[0]]
    subprocess.run(build, check=True)
    return next(folder.glob("llama_cpp_python-*.whl"))
