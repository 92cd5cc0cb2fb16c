"""Logistic regression, against answers worked out by hand."""

import math

import numpy as np
import pytest

from empower_model.fitting.logistic import logistic, maximum

ONES = np.ones(4)


def design(*column: float) -> np.ndarray:
    return np.stack([np.ones(len(column)), np.array(column)], axis=1)


def test_logistic_of_large_numbers_does_not_overflow() -> None:
    assert logistic(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]


def test_two_groups_have_their_own_odds() -> None:
    # One in four where x is -1, three in four where it is 1: log-odds of -ln 3 and ln 3.
    x = design(-1, -1, -1, -1, 1, 1, 1, 1)
    intercept, weight = maximum(x, np.array([1.0, 0, 0, 0, 1, 1, 1, 0]), np.ones(8))
    assert intercept == pytest.approx(0.0, abs=1e-9)
    assert weight == pytest.approx(math.log(3))


def test_shares_and_weights_stand_for_repetitions() -> None:
    x = design(-1, 1)
    shares = maximum(x, np.array([0.25, 0.75]), np.array([4.0, 4.0]))
    assert shares == pytest.approx(np.array([0.0, math.log(3)]), abs=1e-9)


def test_a_ridge_holds_all_but_the_first_near_zero() -> None:
    # At the maximum with y = (1/4, 3/4) and four of each: 8 (3/4 - p) = ridge * weight, where p is that of x = 1.
    x, y, weights = design(-1, 1), np.array([0.25, 0.75]), np.array([4.0, 4.0])
    _, weight = maximum(x, y, weights, ridge=2.0)
    assert 0 < weight < math.log(3)
    assert 8 * (0.75 - 1 / (1 + math.exp(-weight))) == pytest.approx(2 * weight)
    intercept, _ = maximum(x, np.array([0.75, 0.75]), weights, ridge=1000.0)
    assert intercept == pytest.approx(math.log(3))


def test_a_ridge_bounds_what_is_separable() -> None:
    x, y = design(-2, -1, 1, 2), np.array([0.0, 0, 1, 1])
    assert 0 < maximum(x, y, ONES, ridge=1.0)[1] < maximum(x, y, ONES, ridge=0.1)[1] < 10
