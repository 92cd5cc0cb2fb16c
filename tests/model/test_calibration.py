"""Bits to probability, with values worked out by hand."""

import json
import math
from pathlib import Path

import pytest

from empower_model.calibration import Calibration, sidecar
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
