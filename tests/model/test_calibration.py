"""Bits to probability: values worked out by hand, and known parameters found again."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from empower_model.calibration import Calibration, fit, sidecar
from empower_model.errors import ModelError


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (0.0, 1.0),
        (-0.5, 1.0),  # rounding may leave a sum of surprisals a hair below zero
        (2.0, 1 / 2),  # the midpoint
        (4.0, 1 / 9),  # odds (2/4) ** 3 = 1/8
        (1.0, 8 / 9),  # odds (2/1) ** 3 = 8
        (math.inf, 0.0),
    ],
)
def test_probability(bits: float, expected: float) -> None:
    assert Calibration(midpoint=2.0, slope=3.0).probability(bits) == pytest.approx(expected, abs=1e-15)


def test_the_default_is_right_half_the_time_at_one_bit() -> None:
    assert Calibration().probability(1.0) == 0.5
    assert Calibration().probability(4.0) == pytest.approx(1 / 9)  # 4 ** 1.5 = 8


@pytest.mark.parametrize("slope", [0.1, 1.5, 80.0])
def test_extreme_bits_stay_between_zero_and_one(slope: float) -> None:
    curve = Calibration(midpoint=3.0, slope=slope)
    values = [curve.probability(bits) for bits in (1e-300, 1e-9, 1.0, 1e9, 1e300)]
    assert values == sorted(values, reverse=True)
    assert all(0.0 <= value <= 1.0 for value in values)


def test_budget_is_the_inverse() -> None:
    curve = Calibration(midpoint=2.0, slope=3.0)
    assert curve.budget(0.5) == pytest.approx(2.0)
    assert curve.budget(1 / 9) == pytest.approx(4.0)
    for probability in (1e-6, 0.2, 0.9, 0.999999):
        assert curve.probability(curve.budget(probability)) == pytest.approx(probability)


def test_budget_at_its_limits() -> None:
    assert Calibration().budget(1.0) == 0.0
    assert Calibration().budget(1.5) == 0.0
    assert Calibration().budget(0.0) == math.inf
    assert Calibration().budget(-0.1) == math.inf
    assert Calibration(slope=0.1).budget(1e-300) == math.inf  # 10 ** 3000 bits


@pytest.mark.parametrize(("midpoint", "slope"), [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_parameters_that_make_no_curve_are_refused(midpoint: float, slope: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Calibration(midpoint, slope)


def test_a_saved_calibration_is_read_again(tmp_path: Path) -> None:
    path = sidecar(tmp_path / "qwen2.5-coder-0.5b-q8_0.gguf")
    assert path.name == "qwen2.5-coder-0.5b-q8_0.calibration.json"
    Calibration(1.25, 0.875).save(path, fitted_on="held-out", date="2026-01-31", spans=4096)
    assert Calibration.load(path) == Calibration(1.25, 0.875)
    assert json.loads(path.read_text())["spans"] == 4096


def test_without_a_sidecar_the_default_holds(tmp_path: Path) -> None:
    assert Calibration.load(tmp_path / "none.calibration.json") == Calibration()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Expecting"),
        ("[1, 2]", "indices"),
        ('{"midpoint": 1}', "lacks 'slope'"),
        ('{"midpoint": "high", "slope": 1}', "could not convert"),
        ('{"midpoint": -1, "slope": 1}', "must be positive"),
        ('{"midpoint": null, "slope": 1}', "NoneType"),
    ],
)
def test_a_broken_sidecar_says_so(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "m.calibration.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=reason) as caught:
        Calibration.load(path)
    assert str(path) in str(caught.value)
    assert "Delete it" in str(caught.value)


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
