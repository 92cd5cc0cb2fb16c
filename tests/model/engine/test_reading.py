"""Pieces of a prompt and the speed they are read at, the arithmetic written out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from empower_model.engine import llama
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.reading import ASSUMED, FEWEST, MOST, RECENT, Speed, pieces
from empower_model.engine.seam import EngineConfig, StopFlag
from empower_model.errors import EngineStopped


@pytest.mark.parametrize(
    ("speed", "sizes"),
    [
        (50, [8, 16, 32, 64, 128, 128, 24]),
        (300, [16, 32, 64, 128, 128, 32]),  # 18 tokens in 0.06 s
        (2000, [64, 128, 128, 80]),
        (1e6, [128, 128, 128, 16]),
    ],
)
def test_pieces_begin_short_and_double(speed: float, sizes: list[int]) -> None:
    assert list(pieces(400, speed)) == sizes
    assert list(pieces(3, speed)) == [3]
    assert list(pieces(0, speed)) == []


def test_a_speed_is_what_is_assumed_until_more_is_known() -> None:
    speed = Speed(200)
    assert speed.value == pytest.approx(200)
    speed.note(FEWEST - 1, 60.0)
    assert speed.value == pytest.approx(200)
    speed.note(ASSUMED, 0.64)  # half of all tokens at 100 a second: 128 in 0.96 s
    assert speed.value == pytest.approx(128 / 0.96)


def test_what_was_long_ago_is_forgotten() -> None:
    speed = Speed(1e6)
    for _ in range(10 * RECENT // MOST):
        speed.note(MOST, MOST / 150)
    assert speed.value == pytest.approx(150, rel=0.01)
    for _ in range(3 * RECENT // MOST):
        speed.note(MOST, MOST / 300)
    assert 250 < speed.value < 300


@pytest.fixture
def large(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LlamaEngine]:
    """Take the bundled model for a large and slow one."""
    monkeypatch.setattr(llama, "SMALL", 0)
    monkeypatch.setattr(Speed, "note", lambda *_: None)
    engine = LlamaEngine(EngineConfig(weights))
    engine._speed = Speed(50)
    yield engine
    engine.close()


def test_stopped_as_soon_as_it_has_begun_a_prompt_is_read_nevertheless(
    large: LlamaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = large.tokenize("def add(first, second):\n    return first + second\n\n\n" * 8)[:100]
    evaluate = large._context.evaluate

    def stopped(ids: Sequence[int], outputs: int = 1) -> None:
        large.stop.set()
        evaluate(ids, outputs)

    monkeypatch.setattr(large._context, "evaluate", stopped)
    left = []
    for _ in range(100 // FEWEST + 1):
        large.stop.clear()
        try:
            left.append(large.prefill(prompt))
        except EngineStopped:
            continue
    assert left == [100 % FEWEST]


def test_who_asks_ends_what_is_prepared_and_only_that(weights: Path) -> None:
    asked = StopFlag()
    engine = LlamaEngine(EngineConfig(weights), asked=asked)
    prompt = engine.tokenize("value = compute(first, second)\n" * 40)[:300]
    asked.set()
    with pytest.raises(EngineStopped):
        engine.prepare(prompt, 100)
    assert engine.prefill(prompt) == 300
    assert not asked.is_set()
    assert not engine.prepare([*prompt, *prompt], 100)
    engine.stop.set()
    assert engine.prepare([*prompt, *prompt], 500)
    engine.close()


def test_what_is_read_is_told(large: LlamaEngine) -> None:
    told: list[tuple[int, int]] = []
    large._on_read = lambda read, of: told.append((read, of))
    prompt = large.tokenize("value = compute(first, second)\n" * 40)[:60]
    large.prefill(prompt)
    large.prepare([*prompt, *prompt], 16)
    assert told == [(8, 60), (24, 60), (56, 60), (60, 60), (76, 120)]
