"""Speaks the Language Server Protocol with one client; translates, and decides nothing."""

from empower_lsp.edge.stdio import serve

__all__ = [
    "serve",
]
