"""A model file in types of weights that processors multiply faster: which weights, and what that wins and costs.

llama.cpp has slow kernels for Q4_1, Q5_0 and Q5_1. It repacks IQ4_NL for the processor at hand, and Q8_0 is quick. To
IQ4_NL go the two large matrices of each layer that bear it best; the other slow ones go to Q8_0, which loses nothing.
Of Qwen2.5-Coder-0.5B's Q4_K_M file that is half of all weights. Types: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from empower_model.engine.adapter_file import header
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.engine.timing import Timings

SLOW = {3: "Q4_1", 6: "Q5_0", 7: "Q5_1"}
IQ4_NL, Q8_0 = 20, 8
LEAST_GAIN = 1.2
MOST_COST = 0.01
EVALUATED, WRITTEN = 256, 8
"""Tokens of a completion in a new place, whose time is compared."""
WINDOW, WINDOWS = 512, 6
"""Tokens that are read in a row to count bits, and how often: the cost is then certain to a quarter of a per cent."""
_BEARS = re.compile(r"blk\.\d+\.ffn_(gate|up)\.weight")
_LAYER = re.compile(r"blk\.\d+\.\w+\.weight")


@dataclass(frozen=True, slots=True)
class Requantised:
    """A requantised file beside the one that it was made from."""

    gain: float
    """How many times as fast a completion is."""
    cost: float
    """The share of bits that known text takes more."""
    disturbed: bool = False
    """Whether others were at work meanwhile."""

    @property
    def worth(self) -> bool:
        """Tell whether it wins more than a fifth for less than a hundredth of the bits."""
        return self.gain > LEAST_GAIN and self.cost < MOST_COST and not self.disturbed


def faster_types(path: Path) -> Mapping[str, int]:
    """Return the weights of a model file that could be faster, with the types that they should have.

    Raises ModelFileInvalid.
    """
    slow = (name for name, tensor in header(path).tensors.items() if tensor.type in SLOW and _LAYER.fullmatch(name))
    return {name: IQ4_NL if _BEARS.fullmatch(name) else Q8_0 for name in slow}


def compare(before: Path, after: Path, text: str) -> Requantised:
    """Measure two files of a model, with text that says of how many bits they are; takes a minute or two.

    Raises EngineError and ModelFileInvalid.
    """
    (old, bits), (new, more) = _measured(before, text), _measured(after, text)
    gain = old.seconds(EVALUATED, WRITTEN) / new.seconds(EVALUATED, WRITTEN)
    return Requantised(gain, more / bits - 1, old.disturbed or new.disturbed)


def _measured(path: Path, text: str) -> tuple[Timings, float]:
    engine = LlamaEngine(EngineConfig(path))
    try:
        timings = engine.measured()
        return timings, sum(np.sum(engine.surprisals(ids)) for ids in _windows(engine.tokenize(text)))
    finally:
        engine.close()


def _windows(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield parts of a text, spread over all of it."""
    step = max(WINDOW, len(ids) // WINDOWS)
    for start in range(0, min(len(ids), step * WINDOWS), step):
        yield ids[start : start + WINDOW]
