"""Snippets of a project's other files for the prompt: windows of lines, the best for a cursor found by their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from empower_model.request import Completer, Completion, Request
from empower_training.corpus import Document

LINES, STEP = 20, 10
"""Lines of a window, and from one window of a file to the next."""
LOOKED_AT = 20
"""Lines above the cursor whose names are looked for."""
SATURATION, LENGTH = 1.2, 0.75
"""k1 and b of BM25, as they are usually set."""

_NAME = re.compile(r"\b[^\W\d]\w{2,}")


@dataclass(frozen=True, slots=True)
class Window:
    """Some lines of a file."""

    path: str
    first: int
    """Number of the first line, from 0."""
    text: str


def windows(path: str, text: str) -> list[Window]:
    """A file from top to bottom in windows that overlap by half; the last may be shorter."""
    lines = text.splitlines(keepends=True)
    starts = range(0, max(1, len(lines) - STEP), STEP) if lines else ()
    return [Window(path, first, "".join(lines[first : first + LINES])) for first in starts]


def names(text: str) -> list[str]:
    """Its words and identifiers of three characters and more, as often as they occur."""
    return _NAME.findall(text)


class Index:
    """The windows of some files, by the names in them."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """`files` are texts by path; among equal windows the first is found."""
        self._windows = [window for path, text in files.items() for window in windows(path, text)]
        self._firsts = np.array([window.first for window in self._windows], dtype=np.int64)
        self._files: dict[str, slice] = {}
        self._called: dict[str, list[str]] = {}
        for row, window in enumerate(self._windows):
            first = self._files[window.path].start if window.first else row
            self._files[window.path] = slice(first, row + 1)
        for path in self._files:
            self._called.setdefault(PurePosixPath(path).name, []).append(path)
        self._postings = _postings([Counter(names(window.text)) for window in self._windows])

    def scores(self, wanted: Iterable[str]) -> NDArray[np.float64]:
        """What each window, file by file from top to bottom, is worth to somebody who looks for these names."""
        scores = np.zeros(len(self._windows))
        for name in sorted(set(wanted) & self._postings.keys()):
            rows, parts = self._postings[name]
            scores[rows] += parts
        return scores

    def best(self, wanted: Iterable[str], count: int, name: str = "") -> list[Window]:
        """At most `count` windows with some of the names `wanted`, the best first; no two overlap.

        Files that are called `name` are left out, wherever they lie.
        """
        scores = self.scores(wanted)
        for path in self._called.get(name, ()):
            scores[self._files[path]] = 0
        found: list[Window] = []
        while len(found) < count and scores.any():
            window = self._windows[int(scores.argmax())]
            found.append(window)
            file = self._files[window.path]
            scores[file][np.abs(self._firsts[file] - window.first) < LINES] = 0
        return found


def _postings(counts: Sequence[Counter[str]]) -> dict[str, tuple[NDArray[np.int32], NDArray[np.float64]]]:
    """For each name the windows it is in, and what it adds to the score of each.

    BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, section 3), with a one inside the
    logarithm, so that a name that most windows have does not count against them.
    """
    lengths = np.array([one.total() for one in counts], dtype=np.float64)
    mean = lengths.sum() / max(1, len(counts)) or 1.0
    damping = SATURATION * (1 - LENGTH + LENGTH * lengths / mean)
    by_name: dict[str, tuple[list[int], list[int]]] = {}
    for row, one in enumerate(counts):
        for name, times in one.items():
            rows, frequencies = by_name.setdefault(name, ([], []))
            rows.append(row)
            frequencies.append(times)
    found = {}
    for name, (rows, frequencies) in by_name.items():
        rarity = log(1 + (len(counts) - len(rows) + 0.5) / (len(rows) + 0.5))
        at, often = np.array(rows, dtype=np.int32), np.array(frequencies, dtype=np.float64)
        found[name] = at, rarity * often * (SATURATION + 1) / (often + damping[at])
    return found


def quoted(found: Sequence[Window]) -> str:
    """The windows as they stand before the text of a Python file: each under its path, the best last.

    As comments, since trimming reads the text above a cursor: of a window that begins inside a string it would take
    all below for a string too. The bundled model reads them as well as it would without the signs (0.896 bits a
    character for 0.894).
    """
    lines = (line for one in reversed(found) for line in [one.path, *one.text.rstrip().split("\n"), ""])
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


class Snippets:
    """What may stand before any file of a corpus: windows of the other files of its package."""

    def __init__(self, documents: Sequence[Document], count: int) -> None:
        """`count` windows a cursor; a package is indexed when a file of it is first asked for."""
        self._documents = documents
        self._count = count
        self._packages = {document.path: document.package for document in documents}
        self._index = lru_cache(maxsize=None)(self._indexed)
        self._found = lru_cache(maxsize=64)(self._best)

    def above(self, path: str, prefix: str) -> str:
        """The snippets for a cursor of a file behind `prefix`: chosen by the lines above its own, so once a line."""
        *above, _ = prefix.split("\n")
        return self._found(path, "\n".join(above[-LOOKED_AT:]))

    def _best(self, path: str, above: str) -> str:
        return quoted(self._index(self._packages[path]).best(names(above), self._count, PurePosixPath(path).name))

    def _indexed(self, package: str) -> Index:
        return Index({one.path: one.text for one in self._documents if one.package == package})


class Quoting:
    """Another completer, which finds snippets for a file above the text of each request."""

    def __init__(self, completer: Completer, above: Callable[[str], str]) -> None:
        """`above` has the snippets for a prefix."""
        self._completer = completer
        self._above = above

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Completion:
        """As the other one does."""
        quoting = replace(request, prefix=self._above(request.prefix) + request.prefix)
        return self._completer.complete(quoting, on_text)

    def stop(self) -> None:
        """End the completion at work within one token."""
        self._completer.stop()

    def close(self) -> None:
        """Free the other one."""
        self._completer.close()
