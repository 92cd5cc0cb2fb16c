"""States of prompts that were left, with the bundled model in llama.cpp itself."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from empower_model.engine import EngineConfig, states
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.states import MOST, WORTH, common


@pytest.fixture
def engine(weights: Path) -> Iterator[LlamaEngine]:
    engine = LlamaEngine(EngineConfig(weights, context_size=512))
    yield engine
    engine.close()


def place(engine: LlamaEngine, name: str, lines: int = 30) -> list[int]:
    return engine.tokenize("".join(f"{name}_{i} = compute({i})\n" for i in range(lines)))[:300]


def test_a_place_that_was_left_is_found_again(engine: LlamaEngine) -> None:
    here, there = place(engine, "here"), place(engine, "there")
    engine.prefill(here)
    before = engine.logits()
    written = [token.id for token in islice(engine.decode(), 8)]
    assert engine.prefill(there) == len(there) - common(here, there)
    assert engine.prefill(here) == 1
    np.testing.assert_allclose(engine.logits(), before, atol=2e-2)  # one token by itself, not in a batch
    assert [token.id for token in islice(engine.decode(), 8)] == written
    assert engine.prefill(there) == 1


def test_what_a_key_takes_back_is_not_worth_a_copy(engine: LlamaEngine) -> None:
    here = place(engine, "here")
    engine.prefill(here)
    assert engine.states is not None
    for back in (1, 10, WORTH - 1):
        engine.prefill(here[:-back])
        assert engine.states.size == 0
        engine.prefill(here)
    engine.prefill(here[: -WORTH - 1])
    assert engine.states.size > 0


def test_only_so_many_are_kept_and_the_one_left_first_goes(engine: LlamaEngine) -> None:
    places = [place(engine, f"place{n}") for n in range(MOST + 2)]
    for ids in places:
        engine.prefill(ids)
    assert engine.prefill(places[1]) == 1  # MOST behind the one at hand
    assert engine.prefill(places[0]) > WORTH


def test_a_short_one_goes_before_long_ones_that_were_left_earlier(engine: LlamaEngine) -> None:
    long, short = [place(engine, f"place{n}") for n in range(MOST)], place(engine, "short")[: WORTH + 10]
    assert engine.states is not None
    assert engine.states.known(short) == 0
    for ids in (*long[:4], short, *long[4:], [1]):
        engine.prefill(ids)
    assert engine.states.known(short) < WORTH
    assert engine.unread(short) > 0
    assert [engine.unread(ids) for ids in long] == [0] * MOST


def test_their_memory_is_bounded(engine: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, elsewhere = (place(engine, name) for name in ("here", "there", "elsewhere"))
    engine.prefill(here)
    engine.prefill(there)
    assert engine.states is not None
    monkeypatch.setattr(states, "MOST_BYTES", int(engine.states.size * 1.5))
    engine.prefill(elsewhere)
    assert engine.states.size <= states.MOST_BYTES
    assert engine.prefill(there) == 1
    monkeypatch.setattr(states, "MOST_BYTES", 1)
    engine.prefill(here)
    assert engine.prefill(there) > WORTH


def test_a_prompt_is_prepared_in_pieces_without_losing_the_one_in_use(engine: LlamaEngine) -> None:
    here, there = place(engine, "here"), place(engine, "there")
    engine.prefill(here)
    rounds = 0
    while not engine.prepare(there, 64):
        rounds += 1
        assert engine.prefill([*here, here[0]]) <= 2  # a key in between
    assert 2 <= rounds <= len(there) // 64 + 1
    assert engine.prefill([*there, there[0]]) <= 2
    assert engine.prefill(here) == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "count"),
    [([], [1], 0), ([1, 2], [1, 2], 2), ([1, 2, 3], [1, 2, 4], 2), (list(range(200)), [*range(150), 0], 150)],
)
def test_how_far_both_begin_alike(ours: list[int], theirs: list[int], count: int) -> None:
    assert common(ours, theirs) == count
