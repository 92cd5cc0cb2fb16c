"""The mixture of a model's distribution with what the memory of the workspace has seen follow.

Each order of each scope is a small distribution of its own: counts over their sum. From the longest context to the
shortest, and at equal length from the nearest scope to the farthest, each takes a share of what those before it left,
and the model takes the rest. Witten and Bell's share, c / (c + t) for c occurrences of a context with t different
followers, is the special case without fitting; here the share is a logistic function of ln c, ln t and the logarithm of
what the model gives to these followers together, fitted for each order, scope and model (`mixture_fitting.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empower_model.calibration import Calibration
from empower_model.engine import FimTokens, Guess, LogProbs, Transform
from empower_model.errors import ModelError
from empower_model.memory.index import Continuations, Memory, Scope
from empower_model.memory.segment import ORDERS
from empower_model.regular_file import read_json, reason
from empower_model.whole_file import write_whole

FEATURES = 4
"""1, ln c, ln t, and ln of the model's probability of the followers."""
SHAPE = (ORDERS, len(Scope), FEATURES)
LEAST = 1e-6
"""Floor under probabilities whose logarithm is taken."""
MOST_ODDS = 12.0
"""No order is trusted, or distrusted, beyond these log-odds: some thousand tokens cannot tell."""

GIVEN = 0.5
"""What the model is taken to give to the followers together while it has not been asked."""

Coefficients = NDArray[np.float64]
"""Shape (ORDERS, scopes, FEATURES)."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The numbers that are fitted for a model: how far each order is trusted, and how often mixed spans are right."""

    coefficients: Coefficients
    calibration: Calibration
    """Mixing changes probabilities, so it differs from the model's own."""

    def __post_init__(self) -> None:
        if self.coefficients.shape != SHAPE or not np.isfinite(self.coefficients).all():
            raise ValueError(f"coefficients must be finite and of shape {SHAPE}, not {self.coefficients.shape}")

    def save(self, path: Path, **provenance: str | int | float) -> None:
        """Write the sidecar, with what it was fitted on beside the numbers.

        Whoever reads it meanwhile sees the old file or the new, never a part. Raises OSError.
        """
        content = {
            "levels": [scope.name.lower() for scope in Scope],
            "coefficients": np.round(self.coefficients, 4).tolist(),
            "midpoint": self.calibration.midpoint,
            "slope": self.calibration.slope,
            **provenance,
        }
        write_whole(path, json.dumps(content) + "\n")

    @classmethod
    def load(cls, path: Path) -> Weights | None:
        """Read a sidecar; None if there is none, as nothing is known of this model then. Raises ModelError."""
        try:
            content = read_json(path)
            calibration = Calibration(midpoint=float(content["midpoint"]), slope=float(content["slope"]))
            return cls(np.array(content["coefficients"], dtype=np.float64), calibration)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(
                f"The weights of the memory {path} cannot be read: {reason(error)}. Delete the file to do without the "
                "memory, or fit it again."
            ) from error


class Orders(NamedTuple):
    """The features that shares depend on, flat over orders and scopes: (order, scope) is at order * scopes + scope.

    With three scopes, order 0 of the farthest scope is row 0 and order 1 of it row 3. The later a row, the sooner it is
    asked for its share (`shares`): longer contexts before shorter ones, nearer scopes before farther ones.
    """

    features: NDArray[np.float64]
    """Shape (ORDERS * scopes, FEATURES)."""
    totals: NDArray[np.float32]
    """Shape (ORDERS * scopes,): how often the context was seen; 0 where it has nothing to say."""


def orders(counts: NDArray[np.float32], probabilities: NDArray[np.float32]) -> Orders:
    """Return the features of `counts`, as in Continuations, with the model's `probabilities` of the same tokens."""
    flat = counts.reshape(-1, len(probabilities))
    followed = (flat > 0).astype(np.float32)
    totals = flat.sum(axis=1)
    features = np.ones((len(totals), FEATURES))
    features[:, 1] = totals
    features[:, 2] = followed.sum(axis=1)
    features[:, 3] = followed @ probabilities
    np.maximum(features[:, 1:3], 1, out=features[:, 1:3])
    np.maximum(features[:, 3], LEAST, out=features[:, 3])
    np.log(features, out=features)
    features[:, 0] = 1
    return Orders(features, totals)


def trust(features: NDArray[np.float64], coefficients: Coefficients) -> NDArray[np.float64]:
    """Return the share of what is left that each order takes: features (..., ORDERS * scopes, FEATURES) to (...,)."""
    flat = coefficients.reshape(-1, FEATURES)
    odds = (features * flat).sum(axis=-1).clip(-MOST_ODDS, MOST_ODDS)
    shares: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
    return shares


def shares(trusted: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each order's share of the whole, and the model's: (..., n) to (..., n) and (...,). They sum to one.

    The last order takes its part of everything, the one before it of what is left, and so on; the model has the rest.
    """
    left = np.cumprod(1 - trusted[..., ::-1], axis=-1, dtype=np.float64)[..., ::-1]
    before = np.concatenate([left[..., 1:], np.ones_like(left[..., :1])], axis=-1)
    return trusted * before, left[..., 0]


def mixed(
    continuations: Continuations, probabilities: NDArray[np.float32], coefficients: Coefficients
) -> tuple[float, NDArray[np.float32]]:
    """Return the model's share, and what the memory adds to the probability of each of the n tokens, shape (n,).

    `probabilities` are the model's of the same tokens.
    """
    those = orders(continuations.counts, probabilities)
    parts, model = shares(trust(those.features, coefficients) * (those.totals > 0))
    rates = (parts / np.maximum(those.totals, 1)).astype(np.float32)
    added = rates @ continuations.counts.reshape(-1, len(continuations.tokens))
    return float(model), added


def likeliest(continuations: Continuations, coefficients: Coefficients) -> Guess:
    """Return the token that the memory alone expects most, and what it adds to its probability."""
    each = np.full(len(continuations.tokens), GIVEN / len(continuations.tokens), dtype=np.float32)
    _, added = mixed(continuations, each, coefficients)
    best = int(added.argmax())
    return Guess(int(continuations.tokens[best]), float(added[best]))


def transform(memory: Memory, context: Sequence[int], weights: Weights, ends: Sequence[int] = ()) -> Transform:
    """Return the mixture as a step between model and choice; `context` holds the tokens before the first generated one.

    The memory knows no ends of texts, so the probability of the tokens in `ends` stays the model's and the rest is
    mixed. To be applied before healing. The array that comes back is used again for the next token.
    """
    near = list(context[-ORDERS:])
    final = np.array(sorted(ends), dtype=np.intp)
    kept: list[LogProbs] = []

    def step(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
        continuations = memory.continuations([*near, *ids[-ORDERS:]])
        if continuations is None:
            return log_probs
        model, added = mixed(continuations, np.exp(log_probs[continuations.tokens]), weights.coefficients)
        end = log_probs[final]
        going = max(0.0, 1 - float(np.exp(end).sum()))
        if not kept:
            kept.append(np.empty_like(log_probs))
        out = np.add(log_probs, np.float32(np.log(max(model, LEAST**2))), out=kept[0])
        out[continuations.tokens] = np.logaddexp(out[continuations.tokens], np.log(np.maximum(going * added, LEAST**4)))
        out[final] = end
        return out

    return step


def context(prompt: Sequence[int], fim: FimTokens | None) -> list[int]:
    """Return the tokens of the text before the cursor that a prompt (`layout.py`) ends with, at most ORDERS."""
    near = list(prompt)
    if fim is not None and fim.middle in near:
        middle = len(near) - 1 - near[::-1].index(fim.middle)
        above = near[: near.index(fim.suffix)] if fim.suffix in near else []
        near = above[above.index(fim.prefix) + 1 if fim.prefix in above else 0 :][-ORDERS:] + near[middle + 1 :]
    return near[-ORDERS:]
