"""A GGUF file as a file: whether it can be a model this machine loads, and its checksum.

Only the 24 bytes every GGUF begins with are parsed (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md):
llama.cpp finds deeper damage itself, and answers it without ending the process.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import psutil

from empower_model.errors import ModelFileInvalid, ModelNotFound
from empower_model.regular_file import open_regular

_HEADER = struct.Struct("<4sIQQ")
"""Magic, version, number of tensors, number of metadata pairs."""
_LEAST_TENSOR = 24
"""Bytes a tensor takes in the header at least: name length 8, dimension count 4, type 4, offset 8."""
_LEAST_PAIR = 13
"""Bytes a metadata pair takes at least: key length 8, type 4, value 1."""


def check_file(path: Path) -> None:
    """Look at a file cheaply before it is loaded: raises ModelFileInvalid or ModelNotFound, with the cure."""
    check_header(path)
    size, memory = path.stat().st_size, psutil.virtual_memory().total
    if size > memory:
        raise ModelFileInvalid(
            f"{path} needs {size / 1e9:.1f} GB of memory and this machine has {memory / 1e9:.1f} GB: "
            "use a smaller model (`empower-lsp model list`)."
        )


def check_header(path: Path) -> None:
    """Check as `check_file` does, but the file alone: whether it starts like a model llama.cpp reads."""
    cure = "Use another model (`empower-lsp model list`), or pull or copy this one again."
    if reason := _wrong(path):
        raise ModelFileInvalid(f"{path} {reason}. {cure}")


def _wrong(path: Path) -> str | None:
    """Return what is wrong with a file, as the end of a sentence that begins with its path; None if nothing is."""
    try:
        with open_regular(path) as file:
            start, size = file.read(_HEADER.size), os.fstat(file.fileno()).st_size
    except IsADirectoryError:
        return "is a folder, not a GGUF file"
    except FileNotFoundError as error:
        raise ModelNotFound(f"There is no file {path}. `empower-lsp model list` shows the models.") from error
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return _wrong_start(start, size)


def _wrong_start(start: bytes, size: int) -> str | None:
    if not start.startswith(b"GGUF"):
        return "is not a GGUF file"
    if len(start) < _HEADER.size:
        return "is cut short: it ends within its header"
    _, version, tensors, pairs = _HEADER.unpack(start)
    if version not in (2, 3):
        return f"is of a GGUF version that llama.cpp does not read ({version}; 2 and 3 are)"
    if tensors == 0:
        return "holds a vocabulary and no weights"
    if size < _HEADER.size + tensors * _LEAST_TENSOR + pairs * _LEAST_PAIR:
        return f"is cut short or damaged: {size} bytes cannot hold the {tensors} tensors it announces"
    return None


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
