"""What the memory of a workspace is to hold, told to the process that holds it; survives that process.

Of the documents only the last few that were written in are known here; the files are read over there. No numpy: the
server's own process does without.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, TypeAlias

from empower_model.calibration import Calibration

RECENT = 16
"""Documents written in last that weigh more than the other files."""

Stamp: TypeAlias = tuple[int, int]
"""When a file was last written, in nanoseconds, and its bytes."""


class Library(Protocol):
    """The files a memory may hold, by name. A value that can be sent to another process."""

    def holds(self, name: str, is_open: bool = False) -> bool:
        """Tell whether a file, or what will become one, belongs to it; `is_open`: the editor has it open."""
        ...

    def files(self) -> Iterator[tuple[str, Stamp | None]]:
        """Yield each file it holds and the state it is in, once; None for one that does not count after all."""
        ...

    def is_folder(self, name: str) -> bool:
        """Tell whether there are, or may be, files below that path."""
        ...

    def text(self, name: str, document: str | None = None) -> str | None:
        """Return what may be remembered of a file, with `\\n` line ends; None where there is nothing worth reading.

        Where it is open in the editor, of that `document`, and nothing is read.
        """
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
class _Listener:
    """A process that is told, which may be slow to listen: what it knows, and what of the files it does not.

    What it must be told of documents follows from what it knows and what counts now, so nothing queues up.
    """

    awake: threading.Condition
    recent: dict[str, int] = field(default_factory=dict)
    """The documents written in lately, as it has them, the newest last, and which state of each."""
    current: str | None = None
    """None before it was told anything."""
    walk: Walk | None = None
    changed: dict[str, None] = field(default_factory=dict)
    ended: bool = False

    def unknown(self, recent: Mapping[str, tuple[int, str | None]], current: str) -> Iterator[News]:
        """Yield what makes its documents those in `recent`, in that order, and its current one `current`."""
        self.recent.pop(current, None)  # as Current does over there
        edits = list(self._edits(recent))
        left = None
        if self._after(edits) != list(recent):
            # What was written in last pushes out what counts no more, unless there is room; to be current does always.
            yield from map(Current, self.recent)
            self.recent, self.current = {}, None
            edits = list(self._edits(recent))
        elif edits and edits[0].name == self.current:
            left = edits[0]
        if current != self.current:
            yield Current(current, left)
        yield from edits[current != self.current and left is not None :]
        self.recent, self.current = {name: state for name, (state, _) in recent.items()}, current

    def _edits(self, recent: Mapping[str, tuple[int, str | None]]) -> Iterator[Edited]:
        """Yield each document that is in another state or place than it is known to be."""
        known = [name for name in self.recent if name in recent]
        in_place = True
        for place, (name, (state, text)) in enumerate(recent.items()):
            in_place = in_place and known[place : place + 1] == [name]
            if in_place and self.recent[name] == state:
                continue
            in_place = in_place and text is None  # to be closed is not to be written in
            if text is None and not in_place and name in known:
                yield Edited(name, "")
            yield Edited(name, text)

    def _after(self, edits: Iterable[Edited]) -> list[str]:
        """Return which documents written in lately it will have after being told `edits`, in order."""
        names = dict.fromkeys(self.recent)
        for edited in edits:
            if edited.text is not None:
                names.pop(edited.name, None)
            names[edited.name] = None
            if len(names) > RECENT:
                del names[next(iter(names))]
        return list(names)


@dataclass(slots=True)
class Feed:
    """Tells whoever is attached what there is to remember; to be called from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listeners: list[_Listener] = field(default_factory=list)
    _walk: Walk | None = None
    _recent: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    """The current document and the last RECENT that were written in before it, the newest last, with a number for each
    state of one."""
    _current: str = ""
    _count: int = 0

    def walk(self, library: Library, watched: bool) -> None:
        """Tell that there is another library, or that much of it may have changed."""
        with self._lock:
            self._walk = Walk(library, watched)
            for listener in self._listeners:
                listener.walk = self._walk
            self._wake()

    def changed(self, names: Iterable[str]) -> None:
        """Tell that files or folders were made, written, renamed or deleted."""
        with self._lock:
            changed = dict.fromkeys(names)
            for listener in self._listeners:
                listener.changed |= changed
            self._wake()

    def written(self, name: str, text: str) -> None:
        """Tell that a document is written in, and says this now.

        Its text crosses over when another one takes its place.
        """
        with self._lock:
            turned, self._current = name != self._current, name
            self._recent.pop(name, None)
            self._note(name, text)
            if len(self._recent) > RECENT + 1:
                del self._recent[next(iter(self._recent))]
            if turned:
                self._wake()

    def closed(self, name: str) -> None:
        """Tell that a document is no longer open: what its file says counts."""
        with self._lock:
            if name not in self._recent:
                return
            self._note(name, None)
            if name == self._current:
                self._current = ""
                if len(self._recent) > RECENT:
                    del self._recent[next(iter(self._recent))]
            self._wake()

    def attach(self, connection: Connection) -> Callable[[], None]:
        """Tell a process all of it, and what comes after; returns what ends that."""
        listener = self._listen()

        def detach() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)
                listener.ended = True
                listener.awake.notify()

        sending = (self, listener, connection)
        threading.Thread(target=_send, args=sending, name="empower-feed", daemon=True).start()
        return detach

    def news(self, listener: _Listener) -> list[News]:
        """Wait until there is something that a process does not know, and return all of that; none at the end."""
        with self._lock:
            while not (news := self._unknown(listener)) and not listener.ended:
                listener.awake.wait()
            return news

    def _listen(self) -> _Listener:
        with self._lock:
            listener = _Listener(threading.Condition(self._lock), walk=self._walk)
            self._listeners.append(listener)
            return listener

    def _unknown(self, listener: _Listener) -> list[News]:
        """Return what a process does not know yet, which it then does."""
        recent = {name: written for name, written in self._recent.items() if name != self._current}
        news = list(listener.unknown(recent, self._current))
        if listener.walk is not None:
            news.append(listener.walk)
        if listener.changed:
            news.append(Changed(tuple(listener.changed)))
        listener.walk, listener.changed = None, {}
        return news

    def _note(self, name: str, text: str | None) -> None:
        self._count += 1
        self._recent[name] = self._count, text

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.awake.notify()


def _send(feed: Feed, listener: _Listener, connection: Connection) -> None:
    """Send what a process does not know, in a thread of its own, since a pipe that is full makes the sender wait."""
    try:
        while news := feed.news(listener):
            for each in news:
                connection.send(each)
    except OSError:  # the process has ended; another one will be told all of it
        pass
    connection.close()
