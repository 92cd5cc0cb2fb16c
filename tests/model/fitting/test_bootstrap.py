"""Intervals whose answer is known."""

import math

import numpy as np
import pytest

from empower_model.fitting.bootstrap import Indices, Interval, clustered, folds, share

VALUES = np.array([1.0, 1.0, 1.0, 5.0, 5.0, 5.0])


def mean(some: Indices) -> float:
    return float(VALUES[some].mean())


def test_whole_groups_are_drawn() -> None:
    # Two groups of three: a resample is twice the first, one of each, or twice the second, so its mean is 1, 3 or 5.
    seen: set[float] = set()

    def watched(some: Indices) -> float:
        seen.add(mean(some))
        return mean(some)

    assert clustered(watched, list("aaabbb")) == Interval(1.0, 3.0, 5.0)
    assert seen == {1.0, 3.0, 5.0}


def test_groups_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    level = np.repeat(random.normal(size=40), 25)
    values = level + 0.1 * random.normal(size=1000)
    alone = clustered(lambda some: float(values[some].mean()), range(1000))
    together = clustered(lambda some: float(values[some].mean()), np.repeat(range(40), 25).tolist())
    assert together.high - together.low > 3 * (alone.high - alone.low)
    assert alone.estimate == together.estimate == pytest.approx(values.mean())


def test_the_interval_is_that_of_the_normal_theory() -> None:
    values = np.random.default_rng(2).normal(size=2000)
    interval = clustered(lambda some: float(values[some].mean()), range(2000))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(2000), rel=0.1)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(2).normal(size=50)
    first, same, other = (
        clustered(lambda some: float(np.median(values[some])), range(50), seed=seed) for seed in (1, 1, 2)
    )
    assert first == same
    assert first != other


def test_without_two_groups_there_is_no_interval() -> None:
    interval = clustered(mean, ["a"] * 6)
    assert interval.estimate == 3.0
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_rounds_without_a_value_are_left_out() -> None:
    # The share of the fives among the ones: undefined where no one was drawn, which is a quarter of all rounds.
    def ratio(some: Indices) -> float:
        ones = (VALUES[some] == 1).sum()
        return float((VALUES[some] == 5).sum() / ones) if ones else math.nan

    assert clustered(ratio, list("aaabbb")) == Interval(0.0, 1.0, 1.0)
    assert math.isnan(clustered(lambda some: math.nan if len(set(some)) < 6 else 1.0, range(6)).low)


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to estimate"):
        clustered(mean, [])


def test_a_share_by_hand() -> None:
    # Groups of 1 of 2, and of 3 of 2: together 4 of 4, and a resample may be either one twice.
    interval = share(np.array([1, 0, 3]), np.array([1, 1, 2]), ["a", "a", "b"])
    assert interval == Interval(0.5, 1.0, 1.5)


def test_a_share_has_the_interval_of_the_statistic_it_is() -> None:
    random = np.random.default_rng(6)
    part, groups = random.random(600), (np.arange(600) % 30).tolist()
    whole = part + random.random(600)
    slow = clustered(lambda some: float(part[some].sum() / whole[some].sum()), groups, rounds=4000)
    fast = share(part, whole, groups, rounds=4000)
    assert fast.estimate == pytest.approx(slow.estimate)
    assert fast.low == pytest.approx(slow.low, abs=0.003)
    assert fast.high == pytest.approx(slow.high, abs=0.003)


def test_a_share_of_nothing_is_nan() -> None:
    interval = share(np.array([1.0, 0.0]), np.zeros(2), ["a", "b"])
    assert all(math.isnan(bound) for bound in (interval.low, interval.estimate, interval.high))
    assert math.isnan(share(np.array([1.0]), np.array([2.0]), ["a"]).low)
    with pytest.raises(ValueError, match="nothing to estimate"):
        share(np.array([]), np.array([]), [])


def test_folds_hold_whole_groups_and_about_as_many_observations() -> None:
    fold = folds(list("aaaabbcccd"), 2)
    assert fold.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 0]  # a to the first, c and b to the second, d where less is


def test_there_are_no_more_folds_than_groups() -> None:
    assert folds(list("abab")).tolist() == [0, 1, 0, 1]
    assert folds(list("aaa")).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="nothing to estimate from"):
        folds([])
