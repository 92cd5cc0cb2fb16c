"""Model files that are damaged: what is wrong with them is said, and no process ends over it."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from empower_model.engine.llama_file import load
from empower_model.engine.seam import EngineConfig
from empower_model.errors import ModelFileInvalid


def counted(key: str, value: int) -> Callable[[bytes], bytes]:
    """Return what writes another number into a file's metadata."""

    def change(content: bytes) -> bytes:
        at = content.index(key.encode()) + len(key)
        assert struct.unpack_from("<I", content, at) == (4,), "a number of 32 bits"
        return content[: at + 4] + struct.pack("<I", value) + content[at + 8 :]

    return change


def renamed(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[: len(content) // 2], "data is not within the file bounds"),
        (lambda content: content[:5000] + bytes(200) + content[5200:], "failed to read key-value pairs"),
        (renamed(b"blk.0.ffn_down.weight", b"blk.0.ffn_dowm.weight"), "(tensor 'blk.0.ffn_down.weight' not found)"),
        (renamed(b"qwen3", b"qwenX"), "(unknown model architecture: 'qwenX')"),
        (counted("qwen3.block_count", 1), "(wrong number of tensors; expected "),
        (counted("qwen3.embedding_length", 0), "has wrong shape"),
        (counted("qwen3.block_count", 0), "its block_count is 0, where llama.cpp takes 1 to 512"),
        (counted("qwen3.block_count", 99_999), "its block_count is 99999, where"),
        (counted("qwen3.block_count", 2**32 - 1), "its block_count is 4294967295, where"),
    ],
)
def test_a_damaged_model_names_its_damage(
    weights: Path, tmp_path: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(ModelFileInvalid) as raised:
        load(EngineConfig(path))
    assert words in str(raised.value)
    assert "failed to load model" not in str(raised.value)
