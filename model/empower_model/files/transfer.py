"""Brings a model's bytes into a file that may hold the first of them already: over HTTP, or from another file."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from empower_model.errors import DownloadFailed
from empower_model.regular_file import open_regular

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Progress = Callable[[int, int | None], None]
"""Told (bytes here, bytes in all, if that is known), from the first byte of this pull on."""

CHUNK = 1 << 20


def over_http(url: str, partial: Path, size: int | None, progress: Progress, token: str | None = None) -> None:
    """Fetch what `partial` lacks of an address; an address that cannot be continued is fetched from its start.

    Raises DownloadFailed when more arrives than `size` bytes, OSError of the disk, and whatever the transport raises.
    """
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    headers = {"Accept-Encoding": "identity"}  # a compressed answer cannot be continued
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with _Sink(partial, size, progress) as sink:
        http_get(url, sink, resume_size=sink.tell(), headers=headers, expected_size=size)


def from_file(source: Path, partial: Path, size: int | None, progress: Progress) -> None:
    """Copy what `partial` lacks of another file. Raises DownloadFailed as above, and OSError."""
    with open_regular(source) as file, _Sink(partial, size, progress) as sink:
        file.seek(sink.tell())
        while chunk := file.read(CHUNK):
            sink.write(chunk)


def drop_what_is_no_model(partial: Path) -> None:
    """Delete a part that does not begin like a model, as an error page does, or is empty: it is not worth keeping."""
    with suppress(OSError):
        with partial.open("rb") as file:
            start = file.read(4)
        if start != b"GGUF":
            partial.unlink()


class _Sink(io.BufferedRandom):
    """A file opened at its end that tells how much of it is there, and refuses more than there should be.

    Not opened for appending: two pulls of one file then write the same bytes to the same places.
    """

    def __init__(self, path: Path, total: int | None, progress: Progress) -> None:
        path.touch()
        super().__init__(io.FileIO(path, "r+b"))
        self._total, self._progress = total, progress
        if self.seek(0, os.SEEK_END) > (total or sys.maxsize):
            self.seek(0)
            self.truncate()
        self._progress(self.tell(), total)

    def write(self, data: ReadableBuffer) -> int:
        """Write, and tell the progress. Raises DownloadFailed before the file grows too long."""
        if self._total is not None and self.tell() + memoryview(data).nbytes > self._total:
            raise DownloadFailed(f"More arrives than the {self._total} bytes of this model: it is another file.")
        written = super().write(data)
        self._progress(self.tell(), self._total)
        return written


def broken_off(error: Exception) -> str:
    """Return why a transport failed, in one line without a full stop."""
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
