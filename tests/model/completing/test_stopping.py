"""The rules, with the arithmetic written out."""

from itertools import accumulate

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.stopping import Verdict, Written, budget, gain, lexical_boundary, peak

HALF_AT_ONE = Calibration(midpoint=1.0, slope=1.0)
"""p(U) = 1 / (1 + U): 1 at 0 bits, 1/2 at 1, 1/3 at 2, 1/4 at 3."""


def spaced(surprisals: list[float], lengths: list[int]) -> Written:
    """Tokens of those lengths, none of which ends inside a name."""
    return Written("." * lengths[-1], lengths, surprisals, [0.0] * len(lengths))


def test_budget_keeps_the_longest_span_within_eta() -> None:
    # U = 0.5, 1.5, 2.0, 4.0
    bits = [0.5, 1.0, 0.5, 2.0]
    assert budget(bits, 2.0) == Verdict(3, ended=True)  # a sum equal to eta is within it
    assert budget(bits, 1.9) == Verdict(2, ended=True)
    assert budget(bits, 0.4) == Verdict(0, ended=True)
    assert budget(bits, 4.0) == Verdict(4, ended=False)
    assert budget([], 1.0) == Verdict(0, ended=False)


def test_budget_is_joint_probability() -> None:
    # eta = 0.32 bits is a joint probability of 2 ** -0.32 = 0.801: 0.9 * 0.9 = 0.81 stays, times 0.98 does not
    bits = [0.1520, 0.1520, 0.0291]
    assert budget(bits, 0.32).keep == 2


def test_peak_ends_before_a_local_maximum_above_the_floor() -> None:
    assert peak([0.5, 1.0, 3.0, 1.0], floor=2.5) == Verdict(2, ended=True)
    assert peak([0.5, 1.0, 2.0, 1.0], floor=2.5) == Verdict(4, ended=False)  # a maximum, but a low one
    assert peak([3.0, 1.0], floor=2.5) == Verdict(0, ended=True)
    assert peak([1.0, 3.0], floor=2.5) == Verdict(2, ended=False)  # not known to be a maximum yet
    assert peak([1.0, 3.0, 3.0], floor=2.5) == Verdict(1, ended=True)  # a plateau begins at its first token


def test_gain_weighs_probability_against_length() -> None:
    # confidence 0.2; p_i = 1, 1/2, 1/3; L_i = 2, 10, 12
    # (1 - .2) * 2 = 1.6; (.5 - .2) * 10 = 3.0; (.333 - .2) * 12 = 1.6
    assert gain(spaced([0.0, 1.0, 1.0], [2, 10, 12]), HALF_AT_ONE, 0.2) == Verdict(2, ended=False)
    # a longer third token turns it round: (.333 - .2) * 30 = 4.0
    assert gain(spaced([0.0, 1.0, 1.0], [2, 10, 30]), HALF_AT_ONE, 0.2) == Verdict(3, ended=False)


def test_gain_ends_once_the_probability_is_below_the_confidence() -> None:
    # p_3 = 1 / (1 + 4) = 0.2: no later span can gain anything
    assert gain(spaced([0.0, 1.0, 3.0, 0.0], [2, 10, 90, 95]), HALF_AT_ONE, 0.2) == Verdict(2, ended=True)
    assert gain(spaced([9.0], [5]), HALF_AT_ONE, 0.2) == Verdict(0, ended=True)


def test_gain_shows_nothing_at_full_confidence_unless_certain() -> None:
    assert gain(spaced([0.1], [5]), HALF_AT_ONE, 1.0).keep == 0


def test_gain_prefers_the_shorter_of_equals() -> None:
    # (1 - .2) * 3 = 2.4 and (.5 - .2) * 8 = 2.4
    assert gain(spaced([0.0, 1.0], [3, 8]), HALF_AT_ONE, 0.2).keep == 1


def test_gain_takes_a_whole_name_where_a_part_of_it_would_be_worth_more() -> None:
    # confidence 0.3; p_i = 1/2, 2/5, 1/3.5 with U_i = 1, 1.5, 2.5
    # (.5 - .3) * 8 = 1.6 inside the name, (.4 - .3) * 10 = 1.0 at its end
    written = Written("bra_margin(", [8, 10, 11], [1.0, 0.5, 1.0], [0.0] * 3)
    assert gain(written, HALF_AT_ONE, 0.3) == Verdict(2, ended=True)
    # how a name goes on that is still being written nobody knows
    first = Written("bra_marg", [8], [1.0], [0.0])
    assert gain(first, HALF_AT_ONE, 0.3) == Verdict(1, ended=False)


@pytest.mark.parametrize(
    ("tokens", "keep", "expected"),
    [
        (["self", ".", "get", "_user"], 3, 2),  # `get` goes on: back to the dot
        (["self", ".", "get", "("], 3, 3),
        (["get", "_user", "_id"], 2, 0),
        (["return", " x"], 1, 1),
        (["a", "b"], 2, 2),  # nothing is known to follow
        (["", "x"], 1, 1),  # a token inside the typed text
        (["é", "t"], 1, 0),
        (["🚀", "", "界"], 2, 2),
    ],
)
def test_a_span_does_not_end_inside_a_name(tokens: list[str], keep: int, expected: int) -> None:
    lengths = list(accumulate(len(token) for token in tokens))
    assert lexical_boundary("".join(tokens), lengths, keep) == expected


def test_gain_takes_the_closing_that_is_as_sure() -> None:
    # confidence 0.3; `(self,` ` value` `):` with U = 0.5, 1.0, 1.0: p_i = 2/3, 1/2, 1/2
    # (.667 - .3) * 6 = 2.2; (.5 - .3) * 12 = 2.4; (.5 - .3) * 14 = 2.8
    written = Written("(self, value):", [6, 12, 14], [0.5, 0.5, 0.0], [0.0] * 3)
    assert gain(written, HALF_AT_ONE, 0.3) == Verdict(3, ended=False)
    # where the name is a guess, U = 0.5, 1.5, 1.5, its whole costs more than it wins: (.4 - .3) * 14 = 1.4
    guessed = Written("(self, value):", [6, 12, 14], [0.5, 1.0, 0.0], [0.0] * 3)
    assert gain(guessed, HALF_AT_ONE, 0.3) == Verdict(1, ended=False)


def test_gain_goes_on_to_the_end_of_a_statement_that_gains_nearly_as_much() -> None:
    # confidence 0.3; `(self,` ` x` `)` `:` with U = 0, 1.2, 1.2, 1.2: p_i = 1, 1 / 2.2 = 0.455 for the others
    # (1 - .3) * 6 = 4.2 within the bracket; (.455 - .3) * 20 = 3.1 at its end, at least 0.7 of that
    written = Written("(self, another_one):\n", [6, 18, 20, 21], [0.0, 1.2, 0.0, 9.0], [0.0] * 4)
    assert gain(written, HALF_AT_ONE, 0.3) == Verdict(3, ended=True)
    # (.4 - .3) * 20 = 2.0 with U = 1.5 is too little
    written = Written("(self, another_one):\n", [6, 18, 20, 21], [0.0, 1.5, 0.0, 9.0], [0.0] * 4)
    assert gain(written, HALF_AT_ONE, 0.3) == Verdict(1, ended=True)


def test_gain_ends_where_the_text_is_whole_already() -> None:
    # (1 - .3) * 5 = 3.5 behind `total`; (.5 - .3) * 13 = 2.6 behind the bracket, which is no more of a whole
    written = Written("total[str(x)] = ", [5, 13, 16], [0.0, 1.0, 9.0], [0.0] * 3)
    assert gain(written, HALF_AT_ONE, 0.3) == Verdict(1, ended=True)
