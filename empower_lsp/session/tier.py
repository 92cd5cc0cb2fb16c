"""One model's part in a session: computes one completion at a time, and goes on while that agrees with what is typed.

What it has computed last is kept, since it may come too late for the key that asked and in time for the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from empower_lsp.session.query import Computed, Source, serves
from empower_lsp.session.shown import typed_since
from empower_model.request import Completer, Completion, End, Partial, Request

RECENT = 5
"""Completions whose median time says how long the next one will take."""
KEPT = 4
"""Completions of a deep tier that are kept: the last ones, and what would follow the text on the screen."""


@dataclass(slots=True)
class _Job:
    """A completion being computed."""

    uri: str
    request: Request
    loop: asyncio.AbstractEventLoop
    began: float
    """Seconds of that loop's clock."""
    text: str = ""
    """Raw text so far."""
    so_far: Computed | None = None
    """What may be shown of it already; None while that is nothing."""
    typed: str = ""
    """What the newest request that waits for this job has typed since it began."""
    edited: bool = False
    """Whether the document has changed since the newest request for this job."""
    abandoned: bool = False

    def agrees(self, typed: str) -> bool:
        """Return whether what was typed since it began and what was generated so far begin alike."""
        return self.text.startswith(typed) or typed.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The newest request, and what waits for it."""

    uri: str
    request: Request
    whole: asyncio.Future[Computed | None]
    """Holds what the request can be answered from, or None when it was superseded or stopped; raises what the completer
    raises."""
    part: asyncio.Future[None]
    """Done when a part of that can be shown."""

    @property
    def has_part(self) -> bool:
        """Tell whether a part can be shown, or all is found."""
        return self.part.done() or self.whole.done()

    @property
    def result(self) -> Computed | None:
        """Return what is found by now; None too where the completer failed."""
        whole = self.whole
        return whole.result() if whole.done() and not whole.cancelled() and whole.exception() is None else None

    @property
    def rest(self) -> str:
        """Return what is to be shown of it by now."""
        return self.result.rest(self.request) if self.result is not None else ""


class Tier:
    """Computes with one completer what is wanted last; lives on one event loop.

    `kept` completions are remembered when they are done, 0 for a tier that answers at once. The work is done in
    `executor`, one completion after the other; by default in a thread of its own.
    """

    def __init__(
        self, completer: Completer, source: Source | None = None, kept: int = 0, executor: Executor | None = None
    ) -> None:
        self.source = source or Source("")
        self._completer = completer
        self._executor = executor or ThreadPoolExecutor(max_workers=1, thread_name_prefix="empower-inference")
        self._done: deque[tuple[str, Computed]] = deque(maxlen=kept)
        self._took: deque[float] = deque(maxlen=RECENT)
        """Seconds until something of the last completions was there; of those stopped later than expected, too."""
        self._job: _Job | None = None
        self._wanted: Wanted | None = None

    def want(self, uri: str, request: Request) -> Wanted:
        """Have a request computed, as long as no other one is wanted; what runs and agrees with it is kept."""
        self._supersede()
        loop = asyncio.get_running_loop()
        wanted = self._wanted = Wanted(uri, request, loop.create_future(), loop.create_future())
        computed = self.computed(uri, request)
        if computed is None:
            self._work(wanted)
        else:
            wanted.whole.set_result(computed)
        return wanted

    def computed(self, uri: str, request: Request) -> Computed | None:
        """Return what was computed already that answers a request: for it, or for one that it is typed along from."""
        done = (computed for at, computed in reversed(self._done) if at == uri)
        return next((computed for computed in done if computed.answers(request)), None)

    def so_far(self, uri: str, request: Request) -> Computed | None:
        """Return what is written already of a completion that answers a request; it only becomes longer."""
        job = self._job
        if job is None or job.so_far is None or job.uri != uri or not job.so_far.answers(request):
            return None
        return job.so_far

    def is_busy_with(self, uri: str, request: Request) -> bool:
        """Tell whether what is computed at the moment agrees with a request so far."""
        job = self._job
        if job is None or job.uri != uri or not serves(job.request, request):
            return False
        typed = typed_since(job.request.prefix, job.request.suffix, request.prefix, request.suffix)
        return typed is not None and job.agrees(typed)

    def ready_at(self) -> float:
        """Return when, in seconds of the event loop's clock, there will probably be something of what is computed."""
        now = asyncio.get_running_loop().time()
        began = self._job.began if self._job is not None else now
        return max(now, began + self._usual())

    def look_ahead(self, uri: str, request: Request) -> None:
        """Compute what may be wanted next, if nothing else is being computed."""
        if self._job is None and self.computed(uri, request) is None:
            self._begin(uri, request)

    def expect(self, request: Request) -> None:
        """Have the prompt of a place read where a request will probably come."""
        self._completer.expect(request)

    def edited(self, uri: str) -> None:
        """Note that a document has changed: a cancellation that follows comes from typing."""
        if self._job is not None and self._job.uri == uri:
            self._job.edited = True

    def cancel(self, grace: float) -> None:
        """Stop the work for a request that is withdrawn; after an edit, unless another one comes in `grace` seconds."""
        job = self._job
        if job is not None and job.edited:
            asyncio.get_running_loop().call_later(grace, self._abandon_unless_kept, job)
        else:
            self.leave()

    def leave(self, uri: str | None = None) -> None:
        """Stop the work at hand, of a document or of any: nobody waits for it."""
        if uri is None or self._job is None or self._job.uri == uri:
            self._supersede()
            self._abandon()

    def close(self, wait: bool = False) -> None:
        """Stop the work and free the engine once it is idle; `wait` for that."""
        self.leave()
        self._executor.submit(self._completer.close)
        self._executor.shutdown(wait=wait)

    def _work(self, wanted: Wanted) -> None:
        """Go on with what runs if that may serve what is wanted, else begin with that."""
        if (job := self._job) is not None and self.is_busy_with(wanted.uri, wanted.request):
            job.typed = wanted.request.prefix[len(job.request.prefix) :]
            job.edited = False
            self._say_part()
        else:
            self._abandon()
            self._begin(wanted.uri, wanted.request)

    def _say_part(self) -> None:
        """Tell whoever waits if a part of what they want can be shown."""
        wanted = self._waiting()
        if wanted is not None and not wanted.part.done() and self.so_far(wanted.uri, wanted.request) is not None:
            wanted.part.set_result(None)

    def _usual(self) -> float:
        """Return the seconds until something of a completion was there lately; 0 while that is unknown."""
        return median(self._took) if self._took else 0.0

    def _begin(self, uri: str, request: Request) -> None:
        loop = asyncio.get_running_loop()
        job = self._job = _Job(uri, request, loop, loop.time())
        self._executor.submit(self._run, job)

    def _run(self, job: _Job) -> None:
        """Compute, in the worker thread, unless the job was abandoned while it waited."""

        def grown(partial: Partial) -> None:
            if job.abandoned:  # the stop came before the completer had begun
                self._completer.stop()
            job.loop.call_soon_threadsafe(self._grown, job, partial)

        completion: Completion | None = None
        error: Exception | None = None
        if not job.abandoned:
            try:
                completion = self._completer.complete(job.request, grown)
            except Exception as raised:  # handed to whoever waits
                error = raised
        if not job.loop.is_closed():
            job.loop.call_soon_threadsafe(self._finish, job, completion, error)

    def _grown(self, job: _Job, partial: Partial) -> None:
        job.text = partial.text
        if partial.completion.text and not job.request.alternatives:  # these come at the end, all together
            if job.so_far is None:
                self._took.append(job.loop.time() - job.began)
            job.so_far = Computed(job.request, partial.completion, self.source)
            self._say_part()
        if job is not self._job or job.agrees(job.typed):
            return
        self._abandon()
        if (wanted := self._waiting()) is not None:
            self._begin(wanted.uri, wanted.request)

    def _finish(self, job: _Job, completion: Completion | None, error: Exception | None) -> None:
        """Hand what was computed to whoever waits, if it answers them; else begin with what they want."""
        computed = None
        if completion is not None and completion.end is not End.STOPPED:
            computed = Computed(job.request, completion, self.source)
            if job.so_far is None:
                self._took.append(job.loop.time() - job.began)
            self._done.append((job.uri, computed))
        if job is not self._job:
            return
        self._job = None
        wanted = self._waiting()
        if wanted is None:
            return
        own = job.uri == wanted.uri and job.request == wanted.request
        if computed is not None and job.uri == wanted.uri and computed.answers(wanted.request):
            wanted.whole.set_result(computed)
        elif own and error is not None:
            wanted.whole.set_exception(error)
            wanted.whole.exception()  # marks it as seen: nobody may be waiting any more
        elif own:
            wanted.whole.set_result(None)  # the engine was stopped from elsewhere
        else:
            self._begin(wanted.uri, wanted.request)

    def _waiting(self) -> Wanted | None:
        return self._wanted if self._wanted is not None and not self._wanted.whole.done() else None

    def _supersede(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None and not wanted.whole.done() and not wanted.whole.get_loop().is_closed():
            wanted.whole.set_result(None)

    def _abandon(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            took = job.loop.time() - job.began
            if job.so_far is None and took > self._usual():
                self._took.append(took)
            job.abandoned = True
            self._completer.stop()

    def _abandon_unless_kept(self, job: _Job) -> None:
        if job is self._job and job.edited:
            self.leave()
