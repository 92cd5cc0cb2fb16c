"""Newest wins, typing along, keeping a running generation: with a completer that is driven by hand."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from empower_lsp.session.query import Answer, Query, Selected
from empower_lsp.session.session import Session
from empower_lsp.session.tier import Tier
from empower_model.errors import EngineCrashed
from empower_model.request import Completion, End, Limits, OnPartial, Partial, Request

LIMITS = Limits()


@dataclass
class ScriptedCompleter:
    """Writes `target` after the prefix of each request, one piece whenever `step` is released."""

    target: str
    requests: list[Request] = field(default_factory=list)
    expected: list[Request | None] = field(default_factory=list)
    free: bool = True
    step: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Event = field(default_factory=threading.Event)
    closed: bool = False
    error: Exception | None = None
    others: tuple[str, ...] = ()
    """What it offers beside, to who wants more than one."""

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
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
            if on_partial:
                on_partial(Partial(whole[:end], done("", End.UNFINISHED)))
        others = tuple(done(text, End.UNCERTAIN) for text in self.others[: request.alternatives])
        return replace(done(whole, End.UNCERTAIN), alternatives=others)

    def expect(self, request: Request | None) -> None:
        self.expected.append(request)

    def stop(self) -> None:
        self.stopped.set()
        self.step.release()

    def close(self) -> None:
        self.closed = True


def done(text: str, end: End) -> Completion:
    return Completion(text, (), 0, end, 1.0, 1.0, 1, 1, 0.0, 0.0)


def query(text: str, after: str = "", **fields: object) -> Query:
    return Query("file:///a.py", text + after, len(text), "python", **fields)  # type: ignore[arg-type]


@pytest.fixture
def completer() -> ScriptedCompleter:
    return ScriptedCompleter("value = compute(first, second)")


@pytest.fixture
def session(completer: ScriptedCompleter) -> Iterator[Session]:
    session = Session(Tier(completer))
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
        (query("value = c", after=" changed"), LIMITS),
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
    session.use(Tier(other), None)
    assert text(await session.complete(query("value = "), LIMITS)) == "other"
    async with asyncio.timeout(5):  # it is closed in a thread of its own
        while not completer.closed:
            await asyncio.sleep(0.002)


async def test_closing_with_a_request_at_work_answers_it(completer: ScriptedCompleter) -> None:
    session = Session(Tier(completer))
    completer.free = False
    task = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    session.close()
    assert completer.closed
    assert await task is None


def items(answer: Answer | None) -> list[tuple[str, str]]:
    return [] if answer is None else [(each.id, each.text) for each in (answer, *answer.others)]


async def test_who_asks_by_hand_gets_others_beside_what_was_shown(
    session: Session, completer: ScriptedCompleter
) -> None:
    completer.others = ("min(first)", "max(first)")
    [first] = items(await session.complete(query("value = "), LIMITS))
    several = await session.complete(query("value = "), LIMITS, 2)
    assert several is not None
    assert items(several)[0] == first, "the same as before, under its id"
    assert several.computed is None, "and it is not computed a second time"
    assert [text for _, text in items(several)] == ["compute(first, second)", "min(first)", "max(first)"]
    assert all(each.computed is not None for each in several.others)
    assert len({id for id, _ in items(several)}) == 3
    assert [request.alternatives for request in completer.requests] == [0, 2]
    for wanted in (2, 0):  # again, by hand and not: the same, without the engine
        again = await session.complete(query("value = "), LIMITS, wanted)
        assert items(again) == items(several)
    assert len(completer.requests) == 2


async def test_what_is_typed_decides_which_of_several_goes_on(session: Session, completer: ScriptedCompleter) -> None:
    completer.others = ("min(first)", "call(first)")
    several = items(await session.complete(query("value = "), LIMITS, 2))
    both = items(await session.complete(query("value = c"), LIMITS))
    assert both == [(several[0][0], "ompute(first, second)"), (several[2][0], "all(first)")]
    single = items(await session.complete(query("value = ca"), LIMITS))
    assert single == [(several[2][0], "ll(first)")]
    assert len(completer.requests) == 1
    completer.others = ("ses",)
    more = items(await session.complete(query("value = ca"), LIMITS, 2))
    assert more == [*single, (more[1][0], "ses")], "asked for at a new cursor, others are computed there"


async def test_what_has_ended_is_offered_no_more_and_the_others_are(
    session: Session, completer: ScriptedCompleter
) -> None:
    completer.others = ("min(first)",)
    several = items(await session.complete(query("value = "), LIMITS, 2))
    session.forget(several[0][0])
    assert items(await session.complete(query("value = "), LIMITS, 2)) == several[1:]
    session.forget(several[1][0])
    await session.complete(query("value = "), LIMITS)
    assert len(completer.requests) == 2


async def test_others_that_say_the_same_are_left_out(session: Session, completer: ScriptedCompleter) -> None:
    completer.others = ("compute", "compute(first, second)[0]", "max(first)")
    assert [text for _, text in items(await session.complete(query("value = "), LIMITS, 3))] == [
        "compute(first, second)",
        "max(first)",
    ]


async def test_a_running_completion_serves_who_wants_no_more_than_it(
    session: Session, completer: ScriptedCompleter
) -> None:
    completer.others, completer.free = ("call()",), False
    by_hand = asyncio.create_task(session.complete(query("value = "), LIMITS, 2))
    await running(completer)
    typed = asyncio.create_task(session.complete(query("value = c"), LIMITS))
    await asyncio.sleep(0.01)
    assert len(completer.requests) == 1
    again = asyncio.create_task(session.complete(query("value = c"), Limits(confidence=0.9), 2))
    await running(completer, 2)
    assert completer.requests[1].alternatives == 2
    completer.free = True
    for _ in range(20):
        completer.step.release()
    assert [text for _, text in items(await again)] == ["ompute(first, second)", "call()"]
    assert (await by_hand, await typed) == (None, None)


async def test_what_ends_while_others_are_computed_is_not_offered_again(
    session: Session, completer: ScriptedCompleter
) -> None:
    completer.others, completer.free = ("max(first)",), True
    [(first, _)] = items(await session.complete(query("value = "), LIMITS))
    completer.free = False
    by_hand = asyncio.create_task(session.complete(query("value = "), LIMITS, 1))
    await running(completer, 2)
    session.forget(first)
    for _ in range(20):
        completer.step.release()
    assert first not in dict(items(await by_hand))


async def test_inside_a_word_nothing_is_computed_unless_it_is_asked_for_by_hand(
    session: Session, completer: ScriptedCompleter
) -> None:
    assert await session.complete(query("value = com", "pute()"), LIMITS) is None
    assert await session.complete(query("value = com", "_1"), LIMITS) is None
    assert completer.requests == []
    assert text(await session.complete(query("value = com", ".x"), LIMITS)) == "pute(first, second)"
    await session.complete(query("value = com", "pute()", by_hand=True), LIMITS, 2)
    assert [request.suffix for request in completer.requests] == [".x", "pute()"]


async def test_what_was_asked_for_by_hand_inside_a_word_goes_on_when_typed_along(
    session: Session, completer: ScriptedCompleter
) -> None:
    completer.target = "self.assertAlmost"
    by_hand = await session.complete(query("self.assert", "Equal(a)", by_hand=True), LIMITS, 2)
    assert text(by_hand) == "Almost"
    assert text(await session.complete(query("self.assertAl", "Equal(a)"), LIMITS)) == "most"
    assert await session.complete(query("self.assertAx", "Equal(a)"), LIMITS) is None
    assert len(completer.requests) == 1


async def test_the_work_for_another_cursor_stops_inside_a_word(session: Session, completer: ScriptedCompleter) -> None:
    completer.free = False
    older = asyncio.create_task(session.complete(query("value = "), LIMITS))
    await running(completer)
    assert await session.complete(query("value = com", "pute()"), LIMITS) is None
    assert completer.stopped.is_set()
    assert await older is None


@pytest.mark.parametrize(
    ("target", "typed", "before", "after", "rest"),
    [
        ("x = [len(h) for h in hs", "(", "x = [len", "]", "h"),
        ("print('all')", "(", "print", "", "'all'"),
        ("print('all')", "('", "print", "", "all"),
        ("run(a[0], b)", "(", "run", "", "a[0], b"),
        ("run(a[0], b)", "(a[", "run", "", "0"),
        ("x = {'a': 1}", "{", "x = ", "", "'a': 1"),
        ("run(first, ", "(", "run", "", "first,"),
    ],
)
async def test_what_is_shown_goes_on_inside_what_the_editor_has_closed(
    session: Session, completer: ScriptedCompleter, target: str, typed: str, before: str, after: str, rest: str
) -> None:
    completer.target = target
    first = await session.complete(query(before, after), LIMITS)
    assert first is not None
    closers = {"(": ")", "('": "')", "(a[": "])", "{": "}"}[typed]
    inside = await session.complete(query(before + typed, closers + after), LIMITS)
    assert inside is not None
    assert (inside.text, inside.id) == (rest, first.id)
    for count in range(1, len(rest)):
        along = await session.complete(query(before + typed + rest[:count], closers + after), LIMITS)
        assert text(along) == rest[count:]
    assert len(completer.requests) == 1


async def test_the_closer_may_come_a_request_later_than_its_opener(
    session: Session, completer: ScriptedCompleter
) -> None:
    await session.complete(query("value = compute"), LIMITS)
    assert text(await session.complete(query("value = compute("), LIMITS)) == "first, second)"
    assert text(await session.complete(query("value = compute(", ")"), LIMITS)) == "first, second"
    assert len(completer.requests) == 1


@pytest.mark.parametrize(
    ("typed", "after"), [("(", "]"), ("(", "))"), ("(f", "))"), ("(", ").x"), ("[", "]"), ("", ")")]
)
async def test_other_closers_are_asked_about_again(
    session: Session, completer: ScriptedCompleter, typed: str, after: str
) -> None:
    await session.complete(query("value = compute"), LIMITS)
    await session.complete(query("value = compute" + typed, after), LIMITS)
    assert len(completer.requests) == 2


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("a\r\nb\r\nc", " = 1\r\nd = 2"),
        ("a\r\nb\nb\nc", " = 1\nd = 2"),
        ("a\r\nb\r\nb\nc", " = 1\r\nd = 2"),
        ("c", " = 1\nd = 2"),
    ],
)
async def test_line_ends_are_those_of_most_lines(
    session: Session, completer: ScriptedCompleter, document: str, expected: str
) -> None:
    completer.target = document.replace("\r\n", "\n") + " = 1\nd = 2"
    assert text(await session.complete(query(document), LIMITS)) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("selected_end", ["\n", "\r\n"])
async def test_a_selected_item_over_lines_has_the_line_ends_of_the_document_once(
    session: Session, completer: ScriptedCompleter, end: str, selected_end: str
) -> None:
    head = f"import json{end}{end}{end}def load(path):{end}    "
    completer.target = head.replace("\r\n", "\n") + "with open(path) as f:\n        return json.load(f)\n"
    selected = Selected(len(head), f"with open(path) as f:{selected_end}        return json.")
    answer = text(await session.complete(query(head + "wit", selected=selected), LIMITS))
    assert answer == f"with open(path) as f:{end}        return json.load(f){end}"
