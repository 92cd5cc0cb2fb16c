"""Follows what is answered to one editor until its end is known, and writes both into the log; knows no LSP types."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from empower_lsp import __version__
from empower_lsp.log.records import completion_record, outcome_record, place
from empower_lsp.outcome import FINAL, Tracker

if TYPE_CHECKING:
    from empower_lsp.log.level import Level
    from empower_lsp.log.recorder import Recorder
    from empower_lsp.log.store import Retention
    from empower_lsp.outcome import Outcome
    from empower_lsp.session import Answer, Computed, Query


@dataclass(frozen=True, slots=True)
class Source:
    """Which model wrote a completion."""

    model: str
    adapter: str = ""
    """The tuning of it that is in use; empty without one."""
    memory: bool = False
    """Whether it had a memory of the workspace, with which its bits mean something else."""


class Journal:
    """What was answered to one editor, and what became of it; lives on one event loop.

    `text_of` gives the text of an open document as it is at that moment; `ended` is told the id of each completion
    that has come to its end.
    """

    def __init__(self, recorder: Recorder, text_of: Callable[[str], str | None], ended: Callable[[str], None]) -> None:
        self._recorder = recorder
        self._tracker = Tracker(text_of)
        self._ended = ended
        self._timer: asyncio.TimerHandle | None = None

    def keep(self, level: Level, retention: Retention) -> None:
        """Log so much from now on, for so long."""
        self._recorder.level, self._recorder.retention = level, retention

    def answered(self, query: Query, answer: Answer, source: Source, roots: Sequence[str]) -> None:
        """Items were returned; `roots` are the URIs of the workspace folders."""
        at = time.monotonic()
        for item in (answer, *answer.others):
            if item.computed is not None:
                self._write(query, item.id, item.computed, source, roots)
            where = (query.uri, item.start, item.end)
            self._take(self._tracker.answered(item.id, *where, item.text, at, alternative=item is not answer))

    def _write(self, query: Query, identifier: str, computed: Computed, source: Source, roots: Sequence[str]) -> None:
        path, workspace = place(query.uri, roots)
        record = completion_record(
            computed.completion,
            computed.request,
            identifier=identifier,
            path=path,
            workspace=workspace,
            language=query.language,
            model=source.model,
            adapter=source.adapter,
            memory=source.memory,
            version=__version__,
        )
        self._recorder.record(record)

    def shown(self, identifier: str) -> None:
        """The editor says that it shows a completion."""
        self._take(self._tracker.shown(identifier, time.monotonic()))

    def accepted(self, identifier: str) -> None:
        """The editor ran the item's command."""
        self._take(self._tracker.accepted(identifier, time.monotonic()))

    def partially_accepted(self, identifier: str, left: int) -> None:
        """The editor has inserted an item but for so many code points at its end."""
        self._take(self._tracker.partially_accepted(identifier, left, time.monotonic()))

    def dismissed(self, identifier: str) -> None:
        """The editor says that a person has put a completion away."""
        self._take(self._tracker.dismissed(identifier, time.monotonic()))

    def changed(self, uri: str, edits: Sequence[tuple[int, int, str]]) -> None:
        """A document was edited: code points `start` to `end` gave way to a text, one after the other."""
        self._take(self._tracker.changed(uri, edits, time.monotonic()))

    def closed(self, uri: str) -> None:
        """A document is about to be closed."""
        self._take(self._tracker.closed(uri, time.monotonic()))

    def close(self) -> None:
        """The editor goes: all that is awaited is said now, and written."""
        self._take(self._tracker.ended(time.monotonic()))
        if self._timer is not None:
            self._timer.cancel()
        self._recorder.close()

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        """Log what was found out, and wake up when more can be."""
        since = time.time() - time.monotonic()
        for outcome in outcomes:
            self._recorder.record(outcome_record(outcome, since + outcome.at))
            if outcome.kind in FINAL:
                self._ended(outcome.id)
        due = self._tracker.due
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due < inf:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due - time.monotonic()), self._tick)

    def _tick(self) -> None:
        self._take(self._tracker.tick(time.monotonic()))
