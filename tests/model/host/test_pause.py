"""Pauses, in virtual time: pieces that a request may wait for, and a budget."""

from collections.abc import Sequence

import pytest

from empower_model.errors import EngineError
from empower_model.host import pause
from empower_model.host.pause import Pause

THREADS = 2


class Preparing:
    """Work of so many tokens at so many seconds a token, and somebody who asks after so many pieces."""

    def __init__(self, left: int, seconds: float, asked_after: int = 10_000) -> None:
        self.left, self.seconds, self.asked_after = left, seconds, asked_after
        self.now = 100.0
        self.pieces: list[int] = []
        self.pause = Pause(lambda: self.now, lambda: self.now * THREADS)

    def use(self) -> float:
        """Use a pause; return how long it was."""
        began = self.now
        self.pause.use(self.prepare, self.asked)
        return self.now - began

    def prepare(self, most: int) -> bool:
        self.pieces.append(min(most, self.left))
        self.left -= self.pieces[-1]
        self.now += self.pieces[-1] * self.seconds
        return self.left > 0

    def asked(self) -> bool:
        return len(self.pieces) >= self.asked_after


@pytest.mark.parametrize(
    ("seconds", "pieces"),
    [
        (1 / 8192, [8, 16, 32, 64, 128, 256, 256, 240]),
        (1 / 1024, [8, 16, 32, 32, 64, 128, 256, 256, 208]),  # up to 0.06 s, then as long as the pause so far
        (1 / 128, [8, 8, 16, 32, 64, 128, 256, 256, 232]),
    ],
)
def test_a_pause_is_used_in_pieces_that_a_request_may_wait_for(seconds: float, pieces: Sequence[int]) -> None:
    work = Preparing(1000, seconds)
    work.use()
    assert work.pieces == pieces


def test_who_asks_does_not_wait_for_the_rest() -> None:
    work = Preparing(2000, 0.001, asked_after=3)
    work.use()
    assert len(work.pieces) == 3


def test_what_cannot_be_prepared_is_left_to_the_next_request() -> None:
    def prepare(most: int) -> bool:
        raise EngineError("llama.cpp could not")

    Pause().use(prepare, lambda: False)


def test_a_minute_has_fifteen_seconds_of_a_processor() -> None:
    work = Preparing(10**6, 0.001)
    assert work.use() * THREADS == pytest.approx(pause.BUDGET_SECONDS, abs=pause.MOST * 0.001 * THREADS)
    for _ in range(59):
        work.now += 0.8
        work.pause.end()
        assert work.use() == 0
    work.now += 6
    work.pause.end()
    assert work.use() > 0
    assert work.pause.seconds <= 2 * pause.BUDGET_SECONDS + 1


def test_half_a_minute_after_the_last_key_nothing_is_done() -> None:
    work = Preparing(10**6, 0.001)
    work.now += pause.PATIENCE_SECONDS
    assert work.use() == 0
    work.pause.end()
    assert work.use() > 0
