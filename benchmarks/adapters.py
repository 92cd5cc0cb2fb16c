"""What llama.cpp makes of a model file and of an adapter on it, beside torch with the weights that training has of it.

    python benchmarks/adapters.py [MODEL] [--code PATH] [--tokens N] [--steps N]

Three questions: does the rebuilt tokeniser cut all files of PATH as llama.cpp does; how near are the bits of the same
tokens; and, for an adapter of a few steps, is what it *changes* in bits the same. MODEL is a name or a file, PATH a
folder of code or a file of JSON lines with `path` and `text`, as `empower-lsp lab corpus` writes it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empower_model.engine.distribution import Distribution
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.files import Model, store

Bits = NDArray[np.float64]
ROOT = Path(__file__).parents[1]
CONTEXT = 384
"""Tokens of an example that the adapter is trained on."""
BATCH = 8
"""Examples of a step."""
RATE = 2e-3
"""High, so that a few steps change something: what llama.cpp rounds otherwise, 0.04 bits a token, does not shrink."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Bits of the same tokens, from llama.cpp and from torch."""

    llama: Bits
    torch: Bits

    @property
    def apart(self) -> float:
        """Mean distance, in bits a token."""
        return float(np.abs(self.llama - self.torch).mean())

    @property
    def correlation(self) -> float:
        """Of both (Pearson)."""
        return float(np.corrcoef(self.llama, self.torch)[0, 1])

    def said(self) -> str:
        """Return all of it as a line."""
        return (
            f"{len(self.llama):,} tokens: llama.cpp {self.llama.mean():+.4f} bits, torch {self.torch.mean():+.4f}, "
            f"{self.apart:.4f} apart, size {np.abs(self.torch).mean():.4f}, r = {self.correlation:.4f}"
        )


def code(path: Path) -> list[tuple[str, str]]:
    """Return names and texts of a folder's files, or of a file of JSON lines."""
    if path.is_dir():
        from empower_training.labels.texts import from_folder

        return [(text.name, text.text) for text in from_folder(path)]
    with path.open(encoding="utf-8") as lines:
        return [(document["path"], document["text"]) for document in map(json.loads, lines)]


def llama_bits(config: EngineConfig, ids: Sequence[int]) -> Bits:
    """Return the surprisal of every token but the first, each given all before it."""
    engine = LlamaEngine(config)
    distribution, bits = Distribution(len(engine.vocabulary.pieces)), []
    for index in range(1, len(ids)):
        engine.prefill(list(ids[:index]))
        distribution.read(engine.logits())
        bits.append(distribution.surprisal(ids[index]))
    engine.close()
    return np.array(bits)


def torch_bits(folder: Path, ids: Sequence[int], adapter: Path | None = None) -> Bits:
    """Return the same from the weights in a folder, in float32, under the adapter that peft saved."""
    from empower_training.finetune.loading import load, load_tuned
    from empower_training.labels.labelling import surprisals

    model = load(folder, "float32") if adapter is None else load_tuned(folder, adapter, "float32")
    return surprisals(model, ids, len(ids) - 1)


def same_tokens(model: Model, base: Path, texts: Sequence[tuple[str, str]]) -> dict[str, tuple[int, int, int]]:
    """Count by kind of file: files, tokens, and files that llama.cpp cuts otherwise than the tokeniser in `base`."""
    from empower_training.corpus import tokenizer as tokenizers

    tokenizer, engine = tokenizers.load(base), LlamaEngine(EngineConfig(model.path, 1, context_size=64))
    counts: dict[str, tuple[int, int, int]] = {}
    for name, text in texts:
        ours, theirs = tokenizer.encode(text, add_special_tokens=False).ids, engine.tokenize(text)
        kind = Path(name).suffix or Path(name).name
        files, tokens, other = counts.get(kind, (0, 0, 0))
        counts[kind] = files + 1, tokens + len(theirs), other + (list(ours) != list(theirs))
    engine.close()
    return counts


def compared(
    model: Model,
    base: Path,
    texts: Sequence[tuple[str, str]],
    *,
    tokens: int,
    steps: int,
    rate: float = RATE,
    threads: int = 1,
) -> tuple[Compared, Compared]:
    """Return the bits of the first text's tokens, and how an adapter changes them that is trained on the others."""
    from empower_training.finetune import Recipe, finetune, write_adapter

    engine = LlamaEngine(EngineConfig(model.path, threads, context_size=64))
    ids = engine.tokenize(texts[0][1])[:tokens]
    engine.close()
    with tempfile.TemporaryDirectory(prefix="empower-adapter-") as scratch:
        run, file = Path(scratch), Path(scratch) / "adapter.gguf"
        recipe = Recipe(rank=8, alpha=16, rate=rate, epochs=1, batch=BATCH)
        finetune(base, _examples(base, texts[1:], steps * BATCH), run, recipe)
        write_adapter(run / "final", base, file)
        plain = Compared(
            llama_bits(EngineConfig(model.path, threads, context_size=tokens + 8), ids), torch_bits(base, ids)
        )
        tuned = Compared(
            llama_bits(EngineConfig(model.path, threads, context_size=tokens + 8, adapter=file), ids),
            torch_bits(base, ids, run / "final"),
        )
    return plain, Compared(tuned.llama - plain.llama, tuned.torch - plain.torch)


def _examples(base: Path, texts: Sequence[tuple[str, str]], count: int) -> Any:
    from empower_training.corpus import tokenizer as tokenizers
    from empower_training.labels import Method, Text, examples

    return examples(
        None,
        tokenizers.load(base),
        [Text(name, text, 0.0) for name, text in texts],
        method=Method.SFT_20,
        eta=0.0,
        seed=0,
        count=count,
        context=CONTEXT,
        together=BATCH // 2,
    )


def main() -> None:
    """Print the answers."""
    import torch

    from empower_training.finetune import base_folder

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="")
    parser.add_argument("--code", type=Path, default=ROOT, help="[default: this project]")
    parser.add_argument("--first", default="*", help="glob of the file to measure, the longest that matches")
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model = store.checked(given.model, tuned=False)
    base = base_folder(model)
    texts = code(given.code)
    counts = same_tokens(model, base, texts)
    for kind, (files, tokens, other) in sorted(counts.items(), key=lambda item: -item[1][1]):
        print(f"{kind:<14}{files:>5} files {tokens:>9,} tokens, {other} cut otherwise")
    first = max((text for text in texts if Path(text[0]).match(given.first)), key=lambda text: len(text[1]))
    others = [text for text in texts if text is not first]
    plain, change = compared(
        model, base, [first, *others], tokens=given.tokens, steps=given.steps, threads=given.threads
    )
    print(f"bits of {first[0]}: {plain.said()}")
    print(f"change by the adapter: {change.said()}")


if __name__ == "__main__":
    main()
