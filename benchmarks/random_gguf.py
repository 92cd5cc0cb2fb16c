"""A GGUF of a known model's shape with random weights, made on the fly: speed does not depend on what weights say.

python benchmarks/random_gguf.py [TARGET]
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from empower_model.files import store

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "benchmarks"
"""Where made files are kept; git ignores it."""
VERSION = 1
"""To be raised when what is written changes, so that kept files are made anew."""
BLOCK = 32
"""Weights that share a scale in Q8_0."""
INT8_SPREAD = 255 / 12**0.5
"""Standard deviation of a uniformly random signed byte."""
CONTROL = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides a model's speed and size: the Qwen2 architecture, tied embeddings, biases on q, k and v."""

    layers: int = 24
    width: int = 896
    feed_forward: int = 4864
    heads: int = 14
    kv_heads: int = 2
    head_width: int = 64
    vocabulary: int = 151_936
    context: int = 32_768

    @property
    def name(self) -> str:
        """A file name that no other shape has."""
        values = "-".join(str(value) for value in (VERSION, *asdict(self).values()))
        return f"random-{sha256(values.encode()).hexdigest()[:8]}-q8_0.gguf"


QWEN_HALF_BILLION = Shape()
"""Qwen2.5-Coder-0.5B."""
TINY = Shape(layers=2, width=64, feed_forward=128, heads=2, kv_heads=1, head_width=32, vocabulary=9000, context=2048)


def made(shape: Shape, folder: Path = CACHE) -> Path:
    """Return the file of that shape, written now unless it was before (about 530 MB for the half billion)."""
    path = folder / shape.name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        write(partial, shape)
        partial.replace(path)
    return path


def write(target: Path, shape: Shape) -> None:
    """Write the file. The first tokens and all merges are the bundled model's, so that text is cut as in real use."""
    writer = gguf.GGUFWriter(target, "qwen2")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    _add_tokenizer(writer, shape.vocabulary)
    _add_tensors(writer, shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter, size: int) -> None:
    fields = gguf.GGUFReader(store.resolve(store.bundled(), tuned=False).path).fields
    real = [token for token in fields["tokenizer.ggml.tokens"].contents() if not token.startswith("<|")]
    made_up = [f"Made{i}Up" for i in range(size - len(real) - len(CONTROL))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([*CONTROL, *real, *made_up])
    writer.add_token_types([gguf.TokenType.CONTROL] * len(CONTROL) + [gguf.TokenType.NORMAL] * (size - len(CONTROL)))
    writer.add_token_merges(fields["tokenizer.ggml.merges"].contents())
    writer.add_add_bos_token(False)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    keys = gguf.Keys.Tokenizer
    for key, token in ((keys.FIM_PRE_ID, 1), (keys.FIM_MID_ID, 2), (keys.FIM_SUF_ID, 3)):
        writer.add_uint32(key, token)


def _add_tensors(writer: gguf.GGUFWriter, shape: Shape) -> None:
    random = np.random.default_rng(0)
    queries, keys = shape.heads * shape.head_width, shape.kv_heads * shape.head_width

    def matrix(name: str, rows: int, columns: int, spread: float) -> None:
        blocks = _q8_0(random, rows, columns, spread)
        if name == "token_embd.weight":
            blocks[: len(CONTROL)] = 0  # logit 0: among so many others a control token never wins, and none ends a text
        writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    def vector(name: str, length: int, value: float) -> None:
        writer.add_tensor(name, np.full(length, value, dtype=np.float32))

    # embeddings small against what the layers add: the best next token is then not always the last one again
    matrix("token_embd.weight", shape.vocabulary, shape.width, 0.02)
    vector("output_norm.weight", shape.width, 1)
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        vector(f"{block}.attn_norm.weight", shape.width, 1)
        vector(f"{block}.ffn_norm.weight", shape.width, 1)
        for name, rows in (("attn_q", queries), ("attn_k", keys), ("attn_v", keys)):
            matrix(f"{block}.{name}.weight", rows, shape.width, shape.width**-0.5)
            vector(f"{block}.{name}.bias", rows, 0.01)
        matrix(f"{block}.attn_output.weight", shape.width, queries, queries**-0.5)
        matrix(f"{block}.ffn_gate.weight", shape.feed_forward, shape.width, shape.width**-0.5)
        matrix(f"{block}.ffn_up.weight", shape.feed_forward, shape.width, shape.width**-0.5)
        matrix(f"{block}.ffn_down.weight", shape.width, shape.feed_forward, shape.feed_forward**-0.5)


def _q8_0(random: np.random.Generator, rows: int, columns: int, spread: float) -> NDArray[np.uint8]:
    """Return a random matrix of that standard deviation as Q8_0 blocks (a half float, 32 signed bytes), row by row."""
    blocks = random.integers(0, 256, (rows, columns // BLOCK, 2 + BLOCK), dtype=np.uint8)
    blocks[:, :, :2] = np.frombuffer(np.float16(spread / INT8_SPREAD).tobytes(), dtype=np.uint8)
    flat: NDArray[np.uint8] = blocks.reshape(rows, -1)
    return flat


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(Path(sys.argv[1]), QWEN_HALF_BILLION)
    else:
        print(made(QWEN_HALF_BILLION))
