"""Bootstrap intervals over files, on sums that can be done by hand."""

from math import isnan, nan
from random import Random
from typing import Any

import pytest

from empower_training.replay.intervals import EFFORT, FIGURES, KEPT, difference, interval, latency, luck
from empower_training.replay.typist import Tally


def tally(name: str, kept: int, characters: int = 100, **others: Any) -> Tally:
    return Tally(name, characters, typed=characters - kept, kept=kept, **others)


def test_a_figure_is_a_ratio_of_sums() -> None:
    # 30 of 100 and 10 of 300: 40 of 400
    assert interval([tally("a:1", 30), tally("b:1", 10, 300)], KEPT).estimate == pytest.approx(0.1)
    # 0.1 * 50 read + 0.5 * (70 typed + 4 deleted) = 42 of 0.5 * 100
    assert interval([tally("a:1", 30, read=50, deleted=4)], EFFORT).estimate == pytest.approx(0.84)


def test_one_file_leaves_no_doubt_and_two_span_both() -> None:
    alone = interval([tally("a:1", 10), tally("a:9", 90)], KEPT)  # two works, one file
    assert (alone.low, alone.estimate, alone.high) == (0.5, 0.5, 0.5)
    two = interval([tally("a:1", 10), tally("b:9", 90)], KEPT)  # a quarter of the resamples has but one of them
    assert (two.low, two.estimate, two.high) == (0.1, 0.5, 0.9)


def test_more_files_narrow_the_interval() -> None:
    few = interval([tally(f"{n}:1", 40 + 20 * (n % 2)) for n in range(10)], KEPT)
    many = interval([tally(f"{n}:1", 40 + 20 * (n % 2)) for n in range(1000)], KEPT)
    # the mean of n draws of 0.5 +- 0.1 has a standard error of 0.1 / sqrt(n): 1.96 of them to each side
    assert few.high - few.low == pytest.approx(2 * 1.96 * 0.1 / 10**0.5, rel=0.2)
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.1 / 1000**0.5, rel=0.1)


def test_a_paired_difference_is_surer_than_its_parts() -> None:
    ours = [tally(f"{n}:1", n % 50 + 5) for n in range(50)]
    theirs = [tally(f"{n}:1", n % 50) for n in range(50)]
    gain = difference(ours, theirs, KEPT, seed=3)
    assert (gain.low, gain.estimate, gain.high) == pytest.approx((0.05, 0.05, 0.05))
    assert interval(ours, KEPT).low < interval(theirs, KEPT).high


def test_a_difference_needs_the_same_works() -> None:
    with pytest.raises(ValueError, match="same works"):
        difference([tally("a:1", 1)], [tally("b:1", 1)], KEPT)
    with pytest.raises(ValueError, match="no tallies"):
        interval([], KEPT)


def test_luck_is_the_share_of_swaps_that_do_as_well() -> None:
    theirs = [tally(f"{n}:1", 50) for n in range(6)]
    better = [tally(f"{n}:1", 60 + n) for n in range(6)]
    assert luck(better, theirs, EFFORT) == 1 / 64  # of all 64, only as they are
    assert luck(theirs, theirs, EFFORT) == 1
    assert luck([*better[:5], tally("5:1", 49)], theirs, EFFORT) == 2 / 64  # and with the last one changed
    assert luck(theirs, better, EFFORT) == 1


@pytest.mark.parametrize("files", [6, 30])
def test_what_is_no_better_is_seldom_lucky(files: int) -> None:
    rng = Random(5)
    lucky = 0
    for _ in range(400):
        ours, theirs = ([tally(f"{n}:1", rng.randrange(100)) for n in range(files)] for _ in range(2))
        lucky += luck(ours, theirs, EFFORT) <= 0.025
    assert lucky <= 0.05 * 400  # 0.025 of them are meant to be, give or take 0.008


def test_a_share_of_nothing_is_no_number() -> None:
    nothing = interval([tally("a:1", 0)], FIGURES["accepted"])
    assert all(isnan(bound) for bound in (nothing.low, nothing.estimate, nothing.high))
    # one file shows something: resamples without it are left out
    assert interval([tally("a:1", 0), tally("b:1", 5, shown=2, accepted=1)], FIGURES["accepted"]).low == 0.5


def test_seeds_decide() -> None:
    tallies = [tally(f"{n}:1", n) for n in range(20)]
    assert interval(tallies, KEPT, seed=1) == interval(list(reversed(tallies)), KEPT, seed=1)
    assert interval(tallies, KEPT, seed=1) != interval(tallies, KEPT, seed=2)


def test_latencies_are_of_all_answers() -> None:
    slow = Tally("a:1", 10, latencies=tuple(float(n) for n in range(101)))
    assert latency([slow]) == (50, 95)
    assert latency([Tally("a:1", 10)]) == pytest.approx((nan, nan), nan_ok=True)
