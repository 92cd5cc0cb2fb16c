"""A tokeniser as the server's layout takes it: what of it stands for an engine."""

from __future__ import annotations

from tokenizers import Tokenizer

from empower_model.engine import FimTokens, Vocabulary

FIM_NAMES = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # our own, Qwen2.5-Coder, CodeGemma
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder2, Granite
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # DeepSeek-Coder
    ("▁<PRE>", "▁<SUF>", "▁<MID>"),  # CodeLlama
)
END_NAMES = ("<|endoftext|>", "<|end_of_text|>", "<eos>", "<｜end▁of▁sentence｜>", "</s>")


class Encoding:
    """The tokens of a tokeniser, for a context of so many of them.

    Raises ValueError for a tokeniser that has no end-of-text token.
    """

    def __init__(self, tokenizer: Tokenizer, context_size: int) -> None:
        tokenizer.encode_special_tokens = True  # text that spells a control token stays text
        ends = [token for name in END_NAMES if (token := tokenizer.token_to_id(name)) is not None]
        if not ends:
            raise ValueError(f"The tokeniser has no end-of-text token; it needs one of {', '.join(END_NAMES)}.")
        self.end = ends[0]
        self.context_size = context_size
        first = tokenizer.encode("").ids[:1]  # what the tokeniser puts at the beginning of everything
        bos = first[0] if first and first[0] not in ends else None
        # the pieces serve to heal a cursor, and this one never stands inside a word
        self.vocabulary = Vocabulary((), frozenset(ends), _fim(tokenizer), bos)
        self._tokenizer = tokenizer

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text, without any put at its beginning."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)


def _fim(tokenizer: Tokenizer) -> FimTokens | None:
    for names in FIM_NAMES:
        prefix, suffix, middle = (tokenizer.token_to_id(name) for name in names)
        if prefix is not None and suffix is not None and middle is not None:
            return FimTokens(prefix, suffix, middle)
    return None
