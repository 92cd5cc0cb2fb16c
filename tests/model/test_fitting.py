"""Known parameters are found again, and data without an answer is refused."""

import math

import numpy as np
import pytest

from empower_model.calibration import Calibration
from empower_model.fitting import fit


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
    right = random.random(bits.size) < np.array([truth.probability(one) for one in bits])
    fitted = fit(bits, right)
    assert fitted.midpoint == pytest.approx(truth.midpoint, rel=0.06)
    assert fitted.slope == pytest.approx(truth.slope, rel=0.04)


def test_no_other_curve_is_likelier() -> None:
    random = np.random.default_rng(3)
    bits = np.exp(random.normal(0.5, 2.0, 300))
    right = random.random(300) < 1 / (1 + (bits / 2.0) ** 1.2)

    def likelihood(curve: Calibration) -> float:
        p = np.array([curve.probability(one) for one in bits])
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


def test_data_that_leads_nowhere_is_refused() -> None:
    # One right among a hundred, and two right ones so far out that Newton's steps overshoot for ever.
    log_bits = np.append(np.linspace(-2, 2, 100), [20.0, 200.0])
    right = np.append(np.linspace(-2, 2, 100) <= -2, [True, True])
    with pytest.raises(ValueError, match=r"no maximum that can be reached|Singular matrix"):
        fit(np.exp(log_bits), right)
