"""Reruns the fine-tune from a person's log, and promotes the result if it is measurably better."""

from empower_training.retrain.gate import Judgement
from empower_training.retrain.rerun import Plan, Watch, found_examples, retrain

__all__ = [
    "Judgement",
    "Plan",
    "Watch",
    "found_examples",
    "retrain",
]
