"""The memory of whoever writes a file of a project: the other files, and at a cursor the file itself.

Files of the same name are left out, since a project often holds the same file twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import PurePosixPath

from empower_model.memory.index import Memory, Scope, blocks
from empower_model.memory.segment import Tokens


class Project:
    """Files by their names, tokenised once, and the memory that somebody has who writes one of them.

    Either somebody goes on writing a file, and what stands around the cursor comes with each request (`open`); or the
    memory at a single place is wanted (`at`). Both are the same memory: it is what the last call made of it.
    """

    def __init__(self, files: Mapping[str, str], tokenize: Callable[[str], Sequence[int]]) -> None:
        """Tokenise everything; until a file is opened, the memory holds all of it."""
        self._tokens = {name: blocks(text, tokenize) for name, text in files.items()}
        self._tokenize = lru_cache(maxsize=4096)(lambda text: tuple(tokenize(text)))
        self._left_out: set[str] = set()
        self.memory, self._bare = Memory(), Memory()
        self.memory.update_all(self._tokens)
        self.memory.settle()

    @property
    def size(self) -> int:
        """Return the tokens of all files, those included that are left out at the moment."""
        return sum(map(len, self._tokens.values()))

    def open(self, name: str) -> Memory:
        """Return the memory of whoever writes the file `name`: of all files but that one and its namesakes.

        A file of that name need not be there: who begins `elsewhere/store.py` is not shown `store.py` either.
        """
        left_out = self._namesakes(name)
        back = {other: self._tokens[other] for other in self._left_out - left_out}
        changed: dict[str, Tokens | None] = {**back, **dict.fromkeys(left_out - self._left_out)}
        if changed:
            self._left_out = left_out
            self.memory.update_all(changed)
            self.memory.settle()
        return self.memory

    @contextmanager
    def at(self, name: str, prefix: str, suffix: str, scopes: Collection[Scope] = tuple(Scope)) -> Iterator[Memory]:
        """Lend the memory at a cursor of the file `name` between two texts, with these scopes and no others."""
        memory = self.open(name) if Scope.PROJECT in scopes else self._bare
        if Scope.FILE in scopes:
            memory.look(prefix, suffix, self._tokenize)
        yield memory
        memory.look("", "", self._tokenize)

    def _namesakes(self, name: str) -> set[str]:
        """Return the file itself, if it is there, and those that are called like it."""
        last = PurePosixPath(name).name
        return {other for other in self._tokens if PurePosixPath(other).name == last}
