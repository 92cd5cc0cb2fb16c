"""The paper's rule for every cut point of a text, from one forward pass over it.

Logit Threshold Empowerment (arXiv 2510.13709) keeps after a cut point the longest span whose cumulative surprisal
stays within eta bits. A token's surprisal does not depend on the cut point, so one cumulative sum serves all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from empower_model.errors import ModelError

if TYPE_CHECKING:
    from empower_training.labels.strips import Strip

ETAS = (0.32, 1.0, 2.0, 4.0)
"""Bits: the paper's in simulation and in the user study, and two between."""
QUANTILES = (0.5, 0.9, 0.99)
_ROWS = 32
"""Positions whose distributions are normalised together: for a small vocabulary they stay in the cache."""

Bits: TypeAlias = NDArray[np.float64]
Measure: TypeAlias = "Callable[[Any, Strip, int], Labelled]"
"""What `label` is, or what remembers what that said."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A strip and the surprisal of each of its tokens."""

    strip: Strip
    bits: Bits

    def spans(self, eta: float) -> NDArray[np.int64]:
        """Count for every cut point t, before token t, how many tokens from t on stay within eta bits together."""
        return spans(self.bits, eta)[list(self.strip.cuts)]

    def characters(self, eta: float) -> NDArray[np.int64]:
        """Return the characters of the span after each cut point of the strip, shape (cuts,)."""
        ends, cuts = np.array((0, *self.strip.ends)), np.array(self.strip.cuts, dtype=np.int64)
        return np.asarray(ends[cuts + self.spans(eta)] - ends[cuts])


@dataclass(frozen=True, slots=True)
class Spread:
    """Distribution of lengths."""

    mean: float
    quantiles: tuple[float, ...]
    """At QUANTILES."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Lengths of the spans of many cut points at one eta; empty ones count with length 0."""

    eta: float
    cuts: int
    empty: float
    """Share of cut points whose next token alone is over the budget."""
    tokens: Spread
    characters: Spread


def spans(surprisals: NDArray[np.floating[Any]] | Sequence[float], eta: float) -> NDArray[np.int64]:
    """Count for every cut point t, before token t, how many tokens from t on stay within eta bits together.

    max {i : s_t + ... + s_(t+i-1) <= eta}, shape (n,) for n tokens; at the end of the text it counts what there is.
    Raises ValueError for an eta below 0, and for surprisals that are negative or not finite.
    """
    bits = np.asarray(surprisals, dtype=np.float64)
    if not eta >= 0:
        raise ValueError(f"eta is a budget in bits, 0 or more, not {eta}.")
    if not np.isfinite(bits).all() or (bits < 0).any():
        raise ValueError("Surprisals are finite numbers of bits, 0 or more.")
    sums = np.concatenate(([0.0], np.cumsum(bits)))
    return np.asarray(np.searchsorted(sums, sums[:-1] + eta, side="right") - 1 - np.arange(len(bits)))


def label(model: Any, strip: Strip, context: int) -> Labelled:
    """Measure the surprisals of a strip's tokens under a causal language model of transformers.

    One forward pass where prompt and tokens fit `context`; a longer strip is read in windows that overlap by half, so
    that every token but the first ones still sees half a context. Raises ModelError where the model has no numbers.
    """
    ids = [*strip.prompt, *strip.ids]
    first = min(len(ids), context)
    parts = [surprisals(model, ids[:first], first - len(strip.prompt))]
    for at in range(first, len(ids), context // 2):
        end = min(len(ids), at + context // 2)
        parts.append(surprisals(model, ids[end - context : end], end - at))
    return Labelled(strip, np.concatenate(parts))


def surprisals(model: Any, ids: Sequence[int], last: int) -> Bits:
    """Return -log2 p of each of the last tokens of a row given all before it, shape (last,), from one forward pass.

    Raises ModelError where the model gives something that is no number.
    """
    import torch
    from torch.nn import functional

    if last <= 0:
        return np.zeros(0)
    base = model.get_base_model() if hasattr(model, "get_base_model") else model  # an adapter hides the signature
    only = {"logits_to_keep": last} if "logits_to_keep" in inspect.signature(base.forward).parameters else {}
    training = model.training
    model.train(False)  # dropout would make the bits another model's
    with torch.inference_mode():
        row = torch.tensor([ids], device=next(model.parameters()).device)
        logits = model(input_ids=row[:, :-1], use_cache=False, **only).logits[0, -last:]
        targets = row[0, -last:]
        parts = [slice(at, at + _ROWS) for at in range(0, last, _ROWS)]
        losses = [functional.cross_entropy(logits[some].float(), targets[some], reduction="none") for some in parts]
    model.train(training)
    bits = torch.cat(losses).double().cpu().numpy() / log(2)
    if not np.isfinite(bits).all():
        raise ModelError("The model's probabilities are not numbers: load it in float32, or use another one.")
    return np.maximum(bits, 0.0)


def summary(strips: Iterable[Labelled], eta: float) -> Summary:
    """Sum up how long the spans are at one eta. Raises ValueError where there is no cut point."""
    strips = [labelled for labelled in strips if labelled.strip.cuts]
    if not strips:
        raise ValueError("There is no cut point to label: the texts are too short.")
    tokens = np.concatenate([labelled.spans(eta) for labelled in strips])
    characters = np.concatenate([labelled.characters(eta) for labelled in strips])
    return Summary(eta, len(tokens), float(np.mean(tokens == 0)), _spread(tokens), _spread(characters))


def _spread(lengths: NDArray[np.int64]) -> Spread:
    return Spread(float(np.mean(lengths)), tuple(float(value) for value in np.quantile(lengths, QUANTILES)))
