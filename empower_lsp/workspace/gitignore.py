"""The files of a folder that git would not ignore, whether git is there or not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pathspec

from empower_model.regular_file import read_regular

LARGEST = 1 << 20
"""Bytes of a .gitignore that is read."""
ELSEWHERE = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__"))
"""Folders with nothing of the person's own, whether they are ignored or not."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One line of a .gitignore.

    Of pathspec only the glob is taken: it is made for lists of files, where a pattern also matches what lies below a
    folder that it matches. Git asks about one folder after another on the way down, and so does this.
    """

    glob: pathspec.GitIgnoreSpec
    excludes: bool
    only_folders: bool
    by_name: bool
    """Whether it speaks of a name at any depth; else of a path."""
    deep: bool
    """Whether it matches all that lies below a path."""

    def matches(self, path: str, folder: bool) -> bool:
        """Return whether this very file or folder is meant, not something that it lies in."""
        if self.only_folders and not folder:
            return False
        above, _, name = path.rpartition("/")
        if self.by_name:
            return self.glob.match_file(name)
        return self.glob.match_file(path) and (self.deep or not above or not self.glob.match_file(above))


@dataclass(frozen=True, slots=True)
class _Rules:
    """The patterns of one .gitignore; they speak of paths below the folder it is in."""

    folder: str
    """Relative to where paths begin: empty, or with a `/` at its end."""
    patterns: tuple[_Pattern, ...]


def files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file and its path relative to `folder`, with `/`; by name within a folder.

    Respected are the .gitignore files in the folder, below it, and above it up to the root of its repository, unless
    they exclude the folder itself, which somebody has named after all. Links are not followed, as git does not, so
    there are no loops. Folders that cannot be read, virtual environments and `ELSEWHERE` are left out.
    """
    folder = folder.resolve()
    inner, rules = _rules_for(folder)
    for path, name in _below(folder, inner, rules):
        yield path, name[len(inner) :]


def lists(folder: Path, name: str) -> bool:
    """Return whether `files` would list a file of that path relative to `folder`, be it there or not."""
    at = folder.resolve()
    inner, rules = _rules_for(at)
    *above, last = name.split("/")
    for part in ["", *above]:
        if part:
            at, inner = at / part, f"{inner}{part}/"
            if part in ELSEWHERE or at.is_symlink() or _ignored(inner, rules):
                return False
        if (at / "pyvenv.cfg").exists():
            return False
        rules = [*rules, *_rules(at / ".gitignore", inner)]
    return not (at / last).is_symlink() and not _ignored(inner + last, rules)


def _rules_for(folder: Path) -> tuple[str, list[_Rules]]:
    """Return the name of a folder, from where the paths of the rules begin, and the rules of what is around it."""
    top = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)
    inner = "" if top == folder else folder.relative_to(top).as_posix() + "/"
    rules = [*_exclude(top), *_above(top, inner)]
    if any(_ignored(inner[: at + 1], rules) for at, sign in enumerate(inner) if sign == "/"):
        return "", []
    return inner, rules


def _below(folder: Path, name: str, rules: Sequence[_Rules]) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder whose own name, from where the paths of the rules begin, is `name`."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    rules = [*rules, *_rules(folder / ".gitignore", name)]
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            inner = f"{name}{entry.name}/"
            if entry.name not in ELSEWHERE and not _ignored(inner, rules):
                yield from _below(folder / entry.name, inner, rules)
        elif entry.is_file(follow_symlinks=False) and not _ignored(name + entry.name, rules):
            yield folder / entry.name, name + entry.name


def _ignored(name: str, rules: Sequence[_Rules]) -> bool:
    """Return whether git ignores a file, or a folder, whose name ends with `/`.

    The last pattern that matches decides, in the innermost .gitignore that has one.
    """
    path = name.removesuffix("/")
    for ruling in reversed(rules):
        if path.startswith(ruling.folder):
            for pattern in reversed(ruling.patterns):
                if pattern.matches(path[len(ruling.folder) :], folder=path != name):
                    return pattern.excludes
    return False


def _exclude(top: Path) -> Iterator[_Rules]:
    return _rules(top / ".git" / "info" / "exclude", "")


def _above(top: Path, inner: str) -> Iterator[_Rules]:
    """Yield the rules of the folders above the folder named `inner`, the outermost first."""
    names = inner.split("/")[:-1]
    for depth in range(len(names)):
        name = "".join(f"{part}/" for part in names[:depth])
        yield from _rules(top / name / ".gitignore", name)


def _rules(file: Path, folder: str) -> Iterator[_Rules]:
    try:
        lines = read_regular(file, LARGEST).decode(errors="replace").splitlines()
    except OSError:
        return
    yield _Rules(folder, tuple(pattern for pattern in map(_pattern, lines) if pattern is not None))


def _pattern(line: str) -> _Pattern | None:
    """Read a line of a .gitignore; None for an empty line, a comment, and what git does not understand either."""
    line = line.rstrip()
    excludes = not line.startswith("!")
    body = line.removeprefix("!").removesuffix("/")
    if not body or line.startswith("#"):
        return None
    try:
        glob = pathspec.GitIgnoreSpec.from_lines([body])
    except ValueError:
        return None
    return _Pattern(glob, excludes, line.endswith("/"), "/" not in body, body.endswith("/**"))
