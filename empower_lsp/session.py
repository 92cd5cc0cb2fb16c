"""What is shown, what is being computed, and which of many requests gets an answer; knows no LSP types.

One completion is computed at a time and the newest request wins; superseded ones are answered with None. Text that a
person types along a shown completion is answered from it without the engine, and a generation that still agrees with
what was typed is kept instead of begun again.
"""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from empower_model.completion import Completer, Completion, End, Limits, Request

CANCEL_GRACE_SECONDS = 0.1
"""An editor that cancels because of a keystroke asks again within this time; until then the work goes on."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The selected item of an open completion menu: it would replace the text from `start` to the cursor."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A cursor in a document; offsets count code points in `text`."""

    uri: str
    version: int | None
    text: str
    offset: int
    language: str
    selected: Selected | None = None

    def context(self) -> tuple[str, str]:
        """Text before and after the cursor, the selected item taken as accepted, with `\\n` line ends."""
        before = self.text[: self.offset]
        if self.selected is not None:
            before = self.text[: self.selected.start] + self.selected.text
        return before.replace("\r\n", "\n"), self.text[self.offset :].replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Computed:
    """A completion and what it was computed for."""

    request: Request
    completion: Completion


@dataclass(frozen=True, slots=True)
class Answer:
    """Text that replaces `start` to `end` (code points in the query's text, on the cursor's line)."""

    id: str
    start: int
    end: int
    text: str
    computed: Computed | None = None
    """None when it is the rest of what was answered under the same id before."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A completion as it was answered at a cursor."""

    id: str
    prefix: str
    suffix: str
    limits: Limits
    text: str

    def rest(self, prefix: str, suffix: str, limits: Limits) -> str:
        """What is left of the text when it was typed along up to here; empty when it was not."""
        typed = _typed(self.prefix, self.suffix, prefix, suffix)
        return (
            self.text[len(typed) :]
            if typed is not None and limits == self.limits and self.text.startswith(typed)
            else ""
        )


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
        """Whether what was typed and what was generated so far begin alike."""
        return self.text.startswith(self.typed) or self.typed.startswith(self.text)


def _rest(computed: Computed, request: Request) -> str:
    """What is left of a completion for a request that came after more was typed; empty when it says otherwise."""
    typed = request.prefix[len(computed.request.prefix) :]
    text = computed.completion.text
    return text[len(typed) :] if text.startswith(typed) else ""


def _typed(prefix: str, suffix: str, new_prefix: str, new_suffix: str) -> str | None:
    """What was typed at one cursor to arrive at another; None if anything else has changed."""
    same = new_suffix == suffix and new_prefix.startswith(prefix)
    return new_prefix[len(prefix) :] if same else None


class Session:
    """Answers queries of one editor; lives on one event loop."""

    def __init__(self, completer: Completer) -> None:
        self._completer = completer
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="empower-inference")
        self._shown: dict[str, Shown] = {}
        self._job: _Job | None = None
        self._newest: asyncio.Future[None] | None = None
        """The newest request's ticket; done once it is superseded."""
        self.last: Completion | None = None
        """The last completion computed, shown or not: for "why did it stop here"."""

    async def complete(self, query: Query, limits: Limits) -> Answer | None:
        """The completion at a cursor; None when there is none, or a newer request came in.

        Raises ModelError and EngineError. When cancelled, stops the work unless a keystroke is behind it.
        """
        prefix, suffix = query.context()
        self._supersede()
        ticket = self._newest = asyncio.get_running_loop().create_future()
        shown = self._shown.get(query.uri)
        if shown is not None and (rest := shown.rest(prefix, suffix, limits)):
            self._abandon()
            return self._answer(query, Shown(shown.id, prefix, suffix, limits, rest))
        request = Request(prefix, suffix, limits)
        try:
            computed = await self._compute(query.uri, request, ticket)
        except asyncio.CancelledError:
            if ticket is self._newest:
                self._cancelled()
            raise
        if ticket is not self._newest:
            return None
        text = _rest(computed, request) if computed is not None else ""
        if not text:
            self._shown.pop(query.uri, None)
            return None
        return self._answer(query, Shown(uuid.uuid4().hex, prefix, suffix, limits, text), computed)

    def edited(self, uri: str) -> None:
        """The document has changed: a cancellation that follows comes from typing."""
        if self._job is not None and self._job.uri == uri:
            self._job.edited = True

    def use(self, completer: Completer) -> None:
        """Answer with another engine from now on; the old one is closed once it is idle."""
        self._abandon()
        self._shown.clear()
        old, self._completer = self._completer, completer
        self._worker.submit(old.close)

    def forget(self, identifier: str) -> None:
        """A completion has come to its end: at the same cursor, another one is computed."""
        self._shown = {uri: shown for uri, shown in self._shown.items() if shown.id != identifier}

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
        """What a request is answered from: the running job if that agrees, else a new one; None when superseded."""
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
        """The running job if it may still serve the request; else a new one, queued behind the one it abandons."""
        job = self._job
        if job is not None and not job.abandoned and not job.done.done() and job.request.limits == request.limits:
            typed = _typed(job.request.prefix, job.request.suffix, request.prefix, request.suffix)
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
        """In the worker thread: compute, unless the job was abandoned while it waited."""

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
        """The newest request was withdrawn: at once, or because of a keystroke that will ask again."""
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

    def _answer(self, query: Query, shown: Shown, computed: Computed | None = None) -> Answer:
        self._shown[query.uri] = shown
        start, text = query.offset, shown.text
        if query.selected is not None:
            start, text = query.selected.start, query.selected.text + text
        if "\r\n" in query.text:
            text = text.replace("\n", "\r\n")
        return Answer(shown.id, start, query.offset, text, computed)


def _finish(done: asyncio.Future[Completion | None], completion: Completion | None, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(completion)
    else:
        done.set_exception(error)
        done.exception()  # marks it as seen: nobody may be waiting any more
