"""Follows what is answered to one editor until its end is known, and writes both into the log; knows no LSP types."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
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


class Journal:
    """The completions answered to one editor, and what becomes of them; lives on one event loop.

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

    def answered(self, query: Query, answer: Answer, roots: Sequence[str]) -> None:
        """Write down that items were returned; `roots` are the URIs of the workspace folders."""
        at = time.monotonic()
        for item in (answer, *answer.others):
            if item.computed is not None:
                self._write(query, item.id, item.computed, roots)
            where = (query.uri, item.start, item.end)
            length = len(item.computed.completion.text) if item.computed is not None else None
            told = self._tracker.answered(item.id, *where, item.text, at, alternative=item is not answer, length=length)
            self._take(told)

    def _write(self, query: Query, identifier: str, computed: Computed, roots: Sequence[str]) -> None:
        path, workspace = place(query.uri, roots)
        source = computed.source
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
            tier=source.tier,
            version=__version__,
        )
        self._recorder.record(record)

    def shown(self, identifier: str) -> None:
        """Write down that the editor shows a completion, as it says."""
        self._take(self._tracker.shown(identifier, time.monotonic()))

    def accepted(self, identifier: str) -> None:
        """Write down that the editor ran the command of an item, which is how it says that it was accepted."""
        self._take(self._tracker.accepted(identifier, time.monotonic()))

    def partially_accepted(self, identifier: str, left: int) -> None:
        """Write down that the editor has inserted an item but for `left` code points at its end."""
        self._take(self._tracker.partially_accepted(identifier, left, time.monotonic()))

    def dismissed(self, identifier: str) -> None:
        """Write down that a person has put a completion away, as the editor says."""
        self._take(self._tracker.dismissed(identifier, time.monotonic()))

    def changed(self, uri: str, edits: Sequence[tuple[int, int, str]]) -> None:
        """Follow edits of a document: code points `start` to `end` gave way to a text, one edit after the other."""
        self._take(self._tracker.changed(uri, edits, time.monotonic()))

    def closed(self, uri: str) -> None:
        """End what was offered in a document that is closed."""
        self._take(self._tracker.closed(uri, time.monotonic()))

    def close(self) -> None:
        """Say all that is still awaited, and write it: the editor goes."""
        self._take(self._tracker.ended(time.monotonic()))
        if self._timer is not None:
            self._timer.cancel()
        self._recorder.close()

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        """Log what has become of completions, and wake up when more can be."""
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
