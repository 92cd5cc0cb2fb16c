"""The files of the workspace that the memory may hold, and their texts; the engine's process reads them by this."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pathspec

from empower_lsp.secrets import without_secrets
from empower_lsp.workspace import gitignore
from empower_lsp.workspace.deny import is_denied, is_ignored
from empower_model.feed import Stamp
from empower_model.regular_file import read_regular

LARGEST = 1_000_000
"""Bytes of the largest file that is read."""
LONGEST_LINE = 2_000
"""Characters; text with a longer line is minified, or data."""
MOST_FILES = 300_000
"""After so many the walk ends: a folder that has more is no one's project."""
UNWRITTEN = pathspec.GitIgnoreSpec.from_lines(
    ["*.lock", "*-lock.json", "*-lock.yaml", "*.min.js", "*.min.css", "*.map", "*.svg", "*.ipynb", "go.sum"]
)
"""Text that programs write."""

_GENERATED = re.compile(r"@generated|do not edit|(auto-?|automatically )generated", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders that an editor works in, and what must not be read there; crosses to the engine's process.

    Files go by their paths, absolute and with `/`, spelled as the editor spells the folders.
    """

    folders: tuple[str, ...]
    """Absolute paths with `/`, none at their end."""
    deny_globs: tuple[str, ...] = ()

    @property
    def is_loose(self) -> bool:
        """Tell whether it is without a project, so that it consists of the documents that are open."""
        return all(map(_is_home, self.folders))

    def denies(self, name: str) -> bool:
        """Return whether a file must not be read, in whichever folder it is.

        One that is a link, or below a folder that is one, is judged by where it really is too.
        """
        real = os.path.realpath(name).replace(os.sep, "/") if os.path.isabs(name) else name  # noqa: PTH117
        return self._denies(name) or (real != name and self._denies(real, self._real_folders()))

    def holds(self, name: str, is_open: bool = False) -> bool:
        """Return whether a file, there or to be saved, is in the workspace and nothing says to leave it out.

        Of a workspace without a project whatever `is_open` in the editor is.
        """
        folder = self._folder(name)
        loose = is_open and self.is_loose
        if not (loose or (folder and not _is_home(folder))) or not self._wanted(name) or self.denies(name):
            return False
        return loose or gitignore.lists(Path(folder), name[len(folder) + 1 :])

    def files(self) -> Iterator[tuple[str, Stamp | None]]:
        """Yield each file that it holds once, with the state it is in.

        None stands for the state of a file that is passed over: whoever walks may pause there too.
        """
        count = 0
        for folder in self.folders:
            if _is_home(folder):
                continue
            linked = os.path.realpath(folder) != folder
            for path, relative in gitignore.files(Path(folder)):
                name = f"{folder}/{relative}"
                own = self._folder(name) == folder and self._wanted(name) and not (linked and self.denies(name))
                stamp = _stamp(path) if own else None
                count += 1
                if count > MOST_FILES:
                    return
                yield name, stamp

    def is_folder(self, name: str) -> bool:
        """Return whether there is a folder at that path, in which nothing says to leave out all."""
        folder = self._folder(name)
        with suppress(OSError):  # one that may not be looked into
            return Path(name).is_dir() and (
                not folder or gitignore.lists(Path(folder), f"{name[len(folder) + 1 :]}/any")
            )
        return False

    def text(self, name: str, document: str | None = None) -> str | None:
        """Return what may be remembered of a file: what it says, with `\\n` line ends, but for its secrets.

        Of a `document`, where the editor has it open. None for one that is gone, or not text a person has written. Does
        not ask whether the workspace `holds` it.
        """
        text = self._read(name) if document is None else document if _is_short(document) else None
        return None if text is None else without_secrets(text, name)

    def _read(self, name: str) -> str | None:
        try:
            text = (
                read_regular(Path(name), LARGEST)
                .decode("utf-8")
                .removeprefix("\ufeff")
                .replace("\r\n", "\n")
                .replace("\r", "\n")
            )
        except (OSError, UnicodeDecodeError):
            return None
        return text if text and _is_written(text) else None

    def _folder(self, name: str, folders: tuple[str, ...] | None = None) -> str:
        """Return the innermost folder that a file is in; empty when it is in none."""
        folders = self.folders if folders is None else folders
        return max((folder for folder in folders if name.startswith(folder + "/")), key=len, default="")

    def _real_folders(self) -> tuple[str, ...]:
        return tuple(os.path.realpath(folder).replace(os.sep, "/") for folder in self.folders)

    def _denies(self, name: str, folders: tuple[str, ...] | None = None) -> bool:
        """Return whether a file must not be read by this name of it, in folders as they are named there."""
        folder = self._folder(name, folders)
        where = folder or name.rpartition("/")[0]
        repository = _repository(where) if os.path.isabs(where) else where  # noqa: PTH117
        return is_denied(name, folder or "/", self.deny_globs) or is_ignored(name, (where, repository))

    def _wanted(self, name: str) -> bool:
        return not self._denies(name) and not UNWRITTEN.match_file(name.rpartition("/")[2])


def root_of(path: Path) -> Path:
    """Return the folder an editor would probably have opened for a file: its repository, or else where it lies."""
    folder = path.resolve().parent
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)


@lru_cache(maxsize=1024)
def _repository(folder: str) -> str:
    """Return the root of the repository that a folder is in; itself where there is none."""
    here = Path(folder)
    return next((parent for parent in (here, *here.parents) if (parent / ".git").exists()), here).as_posix()


def file_name(uri: str) -> str:
    """Return the path of a document, absolute and with `/`; of one that is no file, what stands in its place."""
    path = unquote(urlsplit(uri).path)
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def is_file(uri: str) -> bool:
    """Return whether a document is a file on this machine."""
    return urlsplit(uri).scheme == "file"


def _is_home(folder: str) -> bool:
    """Return whether a folder is someone's home or holds it: what lies there is private, not a project."""
    home = Path.home()
    return Path(folder) in (home, *home.parents)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = os.stat(path)  # noqa: PTH116 (half the time of Path.stat)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _is_written(text: str) -> bool:
    """Return whether a text looks as if a person had written it."""
    if "\0" in text or _GENERATED.search("".join(text.splitlines(keepends=True)[:12])):
        return False
    return _is_short(text)


def _is_short(text: str) -> bool:
    """Return whether a text, and each of its lines, is no longer than a person writes."""
    return len(text) <= LARGEST and max(map(len, text.splitlines()), default=0) <= LONGEST_LINE
