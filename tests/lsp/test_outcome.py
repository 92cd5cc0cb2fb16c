"""What became of completions, on traces as editors send them; `|` marks the cursor, seconds are the tester's own."""

import random
from typing import SupportsIndex

import pytest

from empower_lsp.edits import Edit, difference, moved, narrowed, slid, survivors
from empower_lsp.outcome import FINAL, Kind, Outcome
from empower_lsp.tracker import Tracker

URI = "file:///a.py"


class Desk:
    """A person at an editor with one document; what the tracker says is kept in `said`."""

    def __init__(self, marked: str) -> None:
        before, after = marked.split("|")
        self.text: str | None = before + after
        self.cursor = len(before)
        self.now = 100.0
        self.tracker = Tracker(lambda uri: self.text if uri == URI else None)
        self.said: list[Outcome] = []
        self.item = ("", 0, 0, "")

    def offer(self, text: str, id: str = "a", start: int | None = None) -> None:
        start = self.cursor if start is None else start
        self.item = (id, start, self.cursor, text)
        self.said += self.tracker.answered(id, URI, start, self.cursor, text, self.now)

    def send(self, *edits: tuple[int, int, str]) -> None:
        """One didChange."""
        assert self.text is not None
        for edit in edits:
            self.text = Edit(*edit).apply(self.text)
            if edit[0] <= self.cursor:
                self.cursor = max(self.cursor, edit[1]) + Edit(*edit).growth
        self.said += self.tracker.changed(URI, edits, self.now)

    def put(self, text: str) -> None:
        self.send((self.cursor, self.cursor, text))

    def type(self, text: str, asks: bool = False, pace: float = 0.1) -> None:
        """Key by key; with `asks`, the item is answered again for what is left of it, as the session does."""
        for key in text:
            self.put(key)
            id, _, _, rest = self.item
            if asks and rest.startswith(key) and rest != key:
                self.offer(rest[1:], id)
            self.wait(pace)

    def erase(self, count: int = 1) -> None:
        self.send((self.cursor - count, self.cursor, ""))

    def insert_item(self) -> None:
        _, start, end, text = self.item
        self.send((start, end, text))

    def command(self) -> None:
        self.said += self.tracker.accepted(self.item[0], self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.said += self.tracker.tick(self.now)

    def close(self) -> None:
        self.said += self.tracker.closed(URI, self.now)

    def final(self, id: str = "a") -> Outcome:
        [outcome] = [outcome for outcome in self.said if outcome.id == id and outcome.kind in FINAL]
        return outcome

    def kinds(self, id: str = "a") -> list[Kind]:
        return [outcome.kind for outcome in self.said if outcome.id == id]

    def survival(self) -> list[tuple[float, Kind, int, int]]:
        found = [outcome for outcome in self.said if outcome.kind in (Kind.KEPT, Kind.CHANGED)]
        return [(round(outcome.age, 3), outcome.kind, outcome.characters, outcome.of) for outcome in found]


@pytest.fixture
def desk() -> Desk:
    desk = Desk("import os\n\ndef area(w, h):\n    |\n\nprint(area(2, 3))\n")
    desk.offer("return w * h")
    return desk


# Accepted


@pytest.mark.parametrize("order", ["change", "change, command", "command, change"])
def test_accepted_once_in_either_order(desk: Desk, order: str) -> None:
    desk.wait(0.8)
    for step in order.split(", "):
        {"change": desk.insert_item, "command": desk.command}[step]()
        desk.wait(0.01)
    desk.wait(5)
    final = desk.final()
    assert (final.kind, final.characters, final.of, final.typed) == (Kind.ACCEPTED, 12, 12, 0)
    assert final.explicit == ("command" in order)
    assert final.at == pytest.approx(100.8, abs=0.02)
    desk.wait(30)
    assert desk.survival() == [(30.0, Kind.KEPT, 9, 9)]
    assert desk.kinds() == [Kind.SHOWN, Kind.ACCEPTED, Kind.KEPT]


def test_a_late_or_repeated_command_counts_nothing(desk: Desk) -> None:
    desk.wait(0.8)
    desk.insert_item()
    desk.wait(1.5)
    desk.command()
    desk.command()
    assert desk.kinds() == [Kind.SHOWN, Kind.ACCEPTED]
    assert not desk.final().explicit


def test_accepted_before_the_half_second_was_seen(desk: Desk) -> None:
    desk.wait(0.3)
    desk.insert_item()
    desk.command()
    assert desk.kinds() == [Kind.SHOWN, Kind.ACCEPTED]


@pytest.mark.parametrize("asks", [True, False])
def test_accepted_after_some_of_it_was_typed(desk: Desk, asks: bool) -> None:
    desk.type("ret", asks)
    desk.put("urn w * h")
    desk.command()
    final = desk.final()
    assert (final.kind, final.characters, final.typed, final.of) == (Kind.ACCEPTED, 9, 3, 12)


def test_a_command_says_that_one_last_letter_was_accepted(desk: Desk) -> None:
    desk.type("return w * ", asks=True)
    desk.put("h")
    desk.command()
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.typed) == (Kind.ACCEPTED, True, 1, 11)


def test_a_command_makes_a_mangled_insertion_accepted(desk: Desk) -> None:
    desk.wait(1)
    desk.put("return w*h;")
    desk.command()
    assert (desk.final().kind, desk.final().characters) == (Kind.ACCEPTED, 12)
    desk.close()
    assert desk.survival()[0][1] is Kind.KEPT


def test_an_editor_may_indent_what_it_inserts() -> None:
    desk = Desk("\tif x:|\n")
    desk.offer("\n\t\treturn 1\n\treturn 2")
    desk.wait(1)
    desk.put("\n        return 1\n    return 2")
    desk.wait(2)
    assert desk.final().kind is Kind.ACCEPTED


def test_a_command_whose_edit_never_comes_is_still_accepted(desk: Desk) -> None:
    desk.wait(1)
    desk.command()
    desk.wait(700)
    assert desk.kinds() == [Kind.SHOWN, Kind.ACCEPTED]
    assert desk.tracker.due == float("inf")


def test_paste_of_the_same_text_counts_as_accepted(desk: Desk) -> None:
    desk.wait(1)
    desk.put("return w * h")
    desk.wait(2)
    assert (desk.final().kind, desk.final().explicit) == (Kind.ACCEPTED, False)


def test_a_menu_item_is_replaced_from_where_its_word_began() -> None:
    desk = Desk("x = pri|\n")
    desk.offer("print(x)", start=4)
    desk.wait(1)
    desk.insert_item()
    desk.wait(2)
    assert (desk.final().kind, desk.final().characters, desk.final().of) == (Kind.ACCEPTED, 5, 5)


def test_a_menu_item_that_does_not_begin_with_the_word() -> None:
    desk = Desk("x = prnt|\n")
    desk.offer("print(x)", start=4)
    desk.wait(1)
    desk.insert_item()
    desk.wait(2)
    assert (desk.final().kind, desk.final().characters, desk.final().of) == (Kind.ACCEPTED, 6, 6)


@pytest.mark.parametrize("after", [")", ")\n)"])
def test_an_insertion_reported_further_on(after: str) -> None:
    desk = Desk("f(|" + after)
    desk.offer("), g(x")
    desk.wait(1)
    assert desk.text is not None
    desk.send(difference(desk.text, "f(), g(x" + after))
    desk.wait(2)
    assert desk.final().kind is Kind.ACCEPTED
    desk.close()
    assert desk.survival() == [(2.0, Kind.KEPT, 5, 5)]


def test_an_editor_that_sends_lines_or_the_whole_document() -> None:
    for line_only in (True, False):
        desk = Desk("a = 1\nb = |\nc = 3\n")
        desk.offer("a + 1")
        desk.wait(1)
        line, whole = (6, 10, "b = a + 1"), (0, 17, "a = 1\nb = a + 1\nc = 3\n")
        desk.send(line if line_only else whole)
        desk.wait(2)
        assert (desk.final().kind, desk.final().characters) == (Kind.ACCEPTED, 5)


@pytest.mark.parametrize("here_first", [True, False])
def test_several_cursors(here_first: bool) -> None:
    desk = Desk("a = \nb = |\n")
    desk.offer("f(1)")
    desk.wait(1)
    ascending = [(4, 4, "f(1)"), (13, 13, "f(1)")]
    desk.send(*([(9, 9, "f(1)"), (4, 4, "f(1)")] if here_first else ascending))
    desk.wait(2)
    assert desk.final().kind is Kind.ACCEPTED
    desk.close()
    assert desk.survival() == [(2.0, Kind.KEPT, 4, 4)]


def test_typing_with_several_cursors_goes_on(desk: Desk) -> None:
    for key in "re":
        desk.send((desk.cursor, desk.cursor, key), (0, 0, key))
        desk.wait(0.4)
    desk.put("turn w * h")
    desk.wait(2)
    assert (desk.final().kind, desk.final().typed) == (Kind.ACCEPTED, 2)


def test_line_ends_emoji_and_wide_characters() -> None:
    desk = Desk("# 🙂\r\nname = |\r\n")
    desk.offer("'世界🙂'\r\nprint(name)")
    desk.wait(1)
    desk.insert_item()
    desk.wait(2)
    assert (desk.final().kind, desk.final().characters) == (Kind.ACCEPTED, 18)
    desk.close()
    assert desk.survival() == [(2.0, Kind.KEPT, 16, 16)]


# Accepted in part


def test_word_by_word_without_events(desk: Desk) -> None:
    desk.wait(1)
    desk.put("return")
    desk.offer(" w * h")
    desk.wait(1)
    desk.put(" w")
    desk.wait(1)
    desk.type(" / 2\n")
    desk.wait(3)
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.of) == (Kind.PARTIALLY_ACCEPTED, False, 8, 12)
    assert final.text == "return w / 2"
    desk.close()
    assert desk.survival() == [(4.5, Kind.KEPT, 7, 7)]


def test_word_by_word_to_the_end_is_accepted(desk: Desk) -> None:
    desk.wait(1)
    for word in ("return", " w", " * h"):
        desk.put(word)
        desk.wait(0.5)
    desk.wait(2)
    assert (desk.final().kind, desk.final().characters) == (Kind.ACCEPTED, 12)


@pytest.mark.parametrize("event_first", [True, False])
def test_an_editor_that_tells_of_parts(desk: Desk, event_first: bool) -> None:
    desk.wait(1)
    for count, part in ((1, "r"), (6, "eturn")):
        if event_first:
            desk.said += desk.tracker.partially_accepted("a", count, desk.now)
        desk.put(part)
        if not event_first:
            desk.said += desk.tracker.partially_accepted("a", count, desk.now)
        desk.wait(0.4)
    desk.wait(40)
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.typed) == (Kind.PARTIALLY_ACCEPTED, True, 6, 0)
    assert desk.kinds() == [Kind.SHOWN, Kind.PARTIALLY_ACCEPTED, Kind.KEPT]


def test_a_part_that_is_all_of_it_is_accepted(desk: Desk) -> None:
    desk.insert_item()
    desk.said += desk.tracker.partially_accepted("a", 12, desk.now)
    assert (desk.final().kind, desk.final().explicit) == (Kind.ACCEPTED, True)


def test_a_part_then_typed_to_the_end(desk: Desk) -> None:
    desk.wait(1)
    desk.put("return")
    desk.type(" w * h")
    desk.wait(2)
    assert (desk.final().kind, desk.final().characters, desk.final().typed) == (Kind.PARTIALLY_ACCEPTED, 6, 6)


def test_a_part_undone_and_taken_again_counts_once(desk: Desk) -> None:
    desk.wait(1)
    desk.put("return")
    desk.erase(6)
    desk.put("return")
    desk.wait(31)
    assert (desk.final().kind, desk.final().characters) == (Kind.PARTIALLY_ACCEPTED, 6)
    assert desk.survival() == [(30.0, Kind.KEPT, 6, 6)]


# Typed


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


# Something else


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
    assert desk.final().text == "total = w"
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
    assert (desk.final().typed, desk.final().text) == (6, "a = 1\nc = 3")


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


# Still there


def accepted(marked: str, text: str) -> Desk:
    desk = Desk(marked)
    desk.offer(text)
    desk.wait(1)
    desk.insert_item()
    desk.command()
    desk.said.clear()
    return desk


def test_kept_at_each_age_and_at_closing() -> None:
    desk = accepted("a = |\n", "f(1)")
    for _ in range(125):
        desk.wait(1)
    desk.close()
    assert [(age, kind) for age, kind, _, _ in desk.survival()] == [
        (30.0, Kind.KEPT),
        (120.0, Kind.KEPT),
        (125.0, Kind.KEPT),
    ]
    desk.wait(700)
    assert len(desk.said) == 3


def test_undone_is_not_kept_and_redone_is() -> None:
    desk = accepted("a = |\n", "f(1)")
    desk.wait(2)
    desk.erase(4)
    desk.wait(40)
    desk.put("f(1)")
    desk.wait(100)
    assert desk.survival() == [(30.0, Kind.CHANGED, 0, 4), (120.0, Kind.KEPT, 4, 4)]


def test_what_was_true_is_not_changed_by_a_late_look() -> None:
    desk = accepted("a = |\n", "f(1)")
    desk.now += 35
    desk.erase(4)
    assert desk.survival() == [(30.0, Kind.KEPT, 4, 4)]
    assert desk.said[0].at == pytest.approx(131.0)


def test_edits_above_below_beside_and_inside() -> None:
    desk = accepted("a = 1\nb = |\nc = 3\n", "first(second)")
    desk.send((0, 0, "import os\n"))
    desk.send((desk.cursor, desk.cursor, " + 1"))
    desk.send((10, 10, "x"), (0, 10, ""))
    assert desk.text == "xa = 1\nb = first(second) + 1\nc = 3\n"
    desk.wait(31)
    at = desk.text.index("second")
    desk.send((at, at + 6, "other"))
    desk.close()
    assert desk.survival() == [(30.0, Kind.KEPT, 13, 13), (31.0, Kind.CHANGED, 7, 13)]
    assert desk.said[-1].text == "first(other)"


UGLY = "import os\n\ndef f( a,b ):\n  |\n\ndef g( ):\n  return  f( 1,'x' )\n"
TIDY = 'import os\n\n\ndef f(a, b):\n    return {"k": a,\n            "l": b}\n\n\ndef g():\n    return f(1, "x")\n'


def test_format_on_save_as_one_edit_of_all() -> None:
    desk = accepted(UGLY, "return {'k':a,\n   'l':b}")
    assert desk.text is not None
    desk.send((0, len(desk.text), TIDY))
    desk.wait(30)
    assert desk.survival() == [(30.0, Kind.KEPT, 19, 19)]


def test_format_on_save_as_many_edits_and_moved_down() -> None:
    desk = accepted(UGLY, "return {'k':a,\n   'l':b}")
    desk.send((0, 0, "# one\n# two\n"))
    for old, new in (
        ("  return  f( 1,'x' )", '    return f(1, "x")'),
        ("'l':b", '"l": b'),
        ("  return {'k':a", "    x"),
    ):
        assert desk.text is not None
        at = desk.text.index(old)
        desk.send((at, at + len(old), new))
    desk.wait(30)
    [(_, kind, kept, of)] = desk.survival()
    assert (kind, kept, of) == (Kind.CHANGED, 7, 19)


def test_a_document_that_is_replaced_by_another() -> None:
    desk = accepted("a = |\n", "compute(first)")
    desk.send((0, 19, "nothing of it"))
    desk.close()
    assert desk.survival() == [(0.0, Kind.CHANGED, 0, 14)]


def test_looked_for_three_times_and_then_no_more() -> None:
    desk = accepted("a = |\n", "f(1)")
    desk.wait(1000)
    assert [age for age, *_ in desk.survival()] == [30.0, 120.0, 600.0]
    desk.put("x")
    desk.close()
    assert len(desk.said) == 3


def test_written_on_before_the_command_comes(desk: Desk) -> None:
    desk.wait(1)
    desk.insert_item()
    desk.type("\n\n", pace=0.01)
    desk.command()
    assert (desk.final().kind, desk.final().explicit) == (Kind.ACCEPTED, True)
    desk.close()
    assert desk.survival() == [(0.02, Kind.KEPT, 9, 9)]


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


# Edits


def test_difference_is_the_narrowest_edit() -> None:
    assert difference("abcd", "abXcd") == (2, 2, "X")
    assert difference("aaa", "aaaa") == (3, 3, "a")
    assert difference("same", "same") == (4, 4, "")
    assert difference("", "x") == (0, 0, "x")
    assert narrowed("say hello", Edit(4, 9, "help")) == (7, 9, "p")


def test_slid_both_ways_only_if_the_text_is_the_same() -> None:
    assert slid("f()", Edit(3, 3, " + g()"), 2) == (2, 2, ") + g(")
    assert slid("f()", Edit(2, 2, ") + g("), 3) == (3, 3, " + g()")
    assert slid("f()", Edit(3, 3, " + 1"), 2) == (3, 3, " + 1")


def test_survivors_are_counted_by_word() -> None:
    assert survivors("return x", "  return\tx") == (7, 7)
    assert survivors("value = 'a'", 'value = "a"') == (9, 9)
    assert survivors("value", "values") == (0, 5)
    assert survivors("世界 🙂", "世 🙂") == (2, 3)


def test_moved_finds_a_range_in_rewritten_text() -> None:
    old = "x=1\n" * 50 + "keep( this,'one' )\n" + "y=2\n" * 50
    new = "x = 1\n" * 50 + 'keep(this, "one")\n' + "y = 2\n" * 50
    start = old.index("keep")
    low, high = moved(start, start + 18, difference(old, new), lambda: old)
    assert new[low:high] == 'keep(this, "one")'


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
