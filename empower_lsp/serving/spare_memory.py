"""Whether there is memory (RAM) to spare for a model of several hundred megabytes."""

from __future__ import annotations

import os
from pathlib import Path

from empower_model.errors import ModelError

BESIDE_WEIGHTS = 400 << 20
"""Bytes that an engine takes beside its weights: the cache of a prompt, copies of it, and what it computes in."""
SPARE = 2 << 30
"""Bytes that a second window's model must leave free."""


def leave_memory(weights: Path) -> None:
    """Raise ModelError where a model would take memory that the machine, or another window's model, needs."""
    import psutil

    needed = weights.stat().st_size + BESIDE_WEIGHTS
    free = psutil.virtual_memory().available
    if needed > free or (needed + SPARE > free and _is_second_window()):
        raise ModelError(
            f"{weights.name} needs {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free, so it is not "
            "loaded in this window. Close a window or another program, then restart the server; or choose a smaller "
            "model with `empower-lsp setup`."
        )


def _is_second_window() -> bool:
    """Return whether another server of ours runs."""
    import psutil

    own = {os.getpid(), os.getppid()}
    others = (process for process in psutil.process_iter(["cmdline"]) if process.pid not in own)
    return any(_is_server(process.info["cmdline"] or []) for process in others)


def _is_server(command: list[str]) -> bool:
    return "--stdio" in command and any("empower-lsp" in word or "empower_lsp" in word for word in command)
