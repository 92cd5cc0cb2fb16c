"""Fits calibration and memory to one person: what `calibrate` does."""

from empower_lsp.personal.decision import Decision, decisions, grouped, like_the_last, still_shown
from empower_lsp.personal.recalibration import Recalibration, TooFewDecisions, recalibrated
from empower_lsp.personal.workspace_weights import fitted, since, source

__all__ = [
    "Decision",
    "Recalibration",
    "TooFewDecisions",
    "decisions",
    "fitted",
    "grouped",
    "like_the_last",
    "recalibrated",
    "since",
    "source",
    "still_shown",
]
