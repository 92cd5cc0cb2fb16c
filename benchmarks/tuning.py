"""Which micro-batch, attention and thread count suit a machine: contexts of one model, measured in turns.

    python benchmarks/tuning.py [--rounds N] [--large]

Every figure is the median over the rounds; ratios are of the same round, against the engine's own setting.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import random_gguf
from bare import Bare, Weights
from figures import number
from rich.console import Console
from rich.table import Table

from empower_model.engine.context import MICRO_BATCH
from empower_model.engine.llama_file import physical_cores
from empower_model.files import store

PROMPT = 512
DECODED = 16
ATTENTION = {"auto": -1, "off": 0, "on": 1}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to set up a context."""

    micro_batch: int = MICRO_BATCH
    attention: str = "auto"
    threads: tuple[int, int] | None = None
    """Of a decode and of a prompt; None for the engine's own choice."""
    reset: bool = False
    """Whether the thread counts are set again before every token."""

    @property
    def name(self) -> str:
        """How it differs."""
        threads = self.threads or (physical_cores(),) * 2
        again = ", set again each time" if self.reset else ""
        return f"micro-batch {self.micro_batch}, flash {self.attention}, threads {threads[0]}/{threads[1]}{again}"


def variants() -> list[Variant]:
    """Yield the engine's setting first, then one change at a time."""
    cores = physical_cores()
    return [
        Variant(),
        *(Variant(micro_batch=size) for size in (32, 128, 256, 512)),
        *(Variant(size, attention) for size in (MICRO_BATCH, 512) for attention in ("off", "on")),
        *(Variant(threads=pair) for pair in {(1, cores), (1, 1), (max(1, cores - 1),) * 2} if pair != (cores, cores)),
        Variant(reset=True),
    ]


def sweep(path: Path, rounds: int) -> Table:
    """Milliseconds a token of a prompt and of decoding, for each variant."""
    weights = Weights(path)
    contexts = [(variant, _context(weights, variant)) for variant in variants()]
    taken: dict[Variant, list[tuple[float, float]]] = {variant: [] for variant in variants()}
    random = Random(0)
    for turn in range(rounds + 1):
        for variant, bare in random.sample(contexts, len(contexts)):
            measured = _measure(bare, variant, turn)
            if turn:  # the first warms up
                taken[variant].append(measured)
    table = Table("setting", "prompt, ms/token", "ratio (quartiles)", "decode, ms/token", "ratio (quartiles)")
    base = np.array(taken[Variant()])
    for variant, bare in contexts:
        times = np.array(taken[variant])
        cells = [variant.name]
        for column in (0, 1):
            low, middle, high = np.quantile(times[:, column] / base[:, column], (0.25, 0.5, 0.75))
            cells += [number(float(np.median(times[:, column]))), f"{middle:.2f} ({low:.2f}-{high:.2f})"]
        table.add_row(*cells)
        bare.close()
    return table


def _context(weights: Weights, variant: Variant) -> Bare:
    bare = Bare(weights, micro_batch=variant.micro_batch, flash_attention=ATTENTION[variant.attention])
    if variant.threads is not None:
        bare.set_threads(*variant.threads)
    return bare


def _measure(bare: Bare, variant: Variant, turn: int) -> tuple[float, float]:
    """Milliseconds a token of a fresh prompt, and of decoding after it."""
    prompt = [100 + (i * 7919 + turn * 31) % 5000 for i in range(PROMPT)]
    started = time.perf_counter()
    bare.prefill(prompt, PROMPT)
    between = time.perf_counter()
    for token in range(DECODED):
        if variant.reset:
            bare.set_threads(physical_cores(), physical_cores())
        bare.generate([100 + token, 200 + token])
    ended = time.perf_counter()
    return (between - started) * 1000 / PROMPT, (ended - between) * 1000 / DECODED


def main() -> None:
    """Print the table for the bundled model and, when asked, for the half billion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--large", action="store_true", help="the shape of Qwen2.5-Coder-0.5B instead")
    given = parser.parse_args()
    large = random_gguf.QWEN_HALF_BILLION
    path = random_gguf.made(large) if given.large else store.resolve(store.bundled(), tuned=False).path
    Console(width=120).print(sweep(path, given.rounds))


if __name__ == "__main__":
    main()
