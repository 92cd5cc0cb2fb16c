"""Holds what serves one client together: settings, engine, session, memory, log; knows no LSP types."""

from empower_lsp.serving.serving import Served, start_engine

__all__ = [
    "Served",
    "start_engine",
]
