"""What is left of accepted completions, on traces as editors send them."""

import pytest

from empower_lsp.outcome.outcome import Kind

from .desk import Desk, accepted


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
