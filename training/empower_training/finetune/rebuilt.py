"""From a GGUF file, as it is served, back to a folder in the Hugging Face format: what a fine-tune starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from tokenizers import AddedToken, models

from empower_training.corpus import PRE_TOKENIZER, untrained
from empower_training.finetune.recipe import is_large

ARCHITECTURES = {"qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3}
"""What transformers names as llama.cpp does: Qwen2.5-Coder and our own. Rows keep the order of transformers."""


def is_known(reader: Any) -> bool:
    """Return whether `rebuild` can read a file: its architecture and its way of cutting text into tokens."""
    known = {
        "general.architecture": tuple(ARCHITECTURES),
        "tokenizer.ggml.model": ("gpt2",),
        "tokenizer.ggml.pre": (PRE_TOKENIZER,),
    }
    return all(key in reader.fields and reader.fields[key].contents() in values for key, values in known.items())


def rebuild(reader: Any, target: Path) -> None:
    """Write the model of a file that `is_known` into the folder `target`, its weights dequantised.

    A small model's are in float32, a large one's in bfloat16, in which it is trained. Raises KeyError when the file
    lacks a key or a tensor.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    large = is_large(sum(int(tensor.n_elements) for tensor in reader.tensors))
    dtype = torch.bfloat16 if large else torch.float32
    config = _config(reader, tied="output.weight" not in tensors)
    names = gguf.get_tensor_name_map(ARCHITECTURES[config.model_type], config.num_hidden_layers)
    with torch.device("meta"):  # weights that are replaced need not be drawn at random first
        model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)  # type: ignore[no-untyped-call]
    weights = {}
    for name, _ in model.named_parameters():
        tensor = tensors[names.get_name(name, try_suffixes=(".weight", ".bias"))]
        # float32 comes back as a view of the file
        values = np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
        weights[name] = torch.from_numpy(values).to(dtype)
    model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    model.save_pretrained(target)
    _write_tokenizer(reader, target / "tokenizer.json")


def _config(reader: Any, tied: bool) -> Any:
    from transformers import AutoConfig

    architecture = reader.fields["general.architecture"].contents()

    def shape(key: str) -> Any:
        return reader.fields[f"{architecture}.{key}"].contents()

    heads = shape("attention.head_count")
    own_width = f"{architecture}.attention.key_length" in reader.fields
    return AutoConfig.for_model(
        architecture,
        vocab_size=len(reader.fields["tokenizer.ggml.tokens"].data),
        hidden_size=shape("embedding_length"),
        intermediate_size=shape("feed_forward_length"),
        num_hidden_layers=shape("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=shape("attention.head_count_kv"),
        head_dim=shape("attention.key_length") if own_width else shape("embedding_length") // heads,
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
    kinds: list[int] = reader.fields["tokenizer.ggml.token_type"].contents()
    merges: list[str] = reader.fields["tokenizer.ggml.merges"].contents()
    tokenizer = untrained()
    # a space within a piece is spelt with another letter, so the one that is left parts the two
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    tokenizer.model = models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=pairs)
    # llama.cpp takes text for a control token only where it is told to, and for one that is user-defined always
    special = {int(gguf.TokenType.CONTROL): True, int(gguf.TokenType.USER_DEFINED): False}
    added = [
        AddedToken(token, special=special[kind], normalized=False)
        for token, kind in zip(tokens, kinds, strict=True)
        if kind in special
    ]
    tokenizer.add_tokens(added)
    tokenizer.save(str(target))
