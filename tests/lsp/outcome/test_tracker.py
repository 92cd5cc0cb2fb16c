"""The tracker of all completions: documents that come and go, what is due, and whatever else happens."""

import random
from typing import SupportsIndex

import pytest

from empower_lsp.outcome.edits import Edit
from empower_lsp.outcome.outcome import FINAL, Kind

from .desk import URI, Desk, accepted


def test_typed_through_and_written_on_is_said_at_once(desk: Desk) -> None:
    desk.type("return w * h + 1")
    assert desk.final().kind is Kind.TYPED_THROUGH


def test_a_document_that_is_gone_is_closed(desk: Desk) -> None:
    desk.wait(1)
    desk.text = None
    desk.said += desk.tracker.changed(URI, [], desk.now)
    assert desk.final().kind is Kind.DISMISSED


def test_the_editor_goes_away() -> None:
    desk = accepted("a = |\n", "f(1)")
    desk.said += desk.tracker.ended(desk.now + 1)
    assert [outcome.kind for outcome in desk.said] == [Kind.KEPT]
    assert desk.tracker.due == float("inf")


def test_documents_that_are_not_open_are_not_followed() -> None:
    desk = Desk("|")
    assert desk.tracker.answered("a", "file:///b", 0, 0, "x", 0.0) == []
    assert desk.tracker.changed("file:///b", [(0, 0, "x")], 1.0) == []
    assert desk.tracker.accepted("a", 2.0) == desk.tracker.shown("a", 2.0) == []
    assert desk.tracker.closed("file:///b", 3.0) == []


def test_due_tells_when_time_alone_says_something(desk: Desk) -> None:
    assert desk.tracker.due == 100.5
    desk.wait(0.5)
    assert desk.tracker.due == float("inf")
    desk.insert_item()
    assert desk.tracker.due == 101.5
    desk.wait(1)
    assert desk.tracker.due == 130.5


def test_typing_past_an_answer_for_every_key_keeps_few_of_them(desk: Desk) -> None:
    for step, key in enumerate("total = compute(width, height)\n" * 5):
        desk.put(key)
        desk.offer("return w * h", id=str(step))
        desk.wait(0.1)
        assert len(desk.tracker._offers) < 15
    desk.close()
    assert {outcome.kind for outcome in desk.said} == {Kind.SUPERSEDED}
    assert desk.final().text == "total = com"


class Watched(str):
    """A document that tells the longest slice taken of it."""

    __slots__ = ()
    longest = 0

    def __getitem__(self, at: SupportsIndex | slice) -> str:
        part = super().__getitem__(at)
        Watched.longest = max(Watched.longest, len(part))
        return part


def test_a_change_never_copies_a_large_document() -> None:
    desk = accepted("x = 1\n" * 100_000 + "|" + "y = 2\n" * 100_000, "value = compute(1)\n")
    desk.tracker._text_of = lambda _: Watched(desk.text)
    desk.offer("print(value)", id="b")
    Watched.longest = 0
    desk.type("print(other)")
    desk.put("\n")
    desk.erase(9)
    desk.send((desk.cursor, desk.cursor, "z"), (0, 0, "z"))
    desk.send((0, 0, "import os\n"))
    desk.send((desk.cursor - 20, desk.cursor + 3, "z"))
    desk.send((desk.cursor, desk.cursor, "y = 2\n"))
    assert Watched.longest < 3_000


def three(desk: Desk) -> None:
    """Return what a person is answered who asks by hand."""
    for id, text in (("a", "return w * h"), ("b", "print(w)"), ("c", "total = w")):
        at = desk.cursor
        desk.said += desk.tracker.answered(id, URI, at, at, text, desk.now, alternative=id != "a")


def test_alternatives_stand_beside_the_first_unseen(desk: Desk) -> None:
    three(desk)
    desk.wait(0.3)
    three(desk)  # asked again
    desk.wait(0.7)
    desk.insert_item()
    desk.command()
    desk.wait(3)
    assert desk.kinds("a") == [Kind.SHOWN, Kind.ACCEPTED]
    assert desk.kinds("b") == desk.kinds("c") == [Kind.SUPERSEDED]


@pytest.mark.parametrize("tells", [True, False])
def test_an_alternative_is_accepted_and_what_was_passed_by_was_not_wanted(desk: Desk, tells: bool) -> None:
    if tells:
        desk.said += desk.tracker.shown("a", desk.now)
    three(desk)
    desk.wait(1)
    if tells:
        desk.said += desk.tracker.shown("b", desk.now)
        desk.wait(1)
    desk.put("print(w)")
    desk.said += desk.tracker.accepted("b", desk.now)
    desk.wait(3)
    assert desk.kinds("a") == [Kind.SHOWN, Kind.DISMISSED]
    assert desk.kinds("b") == [Kind.SHOWN, Kind.ACCEPTED]
    assert desk.final("b").characters == 8
    assert desk.kinds("c") == [Kind.SUPERSEDED]


def test_an_alternative_that_is_typed_along_is_on_the_screen_then(desk: Desk) -> None:
    three(desk)
    desk.wait(1)
    desk.put("t")
    at = desk.cursor
    desk.said += desk.tracker.answered("c", URI, at, at, "otal = w", desk.now)
    desk.wait(1)
    desk.type("x")
    desk.wait(4)
    assert (desk.final("a").kind, desk.final("b").kind) == (Kind.DIVERGED, Kind.SUPERSEDED)
    assert desk.kinds("c") == [Kind.SHOWN, Kind.DIVERGED]


def test_an_editor_that_tells_only_which_of_several_it_shows_shows_single_ones_too(desk: Desk) -> None:
    three(desk)
    for id in "ba":
        desk.wait(1)
        desk.said += desk.tracker.shown(id, desk.now)
    desk.wait(1)
    desk.said += desk.tracker.dismissed("a", desk.now)
    desk.said += desk.tracker.shown("a", desk.now)  # too late
    desk.type("x")
    desk.offer("y = 2", id="d")
    desk.wait(1)
    desk.type("z")
    desk.wait(4)
    assert desk.kinds("d") == [Kind.SHOWN, Kind.DIVERGED]


def words(random: random.Random) -> str:
    return "".join(
        random.choice(["a", "(", ")", "()", "\n", "\r\n    ", " ", "世", "🙂", "ret", "x"]) for _ in range(4)
    )


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens(seed: int) -> None:
    """Nothing raises, no completion ends twice or after all is closed, and every range lies in its document."""
    chance = random.Random(seed)
    desk = Desk(words(chance) * 5 + "|" + words(chance))
    for step in range(60):
        desk.now += chance.choice([0.0, 0.01, 0.2, 0.6, 3, 40])
        act = chance.random()
        assert desk.text is not None
        desk.cursor = min(desk.cursor, len(desk.text))
        if act < 0.3:
            desk.offer(words(chance), chance.choice([str(step), desk.item[0] or "0"]))
            for other in range(chance.choice([0, 0, 2])):
                at, text = desk.cursor, words(chance)
                id = f"{step} {other}"
                desk.said += desk.tracker.answered(id, URI, at, at, text, desk.now, alternative=True)
                desk.item = chance.choice([desk.item, (id, at, at, text)])
        elif act < 0.5 and desk.item[3] and desk.item[2] <= len(desk.text):
            desk.send((desk.item[1], desk.item[2], desk.item[3][: chance.randint(1, 9)]))
        elif act < 0.8:
            edits, text = [], desk.text
            for _ in range(chance.randint(0, 3)):
                start = chance.randint(0, len(text))
                near = min(len(text), start + chance.choice([0, 0, 1, 3, 99]))
                edits.append(Edit(start, near, words(chance)[: chance.randint(0, 6)]))
                text = edits[-1].apply(text)
            desk.send(*edits)
        elif act < 0.85:
            desk.send((0, len(desk.text), desk.text.replace(" ", "  ").replace("(", "( ")))
        elif act < 0.95:
            told = chance.choice([desk.tracker.accepted, desk.tracker.shown])
            desk.said += told(chance.choice([desk.item[0], str(step - 2)]), desk.now)
            desk.said += desk.tracker.partially_accepted(desk.item[0], chance.randint(0, 5), desk.now)
            if chance.random() < 0.2:
                desk.said += desk.tracker.dismissed(desk.item[0], desk.now)
        else:
            desk.close()
        check_ranges(desk)
    desk.said += desk.tracker.ended(desk.now)
    finals = [outcome.id for outcome in desk.said if outcome.kind in FINAL]
    assert len(finals) == len(set(finals))
    assert {outcome.id for outcome in desk.said} == set(finals)
    for outcome in desk.said:
        assert 0 <= outcome.characters <= outcome.of or outcome.kind is Kind.SHOWN
        if outcome.kind in (Kind.DIVERGED, Kind.DISMISSED, Kind.ACCEPTED, Kind.PARTIALLY_ACCEPTED):
            assert desk.kinds(outcome.id).count(Kind.SHOWN) == 1
            assert desk.kinds(outcome.id)[0] is Kind.SHOWN
    assert desk.tracker.due == float("inf")


def check_ranges(desk: Desk) -> None:
    assert desk.text is not None
    for offer in desk.tracker._offers.values():
        assert 0 <= offer.start <= offer.end <= len(desk.text)
    for held in desk.tracker._accepted:
        assert 0 <= held.start <= held.end <= len(desk.text)
