"""Somebody who types at a speed, with what they read, take and wait for counted by hand."""

import pytest

from empower_training.at_speed.typist import Key, TimedTypist
from empower_training.replay.human import Careful, Fallible
from empower_training.replay.work import Work

WORK = Work("a.py:1", "def f():\n    ", "return value\n    # done", "\n")


def never(_: str) -> bool:
    return False


def typist(work: Work = WORK) -> TimedTypist:
    return TimedTypist(work, Careful(), began=10.0)


def test_a_text_that_is_right_is_taken_with_the_next_key() -> None:
    person = typist()
    person.shows(10.3, "return value", probability=0.9)
    assert person.key(10.4) == Key("return value", 1, finished=True)
    assert person.screen == ""
    assert person.key(10.6) == Key("\n    ", 1)  # the indentation is the editor's
    tally = person.tally(never)
    assert (tally.kept, tally.typed, tally.read, tally.shown, tally.accepted) == (12, 1, 12, 1, 1)
    assert tally.firsts == pytest.approx((0.3,))
    assert tally.judged == ((0.9, True),)
    assert tally.characters == 19  # without the indentation


def test_a_text_that_comes_too_late_for_a_key_is_there_for_the_next() -> None:
    person = typist()
    assert person.key(10.2) == Key("r", 1)
    person.shows(10.39, "eturn value")
    assert person.key(10.4) == Key("eturn value", 1, finished=True)
    assert person.key(10.6).text == "\n    "
    tally = person.tally(never)
    assert tally.keys == 2  # the last one's time is not over
    assert tally.with_text == 0  # 0.19 s after the first key


@pytest.mark.parametrize(("after", "count"), [(0.149, 1), (0.151, 0)])
def test_a_key_has_its_text_within_the_time(after: float, count: int) -> None:
    person = typist()
    person.key(10.2)
    person.shows(10.2 + after, "eturn wrong")
    person.key(10.4)
    assert person.tally(never).with_text == count


def test_what_is_typed_along_stays_and_is_read_once() -> None:
    person = typist()
    person.shows(10.1, "return vault")  # taken by words, no more than that is right
    assert person.key(10.2) == Key("return", 1)
    assert person.screen == " vault"
    assert person.key(11.2) == Key(" ", 1)
    person.shows(11.3, "vault")  # the server says what is on the screen already
    assert (person.key(11.4).text, person.screen) == ("v", "ault")
    tally = person.tally(never)
    assert (tally.shown, tally.read, tally.partially, tally.replaced) == (1, 12, 1, 0)
    assert tally.with_text == tally.keys == 2


def test_a_text_that_gives_way_to_another_is_read_for_nothing() -> None:
    person = typist()
    person.shows(10.05, "return wrong")
    person.shows(10.15, "return value")
    assert person.key(10.2).text == "return value"
    tally = person.tally(never)
    assert (tally.shown, tally.read, tally.replaced) == (2, 24, 1)
    assert tally.cost == pytest.approx(0.1 * 24 + 0.5 * 0)


def test_of_a_text_that_becomes_longer_only_the_rest_is_read() -> None:
    person = typist()
    person.shows(10.05, "return")
    person.shows(10.15, "return value", deep=True)
    assert person.key(10.2).text == "return value"
    tally = person.tally(never)
    assert (tally.shown, tally.read, tally.replaced) == (1, 12, 0)
    assert tally.firsts == pytest.approx((0.05,))
    assert tally.deep_firsts == pytest.approx((0.15,))


def test_what_was_withdrawn_cannot_be_taken() -> None:
    person = typist()
    person.shows(10.05, "return value")
    person.shows(10.15, "")
    assert person.key(10.2).text == "r"


def test_a_key_without_a_text_is_answered_where_there_is_nothing_to_say() -> None:
    person = typist()
    for number in range(5):
        person.key(10.2 + number / 5)
    asked: list[str] = []

    def silent(before: str) -> bool:
        asked.append(before)
        return before.endswith(("r", "et"))

    tally = person.tally(silent)
    assert asked == [WORK.above + "return"[:count] for count in (1, 2, 3, 4)]
    assert (tally.keys, tally.with_text, tally.answered) == (4, 0, 2)


def test_a_mistake_is_deleted_and_one_key_typed_before_they_look_again() -> None:
    person = TimedTypist(WORK, Fallible(1.0))
    person.shows(0.1, "return nothing")
    key = person.key(0.2)
    assert key == Key("return v", 1 + 7 + 1, finished=True)
    tally = person.tally(never)
    assert (tally.mistaken, tally.deleted, tally.kept, tally.typed, tally.keystrokes) == (1, 7, 7, 1, 9)


@pytest.mark.parametrize("text", ["", "return value", "return wrong", "x"])
def test_all_of_the_text_is_written_and_every_character_counted(text: str) -> None:
    person, now = typist(), 10.0
    written = ""
    while not person.done:
        now += 0.2
        person.shows(now - 0.1, text[len(written) :] if text.startswith(written) else "")
        written += person.key(now).text
    tally = person.tally(never)
    assert written == WORK.typed
    assert tally.typed + tally.kept == tally.characters


def test_a_latency_is_that_of_the_first_answer_to_a_key() -> None:
    person = typist()
    person.answered(10.1)  # to the opening, which is no key
    person.key(10.2)
    person.answered(10.25)
    person.answered(10.35)  # asked again, for a better text
    assert person.tally(never).latencies == pytest.approx((50,))
