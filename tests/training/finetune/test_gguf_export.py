from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import Qwen3ForCausalLM

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_training.corpus.tokenizer import SPECIAL_TOKENS
from empower_training.finetune.gguf_export import About, export
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.pretrain import Run, pretrain

SHAPE = Shape(width=128, layers=2, feed_forward=256, heads=2, key_value_heads=1, head_width=64, context=512)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, texts: list[str], tokenizer: Tokenizer) -> Path:
    """Return a briefly trained model: with random weights near-ties would decide which token is the likeliest."""
    folder = tmp_path_factory.mktemp("run")
    plan = Plan(steps=30, tokens_per_step=512, micro_batch=512, context=128, long_context=128, shape=SHAPE)
    pretrain(Run(plan, texts, tokenizer), folder)
    return folder / "final"


@pytest.fixture(scope="module")
def plain_file(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("gguf") / "plain.gguf"
    export(trained, target, "f32", About(name="tiny", licence="0BSD", description="a test"))
    return target


def test_likeliest_tokens_agree_with_transformers(trained: Path, plain_file: Path, texts: list[str]) -> None:
    engine = LlamaEngine(EngineConfig(plain_file, threads=1, context_size=512))
    ids = engine.tokenize(texts[3])[:300]
    model = Qwen3ForCausalLM.from_pretrained(trained, dtype=torch.float32)
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    agreed, furthest = 0, 0.0
    for length in range(1, len(ids) + 1):
        engine.prefill(ids[:length])
        logits = engine.logits()
        agreed += int(logits.argmax() == expected[length - 1].argmax())
        furthest = max(furthest, float(np.abs(logits - expected[length - 1]).max()))
    engine.close()
    assert agreed >= 0.99 * len(ids)
    # llama.cpp's CPU kernels round activations of attention to half precision
    assert furthest < 0.05


def test_quantised_file_is_smaller_and_close(trained: Path, plain_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "small.gguf"
    export(trained, target)
    assert target.stat().st_size < 0.45 * plain_file.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.gguf"]
    engines = [LlamaEngine(EngineConfig(path, threads=1, context_size=256)) for path in (plain_file, target)]
    logits = []
    for engine in engines:
        engine.prefill(engine.tokenize("def shift(self, value):\n    return self."))
        logits.append(engine.logits())
        engine.close()
    assert np.corrcoef(logits[0], logits[1])[0, 1] > 0.999


def test_the_engine_knows_the_control_tokens(plain_file: Path) -> None:
    engine = LlamaEngine(EngineConfig(plain_file, threads=1, context_size=256))
    vocabulary, description = engine.vocabulary, engine.description()
    fim = vocabulary.fim
    assert fim is not None
    assert (fim.prefix, fim.middle, fim.suffix) == (1, 2, 3)
    assert 0 in vocabulary.end_of_generation
    assert vocabulary.bos is None
    assert description["trained_context"] == 512
    assert str(description["kind"]).startswith("qwen3")
    assert engine.tokenize("<|fim_middle|>") != [2]
    engine.close()


def test_metadata(plain_file: Path) -> None:
    fields = gguf.GGUFReader(plain_file).fields

    def value(key: str) -> object:
        return fields[key].contents()

    assert value("general.architecture") == "qwen3"
    assert value("general.name") == "tiny"
    assert value("general.license") == "0BSD"
    assert value("general.description") == "a test"
    assert value("qwen3.block_count") == 2
    assert value("qwen3.attention.head_count_kv") == 1
    assert value("qwen3.attention.key_length") == 64
    assert value("qwen3.rope.freq_base") == 50_000.0
    assert value("tokenizer.ggml.pre") == "qwen2"
    assert value("tokenizer.ggml.add_bos_token") is False
    for role, token in (("fim_pre", 1), ("fim_mid", 2), ("fim_suf", 3), ("eos", 0), ("eot", 0)):
        assert value(f"tokenizer.ggml.{role}_token_id") == token
    assert tuple(value("tokenizer.ggml.tokens")[: len(SPECIAL_TOKENS)]) == SPECIAL_TOKENS  # type: ignore[index]


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        export(tmp_path, tmp_path / "out.gguf")
    assert list(tmp_path.iterdir()) == []
