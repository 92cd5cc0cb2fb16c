import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, Qwen2Config

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.errors import DownloadFailed, ModelFileInvalid, ModelNotFound
from empower_model.files import store
from empower_training.corpus import tokenizer as tokenizers
from empower_training.finetune import starting_weights
from empower_training.finetune.gguf_export import export
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.pretrain import Run

SHAPE = Shape(width=64, layers=2, feed_forward=96, heads=2, key_value_heads=1, head_width=32, context=256)
NEEDED = {"config.json", "model.safetensors", "tokenizer.json"}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, texts: list[str], tokenizer: Tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("source")
    Run(Plan(shape=SHAPE), texts, tokenizer).export(folder)
    return folder


def base_folder(name: str = "", weights: str = "") -> Path:
    return starting_weights.base_folder(store.checked(name, tuned=False), weights)


def labelling_folder(name: str = "", weights: str = "") -> Path:
    return starting_weights.labelling_folder(store.checked(name, tuned=False), weights)


def foreign(path: Path, tokens: tuple[str, ...] = ("a", "b")) -> Path:
    """Return a model file of another architecture, with nothing but what is looked at."""
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(3)
    writer.add_embedding_length(8)
    writer.add_token_list(tokens)
    writer.add_tensor("token_embd.weight", np.zeros((2, 8), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_way_there_and_back_changes_nothing(tmp_path: Path, source: Path, texts: list[str]) -> None:
    export(source, tmp_path / "plain.gguf", "f32")
    rebuilt = base_folder(str(tmp_path / "plain.gguf"))
    assert {path.name for path in rebuilt.iterdir()} >= NEEDED
    before, after = (load_file(folder / "model.safetensors") for folder in (source, rebuilt))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    configs = [json.loads((folder / "config.json").read_text()) for folder in (source, rebuilt)]
    names = set(configs[0]) - {"architectures", "initializer_range"}
    assert {name: configs[1].get(name) for name in names} == {name: configs[0][name] for name in names}
    original, again = (tokenizers.load(folder) for folder in (source, rebuilt))
    for text in (*texts, "é <|fim_middle|>\r\n\tüß 12345 \u4e2d"):
        assert original.encode(text).ids == again.encode(text).ids
        assert again.decode(again.encode(text).ids) == text


def test_quantised_weights_are_quantised_alike_again(tmp_path: Path, source: Path) -> None:
    """The largest of 32 weights stands for 127 steps, before and after: nothing is lost the second time."""
    export(source, tmp_path / "one.gguf", "q8_0")
    export(base_folder(str(tmp_path / "one.gguf")), tmp_path / "two.gguf", "q8_0")
    first, second = (gguf.GGUFReader(tmp_path / name) for name in ("one.gguf", "two.gguf"))
    assert any(tensor.tensor_type == gguf.GGMLQuantizationType.Q8_0 for tensor in first.tensors)
    again = {tensor.name: tensor.data for tensor in second.tensors}
    assert all(np.array_equal(tensor.data, again[tensor.name]) for tensor in first.tensors)


def test_what_labels_is_the_base_of_a_tuned_model(tmp_path: Path, source: Path) -> None:
    assert labelling_folder("empower-python-tuned") == base_folder("empower-python")
    assert labelling_folder("empower-python-tuned") != base_folder("empower-python-tuned")
    assert labelling_folder() == labelling_folder("empower-python") == base_folder()
    export(source, tmp_path / "own.gguf", "f32")
    assert labelling_folder(str(tmp_path / "own.gguf")) == base_folder(str(tmp_path / "own.gguf"))
    assert labelling_folder(str(tmp_path / "own.gguf"), str(source)) == source


def test_the_bundled_model_is_what_llama_runs(texts: list[str]) -> None:
    engine = LlamaEngine(EngineConfig(store.resolve(store.bundled(), tuned=False).path, threads=1, context_size=512))
    ids = engine.tokenize(texts[2])[:200]
    model = AutoModelForCausalLM.from_pretrained(base_folder(), dtype=torch.float32)
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    agreed, apart = 0, []
    for length in range(20, 201):
        engine.prefill(ids[:length])
        logits = engine.logits()
        agreed += int(logits.argmax() == expected[length - 1].argmax())
        apart.append(np.abs(logits - expected[length - 1]).mean() / expected[length - 1].std())
    engine.close()
    # llama.cpp rounds what it multiplies with quantised weights to 8 bits as well
    assert agreed >= 0.97 * 181
    assert np.mean(apart) < 0.05


def test_a_model_of_others_is_rebuilt_from_the_file_that_is_served(qwen2: Path, texts: list[str]) -> None:
    """Qwen2.5-Coder's architecture: biases, tied embeddings; its weights are random."""
    folder = base_folder(str(qwen2))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert model.config.model_type == "qwen2"
    assert model.config.tie_word_embeddings
    engine = LlamaEngine(EngineConfig(qwen2, threads=1, context_size=512))
    tokenizer = tokenizers.load(folder)
    for text in (*texts, "é <|fim_middle|>\r\n\tüß 12345 \u4e2d"):
        assert tokenizer.encode(text).ids == engine.tokenize(text)
    ids = engine.tokenize(texts[2])[:60]
    engine.prefill(ids)
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0, -1].numpy()
    assert np.abs(engine.logits() - expected).mean() < 0.05 * expected.std()
    engine.close()


def test_it_is_rebuilt_once(data: Path, tmp_path: Path, source: Path) -> None:
    export(source, tmp_path / "one.gguf", "q8_0")
    folder = base_folder(str(tmp_path / "one.gguf"))
    assert folder.parent == data / "bases"
    before = (folder / "model.safetensors").stat().st_mtime_ns
    shutil.copy(tmp_path / "one.gguf", tmp_path / "copy.gguf")
    assert base_folder(str(tmp_path / "copy.gguf")) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    (folder / "model.safetensors").unlink()  # as if somebody had tidied up
    assert (base_folder(str(tmp_path / "one.gguf")) / "model.safetensors").exists()
    assert [path.name for path in (data / "bases").iterdir()] == [folder.name]


def test_a_model_of_unknown_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="cannot be trained from: name the weights"):
        base_folder(str(foreign(tmp_path / "foreign.gguf")))


def test_weights_by_their_path(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(source, tmp_path / "one.gguf", "q8_0")
    assert base_folder(str(tmp_path / "one.gguf"), str(source)) == source
    monkeypatch.chdir(source.parent)
    assert base_folder(str(tmp_path / "one.gguf"), source.name) == source


def test_weights_of_another_model(source: Path) -> None:
    with pytest.raises(ModelFileInvalid, match=r"has 2 layers of width 64, but empower-python has 6 of 256: give"):
        base_folder(weights=str(source))


def test_weights_in_parts(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    model = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        Qwen2Config(vocab_size=2, hidden_size=8, intermediate_size=8, num_hidden_layers=3, num_attention_heads=1)
    )
    model.save_pretrained(folder, max_shard_size="1KB")
    (folder / "tokenizer.json").write_text("{}")
    file = str(foreign(tmp_path / "foreign.gguf"))
    assert base_folder(file, str(folder)) == folder
    sorted(folder.glob("*.safetensors"))[0].unlink()
    with pytest.raises(ModelNotFound, match="has not all of"):
        base_folder(file, str(folder))


@pytest.mark.parametrize("weights", ["no such folder", "../above", "a/b/c"])
def test_no_such_folder(weights: str) -> None:
    with pytest.raises(ModelNotFound, match="There is no folder"):
        base_folder(weights=weights)


def test_the_hub_is_asked_once(data: Path, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(name: str, local_dir: Path, allow_patterns: list[str]) -> None:
        asked.append((name, "pytorch_model.bin" in allow_patterns))
        shutil.copytree(source, local_dir)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    export(source, tmp_path / "one.gguf", "q8_0")
    for _ in range(2):
        assert base_folder(str(tmp_path / "one.gguf"), "some/base") == data / "bases" / "some" / "base"
    assert asked == [("some/base", False)]


def test_what_the_hub_has_is_no_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: None)
    with pytest.raises(DownloadFailed, match="has no safetensors weights"):
        base_folder(weights="some/base")


def test_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(DownloadFailed, match=r"some/base could not be fetched from the hub: no route\. Check the name"):
        base_folder(weights="some/base")


def test_a_damaged_file(tmp_path: Path, source: Path) -> None:
    export(source, tmp_path / "whole.gguf", "f32")
    content = (tmp_path / "whole.gguf").read_bytes()
    (tmp_path / "half.gguf").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileInvalid, match=r"half\.gguf"):
        base_folder(str(tmp_path / "half.gguf"))
