"""Batches of examples: those that share an evaluation, the steps they are drawn for, and the loss on their targets."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from empower_training.labels import Example

_BUCKETS = 16
"""Batches' worth of shuffled examples that are sorted by length together."""
_STEP = 64
"""Tokens up to which two prompts count as equally long."""


def evaluations(examples: Sequence[Example]) -> list[list[int]]:
    """Group examples, as indices, so that a group takes one evaluation: that of its first, which is the longest.

    What is evaluated for an example are its prompt and all of its target but the end. Where that is the beginning of
    another's, as at an earlier cut point of the same text, causal attention gives the same at each of its tokens. The
    groups are in the order of their earliest examples.
    """
    evaluated = [_evaluated(example) for example in examples]
    grouped: list[list[int]] = []
    # backwards, all that go on from a beginning come just before it
    for index in sorted(range(len(examples)), key=evaluated.__getitem__, reverse=True):
        tokens = evaluated[index]
        if grouped and evaluated[grouped[-1][0]][: len(tokens)] == tokens:
            grouped[-1].append(index)
        else:
            grouped.append([index])
    return sorted(grouped, key=min)


def _evaluated(example: Example) -> tuple[int, ...]:
    return (*example.prompt, *example.target[:-1])


def epoch(prompts: Sequence[int], batch: int, seed: int, number: int) -> list[list[int]]:
    """Return the batches of one epoch as indices of evaluations: every one once, those of a batch about equally long.

    `prompts` are the lengths of the prompts alone, and compared coarsely: most prompts fill the context, so by their
    whole lengths they would be sorted by their targets, into batches of nothing but empty ones and batches of long
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

    `model` is a causal language model of transformers, or one that peft has wrapped. Examples that share an
    evaluation are one row. Rows are padded at their ends, where causal attention needs no mask; logits are computed
    only at positions where a target's token follows in some row.
    """
    grouped = evaluations(examples)
    evaluated = [torch.tensor(_evaluated(examples[row[0]])) for row in grouped]
    ids = torch.nn.utils.rnn.pad_sequence(evaluated, batch_first=True)
    learned = [
        (number, position, token)
        for number, row in enumerate(grouped)
        for index in row
        for position, token in enumerate(examples[index].target, start=len(examples[index].prompt) - 1)
    ]
    row_of, position_of, token_of = torch.tensor(learned, device=device).T
    kept, place_of = position_of.unique(return_inverse=True)
    logits: Tensor = model(input_ids=ids.to(device), logits_to_keep=kept, use_cache=False).logits
    return -logits.float().log_softmax(-1)[row_of, place_of, token_of].sum()


@torch.no_grad()
def mean_loss(model: Any, examples: Sequence[Example], tokens: int = 4096) -> float:
    """Return the mean loss in nats a target token over all examples."""
    device = next(model.parameters()).device
    lengths = [len(example.prompt) + len(example.target) for example in examples]
    parts = micro_batches(range(len(examples)), lengths, tokens)
    total = sum(float(target_loss(model, [examples[index] for index in part], device)) for part in parts)
    return total / sum(len(example.target) for example in examples)
