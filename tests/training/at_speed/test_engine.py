"""The engine in virtual time: what an evaluation costs, and what of it is left when it is stopped."""

from collections.abc import Callable

import pytest

from empower_model.engine.seam import FakeEngine
from empower_model.errors import EngineStopped, PromptTooLong
from empower_training.at_speed.clock import Clock
from empower_training.at_speed.engine import VirtualEngine
from empower_training.at_speed.machine import Costs, Processors
from empower_training.replay.spans import Spans

PROMPT = [number % 101 for number in range(200)]
COSTS = Costs(350, 0.017, threads=2)
PIECES = (16, 32, 64, 88)
"""Of these costs the first takes no more than 60 ms, and each that follows is twice as long as the one before."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> VirtualEngine:
    spans = Spans(FakeEngine(lambda _: [("ab", 0.1, 0.2), ("cd", 0.1, 0.2), ("", 0.0, 0.0)]))
    return VirtualEngine(spans, COSTS, Processors(clock), state_size=1000)


def run(clock: Clock, function: Callable[[], None], stop: Callable[[], None] | None = None, at: float = 0.0) -> None:
    process = clock.start(function, "engine")
    if stop is not None:
        told = stop

        def later() -> None:
            clock.wait(at)
            told()

        clock.start(later, "stop")
    clock.finish(process)


def test_a_prompt_takes_as_long_as_its_pieces(clock: Clock, engine: VirtualEngine) -> None:
    evaluated: list[int] = []
    run(clock, lambda: evaluated.append(engine.prefill(PROMPT)))
    assert evaluated == [200]
    assert clock.now == pytest.approx(sum((size - 1) / 350 + 0.017 for size in PIECES))
    assert engine.spent.evaluated == 200
    assert engine.spent.seconds == pytest.approx(2 * clock.now)


def test_what_is_known_is_not_evaluated_again(clock: Clock, engine: VirtualEngine) -> None:
    def both() -> None:
        engine.prefill(PROMPT)
        before = clock.now
        assert engine.prefill([*PROMPT, 5]) == 1
        assert clock.now - before == pytest.approx(0.017)
        assert engine.prefill(PROMPT) == 1  # the last one, for what comes after it

    run(clock, both)


def test_a_stop_leaves_the_pieces_that_were_done(clock: Clock, engine: VirtualEngine) -> None:
    def stopped() -> None:
        with pytest.raises(EngineStopped):
            engine.prefill(PROMPT)
        assert clock.now == pytest.approx(0.3)  # in the third piece
        engine.stop.clear()
        assert engine.prefill(PROMPT) == 200 - 16 - 32

    run(clock, stopped, engine.stop.set, 0.3)


def test_stopped_at_each_key_it_gets_on(clock: Clock, engine: VirtualEngine) -> None:
    def stopped() -> None:
        with pytest.raises(EngineStopped):
            engine.prefill(PROMPT)
        assert clock.now == pytest.approx(15 / 350 + 0.017)  # the first piece is always done
        engine.stop.clear()
        assert engine.prefill(PROMPT) == 200 - 16

    run(clock, stopped, engine.stop.set, 0.01)


def test_a_token_is_evaluated_when_the_next_is_asked_for(clock: Clock, engine: VirtualEngine) -> None:
    def written() -> None:
        engine.prefill(PROMPT)
        begun = clock.now
        times = [(token.piece, clock.now - begun) for token in engine.decode()]
        assert times == [(b"ab", 0.0), (b"cd", pytest.approx(0.017)), (b"", pytest.approx(0.034))]

    run(clock, written)


def test_writing_ends_at_a_stop(clock: Clock, engine: VirtualEngine) -> None:
    def written() -> None:
        engine.prefill(PROMPT[:8])
        assert [token.piece for token in engine.decode()] == [b"ab"]

    run(clock, written, engine.stop.set, 7 / 350 + 0.017 + 0.01)


def test_a_place_that_was_left_is_gone_on_from(clock: Clock, engine: VirtualEngine) -> None:
    def there_and_back() -> None:
        engine.prefill(PROMPT)
        engine.prefill([7] * 100)
        assert engine.prefill([*PROMPT, 9, 9]) == 2

    run(clock, there_and_back)


def test_what_is_prepared_ends_when_somebody_asks(clock: Clock, engine: VirtualEngine) -> None:
    def prepared() -> None:
        assert not engine.prepare(PROMPT, 50)
        with pytest.raises(EngineStopped):
            engine.prepare(PROMPT, 150)
        engine.stop.clear()
        assert engine.prefill(PROMPT) == 150

    run(clock, prepared, engine.asked.set, 0.2)


def test_a_prompt_must_fit(engine: VirtualEngine) -> None:
    with pytest.raises(PromptTooLong, match="2048"):
        engine.prefill([1] * 2048)
