"""Surprisal and entropy against plain float64 arithmetic."""

import math

import numpy as np
import pytest

from empower_model.engine.distribution import Distribution
from empower_model.errors import EngineError


def test_a_fair_coin_and_a_certainty() -> None:
    d = Distribution(2)
    d.read(np.array([3.0, 3.0], dtype=np.float32))
    assert d.entropy == pytest.approx(1.0)
    assert d.surprisal(0) == pytest.approx(1.0)
    d.read(np.array([100.0, -100.0], dtype=np.float32))
    assert d.entropy == pytest.approx(0.0, abs=1e-6)
    assert (d.best(), d.surprisal(0)) == (0, 0.0)


def test_three_to_one() -> None:
    # p = 3/4, 1/4: H = 3/4 log2(4/3) + 1/4 * 2 = 0.8113 bits
    d = Distribution(2)
    d.read(np.log(np.array([3.0, 1.0], dtype=np.float32)))
    assert d.entropy == pytest.approx(0.811278, abs=1e-5)
    assert d.surprisal(1) == pytest.approx(2.0, abs=1e-5)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_agrees_with_float64_on_a_large_vocabulary(shift: float) -> None:
    logits = (np.random.default_rng(7).normal(0, 4, 152_064) + shift).astype(np.float32)
    x = logits.astype(np.float64) - logits.max()
    p = np.exp(x) / np.exp(x).sum()
    d = Distribution(len(logits))
    d.read(logits)
    assert d.entropy == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-4)
    assert d.surprisal(11) == pytest.approx(-np.log2(p[11]), abs=1e-4)
    np.testing.assert_allclose(d.log_probs(), np.log(p), atol=1e-4)


def test_the_logits_are_not_written_to() -> None:
    logits = np.array([1.0, 2.0], dtype=np.float32)
    Distribution(2).read(logits)
    assert logits.tolist() == [1.0, 2.0]


def test_values_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(EngineError, match="not numbers"):
        Distribution(2).read(np.array([np.nan, 1.0], dtype=np.float32))


def test_log_probabilities_are_measured_as_logits_are() -> None:
    logits = np.random.default_rng(3).normal(0, 4, 152_064).astype(np.float32)
    d, whole = Distribution(len(logits)), Distribution(len(logits))
    d.read(logits)
    changed = d.log_probs() + np.float32(math.log(0.25))  # as the mixture does: little for all, much for a few
    some = np.arange(0, 152_064, 10_000)
    changed[some] = np.logaddexp(changed[some], np.float32(math.log(0.75 / len(some))))
    given = changed.copy()
    d.replace(changed)
    whole.read(changed)
    assert d.entropy == pytest.approx(whole.entropy, abs=1e-4)
    assert d.best() == whole.best()
    for token in (0, 1, 10_000):
        assert d.surprisal(token) == pytest.approx(whole.surprisal(token), abs=1e-4)
    d.read(logits)
    assert (changed == given).all()


def test_what_is_certain_has_no_entropy() -> None:
    d = Distribution(3)
    d.replace(np.array([0.0, -1e9, -1e9], dtype=np.float32))
    assert (d.best(), d.entropy, d.surprisal(0)) == (0, 0.0, 0.0)


def test_the_others_are_the_next_likely_ones_and_nothing_is_changed() -> None:
    p = np.array([0.1, 0.2, 0.05, 0.6, 0.05], dtype=np.float32)
    d = Distribution(5)
    d.read(np.log(p))
    before = d.log_probs().tolist()
    tokens, probabilities = zip(*d.others(3), strict=True)
    assert tokens == (1, 0)
    assert probabilities == pytest.approx((0.2, 0.1), abs=1e-6)
    assert d.log_probs().tolist() == before
    assert d.best() == 3
    assert d.surprisal(3) == pytest.approx(-math.log2(0.6), abs=1e-5)


def test_beside_a_sure_one_and_where_there_are_none_are_no_others() -> None:
    d = Distribution(2)
    d.read(np.log(np.array([0.95, 0.05], dtype=np.float32)))
    assert d.others(0) == []
    d.read(np.log(np.array([0.5, 0.5], dtype=np.float32)))
    [(token, probability)] = d.others(0)
    assert (token, round(probability, 6)) == (1, 0.5)
