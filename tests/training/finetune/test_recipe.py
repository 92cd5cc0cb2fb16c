import pytest

from empower_training.finetune.recipe import Recipe, starting_rate


def test_the_rate_rises_and_falls() -> None:
    """With a warm-up of 0.2: halfway up at 0.1, at the top at 0.2, cosine halfway down at 0.6, zero at the end."""
    recipe = Recipe(warm_up=0.2)
    assert [recipe.scale(share) for share in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx([0, 0.5, 1, 0.5, 0])


@pytest.mark.parametrize("warm_up", [0.0, 1.0])
def test_without_warm_up_or_with_nothing_else(warm_up: float) -> None:
    scales = [Recipe(warm_up=warm_up).scale(share) for share in (0.25, 0.5, 0.75)]
    assert scales == sorted(scales, reverse=warm_up == 0)
    assert all(0 < scale < 1 for scale in scales)


def test_a_large_base_takes_the_papers_rate() -> None:
    assert starting_rate(adapter=False, parameters=8_000_000_000) == 1e-5
    assert starting_rate(adapter=False, parameters=7_000_000) > 1e-5
