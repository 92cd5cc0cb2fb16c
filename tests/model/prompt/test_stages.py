"""How much text a place has, at a speed."""

import pytest

from empower_model.prompt.stages import LEAST, Stages


@pytest.mark.parametrize(
    ("speed", "first", "whole"),
    [
        (10, LEAST, LEAST),
        (50, LEAST, 256),  # 15 and 250 tokens
        (220, 64, 1024),  # 66 and 1,100
        (350, 128, 2000),  # 105 and 1,750
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
    speeds = [170.0, 120.0, 240.0, 140.0, 115.0, 110.0]  # 850 tokens: nearer to 1,024 than to 512
    stages = Stages(2000, iter(speeds).__next__)
    assert [stages.whole for _ in speeds] == [1024, 1024, 1024, 1024, 1024, 512]
