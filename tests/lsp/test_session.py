"""Newest wins, typing along, keeping a running generation: with a completer that is driven by hand."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from empower_lsp.session import Answer, Query, Selected, Session
from empower_model.completion import Completion, End, Limits, Request
from empower_model.errors import EngineCrashed

LIMITS = Limits()


@dataclass
class ScriptedCompleter:
    """Writes `target` after the prefix of each request, one piece whenever `step` is released."""

    target: str
    requests: list[Request] = field(default_factory=list)
    free: bool = True
    step: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Event = field(default_factory=threading.Event)
    closed: bool = False
    error: Exception | None = None

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Completion:
        self.stopped.clear()
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        whole = self.target[len(request.prefix) :] if self.target.startswith(request.prefix) else ""
        for end in range(4, len(whole) + 4, 4):
            if not self.free:
                self.step.acquire(timeout=5)
            if self.stopped.is_set():
                return done("", End.STOPPED)
            if on_text:
                on_text(whole[:end])
        return done(whole, End.UNCERTAIN)

    def stop(self) -> None:
        self.stopped.set()
        self.step.release()

    def close(self) -> None:
        self.closed = True


def done(text: str, end: End) -> Completion:
    return Completion(text, (), 0, end, 1.0, 1.0, 1, 1, 0.0, 0.0)


def query(text: str, after: str = "", **fields: object) -> Query:
    return Query("file:///a.py", 1, text + after, len(text), "python", **fields)  # type: ignore[arg-type]


@pytest.fixture
def completer() -> ScriptedCompleter:
    return ScriptedCompleter("value = compute(first, second)")


@pytest.fixture
def session(completer: ScriptedCompleter) -> Iterator[Session]:
    session = Session(completer)
    yield session
    completer.free = True
    for _ in range(100):
        completer.step.release()
    session.close()


def text(answer: Answer | None) -> str:
    return answer.text if answer else ""


async def running(completer: ScriptedCompleter, count: int = 1) -> None:
    """Wait until the completer works on its `count`-th request."""
    for _ in range(1000):
        if len(completer.requests) >= count:
            return
        await asyncio.sleep(0.002)
    raise AssertionError("the completer was not asked")


async def test_an_answer_replaces_nothing_before_the_cursor(session: Session) -> None:
    answer = await session.complete(query("value = "), LIMITS)
    assert answer is not None
    assert (answer.text, answer.start, answer.end) == ("compute(first, second)", 8, 8)


async def test_typing_along_needs_no_engine(session: Session, completer: ScriptedCompleter) -> None:
    first = await session.complete(query("value = "), LIMITS)
    for typed in ("c", "co", "compute(f"):
        answer = await session.complete(query("value = " + typed), LIMITS)
        assert text(answer) == "compute(first, second)"[len(typed) :]
        assert answer is not None
        assert first is not None
        assert answer.id == first.id
    assert len(completer.requests) == 1
    await session.complete(query("value = d"), LIMITS)
    assert len(completer.requests) == 2


@pytest.mark.parametrize(
    ("later", "limits"),
    [
        (query("value = c", after="changed"), LIMITS),
        (query("value = c"), Limits(confidence=0.9)),
        (query("value = compute(first, second)"), LIMITS),
    ],
)
async def test_other_text_around_or_other_limits_ask_again(
    session: Session, completer: ScriptedCompleter, later: Query, limits: Limits
) -> None:
    await session.complete(query("value = "), LIMITS)
    await session.complete(later, limits)
    assert len(completer.requests) == 2


async def test_the_newest_wins(session: Session, completer: ScriptedCompleter) -> None:
    completer.free = False
    older = [asyncio.create_task(session.complete(query(f"x{i}"), LIMITS)) for i in range(5)]
    await running(completer)
    newest = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await asyncio.sleep(0.02)
    completer.free = True
    for _ in range(20):
        completer.step.release()
    assert text(await newest) == "compute(first, second)"
    assert [await task for task in older] == [None] * 5
    assert len(completer.requests) <= 3  # abandoned ones that had not begun are not computed


async def test_a_generation_that_agrees_is_kept(session: Session, completer: ScriptedCompleter) -> None:
    completer.free = False
    older = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    newest = asyncio.create_task(session.complete(query("value = comp"), LIMITS))
    await asyncio.sleep(0.02)
    completer.free = True
    for _ in range(20):
        completer.step.release()
    assert text(await newest) == "ute(first, second)"
    assert await older is None
    assert len(completer.requests) == 1


async def test_a_kept_generation_that_turns_out_to_disagree_is_dropped(
    session: Session, completer: ScriptedCompleter
) -> None:
    completer.free = False
    older = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    newest = asyncio.create_task(session.complete(query("value = cat"), LIMITS))
    await asyncio.sleep(0.02)
    completer.step.release()  # `comp` comes out, which is no beginning of `cat`
    await running(completer, 2)
    assert completer.requests[1].prefix == "value = cat"
    assert await newest is None
    assert await older is None


async def test_a_cancelled_request_stops_the_engine(session: Session, completer: ScriptedCompleter) -> None:
    completer.free = False
    task = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert completer.stopped.is_set()


async def test_a_cancel_caused_by_typing_keeps_the_generation(session: Session, completer: ScriptedCompleter) -> None:
    completer.free = False
    task = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    session.edited("file:///a.py")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = asyncio.create_task(session.complete(query("value = co"), LIMITS))
    await asyncio.sleep(0.2)
    completer.free = True
    completer.step.release()
    assert text(await again) == "mpute(first, second)"
    assert len(completer.requests) == 1


async def test_a_cancel_after_which_nobody_asks_stops_in_the_end(
    session: Session, completer: ScriptedCompleter
) -> None:
    completer.free = False
    task = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    session.edited("file:///a.py")
    task.cancel()
    await asyncio.sleep(0.2)
    assert completer.stopped.is_set()


async def test_line_ends_of_the_document_are_kept(session: Session, completer: ScriptedCompleter) -> None:
    completer.target = "a\nb\nc = 1\nd = 2"
    answer = await session.complete(query("a\r\nb\r\nc"), LIMITS)
    assert completer.requests[0].prefix == "a\nb\nc"
    assert text(answer) == " = 1\r\nd = 2"


async def test_a_selected_menu_item_is_extended(session: Session) -> None:
    answer = await session.complete(query("value = com", selected=Selected(8, "compute")), LIMITS)
    assert answer is not None
    assert (answer.text, answer.start, answer.end) == ("compute(first, second)", 8, 11)


async def test_errors_reach_the_newest_request_only(session: Session, completer: ScriptedCompleter) -> None:
    completer.error = EngineCrashed("gone")
    with pytest.raises(EngineCrashed):
        await session.complete(query("value = "), LIMITS)
    completer.error = None
    assert await session.complete(query("value = "), LIMITS)


async def test_another_engine_takes_over(session: Session, completer: ScriptedCompleter) -> None:
    await session.complete(query("value = "), LIMITS)
    other = ScriptedCompleter("value = other")
    session.use(other)
    assert text(await session.complete(query("value = "), LIMITS)) == "other"
    assert completer.closed


async def test_closing_with_a_request_at_work_answers_it(completer: ScriptedCompleter) -> None:
    session = Session(completer)
    completer.free = False
    task = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    session.close()
    assert completer.closed
    assert await task is None
