"""Plays a working day with the real server."""

from empower_training.day.day import Desk, typed
from empower_training.day.editor import Editor

__all__ = [
    "Desk",
    "Editor",
    "typed",
]
