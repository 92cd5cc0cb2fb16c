"""The recipe of a fine-tune: kind, sizes, schedule; free of heavy imports, so that a command can show defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["float32", "bfloat16"]

_SMALL = 100_000_000
"""Parameters up to which what was found for the bundled model is taken; see LOG.md."""


def is_large(parameters: int) -> bool:
    """Return whether a model of so many parameters is trained as Qwen2.5-Coder-0.5B is, not as the bundled one."""
    return parameters > _SMALL


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe of a fine-tune; the same recipe, examples and base give the same weights."""

    adapter: bool = True
    """A LoRA adapter on the projections of attention and feed-forward; False for all weights."""
    rank: int = 16
    """Of the adapter."""
    alpha: int = 32
    """What the adapter adds is scaled by alpha / rank."""
    rate: float | None = None
    """Peak learning rate; None for `starting_rate`."""
    epochs: int = 2
    batch: int = 32
    """Examples a step, over all processes; about so many where several share an evaluation."""
    micro_batch: int = 2048
    """Most tokens, padding included, that a process computes at once; a longer row goes alone."""
    warm_up: float = 0.1
    """Share of the steps in which the rate rises; it falls as a cosine after."""
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    seed: int = 0
    precision: Precision | None = None
    """What is computed in, None for what suits the base and this machine; trained weights are kept in float32."""
    checkpoint_minutes: float = 2.0

    def scale(self, share: float) -> float:
        """Return the factor of the peak rate when `share` of the steps, from 0 to 1, is done."""
        if share < self.warm_up:
            return share / self.warm_up
        done = (share - self.warm_up) / (1 - self.warm_up) if self.warm_up < 1 else 1.0
        return 0.5 * (1 + math.cos(math.pi * done))


def starting_rate(adapter: bool, parameters: int) -> float:
    """Return a peak rate for a base of that many parameters.

    For small bases what did best on the bundled model (LOG.md); else 1e-5 for all weights (arXiv 2510.13709), and ten
    times that for an adapter.
    """
    if is_large(parameters):
        return 1e-4 if adapter else 1e-5
    return 2e-3 if adapter else 1e-4
