"""What the memory of a workspace costs: indexing, bytes, an update, and the time it adds to a token.

    python benchmarks/memory_index.py [--quick]

The text is made up by a walk that repeats itself as code does; the files lie in one large and some smaller segments,
as after a day of edits. Log-probabilities are random. Of the time of each look-up the least of PASSES counts, each
with all the others between: what another process takes away meanwhile is not the memory's. Indexing is counted in
seconds of the processor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from figures import Figure, alone, show
from numpy.typing import NDArray

from empower_model.calibration import Calibration
from empower_model.engine.distribution import Distribution
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.files import store
from empower_model.memory import mixture
from empower_model.memory.index import Memory, Scope, blocks
from empower_model.memory.mixture import Weights

SMALL, LARGE = 8192, 151_936
FILE = 4000
"""Tokens of a file."""
PASSES = 8


def text(size: int, vocabulary: int, seed: int) -> NDArray[np.int32]:
    """Tokens, Zipf distributed; two thirds are copies of earlier pieces of 4 to 60 tokens."""
    rng = np.random.default_rng(seed)
    tokens = (rng.zipf(1.3, size) % vocabulary).astype(np.int32)
    at = 1000
    while at < size - 100:
        length = int(rng.integers(4, 60))
        if rng.random() < 0.67:
            start = int(rng.integers(0, at - length))
            tokens[at : at + length] = tokens[start : start + length]
        at += length
    return tokens


def filled(tokens: NDArray[np.int32]) -> Memory:
    """Return a memory of a project, some recent files and a current one."""
    memory = Memory()
    files = {f"{i}.py": tokens[at : at + FILE] for i, at in enumerate(range(0, len(tokens), FILE))}
    memory.update_all(files)
    memory.settle()
    for generation in (20, 4):  # two smaller segments and a tail that is scanned
        memory.update_all({f"{i}.py": tokens[i * FILE :][: FILE - 1] for i in range(len(files) // generation)})
        memory.settle()
    memory.update_all({f"{i}.py": tokens[i * FILE :][: FILE - 2] for i in range(8)})
    memory.update_all({f"recent {i}.py": tokens[i * FILE :][:FILE] for i in range(8)}, Scope.RECENT)
    memory.update("current.py", tokens[:10_000], Scope.FILE)
    return memory


def timed(run: Callable[[int], object], rounds: int, passes: int = 1) -> list[float]:
    """Milliseconds of each of `rounds` different calls, the least of some passes."""
    taken = np.full((passes, rounds), np.inf)
    for each in range(passes):
        for turn in range(rounds):
            started = time.perf_counter()
            run(turn)
            taken[each, turn] = (time.perf_counter() - started) * 1000
    least: list[float] = taken.min(axis=0).tolist()
    return least


def added(memory: Memory, tokens: NDArray[np.int32], vocabulary: int, rounds: int) -> list[Figure]:
    """Time added to a token: the look-up, the whole step, and the engine's second measuring of what comes out."""
    rng = np.random.default_rng(1)
    starts = rng.integers(0, len(tokens) - 20, rounds)
    contexts = [tokens[start : start + 8].tolist() for start in starts]
    log_probs = rng.normal(size=vocabulary).astype(np.float32)
    log_probs -= np.log(np.exp(log_probs).sum())
    weights = Weights(np.full(mixture.SHAPE, -0.5), Calibration())
    step = mixture.transform(memory, [], weights, [0])
    distribution = Distribution(vocabulary)

    distribution.read(log_probs)

    def whole(turn: int) -> None:
        distribution.replace(step(contexts[turn], distribution.log_probs()))
        distribution.replace(log_probs)

    size = f"V = {vocabulary / 1000:.0f}k, {memory.size / 1e6:.1f}M tokens"
    looked = timed(lambda turn: memory.continuations(contexts[turn]), rounds, PASSES)
    mixed = timed(lambda turn: step(contexts[turn], log_probs), rounds, PASSES)
    again = timed(lambda _: distribution.replace(log_probs), rounds, PASSES)
    total = list(np.array(timed(whole, rounds, PASSES)) - np.median(again))
    return [
        alone(f"look-up, {size}", "ms", looked),
        alone(f"look-up and mixture, {size}", "ms", mixed, 0.3),
        Figure("  95th percentile", "ms", float(np.quantile(mixed, 0.95))),
        alone("  with the copy and the measuring after it", "ms", total, 0.3, "which healing needs, too"),
    ]


def indexing(tokens: NDArray[np.int32], rounds: int) -> list[Figure]:
    """Seconds to sort a million tokens, milliseconds of an update, and bytes a token after it."""
    sizes, sorting = [], []
    files = {f"{i}.py": tokens[at : at + FILE] for i, at in enumerate(range(0, len(tokens), FILE))}
    for _ in range(rounds):
        memory = Memory()
        started = time.process_time()
        memory.update_all(files)
        memory.settle()
        sorting.append((time.process_time() - started) * 1e6 / len(tokens))
        sizes.append(memory.nbytes / memory.size)

    def one(turn: int) -> None:
        memory.update(f"{turn % 20}.py", tokens[turn : turn + FILE])

    def many(turn: int) -> None:
        memory.update_all({f"{100 + i}.py": tokens[turn : turn + FILE - i] for i in range(100)})

    return [
        alone("sorting, a million tokens", "s", sorting),
        alone("bytes a token", "", sizes, 12),
        alone(f"a file of {FILE} tokens is changed", "ms", timed(one, 20)),
        alone("100 files are changed", "ms", timed(many, 3)),
    ]


def tokenising() -> Figure:
    """Seconds to tokenise a million tokens of Python with the bundled model's tokeniser."""
    engine = LlamaEngine(EngineConfig(store.resolve(store.bundled()).path))
    source = "\n".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (mixture, store)) * 8
    taken = []
    for _ in range(3):
        started = time.process_time()
        count = len(blocks(source, engine.tokenize))
        taken.append((time.process_time() - started) * 1e6 / count)
    engine.close()
    return alone("tokenising, a million tokens", "s", taken, 5, "with sorting at most 5 s")


def main() -> None:
    """Measure everything and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    rounds = 100 if parser.parse_args().quick else 500
    figures = [tokenising()]
    for vocabulary in (SMALL, LARGE):
        tokens = text(2_000_000, vocabulary, seed=0)
        if vocabulary == LARGE:
            figures += indexing(tokens, 3)
        figures += added(filled(tokens), tokens, vocabulary, rounds)
    show(figures)


if __name__ == "__main__":
    main()
