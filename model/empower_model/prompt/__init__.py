"""Lays out what a model is shown of a document at a cursor."""

from empower_model.prompt.anchors import ANCHOR, LINE_CHARACTERS, LINE_STEP
from empower_model.prompt.layout import CHARACTERS_A_TOKEN, Layout, Prompt, Reader
from empower_model.prompt.token_healing import ROLLBACK, healing

__all__ = [
    "ANCHOR",
    "CHARACTERS_A_TOKEN",
    "LINE_CHARACTERS",
    "LINE_STEP",
    "ROLLBACK",
    "Layout",
    "Prompt",
    "Reader",
    "healing",
]
