"""What the simulated person takes, with the keys counted by hand."""

import pytest

from empower_training.replay.human import TYPE_ON, Careful, Choice, Fallible, beginning


def test_the_careful_take_what_is_right_as_a_whole_with_one_key() -> None:
    assert Careful().decide("a:1", 0, "value)\n    y", "value)\n    y = 2") == Choice(12, 1)


@pytest.mark.parametrize(
    ("shown", "meant", "expected"),
    [
        ("self.name, 2)", "self.name, 3)", Choice(10, 4)),  # self / . / name / ,
        ("one two\nthree four", "one two\nthree five", Choice(13, 2)),  # a line, then ` three` behind its end
        ("\n    return x\n", "\n    return x + 1", Choice(13, 1)),  # the line end belongs to the line below it
        ("ab", "xy", TYPE_ON),
        ("((", "(1", TYPE_ON),  # `((` is one step and wrong
        ("(a)", "(b)", TYPE_ON),  # one key for one character saves nothing
        ("value", "val", TYPE_ON),  # beyond the end of what is meant
    ],
)
def test_a_right_beginning_is_taken_by_lines_and_words(shown: str, meant: str, expected: Choice) -> None:
    assert beginning(shown, meant) == expected
    assert Careful().decide("a:1", 0, shown, meant) == expected
    assert Careful(partial=False).decide("a:1", 0, shown, meant) == TYPE_ON


def test_the_fallible_take_wrong_texts_as_often_as_told() -> None:
    human = Fallible(0.3, seed=1)
    taken = sum(human.decide("a:1", offset, "wrong", "right") == Choice(5, 1) for offset in range(1000))
    assert 255 <= taken <= 345  # 300, with three standard deviations of 14.5
    assert all(human.decide("a:1", offset, "right", "right on") == Choice(5, 1) for offset in range(50))


def test_the_fallible_err_at_places_not_at_texts() -> None:
    human = Fallible(0.5, seed=1)
    erred = [human.decide("a:1", offset, "one", "x") != TYPE_ON for offset in range(40)]
    assert erred == [human.decide("a:1", offset, "another", "x") != TYPE_ON for offset in range(40)]
    assert erred != [human.decide("b:1", offset, "one", "x") != TYPE_ON for offset in range(40)]
    assert erred != [Fallible(0.5, seed=2).decide("a:1", offset, "one", "x") != TYPE_ON for offset in range(40)]


def test_without_a_mistake_the_fallible_are_careful() -> None:
    assert Fallible(0.0).decide("a:1", 0, "self.name, 2)", "self.name, 3)") == Choice(10, 4)
    whole = Fallible(0.0, careful=Careful(partial=False))
    assert whole.decide("a:1", 0, "self.name, 2)", "self.name, 3)") == TYPE_ON
