"""How much text a place has, at a speed."""

import pytest

from empower_model.prompt.stages import LEAST, Stages


@pytest.mark.parametrize(
    ("speed", "first", "whole"),
    [
        (10, LEAST, LEAST),
        (50, LEAST, 128),  # 15 and 100 tokens
        (220, 64, 512),  # 66 and 440
        (350, 128, 512),  # 105 and 700
        (1_200, 256, 2000),  # 360 and 2,400
        (6_000, 2000, 2000),
    ],
)
def test_tokens_are_those_read_in_a_time_in_powers_of_two(speed: float, first: int, whole: int) -> None:
    stages = Stages(2000, lambda: speed)
    assert (stages.first, stages.whole) == (first, whole)


def test_without_a_speed_a_place_has_all_at_once() -> None:
    stages = Stages(2000)
    assert (stages.first, stages.whole) == (2000, 2000)


def test_a_speed_that_wavers_changes_nothing() -> None:
    speeds = [200.0, 140.0, 290.0, 160.0, 135.0, 130.0]  # 400 tokens: nearer to 512 than to 256
    stages = Stages(2000, iter(speeds).__next__)
    assert [stages.whole for _ in speeds] == [512, 512, 512, 512, 512, 256]
