"""Which of two models answers, and how calm the screen stays: with completers that are driven by hand."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from empower_lsp.session import item
from empower_lsp.session.item import CALM
from empower_lsp.session.query import Answer, Query, Source
from empower_lsp.session.session import PATIENCE, REST, Session
from empower_lsp.session.tier import KEPT, Tier
from empower_model.errors import EngineCrashed
from empower_model.request import Completion, End, Limits, OnPartial, Partial, Request

URI = "file:///a.py"
LIMITS = Limits()
AMPLE = 5.0
"""Seconds that a busy machine may take; whoever is to come later is held."""
QUICK, SLOW = Source("quick", tier="instant"), Source("slow", tier="deep")


@dataclass
class Writer:
    """Writes at each prefix what it was told to write there, once it is let."""

    texts: dict[str, str]
    part: int = 0
    """Characters that it shows before it is let."""
    free: bool = True
    gate: threading.Event = field(default_factory=threading.Event)
    """Where the request at hand is held."""
    requests: list[Request] = field(default_factory=list)
    expected: list[Request | None] = field(default_factory=list)
    error: Exception | None = None
    stopped: bool = False

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        self.stopped, self.gate = False, threading.Event()
        self.requests.append(request)
        if on_partial:
            whole = self.texts.get(request.prefix, "")
            on_partial(Partial(whole[:2], written(whole[: self.part], End.UNFINISHED)))
        if not self.free:
            self.gate.wait(5)
        if self.error is not None:
            raise self.error
        end = End.STOPPED if self.stopped else End.UNCERTAIN
        return written("" if self.stopped else self.texts.get(request.prefix, ""), end)

    def expect(self, request: Request | None) -> None:
        self.expected.append(request)

    def hold(self) -> None:
        """Write no more than a beginning from now on, until `release`."""
        self.free = False

    def release(self) -> None:
        self.free = True
        self.gate.set()

    def stop(self) -> None:
        self.stopped = True
        self.gate.set()

    def close(self) -> None:
        self.release()


def written(text: str, end: End) -> Completion:
    return Completion(text, (), 0, end, 0.9, 1, 1, 1, 0, 0)


@dataclass
class Pair:
    """A session with two tiers, and what it has told."""

    quick: Writer
    slow: Writer
    better: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        tiers = Tier(self.quick, QUICK), Tier(self.slow, SLOW, KEPT)
        self.session = Session(*tiers, on_better=self.better.append)

    def hold_slow(self) -> None:
        """Have the deep tier come late."""
        self.session.patience = PATIENCE
        self.slow.hold()

    def release_slow(self) -> None:
        """Have the deep tier go on, and be waited for."""
        self.session.patience = AMPLE
        self.slow.release()

    async def ask(self, text: str, **more: Any) -> str:
        answer = await self.answer(text, **more)
        return answer.text if answer else ""

    async def answer(self, text: str, **more: Any) -> Answer | None:
        return await self.session.complete(Query(URI, text, len(text), "python", **more), LIMITS)


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair(Writer({"x = ": "quick()"}), Writer({"x = ": "slow(1)"}))
    pair.session.patience = AMPLE
    yield pair
    pair.session.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


async def test_the_deep_text_is_shown_where_it_is_there_in_time(pair: Pair) -> None:
    answer = await pair.answer("x = ")
    assert answer is not None
    assert answer.computed is not None
    assert (answer.text, answer.computed.source) == ("slow(1)", SLOW)
    assert pair.session.last is not None
    assert pair.session.last.source == SLOW
    assert pair.slow.requests[0].draft == "quick()", "what the instant tier expects may save the deep one time"


async def test_nobody_waits_longer_for_the_deep_one_than_they_are_patient(pair: Pair) -> None:
    pair.hold_slow()
    answer = await pair.answer("x = ")
    assert answer is not None
    assert answer.computed is not None
    assert (answer.text, answer.computed.source) == ("quick()", QUICK)
    assert not pair.better


async def test_a_deep_text_that_comes_late_is_told_of_and_replaces_what_just_came(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item, "CALM", 5.0)
    pair.hold_slow()
    first = await pair.answer("x = ")
    pair.release_slow()
    await until(lambda: pair.better)
    assert pair.better == [URI]
    second = await pair.answer("x = ")
    assert first is not None
    assert second is not None
    assert (second.text, second.id != first.id) == ("slow(1)", True)
    assert len(pair.slow.requests) == 1, "it was computed already"


async def test_after_patience_the_deep_text_is_shown_as_far_as_it_is_written(pair: Pair) -> None:
    pair.slow.part = 5
    pair.hold_slow()
    first = await pair.answer("x = ")
    assert first is not None
    assert first.computed is not None
    assert (first.text, first.computed.source, first.computed.completion.end) == ("slow(", SLOW, End.UNFINISHED)
    assert await pair.ask("x = s") == "low("
    task = asyncio.create_task(pair.ask("x = slow("))
    await asyncio.sleep(2 * PATIENCE)
    assert not task.done(), "all of it is typed, and more is not there yet"
    pair.release_slow()
    assert await task == "1)"
    assert len(pair.slow.requests) == 1


async def test_what_is_written_so_far_becomes_longer_however_long_it_has_stood(pair: Pair) -> None:
    pair.slow.part = 5
    pair.hold_slow()
    assert await pair.ask("x = ") == "slow("
    await asyncio.sleep(CALM)
    pair.release_slow()
    await until(lambda: pair.better)
    assert await pair.ask("x = ") == "slow(1)"


async def test_what_comes_to_nothing_while_it_is_written_is_withdrawn(pair: Pair) -> None:
    pair.slow.part = 5
    pair.hold_slow()
    assert await pair.ask("x = ") == "slow("
    await asyncio.sleep(CALM)
    pair.slow.texts["x = "] = ""
    pair.release_slow()
    await until(lambda: pair.better)
    assert await pair.ask("x = ") == ""


async def test_a_part_of_the_deep_text_does_not_take_the_place_of_more_of_it(pair: Pair) -> None:
    pair.slow.part = 4
    pair.quick.texts["x = "] = "slow(1)"
    pair.session.patience = PATIENCE
    pair.slow.texts["x = "] = "slow(2)"
    await pair.ask("x = ")
    pair.slow.hold()
    pair.quick.texts["x = 1"] = "slow(1)"
    pair.slow.texts["x = 1"] = "slow(1)"
    assert await pair.ask("x = 1") == "slow"
    assert await pair.ask("x = 1") == "slow"


async def test_where_nothing_else_can_be_shown_the_first_part_of_the_deep_text_is_waited_for(pair: Pair) -> None:
    pair.quick.texts = {}
    pair.hold_slow()
    task = asyncio.create_task(pair.ask("x = "))
    await until(lambda: pair.slow.requests)
    await asyncio.sleep(2 * PATIENCE)
    assert not task.done()
    pair.slow.part = 5
    later = asyncio.create_task(pair.ask("x = n"))
    pair.slow.texts["x = n"] = "one(2)"
    assert await later == "one(2"
    assert await task == ""


async def test_with_others_beside_it_a_text_is_shown_whole(pair: Pair) -> None:
    pair.slow.part = 5
    pair.hold_slow()
    query = Query(URI, "x = ", 4, "python", by_hand=True)
    task = asyncio.create_task(pair.session.complete(query, LIMITS, alternatives=2))
    await until(lambda: pair.slow.requests)
    await asyncio.sleep(2 * PATIENCE)
    pair.release_slow()
    answer = await task
    assert answer is not None
    assert answer.text == "slow(1)"


async def test_what_has_stood_for_a_while_is_not_replaced(pair: Pair) -> None:
    pair.hold_slow()
    await pair.ask("x = ")
    await asyncio.sleep(CALM)
    pair.release_slow()
    await asyncio.sleep(0.05)
    assert await pair.ask("x = ") == "quick()"
    assert not pair.better


async def test_what_has_stood_for_a_while_may_become_longer(pair: Pair) -> None:
    pair.slow.texts["x = "] = "quick() or 1"
    pair.hold_slow()
    first = await pair.answer("x = ")
    await asyncio.sleep(CALM)
    pair.release_slow()
    await until(lambda: pair.better)
    second = await pair.answer("x = ")
    assert first is not None
    assert second is not None
    assert (first.text, second.text) == ("quick()", "quick() or 1")


async def test_what_is_typed_along_is_not_replaced_by_another_text(pair: Pair) -> None:
    pair.hold_slow()
    pair.slow.texts |= {"x = ": "quiet", "x = q": "quiet"}
    await pair.ask("x = ")
    assert await pair.ask("x = q") == "uick()"
    pair.release_slow()
    await asyncio.sleep(0.05)
    assert await pair.ask("x = q") == "uick()"
    assert not pair.better


async def test_a_late_deep_text_answers_the_key_that_leaves_the_instant_one(pair: Pair) -> None:
    pair.hold_slow()
    await pair.ask("x = ")
    pair.release_slow()
    await until(lambda: pair.better)
    assert await pair.ask("x = s") == "low(1)"
    assert (len(pair.quick.requests), len(pair.slow.requests)) == (1, 1)


async def test_deep_work_that_agrees_goes_on_over_the_next_keys(pair: Pair) -> None:
    pair.hold_slow()
    pair.quick.texts = {}
    first = asyncio.create_task(pair.ask("x = "))
    await until(lambda: pair.slow.requests)
    task = asyncio.create_task(pair.ask("x = s"))
    await until(lambda: len(pair.quick.requests) == 2)
    pair.release_slow()
    assert (await first, await task) == ("", "low(1)")
    assert len(pair.slow.requests) == 1


async def test_deep_work_that_disagrees_is_begun_anew(pair: Pair) -> None:
    pair.hold_slow()
    await pair.ask("x = ")
    pair.slow.texts["x = n"] = "one"
    task = asyncio.create_task(pair.ask("x = n"))
    await until(lambda: len(pair.slow.requests) == 2)
    pair.release_slow()
    await task
    await until(lambda: pair.slow.requests[-1].prefix == "x = n")
    assert await pair.ask("x = n") == "one"


async def test_the_deep_tier_may_say_that_nothing_is_sure(pair: Pair) -> None:
    pair.slow.texts = {}
    assert await pair.ask("x = ") == ""


async def test_where_one_tier_fails_the_other_one_answers(pair: Pair) -> None:
    pair.slow.error = EngineCrashed("gone")
    assert await pair.ask("x = ") == "quick()"
    pair.slow.error, pair.quick.error = None, EngineCrashed("gone")
    assert await pair.ask("x = s") == ""
    pair.slow.texts["x = n"] = "one"
    assert await pair.ask("x = n") == "one"
    pair.slow.error = EngineCrashed("gone too")
    with pytest.raises(EngineCrashed):
        await pair.ask("x = m")


async def test_who_asks_by_hand_waits_longer_for_the_deep_one(pair: Pair) -> None:
    pair.hold_slow()
    task = asyncio.create_task(pair.ask("x = ", by_hand=True))
    await asyncio.sleep(0.2)
    pair.release_slow()
    assert await task == "slow(1)"


async def test_what_follows_the_text_on_the_screen_is_computed_while_nobody_asks(pair: Pair) -> None:
    pair.slow.texts["x = slow(1)"] = "\ny = 2"
    answer = await pair.answer("x = ")
    await until(lambda: len(pair.slow.requests) == 2)
    assert pair.slow.requests[1].prefix == "x = slow(1)"
    await asyncio.sleep(0.01)
    assert answer is not None
    pair.session.forget(answer.id)
    assert await pair.ask("x = slow(1)") == "\ny = 2"
    assert len(pair.slow.requests) == 2, "Tab after Tab is answered at once"


async def test_while_a_person_types_nothing_is_computed_ahead(pair: Pair) -> None:
    for text in ("x = ", "x = s", "x = sl", "x = slo"):
        await pair.ask(text)
        await asyncio.sleep(REST / 2)
    assert len(pair.slow.requests) == 1


async def test_a_cursor_that_rests_is_made_ready_for(pair: Pair) -> None:
    pair.session.expect(Query(URI, "x = y", 4, "python"), LIMITS)
    assert pair.slow.expected == [Request("x = ", "y", LIMITS)]
    assert not pair.quick.expected


async def test_a_tier_that_is_taken_away_leaves_the_other_one_at_work(pair: Pair) -> None:
    await pair.ask("x = ")
    [instant, _] = pair.session._tiers()
    pair.session.use(instant, None)
    assert await pair.ask("x = ") == "quick()"
    pair.session.use(None, None)
    assert await pair.ask("x = ") == ""


async def test_a_deep_tier_that_never_is_there_in_time_is_not_waited_for(pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    keys = ("x = ", "x = a", "x = b", "x = c")
    pair.quick.texts = dict.fromkeys(keys, "quick()")
    pair.session.patience = 1.0
    pair.slow.hold()
    waits = []
    for text in keys:
        began = loop.time()
        await pair.ask(text)
        waits.append(loop.time() - began)
        await asyncio.sleep(0.2)  # it is late by so much
    assert waits[0] >= 1.0
    assert max(waits[1:]) < 0.5
    pair.release_slow()
    pair.slow.texts = {f"x = d{i}": f"ata{i}" for i in range(9)}
    texts = []
    for number in range(9):
        texts.append(await pair.ask(f"x = d{number}"))
        await asyncio.sleep(0.02)
    assert texts[-1] == "ata8", "it is fast again, and waited for"
