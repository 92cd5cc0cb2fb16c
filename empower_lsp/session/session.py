"""Decides which of many requests gets an answer, and what is computed for it; knows no LSP types.

One completion is computed at a time and the newest request wins; superseded ones are answered with None. Text that a
person types along a shown completion is answered from it without the engine, and a generation that still agrees with
what was typed is kept instead of begun again. Who asks by hand is offered others beside the first, and of all that
were offered, those that agree with what is typed go on.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from empower_lsp.session.query import Answer, Computed, Query
from empower_lsp.session.shown import Shown, typed_since
from empower_model.request import Completer, Completion, End, Limits, Request, alike
from empower_model.trim import inside_word

CANCEL_GRACE_SECONDS = 0.1
"""An editor that cancels because of a keystroke asks again within this time; until then the work goes on."""


@dataclass(slots=True)
class _Job:
    """A completion being computed."""

    uri: str
    request: Request
    done: asyncio.Future[Completion | None]
    text: str = ""
    """Raw text so far."""
    typed: str = ""
    """What the newest request that waits for this job has typed since it began."""
    edited: bool = False
    """Whether the document has changed since the newest request for this job."""
    abandoned: bool = False

    def agrees(self) -> bool:
        """Return whether what was typed and what was generated so far begin alike."""
        return self.text.startswith(self.typed) or self.typed.startswith(self.text)


@dataclass(frozen=True, slots=True)
class _Item:
    """One of the items of an answer."""

    shown: Shown
    computed: Computed | None = None
    """None for what was answered before."""


def _rest(computed: Computed, request: Request) -> str:
    """Return the part of a completion that is still to be typed at the cursor of a request that came after its own.

    Empty when what was typed since is not how the completion begins. `request` must be for the same document, its
    prefix that of the completion and more, as `typed_since` finds out.
    """
    typed = request.prefix[len(computed.request.prefix) :]
    text = computed.completion.text
    return text[len(typed) :] if text.startswith(typed) else ""


class Session:
    """Answers queries of one editor; lives on one event loop."""

    def __init__(self, completer: Completer) -> None:
        self._completer = completer
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="empower-inference")
        self._shown: dict[str, tuple[Shown, ...]] = {}
        """By document: the items of its last answer."""
        self._job: _Job | None = None
        self._newest: asyncio.Future[None] | None = None
        """The newest request's ticket; done once it is superseded."""
        self.last: Completion | None = None
        """The last completion computed, shown or not: for "why did it stop here"."""

    async def complete(self, query: Query, limits: Limits, alternatives: int = 0) -> Answer | None:
        """Answer a query, with up to so many alternatives; None without a completion, or when a newer request came.

        Raises ModelError and EngineError. When cancelled, stops the work unless a keystroke is behind it.
        """
        prefix, suffix = query.context()
        self._supersede()
        ticket = self._newest = asyncio.get_running_loop().create_future()
        request = Request(prefix, suffix, limits, alternatives)
        rests = self._rests(query.uri, request)
        if rests and rests[0].shown.alternatives >= alternatives:
            self._abandon()
            return self._answer(query, rests)
        if inside_word(suffix) and not query.by_hand:  # whatever it said, it would split a word
            self._abandon()
            self._shown.pop(query.uri, None)
            return None
        try:
            computed = await self._compute(query.uri, request, ticket)
        except asyncio.CancelledError:
            if ticket is self._newest:
                self._cancelled()
            raise
        if ticket is not self._newest:
            return None
        rests = self._rests(query.uri, request)  # some may have ended meanwhile
        items = _items(rests, computed, request) if computed is not None else rests
        if not items:
            self._shown.pop(query.uri, None)
            return None
        return self._answer(query, items)

    def edited(self, uri: str) -> None:
        """Note that a document has changed: a cancellation that follows comes from typing."""
        if self._job is not None and self._job.uri == uri:
            self._job.edited = True

    def use(self, completer: Completer) -> None:
        """Answer with another engine from now on; the old one is closed once it is idle."""
        self._abandon()
        self._shown.clear()
        old, self._completer = self._completer, completer
        self._worker.submit(old.close)

    def forget(self, identifier: str) -> None:
        """Drop a completion that has come to its end: at the same cursor, another one is computed."""
        left = {uri: tuple(item for item in shown if item.id != identifier) for uri, shown in self._shown.items()}
        self._shown = {uri: shown for uri, shown in left.items() if shown}

    def close_document(self, uri: str) -> None:
        """Forget what was shown in a document."""
        self._shown.pop(uri, None)
        if self._job is not None and self._job.uri == uri:
            self._abandon()

    def close(self) -> None:
        """Stop the work and free the engine; requests still waiting are answered with None."""
        self._supersede()
        self._abandon()
        self._worker.submit(self._completer.close)
        self._worker.shutdown(wait=True)

    async def _compute(self, uri: str, request: Request, ticket: asyncio.Future[None]) -> Computed | None:
        """Compute what a request is answered from, by the running job if that agrees; None when superseded."""
        while True:
            job = self._adopt(uri, request)
            either: set[asyncio.Future[Any]] = {job.done, ticket}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if ticket is not self._newest:
                return None
            own = job.request == request
            completion = job.done.result() if own or not job.done.exception() else None
            if completion is not None and completion.end is not End.STOPPED:
                self.last = completion
                computed = Computed(job.request, completion)
                if own or _rest(computed, request):
                    return computed
            elif own and not job.abandoned:
                return None  # the engine was stopped from elsewhere

    def _adopt(self, uri: str, request: Request) -> _Job:
        """Return the running job if it may still serve the request, else a new one, queued behind the abandoned one."""
        job = self._job
        if job is not None and not job.abandoned and not job.done.done() and _serves(job.request, request):
            typed = typed_since(job.request.prefix, job.request.suffix, request.prefix, request.suffix)
            if typed is not None and job.uri == uri:
                job.typed, job.edited = typed, False
                if job.agrees():
                    return job
        self._abandon()
        loop = asyncio.get_running_loop()
        job = self._job = _Job(uri, request, loop.create_future())
        self._worker.submit(self._run, job, loop)
        return job

    def _run(self, job: _Job, loop: asyncio.AbstractEventLoop) -> None:
        """Compute, in the worker thread, unless the job was abandoned while it waited."""

        def progress(text: str) -> None:
            if job.abandoned:  # the stop came before the completer had begun
                self._completer.stop()
            loop.call_soon_threadsafe(self._progress, job, text)

        completion: Completion | None = None
        error: Exception | None = None
        if not job.abandoned:
            try:
                completion = self._completer.complete(job.request, progress)
            except Exception as raised:  # handed to whoever waits
                error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(_finish, job.done, completion, error)

    def _progress(self, job: _Job, text: str) -> None:
        job.text = text
        if job is self._job and not job.agrees():
            self._abandon()

    def _abandon(self) -> None:
        job, self._job = self._job, None
        if job is not None and not job.done.done():
            job.abandoned = True
            self._completer.stop()

    def _cancelled(self) -> None:
        """Stop the work for the newest request, now withdrawn; after a keystroke, only if nobody asks again soon."""
        job = self._job
        if job is not None and job.edited:
            asyncio.get_running_loop().call_later(CANCEL_GRACE_SECONDS, self._abandon_unless_adopted, job)
        else:
            self._abandon()

    def _abandon_unless_adopted(self, job: _Job) -> None:
        if job is self._job and job.edited:
            self._abandon()

    def _supersede(self) -> None:
        older, self._newest = self._newest, None
        if older is not None and not older.done() and not older.get_loop().is_closed():
            older.set_result(None)

    def _rests(self, uri: str, request: Request) -> list[_Item]:
        """Return those items of a document's last answer that still fit at a request's cursor, each cut to its rest."""
        items = []
        for shown in self._shown.get(uri, ()):
            if rest := shown.rest(request.prefix, request.suffix, request.limits):
                known = shown.alternatives if rest == shown.text else 0
                items.append(_Item(Shown(shown.id, request.prefix, request.suffix, request.limits, rest, known)))
        return items

    def _answer(self, query: Query, items: Sequence[_Item]) -> Answer:
        self._shown[query.uri] = tuple(item.shown for item in items)
        first, *others = (_answered(query, item) for item in items)
        return replace(first, others=tuple(others))


def _answered(query: Query, item: _Item) -> Answer:
    start, text = query.offset, item.shown.text
    if query.selected is not None:
        start, text = query.selected.start, query.selected.text + text
    return Answer(item.shown.id, start, query.offset, query.with_line_ends(text), item.computed)


def _serves(running: Request, request: Request) -> bool:
    """Return whether a request, as far as its cursor goes, may be answered from what is computed for another."""
    return running.limits == request.limits and running.alternatives >= request.alternatives


def _items(rests: Sequence[_Item], computed: Computed, request: Request) -> list[_Item]:
    """Return what was shown already and then what was computed, as far as that says something else.

    So what a person reads does not move when they ask by hand: shown `value`, with `value` and `None` computed, the
    items are `value`, under its old id, and `None`.
    """
    wanted = request.alternatives
    items = [_Item(replace(item.shown, alternatives=wanted)) for item in rests]
    for completion in (computed.completion, *computed.completion.alternatives):
        own = Computed(computed.request, completion)
        text = _rest(own, request)
        if text and not any(alike(text, item.shown.text) for item in items):
            shown = Shown(uuid.uuid4().hex, request.prefix, request.suffix, request.limits, text, wanted)
            items.append(_Item(shown, own))
    return items[: 1 + wanted]


def _finish(done: asyncio.Future[Completion | None], completion: Completion | None, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(completion)
    else:
        done.set_exception(error)
        done.exception()  # marks it as seen: nobody may be waiting any more
