"""Known parameters are found again, and data without an answer is refused."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empower_model.calibration import Calibration
from empower_model.fitting.fitting import Bin, calibration_error, fit, fit_near, log_losses, probabilities, reliability

Bits = NDArray[np.float64]
Right = NDArray[np.bool_]


def test_fit_worked_by_hand() -> None:
    # Two distinct values: the curve goes through both frequencies. 3 of 4 are right at 1 bit, 1 of 4 at 4 bits:
    # log odds ln 3 at ln U = 0 and -ln 3 at ln U = ln 4, so slope = 2 ln 3 / ln 4 = log2 3, midpoint = 2.
    bits = np.array([1.0] * 4 + [4.0] * 4)
    right = np.array([True, True, True, False, True, False, False, False])
    fitted = fit(bits, right)
    assert fitted.midpoint == pytest.approx(2.0, rel=1e-9)
    assert fitted.slope == pytest.approx(math.log2(3), rel=1e-9)


@pytest.mark.parametrize("truth", [Calibration(1.0, 1.5), Calibration(6.0, 0.7), Calibration(0.05, 3.0)])
def test_known_parameters_are_found_again(truth: Calibration) -> None:
    random = np.random.default_rng(7)
    bits = truth.midpoint * np.exp(random.normal(0.0, 1.5, 20_000))
    right = random.random(bits.size) < np.array([truth.probability(u) for u in bits])
    fitted = fit(bits, right)
    assert fitted.midpoint == pytest.approx(truth.midpoint, rel=0.06)
    assert fitted.slope == pytest.approx(truth.slope, rel=0.04)


def test_no_other_curve_is_likelier() -> None:
    random = np.random.default_rng(3)
    bits = np.exp(random.normal(0.5, 2.0, 300))
    right = random.random(300) < 1 / (1 + (bits / 2.0) ** 1.2)

    def likelihood(curve: Calibration) -> float:
        p = np.array([curve.probability(u) for u in bits])
        return float(np.log(np.where(right, p, 1 - p)).sum())

    best = fit(bits, right)
    for factor in (0.99, 1.01):
        assert likelihood(Calibration(best.midpoint * factor, best.slope)) < likelihood(best)
        assert likelihood(Calibration(best.midpoint, best.slope * factor)) < likelihood(best)


def test_spans_of_no_bits_at_all_are_floored() -> None:
    bits = np.array([0.0, 0.0, 1.0, 1.0, 2.0, 8.0])
    right = np.array([True, False, True, False, True, False])
    assert fit(bits, right).slope > 0


@pytest.mark.parametrize(
    ("bits", "right", "reason"),
    [
        ([1.0, 2.0], [True, True], "needs spans"),
        ([1.0, 2.0], [False, False], "needs spans"),
        ([1.0, 2.0, 3.0, 4.0], [True, True, False, False], "do not overlap"),
        ([1.0, 2.0, 2.0, 4.0], [True, True, False, False], "do not overlap"),  # they only touch
        ([2.0, 2.0, 2.0], [True, False, True], "do not overlap"),
        ([1.0, 1.0, 4.0, 4.0, 4.0], [False, True, True, True, False], "more bits"),
        ([1.0, np.nan], [True, False], "finite"),
        ([-1.0, 2.0], [True, False], "finite"),
        ([1.0, 2.0, 3.0], [True, False], "one length"),
        ([], [], "needs spans"),
    ],
)
def test_degenerate_data_is_refused(bits: list[float], right: list[bool], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        fit(np.array(bits), np.array(right, dtype=bool))


def test_outliers_do_not_throw_the_search_off() -> None:
    # One right among a hundred, and two right ones so far out that whole Newton steps overshoot for ever.
    log_bits = np.append(np.linspace(-2, 2, 100), [20.0, 200.0])
    right = np.append(np.linspace(-2, 2, 100) <= -2, [True, True])
    with pytest.raises(ValueError, match="more bits"):
        fit(np.exp(log_bits), right)


def log_posterior(curve: Calibration, prior: Calibration, spans: float, bits: Bits, right: Right) -> float:
    """Return what `fit_near` maximises, written out from its docstring with a grid of 20."""
    total = sum(
        math.log(curve.probability(u) if y else 1 - curve.probability(u)) for u, y in zip(bits, right, strict=True)
    )
    for q in ((g - 0.5) / 20 for g in range(1, 21)):
        p = curve.probability(prior.budget(q))
        total += spans / 20 * (q * math.log(p) + (1 - q) * math.log(1 - p))
    return total


def test_a_prior_without_data_is_the_answer() -> None:
    prior = Calibration(1.7, 0.8)
    fitted = fit_near(prior, 5.0, np.array([]), np.array([], dtype=bool))
    assert fitted.midpoint == pytest.approx(1.7, rel=1e-6)
    assert fitted.slope == pytest.approx(0.8, rel=1e-6)


@pytest.mark.parametrize("spans", [1.0, 20.0, 300.0])
def test_nothing_near_the_prior_is_likelier(spans: float) -> None:
    random = np.random.default_rng(5)
    bits = np.exp(random.normal(0.0, 1.0, 80))
    right = random.random(80) < 1 / (1 + (bits / 3.0) ** 1.0)
    prior = Calibration(1.0, 2.0)
    best = fit_near(prior, spans, bits, right)
    top = log_posterior(best, prior, spans, bits, right)
    for factor in (0.99, 1.01):
        assert log_posterior(Calibration(best.midpoint * factor, best.slope), prior, spans, bits, right) < top
        assert log_posterior(Calibration(best.midpoint, best.slope * factor), prior, spans, bits, right) < top


def test_a_prior_counts_for_less_the_more_there_is() -> None:
    random = np.random.default_rng(8)
    bits = np.exp(random.normal(0.0, 1.0, 4000))
    right = random.random(4000) < 1 / (1 + (bits / 4.0) ** 1.0)
    far = [
        abs(math.log(fit_near(Calibration(1.0, 2.0), 20, bits[:n], right[:n]).midpoint / 4.0)) for n in (20, 200, 4000)
    ]
    assert far[0] > far[1] > far[2]
    assert far[2] < 0.15


@pytest.mark.parametrize("right", [True, False])
def test_one_sided_data_moves_the_prior_and_no_more(right: bool) -> None:
    prior = Calibration(1.0, 2.0)
    fitted = fit_near(prior, 20, np.full(50, 1.0), np.full(50, right))
    assert 0.05 < fitted.slope < 20
    assert (fitted.probability(1.0) > 0.8) if right else (fitted.probability(1.0) < 0.2)


def test_constant_bits_leave_the_slope_near_the_prior() -> None:
    fitted = fit_near(Calibration(1.0, 2.0), 20, np.full(100, 1.0), np.arange(100) % 2 == 0)
    assert fitted.midpoint == pytest.approx(1.0, abs=0.02)
    assert fitted.slope == pytest.approx(2.0, abs=0.02)


def test_data_that_contradicts_the_prior_too_much_is_refused() -> None:
    bits = np.repeat([0.1, 10.0], 500)
    with pytest.raises(ValueError, match="more bits"):
        fit_near(Calibration(1.0, 2.0), 1.0, bits, bits > 1)
    with pytest.raises(ValueError, match="count for some spans"):
        fit_near(Calibration(1.0, 2.0), 0.0, bits, bits > 1)


def test_probabilities_are_those_of_the_curve() -> None:
    curve = Calibration(2.0, 3.0)
    falling = probabilities(curve, [0.0, 1.0, 2.0, 4.0])
    assert falling.tolist() == pytest.approx([1.0, 8 / 9, 1 / 2, 1 / 9])
    assert falling[1:] == pytest.approx([curve.probability(u) for u in (1.0, 2.0, 4.0)])


def test_log_losses_by_hand() -> None:
    losses = log_losses(np.array([0.5, 0.25, 0.25, 1.0, 1.0]), np.array([True, True, False, True, False]))
    assert losses.tolist() == pytest.approx([1.0, 2.0, math.log2(4 / 3), -math.log2(0.999), math.log2(1000)])


def near(value: float) -> Any:
    return pytest.approx(value)


def test_reliability_and_its_error_by_hand() -> None:
    predicted = np.array([0.9, 0.1, 0.1, 0.7])
    right = np.array([True, False, True, False])
    bins = reliability(predicted, right, bins=2)
    assert bins == (Bin(2, near(0.1), 0.5), Bin(2, near(0.8), 0.5))
    assert calibration_error(bins) == pytest.approx((2 * 0.4 + 2 * 0.3) / 4)


def test_equal_probabilities_share_a_bin() -> None:
    predicted = np.full(30, 0.4)
    assert reliability(predicted, np.arange(30) < 12) == (Bin(30, near(0.4), 0.4),)


def test_every_span_is_in_one_bin() -> None:
    random = np.random.default_rng(1)
    predicted = np.round(random.random(137), 1)
    bins = reliability(predicted, random.random(137) < predicted)
    assert sum(bin_.spans for bin_ in bins) == 137
    assert 2 < len(bins) <= 10
    assert [bin_.predicted for bin_ in bins] == sorted(bin_.predicted for bin_ in bins)
