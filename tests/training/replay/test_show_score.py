"""The show score: what is known of a text, and fits whose answer is known."""

import math

import numpy as np
import pytest

from empower_training.replay.show_score import Evidence, Features, cross_validated, fit, recent


def drawn(count: int, weight: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Decisions that hang on the length alone, which is standardised."""
    random = np.random.default_rng(seed)
    features = np.zeros((count, len(Features._fields)))
    length = features[:, Features._fields.index("length")]
    length[:] = random.normal(size=count)
    return features, random.random(count) < 1 / (1 + np.exp(-weight * length))


def test_what_is_known_as_numbers() -> None:
    evidence = Evidence((0.5, 1.5), (1.0, 4.0), 8, 3.0, "    x = val", 0.7)
    assert evidence.features() == Features(math.log(2), 1.0, 1.5, 2.5, 4.0, 3.0, math.log(8), 0.0, 1.0, 0.7)


@pytest.mark.parametrize(("line", "start", "name"), [("", 1, 0), ("\t ", 1, 0), ("x_", 0, 1), ("x = ", 0, 0)])
def test_the_kind_of_place(line: str, start: float, name: float) -> None:
    features = Evidence((0.5,), (1.0,), 8, line=line).features()
    assert (features.at_line_start, features.in_name) == (start, name)


def test_what_is_not_known_is_nan() -> None:
    features = Evidence((0.0,), (), 0).features()
    unknown = {name for name, value in features._asdict().items() if math.isnan(value)}
    assert unknown == {"mean_entropy", "highest_entropy", "entropy_behind", "at_line_start", "in_name", "recent"}
    assert (features.surprisal, features.length) == (math.log(1e-3), 0.0)


def test_what_became_of_the_texts_before() -> None:
    before = recent([True, False, True, True], ["a", "a", "b", "a"], weight=0.25)
    assert before == pytest.approx([math.nan, 1.0, math.nan, 0.75], nan_ok=True)


def test_a_fit_finds_what_counts() -> None:
    features, accepted = drawn(4000, 1.5)
    score = fit(features, accepted)
    counted = dict(zip(Features._fields, score.coefficients[1:], strict=True))
    assert counted.pop("length") == pytest.approx(1.5, abs=0.2)
    assert set(counted.values()) == {0.0}
    assert score.probabilities(features).mean() == pytest.approx(accepted.mean(), abs=1e-6)


def test_what_is_not_known_counts_as_average() -> None:
    features, accepted = drawn(200, 1.5)
    features[:, 0] = math.nan
    features[::2, Features._fields.index("in_name")] = math.nan
    score = fit(features, accepted)
    unknown, average = np.full((1, len(Features._fields)), math.nan), score.centre[None, :]
    assert score.probabilities(unknown) == pytest.approx(score.probabilities(average))


def test_values_far_out_are_held_in() -> None:
    features, accepted = drawn(200, 1.5)
    score = fit(features, accepted)
    far, farther = (np.full((1, len(Features._fields)), value) for value in (100.0, 1000.0))
    assert score.probabilities(far) == score.probabilities(farther)


def test_decisions_of_one_kind_are_refused() -> None:
    features, _ = drawn(20, 1.5)
    with pytest.raises(ValueError, match="accepted and texts that were not"):
        fit(features, np.ones(20, dtype=np.bool_))


def test_a_text_is_judged_by_a_fit_to_other_groups() -> None:
    # In each group the length counts otherwise; a score that had seen a group would know which way.
    features, accepted = drawn(400, 3.0)
    groups = [i % 2 for i in range(400)]
    turned = np.where(np.array(groups) == 0, accepted, ~accepted)
    probabilities = cross_validated(features, turned, groups)
    assert probabilities is not None
    assert ((probabilities > 0.5) == turned).mean() < 0.3
    seen = fit(features, accepted).probabilities(features)
    assert ((seen > 0.5) == accepted).mean() > 0.8


def test_without_both_kinds_in_other_groups_there_is_none() -> None:
    features, accepted = drawn(40, 1.0)
    assert cross_validated(features, accepted, ["a"] * 40) is None
    assert cross_validated(features, accepted, ["a" if yes else "b" for yes in accepted]) is None
