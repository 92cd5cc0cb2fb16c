"""The plan of a pre-training run: the model's shape, its length, its rows, its rates."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from empower_training.pretrain.optimiser import Rates


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a Qwen3 model with tied embeddings."""

    width: int = 256
    layers: int = 6
    feed_forward: int = 768
    heads: int = 4
    key_value_heads: int = 2
    head_width: int = 64
    context: int = 1024
    """Largest position the model is declared for: that of the longest training rows."""
    rope_base: float = 50_000.0
    spread: float = 0.03
    """Standard deviation of the initial weights."""


def spread(width: int) -> float:
    """Return the spread for a width: a wider one would drown the heads of `copying_heads` in queries and keys."""
    return 0.03 * math.sqrt(256 / width)


@dataclass(frozen=True, slots=True)
class Plan:
    """Length, rows and rates of a pre-training run; shares are of the whole run."""

    minutes: float = 90.0
    """Wall-clock minutes of training in all, resumed pieces added up."""
    steps: int | None = None
    """When given, the schedule goes by steps and `minutes` is ignored: exactly repeatable, and a run that is stopped
    for a while, or for days, is none the worse for it."""
    warm_up: float = 0.01
    decay: float = 0.45
    """The last share, over which the learning rate falls linearly to zero; with 0 it does not, and another run that
    begins where this one ends may do so."""
    small_batch: float = 0.25
    """The first share, with half the tokens a step."""
    tokens_per_step: int = 8192
    micro_batch: int = 512
    """Tokens of one forward and backward pass: on a CPU what fits the caches is fastest."""
    workers: int = 1
    """Threads that take micro-batches, each with one thread of torch. On a busy machine this is far faster than as
    many threads within each operation, where all wait for the slowest; gradients are summed in the order in which they
    come, so only one worker is exactly repeatable."""
    attention: str = "eager"
    """The transformers implementation; at rows this short `sdpa` is slower on a CPU."""
    context: int = 512
    long_context: int = 1024
    long_from: float = 0.75
    fim: float = 0.5
    seed: int = 0
    precision: str = ""
    """What is computed in; empty for what is quickest on the machine, so that a run may move to another one. Masters of
    the weights are kept in float32."""
    average: float = 0.99
    """Decay a step of the running average of the weights."""
    checkpoint_minutes: float = 4.0
    """Of this process's processor time, so that a run that others slow down does not spend it on being judged."""
    device: str = "cpu"
    """Where torch computes. On another device than the CPU take one worker, `sdpa` and micro-batches of many rows."""
    compile: bool = False
    """Whether torch compiles the loss, once for each length of rows."""
    feeders: int = 0
    """Processes that make rows ahead; with 0 the run makes them itself, and a resumed run is repeatable to the bit."""
    exact_positions: bool = False
    """Whether rotary frequencies stay fp32 in a model of less precision. Rounded ones, as the bundled model was trained
    with, cost 0.001 nats past 768 tokens."""
    shape: Shape = field(default_factory=Shape)
    rates: Rates = field(default_factory=Rates)

    def going_on(self) -> Plan:
        """Return the plan for a model that is trained already: full steps from the first, long rows in the decay."""
        return replace(self, small_batch=0.0, long_from=1 - self.decay)

    def scale(self, progress: float) -> float:
        """Return the learning rate as a share of its peak, at `progress` from 0 to 1."""
        left = (1 - progress) / self.decay if self.decay else 1.0
        return max(0.0, min(1.0, (progress + 1e-9) / self.warm_up, left))
