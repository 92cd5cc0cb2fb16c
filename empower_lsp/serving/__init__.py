"""Holds one editor's conversation: decides what is answered, by which engine, and what is remembered of it."""

from empower_lsp.serving.announcer import Announcer
from empower_lsp.serving.conversation import Conversation
from empower_lsp.serving.served_engine import Served, Starter, start_engine, start_instant

__all__ = [
    "Announcer",
    "Conversation",
    "Served",
    "Starter",
    "start_engine",
    "start_instant",
]
