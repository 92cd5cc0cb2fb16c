"""Lays out what a model is shown of a document at a cursor."""

from empower_model.prompt.layout import ANCHOR, CHARACTERS_A_TOKEN, LINE_CHARACTERS, LINE_STEP, Layout, Prompt
from empower_model.prompt.token_healing import ROLLBACK, healing

__all__ = [
    "ANCHOR",
    "CHARACTERS_A_TOKEN",
    "LINE_CHARACTERS",
    "LINE_STEP",
    "ROLLBACK",
    "Layout",
    "Prompt",
    "healing",
]
