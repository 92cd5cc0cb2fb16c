"""Decisions drawn from a known calibration give it back; few, one-sided or senseless ones do no harm."""

import math
from dataclasses import replace

import numpy as np
import pytest

from empower_lsp.log.records import CompletionRecord, TokenRecord
from empower_lsp.outcome.outcome import Kind
from empower_lsp.personal.decision import Decision
from empower_lsp.personal.recalibration import LEAST, WIDEN, TooFewDecisions, recalibrated
from empower_model.calibration import Calibration

OWN = Calibration(1.0, 2.0)
NOON = 1_700_000_000.0
BLANK = CompletionRecord(
    "", 0.0, "a.py", "w", "python", "", "", "text", 4, (), 1, "uncertain", 0, 0, 0.2, "gain", "m", "", 0, 0, 0, 0, ""
)


def drawn(
    truth: Calibration, count: int, *, seed: int = 0, days: int = 10, files: int = 1, own: Calibration = OWN
) -> list[Decision]:
    """Completions that `own` lets through at confidence 0.2, and what a person with the calibration `truth` decides."""
    random = np.random.default_rng(seed)
    bits = own.budget(0.2) * random.random(count) ** 1.5
    return [
        decision(float(u), bool(random.random() < truth.probability(float(u))), NOON + 86_400 * (i % days), i % files)
        for i, u in enumerate(bits)
    ]


def decision(bits: float, right: bool, at: float, file: int = 0) -> Decision:
    record = replace(BLANK, at=at, path=f"{file}.py", tokens=(TokenRecord("text", bits, 1.0),))
    kind = Kind.ACCEPTED if right else Kind.DISMISSED
    return Decision(record, kind, True, 4, 4 if right else 0, 4 if right else 0, ())


@pytest.mark.parametrize("truth", [Calibration(1.4, 1.7), Calibration(0.5, 1.5), Calibration(1.2, 3.0)])
def test_a_known_calibration_is_found_again(truth: Calibration) -> None:
    """Within three standard errors of intercept a and weight -b of the log odds a - b ln U (Fisher's information)."""
    some = drawn(truth, 2000)
    fitted = recalibrated(some, OWN, 0.2).fitted
    bits = np.array([decided.bits for decided in some])
    p = np.array([truth.probability(u) for u in bits])
    design = np.stack([np.ones_like(bits), -np.log(bits)])
    errors = np.sqrt(np.diag(np.linalg.inv(design * p * (1 - p) @ design.T)))
    assert abs(fitted.slope * math.log(fitted.midpoint) - truth.slope * math.log(truth.midpoint)) < 3 * errors[0]
    assert abs(fitted.slope - truth.slope) < 3 * errors[1]
    assert errors[1] < 0.2


def test_a_person_unlike_the_model_is_served_better() -> None:
    refitted = recalibrated(drawn(Calibration(0.5, 1.0), 600), OWN, 0.2)
    assert refitted.better
    assert refitted.loss_change.high < 0  # surely so
    assert refitted.error[1] < 0.06 < refitted.error[0]
    assert refitted.error_change.high < 0
    assert refitted.fitted.budget(0.5) == pytest.approx(0.5, rel=0.25)
    assert (refitted.unit, refitted.groups, refitted.decisions) == ("days", 10, 600)
    assert sum(bin_.spans for bin_ in refitted.bins[1]) == 600


def test_a_person_like_the_model_is_left_about_where_they_are() -> None:
    refitted = recalibrated(drawn(OWN, 600), OWN, 0.2)
    assert refitted.fitted.budget(0.2) == pytest.approx(OWN.budget(0.2), rel=0.25)
    assert abs(refitted.loss[1] - refitted.loss[0]) < 0.01
    assert refitted.loss_change.low < 0.01


def test_what_is_judged_was_not_fitted_to() -> None:
    # Every day has a mind of its own: fitted to the other days, no calibration is better than another by much.
    random = np.random.default_rng(3)
    mixed = []
    for day in range(5):
        truth = Calibration(0.15 if day % 2 else 6.0, 2.0)
        some = drawn(truth, 60, seed=day)
        mixed += [replace(decided, completion=replace(decided.completion, at=NOON + 86_400 * day)) for decided in some]
    refitted = recalibrated([mixed[i] for i in random.permutation(len(mixed))], OWN, 0.2)
    assert refitted.unit == "days"
    assert refitted.loss_change.low < 0 < refitted.loss_change.high


@pytest.mark.parametrize(
    ("days", "files", "unit", "groups"),
    [(7, 1, "days", 7), (2, 6, "files", 6), (2, 3, "stretches of time", 5)],
)
def test_what_is_left_out_at_a_time(days: int, files: int, unit: str, groups: int) -> None:
    refitted = recalibrated(drawn(OWN, 200, days=days, files=files), OWN, 0.2)
    assert (refitted.unit, refitted.groups) == (unit, groups)


def test_too_few_decisions_are_refused_with_both_numbers() -> None:
    with pytest.raises(TooFewDecisions, match=rf"holds {LEAST - 1} decisions .* needs {LEAST}"):
        recalibrated(drawn(OWN, LEAST - 1), OWN, 0.2)
    with pytest.raises(TooFewDecisions, match="holds 0 decisions"):
        recalibrated([], OWN, 0.2)


@pytest.mark.parametrize("right", [0, 9, 191, 200])
def test_one_sided_decisions_are_refused(right: int) -> None:
    some = [decision(0.5, i < right, NOON + 86_400 * (i % 7)) for i in range(200)]
    with pytest.raises(TooFewDecisions, match=rf"{right} right to the end, {200 - right} not"):
        recalibrated(some, OWN, 0.2)


def test_constant_bits_move_the_midpoint_and_keep_the_slope() -> None:
    some = [decision(0.5, i % 5 > 0, NOON + 86_400 * (i % 7)) for i in range(500)]
    refitted = recalibrated(some, OWN, 0.2)
    assert refitted.fitted.probability(0.5) == pytest.approx(0.8, abs=0.01)
    assert 1.0 < refitted.fitted.slope < 3.0


def test_a_person_who_takes_anything_does_not_open_the_gates_at_once() -> None:
    # 45 % right whatever the bits: followed to the letter, the confidence 0.2 would be hundreds of bits.
    random = np.random.default_rng(4)
    some = [replace(decided, reached=4 if random.random() < 0.45 else 0) for decided in drawn(OWN, 3000)]
    refitted = recalibrated(some, OWN, 0.2)
    assert refitted.prior > 20
    assert refitted.fitted.budget(0.2) <= WIDEN * max(decided.bits for decided in some)
    assert refitted.better


def test_bits_that_mean_the_reverse_leave_the_model_as_it_is() -> None:
    some = [decision(bits, bits > 1, NOON + 86_400 * (i % 7)) for i, bits in enumerate([0.1, 1.9] * 300)]
    refitted = recalibrated(some, OWN, 0.2)
    assert refitted.fitted.slope > 0
    assert refitted.fitted.budget(0.2) <= WIDEN * 1.9 + 1e-9
