"""Measures of one next-token distribution: surprisal and entropy in bits, from logits or log-probabilities."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from empower_model.engine.seam import LogProbs
from empower_model.errors import EngineError

LN2 = math.log(2)
SURE = 0.15
"""Bits, a probability of 90 %: nobody asks what else a token might have been that surprises by less."""
OTHERS = 2


class Distribution:
    """The distribution behind one row of logits, with work arrays kept from token to token.

    A vocabulary of 152k makes a row of 0.6 MB: one pass each for maximum, exponential, sum and product, in place.
    """

    def __init__(self, size: int) -> None:
        self._shifted = np.empty(size, dtype=np.float32)
        self._weights = np.empty(size, dtype=np.float32)
        self._log_total = 0.0
        self.entropy = 0.0
        """Bits."""

    def read(self, logits: NDArray[np.float32]) -> None:
        """Take in a row of logits, shape (size,). Raises EngineError when they are not numbers."""
        top = logits.max()
        if not math.isfinite(top):
            raise EngineError("The model computes values that are not numbers; try another model file.")
        np.subtract(logits, top, out=self._shifted)
        self._measure()

    def _measure(self) -> None:
        np.exp(self._shifted, out=self._weights)
        self._settle(float(self._weights.sum()))

    def _settle(self, total: float) -> None:
        self._log_total = math.log(total)
        # H = log Z - sum(w x) / Z with w = exp(x); never below zero but for rounding
        mean = float(np.dot(self._weights, self._shifted)) / total
        self.entropy = max(0.0, self._log_total - mean) / LN2

    def log_probs(self) -> LogProbs:
        """Return natural log-probabilities, shape (size,): a fresh array."""
        return self._shifted - np.float32(self._log_total)

    def replace(self, log_probs: LogProbs) -> None:
        """Go on with transformed log-probabilities instead, which sum to one: a third of the passes is saved."""
        np.copyto(self._shifted, log_probs)
        np.exp(self._shifted, out=self._weights)
        self._settle(1.0)

    def best(self) -> int:
        """Return the most probable token."""
        return int(self._shifted.argmax())

    def surprisal(self, token: int) -> float:
        """Return -log2 p(token), in bits."""
        return max(0.0, self._log_total - float(self._shifted[token])) / LN2

    def others(self, token: int) -> list[tuple[int, float]]:
        """Return the likeliest tokens beside the most probable one, with their probabilities; none beside a sure one.

        Each is a pass over the row, so they are looked for only where a person might want to know of them.
        """
        if self.surprisal(token) < SURE:
            return []
        row, taken = self._shifted, [token]
        values = [float(row[token])]
        for _ in range(OTHERS):
            row[taken[-1]] = -np.inf
            taken.append(int(row.argmax()))
            values.append(float(row[taken[-1]]))
        row[taken] = values
        likeliest = zip(taken[1:], values[1:], strict=True)
        return [(other, math.exp(value - self._log_total)) for other, value in likeliest if math.isfinite(value)]
