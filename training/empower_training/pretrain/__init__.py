"""Trains the bundled model, from scratch or from weights that are there."""

from empower_training.pretrain import heldout, plan, pretrain
from empower_training.pretrain.heldout import Result
from empower_training.pretrain.optimiser import Rates
from empower_training.pretrain.precision import quickest

__all__ = [
    "Rates",
    "Result",
    "heldout",
    "plan",
    "pretrain",
    "quickest",
]
