"""Other types for the weights of a model file: which, and what is measured of the result; with the bundled model."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from empower_model.engine import requantising
from empower_model.engine.adapter_file import EMBEDDING, header
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.llama_file import requantise
from empower_model.engine.requantising import IQ4_NL, Q8_0, Requantised, compare, faster_types
from empower_model.engine.seam import EngineConfig
from empower_model.errors import EngineError, ModelFileInvalid, PromptTooLong

Q5_0 = 6
TEXT = Path(requantising.__file__).read_text(encoding="utf-8")


def types(path: Path) -> dict[str, int]:
    return {name: tensor.type for name, tensor in header(path).tensors.items()}


@pytest.fixture(scope="module")
def slow(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundled model with all weights of its layers in a type that processors are slow with."""
    path = tmp_path_factory.mktemp("slow") / "slow.gguf"
    layers = {name for name, type in types(weights).items() if type == Q8_0 and name != EMBEDDING}
    requantise(weights, path, dict.fromkeys(layers, Q5_0))
    return path


@pytest.fixture(scope="module")
def engine(weights: Path) -> Iterator[LlamaEngine]:
    engine = LlamaEngine(EngineConfig(weights, threads=1, context_size=256))
    yield engine
    engine.close()


def test_a_file_without_slow_weights_is_left_as_it_is(weights: Path) -> None:
    assert faster_types(weights) == {}


def test_slow_weights_get_faster_types_and_others_stay(weights: Path, slow: Path, tmp_path: Path) -> None:
    before, wanted = types(slow), faster_types(slow)
    assert Counter(wanted.values()) == {IQ4_NL: 12, Q8_0: 30}  # six layers of seven matrices
    assert all(type == IQ4_NL for name, type in wanted.items() if "ffn_gate" in name or "ffn_up" in name)
    path = tmp_path / "faster.gguf"
    requantise(slow, path, wanted)
    assert types(path) == {**before, **wanted}
    assert faster_types(path) == {}


def test_what_keeps_its_type_keeps_its_values(weights: Path, tmp_path: Path, engine: LlamaEngine) -> None:
    path = tmp_path / "same.gguf"
    requantise(weights, path, {})
    same = LlamaEngine(EngineConfig(path, threads=1, context_size=256))
    ids = engine.tokenize(TEXT)[:60]
    engine.prefill(ids)
    same.prefill(ids)
    np.testing.assert_array_equal(same.logits(), engine.logits())
    same.close()


def test_bits_of_known_text_are_those_of_one_token_after_the_other(engine: LlamaEngine) -> None:
    ids = engine.tokenize(TEXT)[:30]
    expected = []
    for end in range(1, len(ids)):
        engine.prefill(ids[:end])
        logits = engine.logits().astype(np.float64)
        expected.append((np.logaddexp.reduce(logits) - logits[ids[end]]) / np.log(2))
    np.testing.assert_allclose(engine.surprisals(ids), expected, atol=0.02)
    assert engine.surprisals(ids[:1]) == []
    with pytest.raises(PromptTooLong):
        engine.surprisals(engine.tokenize(TEXT)[:300])


def test_two_files_are_compared_by_speed_and_bits(weights: Path, slow: Path) -> None:
    comparison = compare(weights, slow, TEXT)
    assert 0 < comparison.cost < 0.1
    assert 0.05 < comparison.gain < 20


@pytest.mark.parametrize(
    ("gain", "cost", "disturbed", "worth"),
    [(1.3, 0.008, False, True), (1.3, 0.008, True, False), (1.1, -0.001, False, False), (2.0, 0.02, False, False)],
)
def test_a_copy_is_worth_it_that_wins_much_and_costs_little(
    gain: float, cost: float, disturbed: bool, worth: bool
) -> None:
    assert Requantised(gain, cost, disturbed).worth is worth


def test_what_cannot_be_written_or_read_is_one_clear_error(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"could not requantise .* as .*gguf: .*disk is full"):
        requantise(weights, tmp_path / "none" / "x.gguf", {})
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelFileInvalid):
        faster_types(broken)
