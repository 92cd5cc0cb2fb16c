"""The rest of the statement, for who asks for it: behind what is on the screen, and told apart from that."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from empower_lsp.session import KEPT, Answer, Query, Selected, Session, Source, Tier
from empower_lsp.session.item import gone_on
from empower_model.engine import Token
from empower_model.errors import EngineCrashed
from empower_model.request import STATEMENT, Completion, End, Limits, OnPartial, Request

LIMITS = Limits()


@dataclass
class Unsure:
    """Is sure of nothing behind `sure`, and writes `whole` for who asks for the rest."""

    sure: str = "x = compute("
    whole: str = "x = compute(first, second)"
    requests: list[Request] = field(default_factory=list)
    broken: bool = False

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        self.requests.append(request)
        asked = request.limits.rule == STATEMENT
        if asked and self.broken:
            raise EngineCrashed("gone")
        target = self.whole if asked else self.sure
        text = target[len(request.prefix) :] if target.startswith(request.prefix) else ""
        return Completion(text, (), 0, End.ASKED if asked else End.UNCERTAIN, 1.0, 1.0, 1, 1, 0.0, 0.0)

    def expect(self, request: Request | None) -> None:
        """Nothing is made ready."""

    def stop(self) -> None:
        """Nothing lasts."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def model() -> Unsure:
    return Unsure()


@pytest.fixture
async def session(model: Unsure) -> AsyncIterator[Session]:
    session = Session(Tier(model))
    yield session
    session.close()


def query(text: str, after: str = "", more: bool = True, selected: Selected | None = None) -> Query:
    return Query("file:///a.py", text + after, len(text), "python", selected, by_hand=more, more=more)


def told(answer: Answer | None) -> tuple[str, int | None]:
    return (answer.text, answer.sure) if answer is not None else ("", None)


async def test_behind_what_is_shown_comes_the_rest(session: Session, model: Unsure) -> None:
    first = await session.complete(query("x = ", more=False), LIMITS)
    assert told(first) == ("compute(", None)
    more = await session.more(query("x = "), LIMITS)
    assert told(more) == ("compute(first, second)", len("compute("))
    assert first is not None
    assert more is not None
    assert more.id != first.id, "the log has a row of its own for it"
    assert len(model.requests) == 2, "what is on the screen is not written again"
    assert model.requests[1].prefix == "x = compute("
    assert more.computed is not None
    assert (more.computed.request.prefix, more.computed.request.limits.rule) == ("x = ", STATEMENT)
    assert more.computed.completion.text == "compute(first, second)"
    assert session.last == more.computed


async def test_where_nothing_is_shown_what_would_be_is_told_apart_too(session: Session, model: Unsure) -> None:
    assert told(await session.more(query("x = "), LIMITS)) == ("compute(first, second)", 8)
    model.sure = ""
    assert told(await session.more(query("x = compute(f"), LIMITS)) == ("irst, second)", 0)


async def test_it_goes_on_as_it_is_typed_along(session: Session, model: Unsure) -> None:
    more = await session.more(query("x = "), LIMITS)
    asked = len(model.requests)
    later = await session.complete(query("x = com", more=False), LIMITS)
    assert told(later) == ("pute(first, second)", 5)
    assert more is not None
    assert later is not None
    assert later.id == more.id
    assert told(await session.complete(query("x = compute(first", more=False), LIMITS)) == (", second)", 0)
    assert len(model.requests) == asked
    assert told(await session.complete(query("x = compute(g", more=False), LIMITS)) == ("", None)


async def test_asked_again_it_goes_on_from_there(session: Session, model: Unsure) -> None:
    await session.more(query("x = "), LIMITS)
    model.whole += "\ny = 2"
    assert told(await session.more(query("x = "), LIMITS)) == ("compute(first, second)\ny = 2", 8)
    third = await session.more(query("x = "), LIMITS)
    assert told(third) == ("compute(first, second)\ny = 2", 8), "there is no more"


async def test_line_ends_and_a_menus_item_count(session: Session, model: Unsure) -> None:
    model.sure, model.whole = "a\nx = [\n", "a\nx = [\n1,\n]"
    asked = Query("file:///a.py", "a\r\nx", 4, "python", Selected(3, "x ="), by_hand=True, more=True)
    answer = await session.more(asked, LIMITS)
    assert told(answer) == ("x = [\r\n1,\r\n]", len("x = [\r\n"))


async def test_a_newer_request_wins(session: Session) -> None:
    older = asyncio.create_task(session.more(query("x = "), LIMITS))
    await asyncio.sleep(0)
    assert told(await session.complete(query("x = ", more=False), LIMITS)) == ("compute(", None)
    assert await older is None


async def test_what_is_shown_stays_where_there_is_no_more(session: Session, model: Unsure) -> None:
    model.whole = model.sure
    first = await session.complete(query("x = ", more=False), LIMITS)
    same = await session.more(query("x = "), LIMITS)
    assert first is not None
    assert same is not None
    assert (same.id, told(same)) == (first.id, ("compute(", None))
    model.broken = True
    with pytest.raises(EngineCrashed):
        await session.more(query("x = "), LIMITS)
    assert told(await session.complete(query("x = ", more=False), LIMITS)) == ("compute(", None)


def completion(text: str, *pieces: str, kept: int) -> Completion:
    tokens = tuple(Token(number, piece.encode(), 1.5, 2.0) for number, piece in enumerate(pieces))
    return Completion(text, tokens, kept, End.UNCERTAIN, 0.5, 1.0, 1, 1, 0.0, 0.0)


def test_the_tokens_of_what_was_shown_come_before_those_behind_it() -> None:
    shown = completion("é(self", "é", "(", "self.", "x", kept=3)
    after = completion(".y, z", ".", "y", ", z", "w", kept=3)
    whole = gone_on(shown, "(self", after)  # `é` was typed along
    assert (whole.text, whole.kept) == ("(self.y, z", 5)
    assert [token.piece for token in whole.tokens] == [b"(", b"self", b".", b"y", b", z", b"w"]
    assert whole.tokens[1].surprisal == 1.5
    for before in (None, completion("other", "other", kept=1), completion("(self", "self", "(", kept=2)):
        [first, *_] = gone_on(before, "(self", after).tokens
        assert (first.piece, first.surprisal) == (b"(self", 0.0)
    assert gone_on(shown, "", after) == after


async def test_of_two_models_the_better_one_writes_it_if_it_is_there_in_time() -> None:
    quick, slow = Unsure(whole="x = compute(quick)"), Unsure(whole="x = compute(slow)")
    session = Session(Tier(quick, Source("quick", tier="instant")), Tier(slow, Source("slow", tier="deep"), KEPT))
    session.patience = 5.0
    try:
        more = await session.more(query("x = "), LIMITS)
        assert told(more) == ("compute(slow)", len("compute("))
        assert more is not None
        assert more.computed is not None
        assert more.computed.source.tier == "deep"
        slow.broken = True
        assert told(await session.more(query("x = comp"), LIMITS)) == ("ute(slow)", 4), "neither has more to say"
    finally:
        session.close()
