"""From bits to a probability: how often a span of so much surprisal is what the human goes on to type.

A model's own probability of a span, 2 ** -U, is no such probability: spans are chosen greedily and the human
is not the model. Two numbers fitted per model bridge that, as a log-logistic survival curve over U.
"""

from __future__ import annotations

import errno
import json
import math
from dataclasses import dataclass
from pathlib import Path

from empower_model.errors import ModelError
from empower_model.regular_file import read_json, reason
from empower_model.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Calibration:
    """p(U) = 1 / (1 + (U / midpoint) ** slope): probability that a span of U bits is right as a whole."""

    midpoint: float = 1.0
    """Bits at which the probability is one half."""
    slope: float = 1.5
    """How sharply the odds fall: they are (midpoint / U) ** slope."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) and value > 0 for value in (self.midpoint, self.slope)):
            raise ValueError(f"midpoint and slope must be positive, not {self.midpoint} and {self.slope}")

    def probability(self, bits: float) -> float:
        """Return the probability that the whole of a span of that surprisal is what the human would type."""
        if bits <= 0:
            return 1.0
        log_odds = self.slope * (math.log(self.midpoint) - math.log(bits))
        return _logistic(log_odds)

    def budget(self, probability: float) -> float:
        """Return the bits at which `probability` is reached: the inverse; 0 for certainty, infinity for no demand."""
        if probability >= 1:
            return 0.0
        if probability <= 0:
            return math.inf
        log_bits = math.log(self.midpoint) + (math.log1p(-probability) - math.log(probability)) / self.slope
        return math.exp(log_bits) if log_bits < 709 else math.inf  # exp(709) is the last that fits a float

    def save(self, path: Path, **provenance: str | int | float) -> None:
        """Write the sidecar, with what it was fitted on, when, on how many spans, beside the two numbers.

        Whoever reads it meanwhile sees the old file or the new, never a part. Raises OSError.
        """
        content = {"midpoint": self.midpoint, "slope": self.slope, **provenance}
        write_whole(path, json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read a sidecar; the default if there is none. Raises ModelError on a broken one."""
        try:
            content = read_json(path)
            return cls(midpoint=float(content["midpoint"]), slope=float(content["slope"]))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:  # beside a model with a long name
                return cls()
            raise ModelError(
                f"The calibration {path} cannot be read: {reason(error)}. Delete it to use the default, or fit it "
                "again."
            ) from error


def sidecar(model: Path) -> Path:
    """Return where the calibration of a model file lies: beside it, as `<stem>.calibration.json`."""
    return model.with_suffix(".calibration.json")


def _logistic(x: float) -> float:
    # Only ever the exponential of a negative number, which cannot overflow.
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
