"""From a GGUF file of our own architecture back to a folder in the Hugging Face format: the inverse of `export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
from tokenizers import AddedToken, models

from empower_training.corpus import PRE_TOKENIZER, SPECIAL_TOKENS, untrained
from empower_training.finetune.gguf_export import ARCHITECTURE, gguf_name

if TYPE_CHECKING:
    from transformers import Qwen3Config


def is_ours(reader: Any) -> bool:
    """Return whether a file was written by `export`: its architecture, and its control tokens under our ids."""
    ours = {
        "general.architecture": ARCHITECTURE,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": PRE_TOKENIZER,
    }
    if any(key not in reader.fields or reader.fields[key].contents() != value for key, value in ours.items()):
        return False
    tokens = reader.fields["tokenizer.ggml.tokens"]
    return tuple(tokens.contents(index) for index in range(len(SPECIAL_TOKENS))) == SPECIAL_TOKENS


def rebuild(reader: Any, target: Path) -> None:
    """Write the model of a file that `is_ours` into the folder `target`, its weights dequantised to float32.

    Raises KeyError when the file lacks a key or a tensor.
    """
    import torch
    from transformers import Qwen3ForCausalLM

    tensors = {tensor.name: tensor for tensor in reader.tensors}
    model = Qwen3ForCausalLM(_config(reader, tied="output.weight" not in tensors))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            tensor = tensors[gguf_name(name, model.config.num_hidden_layers)]
            # float32 comes back as a view of the file, which torch must not write to
            values = np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
            weight.copy_(torch.from_numpy(values))
    model.save_pretrained(target)
    _write_tokenizer(reader, target / "tokenizer.json")


def _config(reader: Any, tied: bool) -> Qwen3Config:
    from transformers import Qwen3Config

    def shape(key: str) -> Any:
        return reader.fields[f"{ARCHITECTURE}.{key}"].contents()

    return Qwen3Config(
        vocab_size=len(reader.fields["tokenizer.ggml.tokens"].data),
        hidden_size=shape("embedding_length"),
        intermediate_size=shape("feed_forward_length"),
        num_hidden_layers=shape("block_count"),
        num_attention_heads=shape("attention.head_count"),
        num_key_value_heads=shape("attention.head_count_kv"),
        head_dim=shape("attention.key_length"),
        max_position_embeddings=shape("context_length"),
        rope_parameters={"rope_type": "default", "rope_theta": shape("rope.freq_base")},
        # the file holds it in single precision, which prints as 9.999999974752427e-07
        rms_norm_eps=float(f"{shape('attention.layer_norm_rms_epsilon'):.6g}"),
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=reader.fields["tokenizer.ggml.eos_token_id"].contents(),
        pad_token_id=None,
    )


def _write_tokenizer(reader: Any, target: Path) -> None:
    tokens: list[str] = reader.fields["tokenizer.ggml.tokens"].contents()
    merges: list[str] = reader.fields["tokenizer.ggml.merges"].contents()
    tokenizer = untrained()
    # a space within a piece is spelt with another letter, so the one that is left parts the two
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    tokenizer.model = models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=pairs)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    tokenizer.save(str(target))
