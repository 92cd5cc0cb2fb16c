"""Knows what is shown in each document, computes what is asked, and explains it; knows no LSP types."""

from empower_lsp.session.query import Answer, Computed, Query, Selected, Source
from empower_lsp.session.session import Session
from empower_lsp.session.shown import Shown
from empower_lsp.session.tier import KEPT, Tier
from empower_lsp.session.why import explanation

__all__ = [
    "KEPT",
    "Answer",
    "Computed",
    "Query",
    "Selected",
    "Session",
    "Shown",
    "Source",
    "Tier",
    "explanation",
]
