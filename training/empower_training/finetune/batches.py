"""Batches of examples: drawn for each step, padded, and their loss, which is on the target's tokens only."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from empower_training.labels import Example

_BUCKETS = 16
"""Batches' worth of shuffled examples that are sorted by length together."""
_STEP = 64
"""Tokens up to which two prompts count as equally long."""
_IGNORED = -100
"""Label of a position that is not learned from."""


def epoch(prompts: Sequence[int], batch: int, seed: int, number: int) -> list[list[int]]:
    """Return the batches of one epoch as indices of examples: every example once, those of a batch about equally long.

    `prompts` are the lengths of the prompts alone, and compared coarsely: most prompts fill the context, so by their
    whole lengths examples would be sorted by their targets, into batches of nothing but empty ones and batches of long
    ones, which pull the model to and fro. Shuffled anew for each (seed, number); the last batch may be smaller.
    """
    rng = random.Random(f"{seed}-{number}")
    order = rng.sample(range(len(prompts)), len(prompts))
    batches: list[list[int]] = []
    for start in range(0, len(order), _BUCKETS * batch):
        border = rng.randrange(_STEP)  # a full context must not lie on it for good
        bucket = order[start : start + _BUCKETS * batch]
        bucket.sort(key=lambda index: (prompts[index] + border) // _STEP)
        batches += [bucket[at : at + batch] for at in range(0, len(bucket), batch)]
    rng.shuffle(batches)
    return batches


def micro_batches(indices: Sequence[int], lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Split a batch so that no part, padded to its longest row, has more than `tokens`, save a single longer row."""
    part: list[int] = []
    longest = 0
    for index in sorted(indices, key=lambda index: lengths[index]):
        longest = max(longest, lengths[index])
        if part and longest * (len(part) + 1) > tokens:
            yield part
            part, longest = [], lengths[index]
        part.append(index)
    if part:
        yield part


def target_loss(model: Any, examples: Sequence[Example], device: torch.device | None = None) -> Tensor:
    """Return the loss in nats, summed over the tokens of the targets; a scalar in float32.

    `model` is a causal language model of transformers, or one that peft has wrapped. Rows are padded at their ends,
    where causal attention needs no mask, and logits are computed from the first target on.
    """
    longest = max(len(example.prompt) + len(example.target) for example in examples)
    first = min(len(example.prompt) for example in examples) - 1
    ids = torch.zeros(len(examples), longest - 1, dtype=torch.long)
    labels = torch.full((len(examples), longest - 1), _IGNORED)
    for row, example in enumerate(examples):
        whole = torch.tensor((*example.prompt, *example.target))
        ids[row, : len(whole) - 1] = whole[:-1]
        labels[row, len(example.prompt) - 1 : len(whole) - 1] = whole[len(example.prompt) :]
    kept = torch.arange(first, longest - 1)
    logits = model(input_ids=ids.to(device), logits_to_keep=kept.to(device), use_cache=False).logits.float()
    return functional.cross_entropy(
        logits.flatten(0, 1), labels[:, first:].flatten().to(device), ignore_index=_IGNORED, reduction="sum"
    )


@torch.no_grad()
def mean_loss(model: Any, examples: Sequence[Example], tokens: int = 4096) -> float:
    """Return the mean loss in nats a target token over all examples."""
    device = next(model.parameters()).device
    lengths = [len(example.prompt) + len(example.target) for example in examples]
    parts = micro_batches(range(len(examples)), lengths, tokens)
    total = sum(float(target_loss(model, [examples[index] for index in part], device)) for part in parts)
    return total / sum(len(example.target) for example in examples)
