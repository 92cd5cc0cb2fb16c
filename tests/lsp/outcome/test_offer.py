"""Completions that were accepted, whole or in part, on traces as editors send them."""

import pytest

from empower_lsp.outcome.edits import difference
from empower_lsp.outcome.outcome import Kind

from .desk import Desk


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
    assert final.text == "return w / 2\n"
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
            desk.part(count)
        desk.put(part)
        if not event_first:
            desk.part(count)
        desk.wait(0.4)
    desk.wait(40)
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.typed) == (Kind.PARTIALLY_ACCEPTED, True, 6, 0)
    assert desk.kinds() == [Kind.SHOWN, Kind.PARTIALLY_ACCEPTED, Kind.KEPT]


def test_a_part_that_is_all_of_it_is_accepted(desk: Desk) -> None:
    desk.insert_item()
    desk.part(12)
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


@pytest.mark.parametrize("order", ["change, told", "told, change"])
def test_every_part_is_counted_once_whatever_comes_first(order: str) -> None:
    """`(` and `)` look like keystrokes, `"a"` does not."""
    desk = Desk("f|\n")
    desk.offer('("a") + g')
    desk.wait(1)
    for reached, part in ((1, "("), (4, '"a"'), (5, ")")):
        for step in order.split(", "):
            if step == "told":
                desk.part(reached)
                desk.part(reached)
            else:
                desk.put(part)
            desk.wait(0.01)
        desk.wait(0.3)
    desk.type(" + h\n")
    desk.wait(3)
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.of) == (Kind.PARTIALLY_ACCEPTED, True, 5, 9)
    assert final.typed == 3  # " + ", after which `h` takes the place of `g`
    desk.close()
    assert [(kind, kept, of) for _, kind, kept, of in desk.survival()] == [(Kind.KEPT, 5, 5)]


def test_a_part_told_when_more_was_typed_is_only_that_part() -> None:
    desk = Desk("f|\n")
    desk.offer("(a)(b)")
    desk.wait(1)
    desk.put("(")
    desk.part(1)
    desk.type("a")
    desk.put(")")
    desk.type("(b")
    desk.part(3)  # the closing bracket, two keys ago
    desk.wait(3)
    desk.close()
    final = desk.final()
    assert (final.kind, final.characters, final.typed) == (Kind.PARTIALLY_ACCEPTED, 2, 3)


def test_keys_typed_behind_a_part_that_was_told_are_typed() -> None:
    desk = Desk("x = |\n")
    desk.offer("a + b + c")
    desk.type("a ")
    desk.put("+ b")
    desk.part(5)
    desk.type(" +")
    desk.wait(1)
    desk.close()
    final = desk.final()
    assert (final.kind, final.characters, final.typed) == (Kind.PARTIALLY_ACCEPTED, 3, 4)


@pytest.mark.parametrize("renamed", [True, False])
def test_a_part_of_an_item_that_was_typed_along(renamed: bool) -> None:
    """An editor names the item as it was first answered, or as the rest of it that was answered since."""
    desk = Desk("x = |\n")
    desk.offer("ab(c)")
    desk.type("ab", asks=renamed)
    desk.put("(")
    desk.part(1 if renamed else 3)
    desk.wait(1)
    desk.close()
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.typed) == (Kind.PARTIALLY_ACCEPTED, True, 1, 2)


def test_a_part_that_was_told_but_deleted_before_it_was_typed_again_is_not_counted_twice(desk: Desk) -> None:
    desk.wait(1)
    desk.put("return")
    desk.part(6)
    desk.erase(2)
    desk.type("rn w")
    desk.close()
    final = desk.final()
    assert (final.kind, final.characters, final.typed) == (Kind.PARTIALLY_ACCEPTED, 6, 2)


def test_parts_to_the_end_are_an_accept() -> None:
    desk = Desk("f|\n")
    desk.offer("()")
    desk.wait(1)
    for count, part in ((1, "("), (2, ")")):
        desk.put(part)
        desk.part(count)
    desk.wait(2)
    final = desk.final()
    assert (final.kind, final.explicit, final.characters, final.typed) == (Kind.ACCEPTED, True, 2, 0)
