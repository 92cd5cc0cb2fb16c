"""Completes at a cursor: writes token by token, stops where it becomes uncertain, and fits the text to its place."""

from empower_model.completing import stopping
from empower_model.completing.assembly import assemble
from empower_model.completing.completer import MIN_CHARACTERS, PEAK_FLOOR, LocalCompleter, OnGrown, chosen_cut
from empower_model.completing.stopping import Cut, Verdict, Written, lexical_boundary

__all__ = [
    "MIN_CHARACTERS",
    "PEAK_FLOOR",
    "Cut",
    "LocalCompleter",
    "OnGrown",
    "Verdict",
    "Written",
    "assemble",
    "chosen_cut",
    "lexical_boundary",
    "stopping",
]
