"""Keeps a memory current with a workspace, piece by piece, and stands back while somebody waits for a completion.

The files of the library make the scope of the project, but for those written in lately, which are one nearer and
say what the editor last had of them, and but for the one being written in, which comes with each request. What the
memory holds depends on these three only, not on the way there.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from multiprocessing.connection import Connection
from operator import methodcaller

from empower_model.errors import EmpowerError
from empower_model.feed import RECENT, Changed, Current, Edited, Library, News, Stamp, Walk
from empower_model.memory.index import TAIL, Index, Memory, Scope, blocks
from empower_model.memory.segment import Tokens

MANY_FILES = 100
"""With more changed at once, as by another branch, the whole library is looked through: that is made for many."""
PORTION = 1 << 20
"""Most tokens that are gathered before they are sorted."""
LEAST_PAUSE = 60.0
"""Seconds between two looks at a library whose changes nobody tells."""
PAUSES = 50
"""Such a look may take one in so many parts of the time."""
DAY = 86_400 * 10**9
BREATH = 0.005
"""Seconds of work after which it rests as long: so it takes half a processor at most. A low priority would be worse:
who waits for a completion would wait for a thread that has Python's lock and is not let run, up to 1 s was measured."""
SWITCH_SECONDS = 0.0005
"""How long another thread may wait for this one to let go of Python's lock."""


_log = logging.getLogger(__name__)


class Keeper:
    """The keeper of what a memory holds of a library; one thread calls it, another one may ask the memory."""

    def __init__(self, memory: Memory, tokenize: Callable[[str], Sequence[int]]) -> None:
        self._memory = memory
        self._project: Index = memory.scopes[Scope.PROJECT]
        self._nearer: Index = memory.scopes[Scope.RECENT]
        self._tokenize = tokenize
        self._library: Library | None = None
        self._stamps: dict[str, Stamp] = {}
        """The state in which each file of the project was read, or found not worth reading."""
        self._recent: dict[str, str | None] = {}
        self._current = ""
        self._fresh: dict[str, tuple[Stamp, Tokens | None]] = {}
        """What was read and is not yet in the project."""
        self._placed: set[str] = set()
        """What was told of since the look through the library began: it may have passed their folders before."""
        self._work: Iterator[None] = iter(())
        self._looking = self._again = False
        """Whether the library is being looked through, and whether that is to be done once more."""
        self._walked = 0.0
        """Seconds that the last look through the library took, pauses left out."""

    @property
    def walked(self) -> float:
        """Return the seconds of work in the last look through the library."""
        return self._walked

    def hear(self, news: News) -> None:
        """Take in what was told; what takes long is left to `step`."""
        match news:
            case Walk(library):
                another, self._library = library != self._library, library
                if another:
                    self._place(list(self._recent))
                    self._work = self._looks()
                else:
                    self.look()
            case Changed(names):
                self._check(names)
            case Edited():
                self._place(self._note(news))
            case Current(name, left):
                old, self._current = self._current, name
                self._recent.pop(name, None)
                self._place({name, old, *(self._note(left) if left is not None else ())} - {""})

    def _note(self, written: Edited) -> set[str]:
        """Remember which documents were written in last; returns the names of those that this concerns."""
        if written.text is not None:  # to be closed is not to be written in
            self._recent.pop(written.name, None)
        self._recent[written.name] = written.text
        if len(self._recent) <= RECENT:
            return {written.name}
        oldest = next(iter(self._recent))
        del self._recent[oldest]
        return {written.name, oldest}

    def look(self) -> None:
        """Begin to look through the library for files that are new, changed or gone; once more if that has begun."""
        if self._looking:
            self._again = True
        else:
            self._work = self._looks()

    def step(self) -> bool:
        """Do one piece of the work that was begun; whether there was any."""
        for _ in self._work:
            return True
        return False

    def fill(self, seconds: float) -> bool:
        """Do all the work that was begun, or what can be done of it in about so many seconds; whether that was all."""
        deadline = time.monotonic() + seconds
        while self.step():
            if time.monotonic() > deadline:
                self._work = iter(())
                self._take_in()
                return False
        return True

    def _looks(self) -> Iterator[None]:
        """Look until nothing was told of meanwhile."""
        self._looking = self._again = True
        try:
            while self._again:
                self._again = False
                yield from self._walk()
        finally:
            self._looking = False

    def _walk(self) -> Iterator[None]:
        assert self._library is not None
        self._fresh.clear()
        self._placed.clear()
        seen: set[str] = set()
        ranks: dict[tuple[int, int], list[tuple[str, Stamp]]] = {}
        began = time.thread_time()
        for name, stamp in self._library.files():
            if stamp is not None:
                seen.add(name)
                ranks.setdefault(self._rank(name, stamp), []).append((name, stamp))
            yield
        self._forget([name for name in self._stamps if name not in seen and name not in self._placed])
        yield
        best = [file for rank in sorted(ranks) for file in ranks[rank]]
        self._place([name for name, text in self._recent.items() if text is None])
        yield from self._read(self._library, best)
        self._walked = time.thread_time() - began

    def _rank(self, name: str, stamp: Stamp) -> tuple[int, int]:
        """Return the least first when not all files fit: what was changed today, and what lies near to the cursor."""
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(name.split("/"), self._current.split("/"), strict=False))
        return (time.time_ns() - stamp[0]) // DAY, -sum(1 for _ in pairs)

    def _read(self, library: Library, files: Sequence[tuple[str, Stamp]]) -> Iterator[None]:
        """Take in files, the best first, until the project is full."""
        size = 0
        for name, stamp in files:
            if self._stamps.get(name) == stamp or self._is_nearer(name):
                continue
            tokens = self._tokens(library.text(name))
            size += 0 if tokens is None else len(tokens)
            if self._project.size + size > self._project.bound:
                self._take_in()
                self._project.rank(name for name, _ in reversed(files))
                return
            self._fresh[name] = stamp, tokens
            yield
            if size > min(PORTION, max(4 * TAIL, self._project.size)):
                self._take_in()
                size = 0
                yield
        self._take_in()

    def _take_in(self) -> None:
        """Put what was read into the project."""
        fresh, self._fresh = self._fresh, {}
        self._stamps.update((name, stamp) for name, (stamp, _) in fresh.items())
        self._project.update({name: tokens for name, (_, tokens) in fresh.items()})
        self._project.settle()

    def _check(self, names: Sequence[str]) -> None:
        """Look at files, or at all below folders, that may have changed."""
        if self._library is None:
            return
        if len(names) > MANY_FILES or any(map(self._concerns_others, names)):
            self.look()
        else:
            self._place(names)

    def _concerns_others(self, name: str) -> bool:
        """Tell whether what changed is a folder, there or gone, or a file that says what to ignore."""
        assert self._library is not None
        below = f"{name}/"
        return (
            name.endswith(("/.gitignore", "/.aiignore"))
            or self._library.is_folder(name)
            or any(map(methodcaller("startswith", below), self._stamps))
        )

    def _place(self, names: Iterable[str]) -> None:
        """Put documents where they belong now, with what they say now."""
        if self._library is None:
            return
        project: dict[str, Tokens | None] = {}
        nearer: dict[str, Tokens | None] = {}
        for name in names:
            self._stamps.pop(name, None)
            self._fresh.pop(name, None)
            self._placed.add(name)
            project[name] = nearer[name] = None
            if name == self._current or not self._library.holds(name, self._recent.get(name) is not None):
                continue
            if name in self._recent:
                text = self._recent[name]
                nearer[name] = self._tokens(self._library.text(name, text))
            else:
                project[name] = self._tokens(self._library.text(name))
                self._stamps[name] = (0, 0)  # so that the next look takes it for changed, which does no harm
        for index, documents in ((self._project, project), (self._nearer, nearer)):
            index.update(documents)
            index.settle()

    def _forget(self, names: Sequence[str]) -> None:
        for name in names:
            del self._stamps[name]
        self._project.update(dict.fromkeys(names))

    def _is_nearer(self, name: str) -> bool:
        return name == self._current or name in self._recent

    def _tokens(self, text: str | None) -> Tokens | None:
        try:
            return None if text is None else blocks(text, self._tokenize)
        except EmpowerError:  # what cannot be tokenised cannot be remembered
            return None


class KeeperThread:
    """A keeper at work in a thread of its own; while it is `paused` it finishes a piece and waits."""

    def __init__(self, memory: Memory, tokenize: Callable[[str], Sequence[int]], news: Connection) -> None:
        self.memory = memory
        self._calm = threading.Event()
        self._calm.set()
        self._asked = True
        """Whether anybody wanted a completion since the last look."""
        self._news = news
        self._watched = True

        def patiently(text: str) -> Sequence[int]:
            self._calm.wait()
            return tokenize(text)

        self._keeper = Keeper(memory, patiently)
        self._thread = threading.Thread(target=self._run, name="empower-memory", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the thread while somebody waits for a completion."""
        self._asked = True
        self._calm.clear()
        try:
            yield
        finally:
            self._calm.set()

    def _run(self) -> None:
        busy, worked = False, 0.0
        while True:
            if worked > BREATH:
                time.sleep(worked)
                worked = 0.0
            self._calm.wait()
            began = time.thread_time()
            try:
                pause = max(LEAST_PAUSE, PAUSES * self._keeper.walked)
                news = self._news.recv() if self._news.poll(0 if busy else None if self._watched else pause) else None
                busy = self._piece(news, idle=not busy)
            except (EOFError, ConnectionError):
                return  # nobody tells anything any more: what is remembered stays
            except Exception as error:  # its text could hold the user's code
                _log.warning("The memory of the workspace left something out: %s.", type(error).__name__)
            worked += time.thread_time() - began

    def _piece(self, news: News | None, idle: bool) -> bool:
        """Take in what was told, or go on with the work; whether there is more of it."""
        if news is not None:
            self._watched = news.watched if isinstance(news, Walk) else self._watched
            self._keeper.hear(news)
        elif idle and self._asked and not self._watched:
            self._asked = False
            self._keeper.look()
        return self._keeper.step()
