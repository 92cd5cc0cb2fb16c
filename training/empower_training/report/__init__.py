"""Draws one HTML page of the policies, a person's log, and a file coloured by its uncertainty."""

from empower_training.report.log import History, history
from empower_training.report.rendering import page
from empower_training.report.replays import read
from empower_training.report.text import MOST_LINES, Coloured, coloured, measured, passages, source, walk

__all__ = [
    "MOST_LINES",
    "Coloured",
    "History",
    "coloured",
    "history",
    "measured",
    "page",
    "passages",
    "read",
    "source",
    "walk",
]
