import shutil
import warnings
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    GemmaConfig,
    LlamaConfig,
    PreTrainedConfig,
    Qwen2Config,
    Starcoder2Config,
)

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.errors import ModelError
from empower_model.files import store
from empower_training.corpus import tokenizer as tokenizers
from empower_training.finetune.gguf_export import export
from empower_training.finetune.lora import is_adapter, merged, write_adapter
from empower_training.finetune.starting_weights import base_folder
from empower_training.finetune.training import Recipe, finetune
from empower_training.labels.example import Example

SMALL: dict[str, Any] = {
    "vocab_size": 16,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundled model's weights, rebuilt."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMPOWER_LSP_DATA", str(tmp_path_factory.mktemp("data")))
        return base_folder(store.checked(""))


@pytest.fixture(scope="module")
def ids(base: Path, texts: list[str]) -> list[int]:
    return tokenizers.load(base).encode(texts[2]).ids[:180]


@pytest.fixture(scope="module")
def tuned(base: Path, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an adapter that has learned a little, far too fast, so that it changes what the model says."""
    tokenizer = tokenizers.load(base)
    examples = []
    for text in texts:
        tokens = tokenizer.encode(text).ids
        places = range(40, 240, 40)
        examples += [Example(tuple(tokens[at - 40 : at]), (*tokens[at : at + 6], 0), "a test") for at in places]
    folder = tmp_path_factory.mktemp("tuned")
    finetune(base, examples, folder, Recipe(rank=4, alpha=16, rate=1e-2, epochs=1, batch=8))
    return folder / "final"


@pytest.fixture(scope="module")
def adapter(base: Path, tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("adapter") / "adapter.gguf"
    write_adapter(tuned, base, target)
    return target


def peft_model(base: Path, folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), folder)


def logits_of(model: Any, ids: list[int]) -> NDArray[np.float32]:
    with torch.no_grad():
        logits: NDArray[np.float32] = model(torch.tensor([ids])).logits[0].numpy()
    return logits


def engine_logits(config: EngineConfig, ids: list[int]) -> NDArray[np.float32]:
    engine = LlamaEngine(config)
    rows = []
    for length in range(1, len(ids) + 1):
        engine.prefill(ids[:length])
        rows.append(engine.logits())
    engine.close()
    return np.array(rows)


def agreement(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    return float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean())


def test_llama_says_what_peft_says(base: Path, tuned: Path, adapter: Path, ids: list[int]) -> None:
    """On the bundled file, whose weights llama.cpp multiplies with numbers it rounds to 8 bits."""
    weights = store.resolve(store.bundled(), tuned=False).path
    expected = logits_of(peft_model(base, tuned), ids)
    actual = engine_logits(EngineConfig(weights, threads=1, context_size=256, adapter=adapter), ids)
    without = engine_logits(EngineConfig(weights, threads=1, context_size=256), ids)
    assert agreement(actual, expected) >= 0.95
    assert np.abs(actual - expected).mean() < 0.05 * expected.std()
    assert agreement(without, expected) < 0.8


def test_greedy_output_is_the_same(tmp_path: Path, base: Path, tuned: Path, adapter: Path, ids: list[int]) -> None:
    """Without quantisation, token for token."""
    export(base, tmp_path / "plain.gguf", "f32")
    model = peft_model(base, tuned)
    engine = LlamaEngine(EngineConfig(tmp_path / "plain.gguf", threads=1, context_size=256, adapter=adapter))
    written = []
    for length in range(20, 180, 20):
        prompt = torch.tensor([ids[:length]])
        output = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False, pad_token_id=0
        )
        engine.prefill(ids[:length])
        spoken = []
        for token in engine.decode():
            spoken.append(token.id)
            if len(spoken) == 12:
                break
        assert spoken == output[0, length:].tolist()
        written += spoken
    engine.close()
    assert len(set(written)) > 10


def test_merged_weights_say_what_peft_says(tmp_path: Path, base: Path, tuned: Path, ids: list[int]) -> None:
    merged(tuned, base, tmp_path / "merged")
    expected = logits_of(peft_model(base, tuned), ids)
    actual = logits_of(AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32), ids)
    assert np.abs(actual - expected).max() < 1e-3
    export(tmp_path / "merged", tmp_path / "merged.gguf", "q8_0")
    quantised = engine_logits(EngineConfig(tmp_path / "merged.gguf", threads=1, context_size=256), ids)
    assert agreement(quantised, expected) >= 0.95


def test_all_weights_are_merged_already(tmp_path: Path, base: Path) -> None:
    merged(base, tmp_path / "not looked at", tmp_path / "same")
    before, after = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "same"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (tmp_path / "same" / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_the_file(adapter: Path, tuned: Path) -> None:
    reader = gguf.GGUFReader(adapter)
    values = {key: field.contents() for key, field in reader.fields.items()}
    assert (values["general.type"], values["general.architecture"]) == ("adapter", "qwen3")
    assert (values["adapter.type"], values["adapter.lora.alpha"]) == ("lora", 16.0)
    shapes = {tensor.name: tuple(tensor.data.shape) for tensor in reader.tensors}
    assert len(shapes) == 6 * 7 * 2
    assert shapes["blk.5.ffn_down.weight.lora_a"] == (4, 768)
    assert shapes["blk.5.ffn_down.weight.lora_b"] == (256, 4)
    weights = load_file(tuned / "adapter_model.safetensors")
    name = "base_model.model.model.layers.3.self_attn.k_proj.lora_B.weight"
    [matrix] = [tensor.data for tensor in reader.tensors if tensor.name == "blk.3.attn_k.weight.lora_b"]
    assert np.array_equal(matrix, weights[name].numpy())
    assert [path.name for path in adapter.parent.iterdir()] == ["adapter.gguf"]


@pytest.mark.parametrize(
    ("config", "linear"),
    [
        (Qwen2Config(**SMALL, num_key_value_heads=1), 7),
        (Starcoder2Config(**SMALL, num_key_value_heads=1), 6),
        (GemmaConfig(**SMALL, num_key_value_heads=1, head_dim=4), 7),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_other_architectures(tmp_path: Path, config: PreTrainedConfig, linear: int) -> None:
    folder, peft_folder = untrained(tmp_path, config)
    write_adapter(peft_folder, folder, tmp_path / "adapter.gguf")
    reader = gguf.GGUFReader(tmp_path / "adapter.gguf")
    assert reader.fields["general.architecture"].contents() == config.model_type
    names = {tensor.name for tensor in reader.tensors}
    assert len(names) == 2 * 2 * linear
    assert {"blk.1.attn_output.weight.lora_a", "blk.1.ffn_up.weight.lora_b"} <= names


def untrained(tmp_path: Path, config: PreTrainedConfig, **options: Any) -> tuple[Path, Path]:
    """Return a tiny base and an adapter for it."""
    model: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    model.save_pretrained(tmp_path / "base")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape = LoraConfig(**{"r": 2, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **options})
        get_peft_model(model, shape).save_pretrained(str(tmp_path / "peft"))
    return tmp_path / "base", tmp_path / "peft"


def test_permuted_rows_are_refused(tmp_path: Path) -> None:
    folder, peft_folder = untrained(tmp_path, LlamaConfig(**SMALL))
    with pytest.raises(ModelError, match="Adapters of llama models cannot be exported; those of gemma, qwen2"):
        write_adapter(peft_folder, folder, tmp_path / "adapter.gguf")


@pytest.mark.parametrize("options", [{"use_dora": True}, {"use_rslora": True}, {"alpha_pattern": {"q_proj": 3}}])
def test_more_than_plain_lora_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    folder, peft_folder = untrained(tmp_path, Qwen2Config(**SMALL, num_key_value_heads=1), **options)
    with pytest.raises(ModelError, match="more than plain LoRA: merge it into its base instead"):
        write_adapter(peft_folder, folder, tmp_path / "adapter.gguf")


def test_a_tensor_llama_cannot_adapt_is_refused(tmp_path: Path, base: Path, tuned: Path) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(tuned, folder)
    weights = load_file(folder / "adapter_model.safetensors")
    weights["base_model.model.model.layers.0.novelty.lora_A.weight"] = torch.zeros(4, 256)
    save_file(weights, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="novelty"):
        write_adapter(folder, base, tmp_path / "adapter.gguf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd"]


def test_a_folder_with_neither(tmp_path: Path, base: Path) -> None:
    assert not is_adapter(tmp_path)
    with pytest.raises(FileNotFoundError):
        write_adapter(tmp_path, base, tmp_path / "adapter.gguf")
    with pytest.raises(FileNotFoundError, match="neither an adapter nor a model"):
        merged(tmp_path, base, tmp_path / "merged")
