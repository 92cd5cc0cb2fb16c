"""Decides which of many requests gets an answer, and which of two models gives it; knows no LSP types.

The newest request wins; superseded ones are answered with None. Text that a person types along a shown completion is
answered from it without an engine, and a generation that still agrees with what was typed is kept instead of begun
again. Who asks by hand is offered others beside the first, and of all that were offered, those that agree with what is
typed go on.

Nobody waits for the whole text of a deep tier longer than PATIENCE: then what it has written so far is the answer, or
where that is nothing yet the instant tier's text, and the deep one goes on. What is on the screen stays calm: a text
that is typed along is never replaced by another one, and after CALM nor is one that just stands there; it may only
become longer.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from empower_lsp.session.item import Item, answered, gone_on, may_replace
from empower_lsp.session.query import Answer, Computed, Query
from empower_lsp.session.shown import Shown
from empower_lsp.session.tier import Tier, Wanted
from empower_lsp.settings import Settings
from empower_model.request import End, Limits, Request, alike
from empower_model.trim import inside_word

CANCEL_GRACE = 0.1
"""Seconds in which an editor that cancels because of a keystroke asks again; until then the work goes on."""
PATIENCE = Settings().patience / 1000
"""Seconds that a key waits for the whole text of the deep tier, where a part of it or the instant tier's is there."""
PATIENCE_BY_HAND = 1.0
"""The same for a person who has asked by hand."""
PATIENCE_FOR_MORE = 5.0
"""The same for who asks for the rest of a statement, which takes a while to write."""
REST = 0.3
"""Seconds without a request after which the deep tier computes what would follow the text on the screen."""


class Session:
    """Answers queries of one editor; lives on one event loop.

    Either tier may be missing: the one that is there is then waited for. `on_better` is told the URI of a document for
    which the deep tier has found a text that the newest answer lacks: whoever asks again at the same cursor gets it.
    """

    def __init__(
        self, instant: Tier | None = None, deep: Tier | None = None, on_better: Callable[[str], None] | None = None
    ) -> None:
        self.patience = PATIENCE
        """Seconds that a key waits for the deep tier."""
        self._instant, self._deep = instant, deep
        self._on_better = on_better or (lambda _: None)
        self._shown: dict[str, tuple[Shown, ...]] = {}
        """By document: the items of its last answer."""
        self._newest: asyncio.Future[None] | None = None
        """The newest request's ticket; done once it is superseded."""
        self._resting: asyncio.TimerHandle | None = None
        self.last: Computed | None = None
        """The completion that the last answer was made of, shown or not: for "why did it stop here"."""

    async def complete(self, query: Query, limits: Limits, alternatives: int = 0) -> Answer | None:
        """Answer a query, with up to so many alternatives; None without a completion, or when a newer request came.

        Raises ModelError and EngineError. When cancelled, stops the work unless a keystroke is behind it.
        """
        request, ticket = Request(*query.context(), limits, alternatives), self._ticket()
        items = await self._found(query, request, ticket)
        return self._answer(query, items) if items else None

    async def more(self, query: Query, limits: Limits) -> Answer | None:
        """Answer as `complete`, and with the rest of the statement or block behind that, however unsure it is.

        `Answer.sure` tells where that begins. Asked again, it goes on from there.
        """
        request, ticket = Request(*query.context(), limits), self._ticket()
        items = await self._found(query, request, ticket)
        if ticket is not self._newest:
            return None
        sure = items[0].shown if items else self._new(request, "", None).shown
        further = Request(request.prefix + sure.text, request.suffix, limits.to_the_end())
        computed = await self._computed(query, further, ticket)
        if ticket is not self._newest:
            return None
        if computed is not None and (rest := computed.rest(further)):
            before = self.last.completion if self.last is not None else None
            whole = gone_on(before, sure.text, replace(computed.completion, text=rest))
            self.last = replace(computed, request=replace(request, limits=further.limits), completion=whole)
            shown = self._new(request, whole.text, None).shown
            where = sure.sure if sure.sure is not None else len(sure.text)
            items = [Item(replace(shown, sure=where, typed_along=True), self.last)]
        return self._answer(query, items) if items else None

    def edited(self, uri: str) -> None:
        """Note that a document has changed: a cancellation that follows comes from typing."""
        self._stir()
        for tier in self._tiers():
            tier.edited(uri)

    def expect(self, query: Query, limits: Limits) -> None:
        """Have the deep tier read the text around a cursor that rests, for what may be asked there."""
        if self._deep is not None:
            self._deep.expect(Request(*query.context(), limits))

    def use(self, instant: Tier | None, deep: Tier | None) -> None:
        """Answer with these tiers from now on; others are closed once they are idle."""
        gone = [tier for tier in self._tiers() if tier not in (instant, deep)]
        if gone:
            self._stir()
            self._shown.clear()
        self._instant, self._deep = instant, deep
        for tier in gone:
            tier.close()

    def forget(self, identifier: str) -> None:
        """Drop a completion that has come to its end: at the same cursor, another one is computed."""
        left = {uri: tuple(item for item in shown if item.id != identifier) for uri, shown in self._shown.items()}
        self._shown = {uri: shown for uri, shown in left.items() if shown}

    def close_document(self, uri: str) -> None:
        """Forget what was shown in a document."""
        self._leave(uri)

    def close(self) -> None:
        """Stop the work and free the engines; requests still waiting are answered with None."""
        self._supersede()
        self._stir()
        for tier in self._tiers():
            tier.close(wait=True)
        self._instant = self._deep = None

    def _tiers(self) -> list[Tier]:
        return [tier for tier in (self._instant, self._deep) if tier is not None]

    def _leave(self, uri: str) -> None:
        self._shown.pop(uri, None)
        for tier in self._tiers():
            tier.leave(uri)

    async def _found(self, query: Query, request: Request, ticket: asyncio.Future[None]) -> list[Item]:
        """Return the items that a request is answered with; none too when the ticket is done before."""
        rests = self._rests(query.uri, request)
        if rests and rests[0].shown.alternatives >= request.alternatives:
            if self._instant is not None:
                self._instant.leave()
            return self._kept(query.uri, self._improved(query.uri, request, rests, ticket))
        if inside_word(request.suffix) and not query.by_hand:  # whatever it said, it would split a word
            self._leave(query.uri)
            return []
        computed = await self._computed(query, request, ticket)
        if ticket is not self._newest:
            return []
        self.last = computed or self.last
        rests = self._rests(query.uri, request)  # some may have ended meanwhile
        return self._kept(query.uri, self._items(rests, computed, request) if computed is not None else rests)

    def _kept(self, uri: str, items: list[Item]) -> list[Item]:
        """Return the items; where there are none, forget what was shown before."""
        if not items:
            self._shown.pop(uri, None)
        return items

    async def _computed(self, query: Query, request: Request, ticket: asyncio.Future[None]) -> Computed | None:
        """Return `_first`; when cancelled, stop the work unless a keystroke is behind it."""
        try:
            return await self._first(query, request, ticket)
        except asyncio.CancelledError:
            if ticket is self._newest:
                for tier in self._tiers():
                    tier.cancel(CANCEL_GRACE)
            raise

    def _ticket(self) -> asyncio.Future[None]:
        """Return the ticket of a request that supersedes all others."""
        self._supersede()
        self._newest = asyncio.get_running_loop().create_future()
        return self._newest

    def _supersede(self) -> None:
        self._stir()
        older, self._newest = self._newest, None
        if older is not None and not older.done() and not older.get_loop().is_closed():
            older.set_result(None)

    def _stir(self) -> None:
        """End a rest: what would follow is another text now."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    async def _first(self, query: Query, request: Request, ticket: asyncio.Future[None]) -> Computed | None:
        """Return what a request is answered from: of the deep tier if that is there in time, else of the instant one.

        None when the ticket is done before, or the work was stopped. Raises what the last tier that is left raises.
        """
        uri, instant, deep = query.uri, self._instant, self._deep
        if deep is None:
            return await _either(instant.want(uri, request), ticket) if instant is not None else None
        if (known := deep.computed(uri, request)) is not None:
            return known
        clock = asyncio.get_running_loop().time
        latest = clock() + (PATIENCE_FOR_MORE if query.more else PATIENCE_BY_HAND if query.by_hand else self.patience)
        quick = instant.want(uri, request) if instant is not None else None
        if quick is not None and not deep.is_busy_with(uri, request):
            # Both at once would take longer each, and what the one says may save the other time.
            await _first_done(quick.whole, ticket, seconds=self.patience)
        if ticket.done():
            return None
        slow = deep.want(uri, replace(request, draft=quick.rest if quick is not None else ""))
        if deep.ready_at() <= latest:
            await _first_done(slow.whole, ticket, seconds=max(0.0, latest - clock()))
        if quick is not None and not slow.has_part:
            await _first_done(quick.whole, ticket)
        if quick is None or not quick.rest:  # there is nothing else to show
            await _first_done(slow.whole, slow.part, ticket)
        if ticket.done():
            return None
        if not slow.whole.done():
            self._tell_if_better(slow, uri, request, ticket)
        computed = slow.result or deep.so_far(uri, request) or (quick.result if quick is not None else None)
        return computed if computed is not None or not slow.whole.done() else slow.whole.result()

    def _improved(self, uri: str, request: Request, rests: list[Item], ticket: asyncio.Future[None]) -> list[Item]:
        """Return what is on the screen, or what the deep tier has come to say instead where that leaves it calm."""
        if self._deep is None:
            return rests
        shown = rests[0].shown
        wanted = self._deep.want(uri, replace(request, draft=shown.text))
        if not wanted.whole.done():
            self._tell_if_better(wanted, uri, request, ticket)
        if (computed := wanted.result or self._deep.so_far(uri, request)) is None:
            return rests
        text = computed.rest(request)
        if not may_replace(shown, text) or (computed is not wanted.result and shown.text.startswith(text)):
            return rests
        self.last = computed
        if not text:
            return []
        item = self._new(request, text, computed)
        if text.startswith(shown.text):
            item = replace(item, shown=replace(item.shown, since=shown.since, typed_along=shown.typed_along))
        return [item]

    def _tell_if_better(self, wanted: Wanted, uri: str, request: Request, ticket: asyncio.Future[None]) -> None:
        """Tell when the deep tier, after a request was answered, has something else to say."""

        def done(_: asyncio.Future[Computed | None]) -> None:
            computed = wanted.result
            if computed is None or ticket is not self._newest:
                return
            text, rests = computed.rest(request), self._rests(uri, request)
            if may_replace(rests[0].shown, text) if rests else text:
                self._on_better(uri)

        wanted.whole.add_done_callback(done)

    def _rests(self, uri: str, request: Request) -> list[Item]:
        """Return those items of a document's last answer that still fit at a request's cursor, each cut to its rest."""
        were = (shown.at(request.prefix, request.suffix, request.limits) for shown in self._shown.get(uri, ()))
        return [Item(shown) for shown in were if shown is not None]

    def _items(self, rests: Sequence[Item], computed: Computed, request: Request) -> list[Item]:
        """Return what was shown already and then what was computed, as far as that says something else.

        So what a person reads does not move when they ask by hand: shown `value`, with `value` and `None` computed, the
        items are `value`, under its old id, and `None`.
        """
        wanted = request.alternatives
        items = [Item(replace(item.shown, alternatives=wanted)) for item in rests]
        for completion in (computed.completion, *computed.completion.alternatives):
            own = replace(computed, completion=completion)
            text = own.rest(request)
            if text and not any(alike(text, item.shown.text) for item in items):
                items.append(self._new(request, text, own))
        return items[: 1 + wanted]

    def _new(self, request: Request, text: str, computed: Computed | None) -> Item:
        """Return an item that was not shown before."""
        where = (request.prefix, request.suffix, request.limits)
        now = asyncio.get_running_loop().time()
        partial = computed is not None and computed.completion.end is End.UNFINISHED
        shown = Shown(uuid.uuid4().hex, *where, text, request.alternatives, since=now, partial=partial)
        return Item(shown, computed)

    def _answer(self, query: Query, items: Sequence[Item]) -> Answer:
        self._shown[query.uri] = tuple(item.shown for item in items)
        first, *others = (answered(query, item) for item in items)
        self._look_ahead(query.uri, items[0].shown)
        return replace(first, others=tuple(others))

    def _look_ahead(self, uri: str, shown: Shown) -> None:
        """Once nobody asks for a while, have the deep tier compute what would follow the text on the screen."""
        if self._deep is not None:
            accepted = Request(shown.prefix + shown.text, shown.suffix, shown.limits)
            loop = asyncio.get_running_loop()
            self._resting = loop.call_later(REST, self._deep.look_ahead, uri, accepted)


async def _either(wanted: Wanted, ticket: asyncio.Future[None]) -> Computed | None:
    """Return what is found, or None when the ticket is done before. Raises what the tier raises."""
    await _first_done(wanted.whole, ticket)
    return wanted.whole.result() if wanted.whole.done() else None


async def _first_done(*futures: asyncio.Future[Any], seconds: float | None = None) -> None:
    await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
