"""The score interval of a share, worked out by hand and at its edges."""

from math import isnan

import pytest

from empower_training.report.shares import share_of


def test_eight_of_ten() -> None:
    # z^2 = 3.84; centre (0.8 + 3.84 / 20) / 1.384 = 0.717, half width 1.96 * sqrt(0.016 + 3.84 / 400) / 1.384 = 0.227
    accepted = share_of(8, 10)
    assert (accepted.low, accepted.estimate, accepted.high) == pytest.approx((0.490, 0.8, 0.943), abs=0.001)


def test_all_of_a_few_leaves_a_doubt() -> None:
    # all of n: from 1 / (1 + z^2 / n), here 3 / 6.84
    accepted = share_of(3, 3)
    assert (accepted.low, accepted.estimate, accepted.high) == pytest.approx((0.4385, 1.0, 1.0), abs=0.0005)
    assert share_of(0, 3).high == pytest.approx(1 - 0.4385, abs=0.0005)


def test_more_observations_narrow_it() -> None:
    few, many = share_of(5, 10), share_of(500, 1000)
    assert many.high - many.low < (few.high - few.low) / 8


def test_of_nothing_there_is_no_share() -> None:
    assert isnan(share_of(0, 0).estimate)
