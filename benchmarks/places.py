"""How to keep the evaluated prompts of several places: sequences of one context, or states saved beside it.

Prints milliseconds a token with 1, 4 and 8 places of the same length, measured in turns, and what a switch costs:
copying a state out and another one in, beside evaluating the place again.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from pathlib import Path
from typing import Any

import numpy as np
from bare import Bare, Weights
from figures import Figure, alone, compare, show

from empower_model.engine.llama_file import llama_cpp
from empower_model.files import store

PLACES = (1, 4, 8)
STEPS = 12
"""Tokens in a measurement."""


class Sequences(Bare):
    """A context whose cells are shared by several sequences, each with a prompt of its own."""

    def __init__(self, weights: Weights, places: int, length: int) -> None:
        super().__init__(weights, context_size=places * (length + 256), sequences=places)
        for place in range(places):
            self.sequence = place
            self.length = 0
            self.prefill(_prompt(weights, place, length), length)


def _prompt(weights: Weights, place: int, length: int) -> list[int]:
    ids = np.random.default_rng(place).integers(1000, min(weights.size, 8000), length)
    return [int(token) for token in ids]


def _tokens(context: Bare, length: int) -> float:
    """Milliseconds a token, written behind the prompt of the current place."""
    context.length = length
    llama_cpp.llama_memory_seq_rm(context.memory, context.sequence, length, -1)
    started = time.perf_counter()
    context.generate([1000] * STEPS)
    return (time.perf_counter() - started) * 1000 / STEPS


def _switch(context: Any, state: Any, size: int) -> float:
    """Milliseconds to copy a state out and in again."""
    started = time.perf_counter()
    llama_cpp.llama_state_seq_get_data(context, state, size, 0)
    llama_cpp.llama_state_seq_set_data(context, state, size, 0)
    return (time.perf_counter() - started) * 1000


def measure(path: Path, length: int, times: int) -> list[Figure]:
    """Return the figures of one model."""
    weights = Weights(path)
    contexts = [Sequences(weights, places, length) for places in PLACES]
    took = [[_tokens(context, length) for context in contexts] for _ in range(times)]
    columns = list(zip(*took, strict=True))
    rows = [
        compare(f"a token, {places} sequences of {length} tokens, beside one", "ms", column, columns[0])
        for places, column in zip(PLACES, columns, strict=True)
    ]
    single = contexts[0].context
    size = llama_cpp.llama_state_seq_get_size(single, 0)
    state = (ctypes.c_uint8 * size)()
    llama_cpp.llama_state_seq_get_data(single, state, size, 0)
    rows.append(alone(f"a saved state, {length} tokens", "MB", [size / 1e6]))
    switches, again = [], []
    for _ in range(times):
        switches.append(_switch(single, state, size))
        started = time.perf_counter()
        contexts[0].length = 0
        contexts[0].prefill(_prompt(weights, 0, length), length)
        again.append((time.perf_counter() - started) * 1000)
    return [*rows, compare("a switch by saved states, beside evaluating again", "ms", switches, again)]


def main() -> None:
    """Measure one model file, by default the bundled one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None, help="a GGUF file")
    parser.add_argument("--length", type=int, default=700, help="tokens of each prompt")
    parser.add_argument("--times", type=int, default=9)
    options = parser.parse_args()
    path = options.model or store.resolve(store.bundled(), tuned=False).path
    show(measure(path, options.length, options.times))


if __name__ == "__main__":
    main()
