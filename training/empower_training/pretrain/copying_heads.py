"""The weights training starts from: heads that already look back and copy, which a short run would find too late.

In the spirit of mimetic initialisation (Trockman and Kolter, arXiv 2305.09828). Copying what followed the last time
takes two heads in a row (Olsson et al., arXiv 2209.11895): one that tells each position what stood before it, and
one that looks for the present token among those and repeats what came next. Here both are there from the first step.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Qwen3ForCausalLM

from empower_training.pretrain.plan import Shape

_STRENGTH = 4.0
"""Of the constant part of queries and keys, against about 0.5 of the random part, in an input of unit size."""
_MATCH = 3.0
_TELL = 0.15
_REPEAT = 0.15
"""What the heads write into the residual stream, a few times the spread of the embeddings."""
_GAIN = 1.6
"""Of the norms of queries and keys of these heads' layers: nearly all attention goes to the best match."""


@torch.no_grad()
def initialise(model: Qwen3ForCausalLM, shape: Shape) -> None:
    """Overwrite parts of a freshly made model.

    Attention-out and FFN-down begin at zero, so that every block begins as the identity; then the heads are put in:
    those that copy only where there are two layers and the width has room for them.
    """
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    common = torch.sign(torch.randn(shape.width))
    # in the tied output a common part adds the same to every logit, so it changes no probability
    model.model.embed_tokens.weight.add_(shape.spread * common)
    slow = _slow_dimensions(shape)
    basis = _orthonormal(2 * len(slow), common)
    _look_back(model, shape, common)
    room = max(2 * len(slow), shape.key_value_heads * shape.head_width) < shape.width
    if shape.layers > 1 and room:
        _tell_and_repeat(model, shape, basis[: len(slow)], basis[len(slow) :], slow)


def _slow_dimensions(shape: Shape) -> Tensor:
    """Return the dimensions of a head that rotate by little over some hundred positions: they can compare contents."""
    half = shape.head_width // 2
    pairs = torch.arange(half * 9 // 16, half)
    return torch.cat([pairs, pairs + half])


def _orthonormal(count: int, against: Tensor) -> Tensor:
    """Return random orthonormal rows, orthogonal to `against` too; shape (count, width)."""
    columns = torch.cat([against[:, None], torch.randn(len(against), count)], dim=1)
    rows: Tensor = torch.linalg.qr(columns)[0][:, 1:].T
    return rows


def _look_back(model: Qwen3ForCausalLM, shape: Shape, common: Tensor, pairs: int = 6) -> None:
    """Make head h of the first layer look h + 1 tokens back.

    Queries and keys have no bias, so without a common part in the input nothing constant is there to rotate by
    position. The fastest rotary pairs get it, in the query rotated back by the head's distance.
    """
    attention = model.model.layers[0].self_attn
    speeds = shape.rope_base ** (-2.0 * torch.arange(pairs) / shape.head_width)
    half = shape.head_width // 2
    key = torch.zeros(shape.head_width)
    key[:pairs] = _STRENGTH
    for head in range(shape.heads):
        query = torch.zeros(shape.head_width)
        query[:pairs] = _STRENGTH * torch.cos(speeds * (head + 1))
        query[half : half + pairs] = -_STRENGTH * torch.sin(speeds * (head + 1))
        attention.q_proj.weight[_rows(head, shape)] += torch.outer(query, common) / shape.width
    attention.k_proj.weight.add_(torch.outer(key.repeat(shape.key_value_heads), common) / shape.width)
    attention.q_norm.weight.fill_(_GAIN)
    attention.k_norm.weight.fill_(_GAIN)


def _tell_and_repeat(model: Qwen3ForCausalLM, shape: Shape, read: Tensor, told: Tensor, slow: Tensor) -> None:
    """Make head 0 of the first layer write the token before into `told`; the second layer's heads match and repeat."""
    first, second = (model.model.layers[index].self_attn for index in (0, 1))
    count = len(slow)
    first.v_proj.weight[:count] = read
    first.o_proj.weight[:, :count] = _TELL * told.T
    group = shape.heads // shape.key_value_heads
    parts = _orthonormal(shape.key_value_heads * shape.head_width, torch.ones(shape.width))
    for index in range(shape.key_value_heads):
        head = index * group
        second.q_proj.weight[head * shape.head_width + slow] = _MATCH * read
        second.k_proj.weight[index * shape.head_width + slow] = _MATCH * told
        part = parts[_rows(index, shape)]
        second.v_proj.weight[_rows(index, shape)] = part
        second.o_proj.weight[:, _rows(head, shape)] = _REPEAT * part.T
    second.q_norm.weight.fill_(_GAIN)
    second.k_norm.weight.fill_(_GAIN)


def _rows(head: int, shape: Shape) -> slice:
    return slice(head * shape.head_width, (head + 1) * shape.head_width)
