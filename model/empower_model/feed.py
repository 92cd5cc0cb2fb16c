"""What the memory of a workspace is to hold, told to the process that holds it; survives that process.

Of the documents only the last few that were written in are known here; the files are read over there. No numpy: the
server's own process does without.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol, TypeAlias

from empower_model.calibration import Calibration

RECENT = 16
"""Documents written in last that weigh more than the other files."""

Stamp: TypeAlias = tuple[int, int]
"""When a file was last written, in nanoseconds, and its bytes."""


class Library(Protocol):
    """The files a memory may hold, by name. A value that can be sent to another process."""

    def holds(self, name: str) -> bool:
        """Tell whether a file, or what will become one, belongs to it."""
        ...

    def files(self) -> Iterator[tuple[str, Stamp | None]]:
        """Yield each file it holds and the state it is in, once; None for one that does not count after all."""
        ...

    def is_folder(self, name: str) -> bool:
        """Tell whether there are, or may be, files below that path."""
        ...

    def text(self, name: str) -> str | None:
        """Return what a file says, with `\\n` line ends; None where there is nothing worth reading."""
        ...


@dataclass(frozen=True, slots=True)
class Walk:
    """This is the library; look through all of it for what has changed."""

    library: Library
    watched: bool
    """Whether changes of its files will be told; else one has to look again from time to time."""


@dataclass(frozen=True, slots=True)
class Changed:
    """These files, or folders, may be other than they were, or gone."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """A document was written in, more recently than any told before."""

    name: str
    text: str | None
    """None for one that is no longer open: its file counts."""


@dataclass(frozen=True, slots=True)
class Current:
    """This document is being written in; what it says comes with each request."""

    name: str
    """Empty for none."""
    left: Edited | None = None
    """The one that was, until now."""


News: TypeAlias = Walk | Changed | Edited | Current


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that an engine with a memory needs beyond one without."""

    weights: Path
    feed: Feed
    calibration: Calibration | None = None
    """Fitted to the person with the memory on; None for that of the weights."""


@dataclass(slots=True)
class Feed:
    """Tells whoever is attached what there is to remember; to be called from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _queues: list[SimpleQueue[News | None]] = field(default_factory=list)
    _walk: Walk | None = None
    _recent: dict[str, str | None] = field(default_factory=dict)
    """The current document and the last RECENT that were written in before it, the newest last."""
    _current: str = ""

    def walk(self, library: Library, watched: bool) -> None:
        """Tell that there is another library, or that much of it may have changed."""
        with self._lock:
            self._walk = Walk(library, watched)
            self._tell(self._walk)

    def changed(self, names: Iterable[str]) -> None:
        """Tell that files or folders were made, written, renamed or deleted."""
        with self._lock:
            self._tell(Changed(tuple(names)))

    def written(self, name: str, text: str) -> None:
        """Tell that a document is written in, and says this now.

        Its text crosses over when another one takes its place.
        """
        with self._lock:
            if name != self._current:
                self._turn(name)
            self._recent.pop(name, None)
            self._recent[name] = text
            self._trim()

    def closed(self, name: str) -> None:
        """Tell that a document is no longer open: what its file says counts."""
        with self._lock:
            if name in self._recent:
                self._recent[name] = None
            if name == self._current:
                self._turn("")
                self._trim()
            elif name in self._recent:
                self._tell(Edited(name, None))

    def attach(self, connection: Connection) -> Callable[[], None]:
        """Tell a process all of it, and what comes after; returns what ends that."""
        queue: SimpleQueue[News | None] = SimpleQueue()
        with self._lock:
            for one in self._state():
                queue.put(one)
            self._queues.append(queue)

        def detach() -> None:
            with self._lock:
                if queue in self._queues:
                    self._queues.remove(queue)
            queue.put(None)

        threading.Thread(target=_send, args=(queue, connection), name="empower-feed", daemon=True).start()
        return detach

    def _turn(self, name: str) -> None:
        """Have another document be the current one."""
        left = Edited(self._current, self._recent[self._current]) if self._current else None
        self._current = name
        self._tell(Current(name, left))

    def _trim(self) -> None:
        if len(self._recent) > RECENT + bool(self._current):
            del self._recent[next(iter(self._recent))]

    def _state(self) -> Iterator[News]:
        """Yield what brings a memory that knows nothing up to date."""
        yield Current(self._current)
        for name, text in self._recent.items():
            if name != self._current:
                yield Edited(name, text)
        if self._walk is not None:
            yield self._walk

    def _tell(self, news: News) -> None:
        for queue in self._queues:
            queue.put(news)


def _send(queue: SimpleQueue[News | None], connection: Connection) -> None:
    """Send what is queued, in a thread of its own, since a pipe that is full makes the sender wait."""
    try:
        while (news := queue.get()) is not None:
            connection.send(news)
    except OSError:  # the process has ended; another one will be told all of it
        pass
    connection.close()
