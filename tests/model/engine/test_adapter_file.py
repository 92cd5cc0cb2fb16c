"""Telling an adapter that llama.cpp can use from one that it refuses, or that would end its process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empower_model.engine.adapter_file import check_adapter, header, is_adapter
from empower_model.errors import ModelFileInvalid, ModelNotFound

Write = Callable[..., Path]
Matrices = Callable[..., dict[str, NDArray[Any]]]
QUERY = "blk.0.attn_q.weight"


@pytest.fixture
def good(write_adapter: Write, matrices: Matrices, tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "good.gguf", matrices(QUERY, 256, 256))


def test_a_header_is_read_as_it_was_written(good: Path) -> None:
    parsed = header(good)
    assert parsed.text("general.type") == "adapter"
    assert parsed.text("general.architecture") == "qwen3"
    assert parsed.values["adapter.lora.alpha"].value == 4.0
    assert parsed.text("adapter.lora.alpha") is None, "a number is no text"
    assert {name: tensor.shape for name, tensor in parsed.tensors.items()} == {
        f"{QUERY}.lora_a": (256, 4),  # GGUF names the innermost dimension first
        f"{QUERY}.lora_b": (4, 256),
    }


def test_the_header_of_a_whole_model_is_read_past_its_vocabulary(weights: Path) -> None:
    parsed = header(weights)
    assert parsed.text("general.name") == "empower-python"
    assert "token_embd.weight" in parsed.tensors
    assert "output.weight" not in parsed.tensors


def test_an_adapter_is_told_from_a_model(good: Path, weights: Path) -> None:
    assert is_adapter(good)
    assert not is_adapter(weights)
    with pytest.raises(ModelFileInvalid, match="is no adapter"):
        check_adapter(weights, weights)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_right_one_passes(write_adapter: Write, matrices: Matrices, weights: Path, tmp_path: Path, kind: Any) -> None:
    tensors = {name: values.astype(kind) for name, values in matrices(QUERY, 256, 256).items()}
    check_adapter(write_adapter(tmp_path / "a.gguf", tensors), weights)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"kind": 7}, "is no adapter"),
        ({"kind": "model"}, "is no adapter"),
        ({"method": "other"}, "not a LoRA adapter"),
        ({"alpha": "four"}, "alpha is no number of 32 bits"),
    ],
)
def test_metadata_that_ends_the_process_is_refused(
    write_adapter: Write, matrices: Matrices, weights: Path, tmp_path: Path, given: dict[str, Any], reason: str
) -> None:
    path = write_adapter(tmp_path / "a.gguf", matrices(QUERY, 256, 256), **given)
    with pytest.raises(ModelFileInvalid, match=reason) as caught:
        check_adapter(path, weights)
    assert str(path) in str(caught.value)
    assert "empower-lsp model rollback" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda values: values.astype(np.int32), "no matrix of type F32"),
        (lambda values: np.stack([values] * 3), "no matrix of type F32"),
        (lambda values: values[0], "no matrix of type F32"),
    ],
)
def test_weights_that_cannot_be_multiplied_are_refused(
    write_adapter: Write, matrices: Matrices, weights: Path, tmp_path: Path, change: Any, reason: str
) -> None:
    tensors = {name: change(values) for name, values in matrices(QUERY, 256, 256).items()}
    with pytest.raises(ModelFileInvalid, match=reason):
        check_adapter(write_adapter(tmp_path / "a.gguf", tensors), weights)


def test_nothing_and_other_things_than_a_lora_are_refused(write_adapter: Write, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileInvalid, match="changes no weights"):
        check_adapter(write_adapter(tmp_path / "none.gguf", {}), weights)
    norm = {"blk.0.attn_norm.weight": np.ones((4, 4), np.float32)}
    with pytest.raises(ModelFileInvalid, match=r"holds blk\.0\.attn_norm\.weight"):
        check_adapter(write_adapter(tmp_path / "norm.gguf", norm), weights)


def test_the_embedding_may_be_changed_only_where_the_output_is_not_the_same_matrix(
    write_adapter: Write, matrices: Matrices, weights: Path, tmp_path: Path
) -> None:
    path = write_adapter(tmp_path / "a.gguf", matrices("token_embd.weight", 256, 8192))
    with pytest.raises(ModelFileInvalid, match=r"no output\.weight of its own"):
        check_adapter(path, weights)
    untied = write_adapter(tmp_path / "base.gguf", {"output.weight": np.ones((4, 4), np.float32)})
    check_adapter(path, untied)


def test_every_cut_within_the_header_is_damage_and_nothing_else(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    short = tmp_path / "short.gguf"
    ends = content.index(b".lora_b") + len(b".lora_b") + 4 + 2 * 8 + 4 + 8  # dimensions, type and offset follow it
    for length in range(0, ends, 7):
        short.write_bytes(content[:length])
        with pytest.raises(ModelFileInvalid, match="is damaged: it ends within its header"):
            header(short)
    short.write_bytes(content[:ends])
    assert header(short) == header(good)


def test_lengths_are_not_believed(good: Path) -> None:
    content = bytearray(good.read_bytes())
    content[24:32] = b"\xff" * 8  # of the first key
    good.write_bytes(content)
    with pytest.raises(ModelFileInvalid, match="ends within its header"):
        header(good)


def test_what_is_not_there_or_no_gguf_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"gone\.gguf is not there"):
        header(tmp_path / "gone.gguf")
    with pytest.raises(ModelFileInvalid, match="cannot be read"):
        header(tmp_path)
    (tmp_path / "page.gguf").write_text("<!DOCTYPE html><html>Sign in</html>")
    with pytest.raises(ModelFileInvalid, match="it is not a GGUF file"):
        header(tmp_path / "page.gguf")
