"""Fits calibration and memory to one person: what `calibrate` does."""

from empower_lsp.personal.decision import Decision, decisions, grouped, still_shown
from empower_lsp.personal.recalibration import Recalibration, TooFewDecisions, recalibrated
from empower_lsp.personal.workspace_weights import comparable, fitted, source

__all__ = [
    "Decision",
    "Recalibration",
    "TooFewDecisions",
    "comparable",
    "decisions",
    "fitted",
    "grouped",
    "recalibrated",
    "source",
    "still_shown",
]
