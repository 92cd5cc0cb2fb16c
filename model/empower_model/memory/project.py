"""The memory of whoever writes a file of a project: the other files, and at a cursor the file itself.

Files of the same name are left out, since a project often holds the same file twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import PurePosixPath

from empower_model.memory.index import Level, Memory, blocks
from empower_model.memory.remembering import around
from empower_model.memory.segment import Tokens


class Project:
    """Files by their names, tokenised once, as the memory at any place in one of them."""

    def __init__(self, files: Mapping[str, str], tokenize: Callable[[str], Sequence[int]]) -> None:
        """Tokenises everything."""
        self._tokens = {name: blocks(text, tokenize) for name, text in files.items()}
        self._tokenize = lru_cache(maxsize=4096)(lambda text: tuple(tokenize(text)))
        self._full, self._bare = Memory(), Memory()
        self._full.update_all(self._tokens)
        self._full.settle()

    @property
    def size(self) -> int:
        """Tokens of all files."""
        return self._full.size

    @contextmanager
    def at(self, name: str, prefix: str, suffix: str, levels: Collection[Level] = tuple(Level)) -> Iterator[Memory]:
        """The memory at a cursor of the file `name` between two texts; only until the next one is asked for."""
        memory, same = self._bare, dict[str, Tokens]()
        if Level.PROJECT in levels:
            memory, same = self._full, self._namesakes(name)
            memory.update_all(dict.fromkeys(same))
        there = around(prefix, suffix) if Level.FILE in levels else {}
        memory.update_all({part: blocks(text, self._tokenize) for part, text in there.items()}, Level.FILE)
        yield memory
        memory.update_all({**same, **dict.fromkeys(there)})
        memory.settle()

    def _namesakes(self, name: str) -> dict[str, Tokens]:
        """The file itself and those that are called like it."""
        last = PurePosixPath(name).name
        return {other: tokens for other, tokens in self._tokens.items() if PurePosixPath(other).name == last}
