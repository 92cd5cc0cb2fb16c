"""Bits per character on packages never trained on, left to right and in the server's fill-in layout."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import Qwen3ForCausalLM

from empower_model.prompt import Layout
from empower_training.corpus import Document, Encoding, cut
from empower_training.corpus import tokenizer as tokenizers
from empower_training.pretrain.pretrain import token_losses


@dataclass(frozen=True, slots=True)
class Effort:
    """Amount that is measured of each package."""

    characters: int = 300_000
    """Most characters read left to right."""
    holes: int = 300
    context: int = 1024
    """Tokens of a row; a file longer than that is read in pieces, each without memory of the one before."""
    batch: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CodeLength:
    """Bits and characters, summed."""

    bits: float = 0.0
    characters: int = 0

    @property
    def rate(self) -> float:
        """Return the bits per character."""
        return self.bits / max(1, self.characters)

    def __add__(self, other: CodeLength) -> CodeLength:
        return CodeLength(self.bits + other.bits, self.characters + other.characters)


@dataclass(frozen=True, slots=True)
class Result:
    """A package's figures."""

    package: str
    left_to_right: CodeLength
    middle: CodeLength
    ends: CodeLength
    """Bits of the end-of-text token after the middle; its `characters` counts holes."""


@dataclass(frozen=True, slots=True)
class _ScoredRow:
    ids: list[int]
    counted: int
    """How many of the last tokens are measured."""
    characters: int


def measure(
    folder: Path, documents: Sequence[Document], effort: Effort, report: Callable[[str], None] = lambda name: None
) -> list[Result]:
    """Measure each package in `documents`, by name; `folder` is a model in the Hugging Face format.

    Computed in fp32. `report` is told each package's name before its turn.
    """
    model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    model.train(False)
    tokenizer = tokenizers.load(folder)
    encoding = Encoding(tokenizer, effort.context)
    results = []
    for package in sorted({document.package for document in documents}):
        report(package)
        texts = sorted(document.text for document in documents if document.package == package)
        rng = random.Random(f"{effort.seed}-{package}")
        rng.shuffle(texts)
        plain, _ = _bits(model, _pieces(texts, encoding, effort), effort.batch)
        middle, ends = _bits(model, _holes(texts, encoding, effort, rng), effort.batch, closed=True)
        results.append(Result(package, plain, middle, ends))
    return results


def _pieces(texts: Sequence[str], encoding: Encoding, effort: Effort) -> Iterator[_ScoredRow]:
    """Yield whole files in pieces of a row, each after an end-of-text token."""
    read = 0
    for text in texts:
        if read >= effort.characters:
            return
        read += len(text)
        ids = encoding.tokenize(text)
        for start in range(0, len(ids), effort.context - 1):
            piece = ids[start : start + effort.context - 1]
            # characters are shared out by tokens, which is exact over the whole file
            share = len(text) * (start + len(piece)) // len(ids) - len(text) * start // len(ids)
            yield _ScoredRow([encoding.end, *piece], len(piece), share)


def _holes(texts: Sequence[str], encoding: Encoding, effort: Effort, rng: random.Random) -> Iterator[_ScoredRow]:
    """Yield random cuts, files weighted by length, as the server lays them out."""
    layout, weights = Layout(encoding), [len(text) for text in texts]
    for text in rng.choices(texts, weights, k=effort.holes):
        hole = cut(text, rng)
        middle = [*encoding.tokenize(hole.middle), encoding.end]
        yield _ScoredRow([*layout.fresh(hole.above, hole.below, len(middle)), *middle], len(middle), len(hole.middle))


@torch.no_grad()
def _bits(
    model: Qwen3ForCausalLM, rows: Iterator[_ScoredRow], batch: int, closed: bool = False
) -> tuple[CodeLength, CodeLength]:
    """Sum the bits of the rows' measured tokens; with `closed`, each row's last token is counted apart."""
    total, ends = CodeLength(), CodeLength()
    waiting = sorted(rows, key=lambda row: len(row.ids))
    for start in range(0, len(waiting), batch):
        part = waiting[start : start + batch]
        losses = token_losses(model, _padded([row.ids for row in part]))
        for row, line in zip(part, losses.double() / math.log(2), strict=True):
            measured = line[len(row.ids) - 1 - row.counted : len(row.ids) - 1]
            last = float(measured[-1]) if closed else 0.0
            total += CodeLength(float(measured.sum()) - last, row.characters)
            ends += CodeLength(last, 1)
    return total, ends


def _padded(rows: list[list[int]]) -> Tensor:
    """Fill rows up on the right, where a causal model does not look."""
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def totals(results: Sequence[Result]) -> tuple[CodeLength, CodeLength, CodeLength]:
    """Sum over packages: left to right, middle, ends."""
    return (
        sum((result.left_to_right for result in results), CodeLength()),
        sum((result.middle for result in results), CodeLength()),
        sum((result.ends for result in results), CodeLength()),
    )
