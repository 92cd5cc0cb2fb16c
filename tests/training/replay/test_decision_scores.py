"""Scores of decisions, with the arithmetic by hand and on decisions drawn from a known calibration."""

import math
from dataclasses import replace

import numpy as np
import pytest

from empower_lsp.log.records import CompletionRecord, TokenRecord
from empower_lsp.outcome.outcome import Kind
from empower_lsp.personal.decision import Decision
from empower_model.calibration import Calibration
from empower_model.errors import EmpowerError
from empower_training.replay.decision_lines import Line
from empower_training.replay.decision_scores import SHOW_SCORE, Judged, auc, of_decisions, of_lines, scores

CURVE = Calibration(1.0, 2.0)


def judged(bits: float, accepted: bool, characters: int = 10, group: int = 0) -> Judged:
    return Judged((bits,), (), characters, accepted, characters * accepted, group)


def drawn(count: int, seed: int = 0, people: int = 20) -> list[Judged]:
    """Completions of two tokens, accepted as CURVE says of their sum."""
    random = np.random.default_rng(seed)
    completions = []
    for i in range(count):
        first, second = random.exponential(0.7, 2)
        accepted = bool(random.random() < CURVE.probability(first + second))
        completions.append(
            Judged((first, second), (first + 0.5, second + 0.5), 10, accepted, 10.0 * accepted, i % people)
        )
    return completions


@pytest.mark.parametrize(
    ("score", "accepted", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0),
        ([1, 2, 3, 4], [0, 1, 0, 1], 3 / 4),
        ([1, 1, 1], [0, 1, 0], 1 / 2),
        ([1, 2, 2], [0, 0, 1], 3 / 4),  # above the first, level with the second
    ],
)
def test_auc_by_hand(score: list[float], accepted: list[int], expected: float) -> None:
    assert auc(np.array(score, dtype=float), np.array(accepted, dtype=bool)) == expected


def test_auc_counts_pairs() -> None:
    random = np.random.default_rng(0)
    score, accepted = random.integers(0, 6, 60).astype(float), random.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in score[accepted] for b in score[~accepted]]
    assert auc(score, accepted) == pytest.approx(sum(pairs) / len(pairs))


def test_auc_without_pairs_is_nan() -> None:
    assert math.isnan(auc(np.array([1.0, 2.0]), np.array([True, True])))


def test_a_calibrated_model_is_found_calibrated() -> None:
    figures = scores(drawn(4000), CURVE, 0.2)
    assert figures.error < 0.03
    for group in figures.acceptance:
        assert group.accepted.low - 0.03 < group.predicted < group.accepted.high + 0.03
    assert sum(group.completions for group in figures.acceptance) == figures.completions == 4000
    assert figures.groups == 20


def test_the_sum_ranks_best_where_it_decides() -> None:
    aucs = scores(drawn(4000), CURVE, 0.2).auc
    best = aucs["cumulative surprisal, or calibrated probability"]
    assert best.low < best.estimate < best.high
    assert best.low > 0.6
    assert best.estimate > aucs["highest entropy"].estimate
    assert aucs["mean surprisal"].estimate == pytest.approx(best.estimate)  # every text has two tokens
    assert aucs["shortness"].estimate == 0.5  # and ten characters


def test_the_show_score_is_judged_beside_each_other_score() -> None:
    random = np.random.default_rng(1)
    some = []
    for i in range(1200):  # longer ones are accepted more, whatever their bits
        characters = int(random.integers(1, 40))
        accepted = bool(random.random() < characters / 40)
        some.append(judged(float(random.exponential()), accepted, characters, i % 12))
    figures = scores(some, CURVE, 0.2)
    assert figures.auc[SHOW_SCORE].low > 0.7
    assert set(figures.show_score_minus) == set(figures.auc) - {SHOW_SCORE}
    assert figures.show_score_minus["mean surprisal"].low > 0.1
    length = figures.show_score_minus["shortness"]  # which is turned round, since longer ones are accepted
    assert length.estimate == pytest.approx(figures.auc[SHOW_SCORE].estimate - 1 + figures.auc["shortness"].estimate)
    assert abs(length.estimate) < 0.03


def test_without_other_groups_there_is_no_show_score() -> None:
    figures = scores([judged(1.0, True, group=0), judged(2.0, False, group=1)], CURVE, 0.2)
    assert SHOW_SCORE not in figures.auc
    assert figures.show_score_minus == {}


def test_what_a_confidence_hides_by_hand() -> None:
    # p(1/2) = 0.8, p(1) = 0.5, p(2) = 0.2, p(3) = 0.1
    some = [judged(0.5, True, 12), judged(1.0, True, 4), judged(1.0, False), judged(2.0, False), judged(3.0, True, 4)]
    figures = scores([replace(completion, group=i) for i, completion in enumerate(some)], CURVE, 0.2)
    at = {round(cut.confidence, 1): cut for cut in figures.hidden}
    assert at[0.3].shown == pytest.approx(3 / 5)
    assert at[0.3].accepted.estimate == pytest.approx(2 / 3)
    assert at[0.3].accepted_lost.estimate == pytest.approx(1 / 3)
    assert at[0.3].kept_lost.estimate == pytest.approx(4 / 20)
    assert at[0.6].kept_lost.estimate == pytest.approx(8 / 20)
    assert at[0.9].shown == 0.0
    assert math.isnan(at[0.9].accepted.estimate)
    assert at[0.9].kept_lost.estimate == 1.0


def test_the_expected_gain_weighs_length() -> None:
    # p(1) = 0.5: (0.5 - 0.2) * 20 = 6 is more than (0.8 - 0.2) * 5 = 3, though it is less probable.
    some = [judged(1.0, True, 20, 0), judged(0.5, False, 5, 1)]
    aucs = scores(some, CURVE, 0.2).auc
    assert aucs["expected gain at confidence 0.2"].estimate == 1.0
    assert aucs["cumulative surprisal, or calibrated probability"].estimate == 0.0
    assert "mean entropy" not in aucs  # it is not known


def test_people_count_once_each() -> None:
    # Ten people who accept all or nothing: two hundred decisions, but ten to draw from.
    some = [judged(0.5 + i % 7 / 10, i % 10 < 5, group=i % 10) for i in range(200)]
    alone = scores([replace(completion, group=i) for i, completion in enumerate(some)], CURVE, 0.2).accepted
    together = scores(some, CURVE, 0.2).accepted
    assert together.high - together.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("accepted", [True, False])
def test_one_kind_is_refused(accepted: bool) -> None:
    with pytest.raises(EmpowerError, match="both kinds are needed"):
        scores([judged(1.0, accepted), judged(2.0, accepted)], CURVE, 0.2)
    with pytest.raises(EmpowerError, match="both kinds are needed"):
        scores([], CURVE, 0.2)


def test_decisions_of_the_log() -> None:
    tokens = (TokenRecord("re", 0.5, 1.0), TokenRecord("turn", 0.25, 2.0), TokenRecord(" x", 9.0, 9.0))
    record = CompletionRecord(
        "a", 1.7e9, "a.py", "w", "python", "def f():\n    ", "", "return", 6, tokens, 2, "uncertain", 0.5, 2.0, 0.2,
        "gain", "m", "", 9, 3, 4.0, 20.0, "0",
    )  # fmt: skip
    taken = Decision(record, Kind.ACCEPTED, True, 6, 6, 6, (1.0, 0.5))
    left = Decision(record, Kind.PARTIALLY_ACCEPTED, True, 6, 2, 2, ())
    whole, part = of_decisions([taken, left])
    assert (whole.surprisals, whole.entropies, whole.characters) == ((0.5, 0.25), (1.0, 2.0), 6)
    assert (whole.accepted, whole.kept) == (True, 3.0)
    assert (part.accepted, part.kept) == (False, 2.0)
    assert (whole.line, whole.behind) == ("    ", 9.0)
    assert math.isnan(whole.recent)
    assert part.recent == 1.0


def test_lines_are_grouped_by_person_where_there_are_several() -> None:
    line = Line("", "abc", True, bits=(1.0,))
    by = [replace(line, person=person) for person in ("a", "b", "a")]
    assert [completion.group for completion in of_lines(by)] == ["a", "b", "a"]
    of_one = [replace(line, person="a") for line in by]
    assert [completion.group for completion in of_lines(of_one)] == [0, 1, 2]
    assert [completion.group for completion in of_lines([line, line])] == [0, 1]
    assert [completion.kept for completion in of_lines([line, replace(line, accepted=False)])] == [3, 0]


def test_what_is_known_of_a_line_before_it_is_shown() -> None:
    line = Line("def f():\n    x = ", "abc", True, bits=(1.0,), person="a")
    first, other, again = of_lines([line, replace(line, person="b"), line])
    assert (first.line, first.behind) == ("    x = ", None)
    assert math.isnan(first.recent)
    assert math.isnan(other.recent)
    assert again.recent == 1.0
