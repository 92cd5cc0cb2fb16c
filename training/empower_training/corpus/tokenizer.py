"""The tokeniser: byte-level BPE whose pre-tokeniser is the one llama.cpp calls `qwen2`."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from empower_training.corpus.corpus import Document

END, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX = "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"
SPECIAL_TOKENS = (END, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>")
"""Control tokens by id, 0 to 6, named as in Qwen2.5-Coder so that llama.cpp knows their roles."""

PRE_TOKENIZER = "qwen2"
"""llama.cpp's name for the split below, written into the GGUF."""

_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def untrained() -> Tokenizer:
    """Make a tokeniser with the final pre-tokeniser and no vocabulary; no normaliser, as llama.cpp has none."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(texts: Iterable[str], size: int = 8192, progress: bool = False) -> Tokenizer:
    """Train a tokeniser of `size` entries, control tokens and the 256 bytes included."""
    tokenizer = untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(token, special=True) for token in SPECIAL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=progress,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def sample(documents: list[Document], characters: int, seed: int = 0) -> list[str]:
    """Return texts of randomly chosen documents, of about `characters` in all."""
    order = random.Random(seed).sample(documents, len(documents))
    texts: list[str] = []
    total = 0
    for document in order:
        if total >= characters:
            break
        texts.append(document.text)
        total += len(document.text)
    return texts


def load(path: Path) -> Tokenizer:
    """Load the tokeniser in a `tokenizer.json` or in a folder that has one.

    Text that spells a control token stays text.
    """
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json" if path.is_dir() else path))
    tokenizer.encode_special_tokens = True
    return tokenizer
