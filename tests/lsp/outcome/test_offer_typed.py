"""Completions that were typed, and those in whose place something else was written, on traces as editors send them."""

import pytest

from empower_lsp.outcome.outcome import Kind

from .desk import Desk


@pytest.mark.parametrize("asks", [True, False])
def test_typed_through(desk: Desk, asks: bool) -> None:
    desk.type("return w * h", asks)
    desk.wait(2)
    final = desk.final()
    assert (final.kind, final.typed, final.characters) == (Kind.TYPED_THROUGH, 12, 0)
    assert Kind.KEPT not in desk.kinds()


def test_keys_sent_together_are_typed_all_the_same(desk: Desk) -> None:
    at = desk.cursor
    desk.send(*((at + i, at + i, key) for i, key in enumerate("return w * h")))
    desk.wait(2)
    assert desk.final().kind is Kind.TYPED_THROUGH


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_end_and_its_indentation_are_one_key(end: str) -> None:
    desk = Desk(f"if x:|{end}")
    desk.offer(f"{end}    y = 1")
    desk.wait(1)
    desk.put(f"{end}    ")
    desk.type("y = 1")
    desk.wait(2)
    assert desk.final().kind is Kind.TYPED_THROUGH


def test_auto_closed_and_overtyped_brackets() -> None:
    desk = Desk("x = |\n")
    desk.offer("f(a[1])")
    desk.type("f")
    for pair in ("(", ")"), ("[", "]"):
        at = desk.cursor
        desk.put("".join(pair))
        desk.cursor = at + 1
        desk.type("a" if pair[0] == "(" else "1")
    for closer in "])":
        desk.send((desk.cursor, desk.cursor + 1, closer))
    assert desk.text == "x = f(a[1])\n"
    desk.wait(2)
    assert (desk.final().kind, desk.final().typed) == (Kind.TYPED_THROUGH, 7)


def test_a_pair_that_the_completion_has_too_is_typed() -> None:
    desk = Desk("f|\n")
    desk.offer("() + 1")
    desk.put("()")
    desk.type(" + 1")
    desk.wait(2)
    assert desk.final().kind is Kind.TYPED_THROUGH


def test_an_input_method_writes_several_characters_at_once() -> None:
    desk = Desk("# |\n")
    desk.offer("世界和平。")
    desk.put("世界")
    desk.wait(0.4)
    desk.put("和")
    desk.wait(0.2)
    desk.close()
    assert (desk.final().kind, desk.final().typed) == (Kind.DISMISSED, 3)


def test_diverged_and_what_was_written(desk: Desk) -> None:
    desk.wait(1)
    desk.type("return h / w")
    assert desk.kinds() == [Kind.SHOWN]
    desk.wait(3)
    final = desk.final()
    assert (final.kind, final.typed, final.text) == (Kind.DIVERGED, 7, "return h / w")
    assert final.at == pytest.approx(101.7)


def test_what_was_written_ends_with_its_line_or_at_a_bound(desk: Desk) -> None:
    desk.wait(1)
    desk.type("total = w\nprint(1)\n", pace=0.02)
    desk.wait(3)
    assert desk.final().text == "total = w\n"
    other = Desk("|")
    other.offer("ab")
    other.wait(1)
    other.type("ax" + "y" * 300, pace=0.001)
    other.wait(2)
    assert other.final().text == "ax" + "y" * 199


def test_what_was_written_below_a_first_line_that_agrees() -> None:
    desk = Desk("|")
    desk.offer("a = 1\nb = 2")
    desk.wait(1)
    desk.type("a = 1\nc = 3\n")
    desk.wait(2)
    assert (desk.final().typed, desk.final().text) == (6, "a = 1\nc = 3\n")


def test_a_slip_that_is_corrected_goes_on(desk: Desk) -> None:
    desk.wait(1)
    desk.type("rex")
    desk.erase()
    desk.offer("turn w * h")
    desk.wait(1)
    desk.insert_item()
    desk.wait(2)
    assert (desk.final().kind, desk.final().characters, desk.final().typed) == (Kind.ACCEPTED, 10, 2)


def test_gone_within_half_a_second_is_not_a_rejection(desk: Desk) -> None:
    desk.wait(0.3)
    desk.type("x = 1")
    desk.wait(3)
    assert desk.kinds() == [Kind.SUPERSEDED]
    assert desk.final().text == "x = 1"


def test_shown_explicitly_for_less_than_half_a_second(desk: Desk) -> None:
    desk.wait(0.2)
    desk.said += desk.tracker.shown("a", desk.now)
    desk.said += desk.tracker.shown("a", desk.now)
    desk.wait(0.4)
    desk.type("x")
    desk.wait(3)
    assert desk.kinds() == [Kind.SHOWN, Kind.SUPERSEDED]
    assert desk.said[0].explicit


def test_an_editor_that_tells_what_it_shows_is_believed(desk: Desk) -> None:
    desk.said += desk.tracker.shown("a", desk.now)
    desk.wait(1)
    desk.type("x")
    desk.offer("y = 2", id="b")
    desk.wait(4)
    desk.close()
    assert desk.kinds("a") == [Kind.SHOWN, Kind.DIVERGED]
    assert desk.kinds("b") == [Kind.SUPERSEDED]


def test_shown_inferred_and_told_is_shown_once(desk: Desk) -> None:
    desk.wait(1)
    desk.said += desk.tracker.shown("a", desk.now)
    assert [(outcome.kind, outcome.explicit, outcome.at) for outcome in desk.said] == [(Kind.SHOWN, False, 100.0)]


@pytest.mark.parametrize("seconds", [0.2, 2.0])
def test_dismissed_by_an_edit_elsewhere_or_closing_or_deleting(seconds: float) -> None:
    for act in ("elsewhere", "close", "delete", "other place"):
        desk = Desk("a = 1\nb = |\n")
        desk.offer("a + 1")
        desk.wait(seconds)
        if act == "elsewhere":
            desk.send((0, 1, "z"))
        elif act == "close":
            desk.close()
        elif act == "delete":
            desk.erase(2)
            desk.offer("c", id="b")
        else:
            desk.cursor = 5
            desk.offer("c", id="b")
        desk.wait(1)
        assert desk.final().kind is (Kind.DISMISSED if seconds > 1 else Kind.SUPERSEDED), act


def test_another_answer_in_the_same_place_is_not_a_rejection(desk: Desk) -> None:
    desk.wait(2)
    desk.send((0, 9, "import re, os"))
    desk.offer("return h * w", id="b")
    desk.wait(2)
    assert desk.final("a").kind is Kind.SUPERSEDED
    desk.insert_item()
    desk.command()
    desk.wait(2)
    assert desk.final("b").kind is Kind.ACCEPTED


def test_an_answer_that_came_while_the_old_one_was_accepted(desk: Desk) -> None:
    desk.wait(2)
    desk.offer("return abs(w)", id="b")
    desk.put("return w * h")
    desk.item = ("a", 0, 0, "")
    desk.command()
    desk.wait(4)
    assert desk.final("a").kind is Kind.ACCEPTED
    assert desk.final("b").kind is Kind.SUPERSEDED


def test_what_another_completion_inserts_was_not_written(desk: Desk) -> None:
    desk.wait(1)
    desk.type("a")
    desk.offer("rea = w * h", id="b")
    desk.wait(0.6)
    desk.insert_item()
    desk.wait(3)
    assert (desk.final("a").kind, desk.final("a").text) == (Kind.DIVERGED, "a")
    assert desk.final("b").kind is Kind.ACCEPTED


def test_the_same_text_in_two_answers_is_accepted_once(desk: Desk) -> None:
    desk.wait(1)
    desk.offer("return w * h", id="b")
    desk.insert_item()
    desk.wait(3)
    assert (desk.final("a").kind, desk.final("b").kind) == (Kind.SUPERSEDED, Kind.ACCEPTED)


def test_a_completion_that_has_ended_does_not_begin_again(desk: Desk) -> None:
    desk.wait(1)
    desk.send((0, 0, "#"))
    desk.wait(2)
    desk.offer("return w * h")
    desk.insert_item()
    desk.wait(2)
    assert desk.kinds() == [Kind.SHOWN, Kind.DISMISSED]


@pytest.mark.parametrize("seconds", [0.1, 2.0])
def test_an_editor_that_says_dismissed_is_believed_however_soon(desk: Desk, seconds: float) -> None:
    desk.wait(seconds)
    desk.dismiss()
    desk.dismiss()
    assert desk.kinds() == [Kind.SHOWN, Kind.DISMISSED]
    assert desk.final().explicit
    assert desk.final().at == pytest.approx(100 + seconds)
    desk.insert_item()
    desk.wait(3)
    desk.close()
    assert desk.kinds() == [Kind.SHOWN, Kind.DISMISSED]
    assert desk.tracker.due == float("inf")


def test_dismissed_after_a_part_is_a_part(desk: Desk) -> None:
    desk.wait(1)
    desk.part(6)
    desk.dismiss()  # before its edit is told
    desk.put("return")
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.of) == (Kind.PARTIALLY_ACCEPTED, True, 6, 12)


def test_dismissed_after_another_answer_took_its_place_is_its_own_end(desk: Desk) -> None:
    desk.wait(1)
    desk.offer("return h * w", id="b")
    desk.said += desk.tracker.dismissed("a", desk.now)
    assert (desk.final("a").kind, desk.final("a").explicit) == (Kind.DISMISSED, True)
    desk.insert_item()
    desk.wait(2)
    assert desk.final("b").kind is Kind.ACCEPTED


@pytest.mark.parametrize(("written", "kind"), [("return w * h", Kind.ACCEPTED), ("total", Kind.DIVERGED)])
def test_a_dismissal_that_is_too_late_changes_nothing(desk: Desk, written: str, kind: Kind) -> None:
    desk.wait(1)
    desk.put(written)
    desk.dismiss()
    desk.wait(4)
    assert (desk.final().kind, desk.final().explicit) == (kind, False)
