"""Pulling a model: only ever on request, resumable, and visible only once it is verified.

From the hub, or from any file or address that holds the same bytes. What arrives goes to
`<models folder>/.partial/<sha256>`, stays there when a pull is interrupted, and moves to its final name once its
checksum is right. `hf_hub_download` would not do: it no longer continues an unfinished file (huggingface_hub issue
4196), while the `http_get` beneath it does (`transfer.py`).
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from empower_model.errors import DownloadFailed, ModelFileInvalid, ModelNotFound
from empower_model.files.gguf_file import check_header, digest
from empower_model.files.store import CatalogueEntry, Model, find, here, models_folder, record, resolve
from empower_model.files.transfer import Progress, broken_off, drop_what_is_no_model, from_file, over_http
from empower_model.regular_file import is_regular
from empower_model.whole_file import write_whole

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a file must be to be this model."""

    sha256: str
    size: int | None
    commit: str | None
    url: str
    """On the hub."""


def pull(name: str, progress: Progress | None = None, *, force: bool = False, source: str = "") -> Model:
    """Fetch a model of the catalogue, or any `owner/repo:file.gguf`, unless it is here; `force` fetches anew.

    From the hub (or the mirror in HF_ENDPOINT), or from a `source`: the path of a file, or an http address. The
    checksum is the catalogue's; for a file that has none there, the hub's.

    Raises ModelNotFound for an unknown name and DownloadFailed for whatever goes wrong on the way.
    """
    entry = find(name)
    if entry is None:
        raise ModelNotFound(
            f"{name} is neither in the catalogue nor of the form owner/repo:file.gguf. "
            "`empower-lsp model list` shows the models."
        )
    if entry.repo is None or (not force and here(entry)):
        return resolve(entry.name, tuned=False)
    try:
        _pull(entry, entry.repo, source, progress or (lambda here, total: None))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise DownloadFailed(f"{entry.name} could not be stored: {error}.") from error
        raise DownloadFailed(
            f"The disk is full. Free some space for {models_folder()}, or move it with EMPOWER_LSP_DATA, "
            f"then run {_again(entry, source)}: it continues where it stopped."
        ) from error
    return resolve(entry.name, tuned=False)


def _pull(entry: CatalogueEntry, repo: str, source: str, progress: Progress) -> None:
    wanted = _wanted(entry, repo, ask=not source)
    local = None if not source or _host(source) else _checked(entry, source, wanted)
    partial = models_folder() / ".partial" / wanted.sha256
    partial.parent.mkdir(parents=True, exist_ok=True)
    _check_space(entry, partial, wanted.size)
    try:
        if local is not None:
            from_file(local, partial, wanted.size, progress)
        else:
            _fetch(entry, wanted, source, partial, progress)
    except BaseException:  # Ctrl-C too
        drop_what_is_no_model(partial)
        raise
    _check_content(entry, wanted, source, partial)
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    pulled = {"repo": repo, "file": entry.file, "revision": wanted.commit, "sha256": wanted.sha256}
    write_whole(record(entry.path), json.dumps(pulled, indent=2) + "\n")
    partial.replace(entry.path)


def _wanted(entry: CatalogueEntry, repo: str, ask: bool) -> _Expected:
    """Return what must arrive: the catalogue's word where it has one, and the hub's, which is asked only if it must."""
    if not ask and entry.sha256 is not None:
        return _Expected(entry.sha256, entry.size, entry.revision, url="")
    url, metadata = _ask(entry, repo)
    sha256 = metadata.etag or ""  # of a large file, the ETag is its SHA-256; not every mirror hands that on
    if not _SHA256.fullmatch(sha256):
        sha256 = entry.sha256 or ""
    if not sha256:
        raise DownloadFailed(
            f"The hub gives no SHA-256 for {entry.file} in {repo}, so it cannot be verified: "
            "download it yourself and use it by its path."
        )
    if entry.sha256 not in (None, sha256):
        raise DownloadFailed(
            f"The hub has another {entry.file} in {repo} than the catalogue knows (SHA-256 {sha256}, "
            f"not {entry.sha256}): update empower-lsp."
        )
    size = entry.size if entry.sha256 and entry.size else metadata.size
    return _Expected(sha256, size, metadata.commit_hash or entry.revision, url)


def _ask(entry: CatalogueEntry, repo: str) -> tuple[str, HfFileMetadata]:
    """Return the address of a file on the hub, or on the mirror in HF_ENDPOINT, and what is said of it there."""
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
        return url, get_hf_file_metadata(url)
    except GatedRepoError as error:
        raise DownloadFailed(
            f"{repo} asks for its terms to be accepted on its page on the hub, and for a token in HF_TOKEN."
        ) from error
    except (EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise DownloadFailed(f"The hub has no {entry.file} in {repo}: check the name.") from error
    except Exception as error:  # the transport's errors have no base that outlasts the library's versions
        raise _unreachable(entry, "", error) from error


def _checked(entry: CatalogueEntry, source: str, wanted: _Expected) -> Path:
    """Return a file to copy from, after a look that costs nothing: what has another size need not be copied."""
    path = Path(os.path.expanduser(source))  # noqa: PTH111 (Path.expanduser raises on `~` of nobody)
    if not is_regular(path):
        raise DownloadFailed(f"There is no file {path}: `--from` takes the path of a file, or an http address.")
    size = path.stat().st_size
    if wanted.size not in (None, size):
        raise DownloadFailed(
            f"{path} is not {entry.name}: it has {size} bytes, and should have {wanted.size}. "
            "`empower-lsp model use PATH` takes a file as it is."
        )
    return path


def _check_space(entry: CatalogueEntry, partial: Path, size: int | None) -> None:
    arrived = partial.stat().st_size if partial.exists() else 0
    needed, free = (size or 0) - arrived, shutil.disk_usage(partial.parent).free
    if needed > free:
        raise DownloadFailed(
            f"{entry.name} needs {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB free: "
            f"free some space for {models_folder()}, or move it with EMPOWER_LSP_DATA."
        )


def _fetch(entry: CatalogueEntry, wanted: _Expected, source: str, partial: Path, progress: Progress) -> None:
    """Fetch from the hub, or from an address, which is told no token of the hub's."""
    from huggingface_hub import get_token

    try:
        over_http(source or wanted.url, partial, wanted.size, progress, None if source else get_token())
    except DownloadFailed:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _unreachable(entry, source, error) from error
    except Exception as error:  # as in _wanted
        raise _unreachable(entry, source, error) from error


def _check_content(entry: CatalogueEntry, wanted: _Expected, source: str, partial: Path) -> None:
    """Delete what is not the model it should be, so that the next pull begins anew."""
    if (sha256 := digest(partial)) != wanted.sha256:
        partial.unlink()
        raise DownloadFailed(
            f"What arrived is not {entry.name}: its SHA-256 is {sha256}, it should be {wanted.sha256}. It was deleted; "
            + ("take it from elsewhere." if source else f"run {_again(entry)}, on another network if this repeats.")
        )
    try:
        check_header(partial)
    except ModelFileInvalid as error:
        partial.unlink()
        raise DownloadFailed(f"{entry.name} arrived whole but cannot be loaded: {error}") from error


def _unreachable(entry: CatalogueEntry, source: str, error: Exception) -> DownloadFailed:
    who, settings = (_host(source), "the proxy") if source else ("The hub", "the proxy and HF_ENDPOINT")
    return DownloadFailed(
        f"{who} cannot be reached, or broke off ({_told(error, source)}). Check the network, {settings}, "
        f"then run {_again(entry, source)}: what has arrived is kept."
    )


def _told(error: Exception, source: str) -> str:
    """Return the reason; without a source's address, which may hold a password."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if not source:
        return broken_off(error)
    if status is not None:
        return f"HTTP status {status}"
    said = broken_off(error).partition(" (")[0]
    return type(error).__name__ if "://" in said else said


def _again(entry: CatalogueEntry, source: str = "") -> str:
    return "the same command again" if source else f"`empower-lsp model pull {entry.name}` again"


def _host(source: str) -> str:
    """Return the host of an http address; empty for a path."""
    parts = urlsplit(source) if re.match(r"https?://", source, re.IGNORECASE) else None
    return (parts.hostname or "the address") if parts else ""
