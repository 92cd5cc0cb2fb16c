"""Reads files that others have made: regular ones only, and no more of them than was reckoned with.

A FIFO or a terminal would have us wait for ever, a device or a file that grows would fill the memory.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import stat
from pathlib import Path
from typing import Any

LARGEST_JSON = 4 << 20
"""Bytes of JSON that are read: sidecars and records have some thousands."""
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Not blocking, since to open a FIFO waits for its other end."""


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file to read its bytes. Raises OSError, also for what is no regular file."""
    try:
        descriptor = os.open(path, _FLAGS)
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, "no file has such a name", str(path)) from error
    try:
        if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
            folder = errno.EISDIR, os.strerror(errno.EISDIR)
            raise OSError(*(folder if stat.S_ISDIR(mode) else (errno.EINVAL, "it is not a regular file")), str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """Return all bytes of a regular file. Raises OSError, also for one of more than `most` bytes."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
    return content


def read_json(path: Path, most: int = LARGEST_JSON) -> Any:
    """Return what a JSON file of at most `most` bytes says, whose numbers are finite, and whole ones of 64 bits.

    Raises OSError, and ValueError for what is no JSON, or nested too deep.
    """
    try:
        return json.loads(
            read_regular(path, most).decode("utf-8"),
            parse_float=_finite,
            parse_int=_whole,
            parse_constant=_finite,
        )
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def reason(error: Exception) -> str:
    """Return why a file could not be read, or what it lacks, to stand in a sentence that names it."""
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def is_regular(path: Path) -> bool:
    """Tell whether there is a regular file; False also where none can be, or none that may be seen."""
    return os.path.isfile(path)  # noqa: PTH113 (Path.is_file raises on names that are too long)


def _finite(written: str) -> float:
    if not math.isfinite(value := float(written)):
        raise ValueError(f"it holds {written[:20]}, which is no number to reckon with")
    return value


def _whole(written: str) -> int:
    if len(written) > len(str(2**63)):
        raise ValueError(f"it holds a whole number of {len(written)} digits")
    return int(written)
