"""Finds out what became of each completion, from what an editor tells and from the edits that follow."""

from empower_lsp.outcome.edits import difference
from empower_lsp.outcome.outcome import FINAL, Kind, Outcome
from empower_lsp.outcome.tracker import Tracker

__all__ = [
    "FINAL",
    "Kind",
    "Outcome",
    "Tracker",
    "difference",
]
