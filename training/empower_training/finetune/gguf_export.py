"""From a trained folder in the Hugging Face format to one GGUF file that llama.cpp runs."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors import safe_open

from empower_model.engine.llama_file import quantise
from empower_model.errors import ModelError
from empower_training.corpus import END, FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX, PRE_TOKENIZER, SPECIAL_TOKENS

ARCHITECTURE = "qwen3"
_FIM_KEYS = {
    FIM_PREFIX: gguf.Keys.Tokenizer.FIM_PRE_ID,
    FIM_SUFFIX: gguf.Keys.Tokenizer.FIM_SUF_ID,
    FIM_MIDDLE: gguf.Keys.Tokenizer.FIM_MID_ID,
    "<|fim_pad|>": gguf.Keys.Tokenizer.FIM_PAD_ID,
    "<|repo_name|>": gguf.Keys.Tokenizer.FIM_REP_ID,
    "<|file_sep|>": gguf.Keys.Tokenizer.FIM_SEP_ID,
}


@dataclass(frozen=True, slots=True)
class About:
    """Description of a model that its file carries."""

    name: str = "empower-python"
    licence: str = "MIT"
    description: str = "A very small fill-in-the-middle model for Python, trained from scratch for empower-lsp"


def export(source: Path, target: Path, file_type: str = "q8_0", about: About | None = None) -> None:
    """Write the model in `source` as the GGUF `target`, quantised to `file_type` (`f32`: left as it is).

    The file appears whole or not at all. Raises FileNotFoundError when `source` has no model, ModelError when it is not
    of our kind (see `check`), EngineError when llama.cpp cannot quantise.
    """
    check(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        plain, ready = Path(scratch) / "f32.gguf", Path(scratch) / "ready.gguf"
        _write(source, plain, about or About())
        if file_type == "f32":
            ready = plain
        else:
            quantise(plain, ready, file_type)
        ready.replace(target)


def check(source: Path) -> None:
    """Raise ModelError unless `source` holds what `export` can write: our architecture with our tokeniser."""
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    ours = all(vocabulary.get(token) == index for index, token in enumerate(SPECIAL_TOKENS))
    if config["model_type"] != ARCHITECTURE or not config["tie_word_embeddings"] or not ours:
        raise ModelError(
            f"{source} is not a model made by this project, and only those can be written as a whole model file: "
            "of others, train and export an adapter."
        )


def gguf_name(name: str, layers: int) -> str:
    """Return llama.cpp's name of the tensor that transformers calls `name`; raises ModelError when it has none."""
    mapped: str | None = _names(layers).get_name(name, try_suffixes=(".weight",))
    if mapped is None:
        raise ModelError(f"There is a tensor that {ARCHITECTURE} does not have: {name}.")
    return mapped


@cache
def _names(layers: int) -> Any:
    return gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, layers)


def _write(source: Path, target: Path, about: About) -> None:
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    weights = source / "model.safetensors"
    writer = gguf.GGUFWriter(target, ARCHITECTURE)
    _add_about(writer, about)
    _add_shape(writer, config)
    _add_tokenizer(writer, tokenizer)
    with safe_open(weights, framework="numpy") as tensors:
        for name in sorted(tensors.keys()):
            if name == "lm_head.weight":  # tied: llama.cpp takes the embedding
                continue
            mapped = gguf_name(name, config["num_hidden_layers"])
            writer.add_tensor(mapped, tensors.get_tensor(name).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_about(writer: Any, about: About) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(about.name)
    writer.add_description(about.description)
    writer.add_license(about.licence)
    writer.add_tags(["code", "python", "fill-in-the-middle"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _add_shape(writer: Any, config: dict[str, Any]) -> None:
    rope = config.get("rope_parameters") or config
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])


def _add_tokenizer(writer: Any, tokenizer: dict[str, Any]) -> None:
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    kinds = [gguf.TokenType.CONTROL if token in SPECIAL_TOKENS else gguf.TokenType.NORMAL for token in tokens]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    # without them llama.cpp takes id 11 for both
    writer.add_bos_token_id(vocabulary[END])
    writer.add_eos_token_id(vocabulary[END])
    writer.add_eot_token_id(vocabulary[END])
    writer.add_add_bos_token(False)
    for token, key in _FIM_KEYS.items():
        writer.add_uint32(key, vocabulary[token])
