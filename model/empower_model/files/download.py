"""Pulling a model from the hub: only ever on request, resumable, and visible only once it is verified.

What arrives goes to `<models folder>/.partial/<sha256>`, stays there when a pull is interrupted, and moves to
its final name once its checksum is right. `hf_hub_download` would not do: it no longer continues an unfinished
file (huggingface_hub issue 4196), while the `http_get` beneath it does.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empower_model.errors import DownloadFailed, ModelFileInvalid, ModelNotFound
from empower_model.files.gguf_file import check_header, digest
from empower_model.files.store import CatalogueEntry, Model, find, models_folder, record, resolve
from empower_model.whole_file import write_whole

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Progress = Callable[[int, int | None], None]
"""Told (bytes here, bytes in all, if the hub says so), from the first byte of this pull on."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Remote:
    """The hub's account of a file."""

    url: str
    sha256: str
    size: int | None
    commit: str | None


def pull(name: str, progress: Progress | None = None, *, force: bool = False) -> Model:
    """Fetch a model of the catalogue, or any `owner/repo:file.gguf`, unless it is here; `force` fetches anew.

    Raises ModelNotFound for an unknown name and DownloadFailed for whatever goes wrong on the way.
    """
    entry = find(name)
    if entry is None:
        raise ModelNotFound(
            f"{name} is neither in the catalogue nor of the form owner/repo:file.gguf. "
            "`empower-lsp model list` shows the models."
        )
    if entry.repo is None or (entry.path.is_file() and not force):
        return resolve(entry.name, tuned=False)
    try:
        _pull(entry, entry.repo, progress or (lambda here, total: None))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise DownloadFailed(f"{entry.name} could not be stored: {error}.") from error
        raise DownloadFailed(
            f"The disk is full. Free some space for {models_folder()}, or move it with EMPOWER_LSP_DATA, "
            f"then run `empower-lsp model pull {entry.name}` again: it continues where it stopped."
        ) from error
    return resolve(entry.name, tuned=False)


def _pull(entry: CatalogueEntry, repo: str, progress: Progress) -> None:
    remote = _ask(entry, repo)
    partial = models_folder() / ".partial" / remote.sha256
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.touch()
    if remote.size is not None:
        _check_space(entry, partial, remote.size)
    _fetch(entry, remote, partial, progress)
    _check_content(entry, remote, partial)
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    pulled = {"repo": repo, "file": entry.file, "revision": remote.commit, "sha256": remote.sha256}
    write_whole(record(entry.path), json.dumps(pulled, indent=2) + "\n")
    partial.replace(entry.path)


def _ask(entry: CatalogueEntry, repo: str) -> _Remote:
    """Return the hub's metadata of the file, its checksum compared with the catalogue's if that has one."""
    # Read when the library is first imported. Otherwise it asks the hub for more than the file, and tells it more.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
    url = hf_hub_url(repo, entry.file, revision=entry.revision, endpoint=endpoint)
    try:
        metadata = get_hf_file_metadata(url)
    except GatedRepoError as error:
        raise DownloadFailed(
            f"{repo} asks for its terms to be accepted on its page on the hub, and for a token in HF_TOKEN."
        ) from error
    except (EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise DownloadFailed(f"The hub has no {entry.file} in {repo}: check the name.") from error
    except Exception as error:  # the transport's errors have no base that outlasts the library's versions
        raise _unreachable(entry, error) from error
    sha256 = metadata.etag or ""  # of a large file, the ETag is its SHA-256
    if not _SHA256.fullmatch(sha256):
        raise DownloadFailed(
            f"The hub gives no SHA-256 for {entry.file} in {repo}, so it cannot be verified: "
            "download it yourself and use it by its path."
        )
    if entry.sha256 not in (None, sha256):
        raise DownloadFailed(
            f"The hub has another {entry.file} in {repo} than the catalogue knows (SHA-256 {sha256}, "
            f"not {entry.sha256}): update empower-lsp."
        )
    return _Remote(url, sha256, metadata.size, metadata.commit_hash)


def _check_space(entry: CatalogueEntry, partial: Path, size: int) -> None:
    needed, free = size - partial.stat().st_size, shutil.disk_usage(partial.parent).free
    if needed > free:
        raise DownloadFailed(
            f"{entry.name} needs {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB free: "
            f"free some space for {models_folder()}, or move it with EMPOWER_LSP_DATA."
        )


def _fetch(entry: CatalogueEntry, remote: _Remote, partial: Path, progress: Progress) -> None:
    from huggingface_hub import get_token
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    headers = {"Accept-Encoding": "identity"}  # a compressed answer cannot be continued
    if token := get_token():
        headers["Authorization"] = f"Bearer {token}"
    with _Sink(partial, remote.size, progress) as sink:
        if remote.size is not None and sink.tell() > remote.size:
            sink.seek(0)
            sink.truncate()
        try:
            http_get(remote.url, sink, resume_size=sink.tell(), headers=headers, expected_size=remote.size)
        except OSError as error:
            if error.errno is not None:
                raise
            raise _unreachable(entry, error) from error
        except Exception as error:  # as in _ask
            raise _unreachable(entry, error) from error


class _Sink(io.BufferedRandom):
    """A file opened at its end that tells how much of it is there.

    Not opened for appending: two pulls of one file then write the same bytes to the same places.
    """

    def __init__(self, path: Path, total: int | None, progress: Progress) -> None:
        super().__init__(io.FileIO(path, "r+b"))
        self._total, self._progress = total, progress
        self._progress(self.seek(0, os.SEEK_END), total)

    def write(self, data: ReadableBuffer) -> int:
        written = super().write(data)
        self._progress(self.tell(), self._total)
        return written


def _check_content(entry: CatalogueEntry, remote: _Remote, partial: Path) -> None:
    """Delete what is not the model it should be, so that the next pull begins anew."""
    if (found := digest(partial)) != remote.sha256:
        partial.unlink()
        raise DownloadFailed(
            f"What arrived is not {entry.name}: its SHA-256 is {found}, it should be {remote.sha256}. "
            f"It was deleted; run `empower-lsp model pull {entry.name}` again, on another network if this repeats."
        )
    try:
        check_header(partial)
    except ModelFileInvalid as error:
        partial.unlink()
        raise DownloadFailed(f"{entry.name} arrived whole but cannot be loaded: {error}") from error


def _unreachable(entry: CatalogueEntry, error: Exception) -> DownloadFailed:
    reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return DownloadFailed(
        f"The hub cannot be reached, or broke off ({reason}). Check the network, the proxy and HF_ENDPOINT, "
        f"then run `empower-lsp model pull {entry.name}` again: what has arrived is kept."
    )
