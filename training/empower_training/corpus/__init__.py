"""Gathers source code with its licences, and cuts it into tokens and samples."""

from empower_training.corpus import corpus, duplicates, pack, sources, tokenizer
from empower_training.corpus.corpus import Document, FileLimits, refusal
from empower_training.corpus.encoding import Encoding
from empower_training.corpus.samples import Hole, Stream, cut, encoder, marks
from empower_training.corpus.tokenizer import (
    END,
    FIM_MIDDLE,
    FIM_PREFIX,
    FIM_SUFFIX,
    PRE_TOKENIZER,
    SPECIAL_TOKENS,
    untrained,
)

__all__ = [
    "END",
    "FIM_MIDDLE",
    "FIM_PREFIX",
    "FIM_SUFFIX",
    "PRE_TOKENIZER",
    "SPECIAL_TOKENS",
    "Document",
    "Encoding",
    "FileLimits",
    "Hole",
    "Stream",
    "corpus",
    "cut",
    "duplicates",
    "encoder",
    "marks",
    "pack",
    "refusal",
    "sources",
    "tokenizer",
    "untrained",
]
