"""Reruns the fine-tune from a person's log, and promotes the result if it is measurably better."""

from empower_training.retrain.gate import Judgement
from empower_training.retrain.rerun import FinetunePlan, Watch, begun, found_examples, retrain

__all__ = [
    "FinetunePlan",
    "Judgement",
    "Watch",
    "begun",
    "found_examples",
    "retrain",
]
