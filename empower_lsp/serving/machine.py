"""Whether the machine has something to spare for a model of several hundred megabytes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from empower_model.errors import ModelError

BESIDE_WEIGHTS = 400 << 20
"""Bytes that an engine takes beside its weights: the cache of a prompt, copies of it, and what it computes in."""
SPARE = 2 << 30
"""Bytes that a second window's model must leave free."""
SHORT, AMPLE = 256 << 20, 2 << 30
"""Free bytes at which a model is let go, and at which it is loaded again."""
LET_GO = "Memory is short, so the model was let go; it comes back by itself."
BUSY, CALM = 2.0, 1.0
"""Load average a core at which a model rests, and at which it works again."""


class MemoryShort(ModelError):
    """A model would take memory that the machine, or another window's model, needs."""


def leave_memory(weights: Path) -> None:
    """Raise MemoryShort where a model does not fit; what the engines of this process hold counts as free.

    The model takes the place of one of those.
    """
    import psutil

    needed = weights.stat().st_size + BESIDE_WEIGHTS
    free = psutil.virtual_memory().available + _held()
    if needed > free or (needed + SPARE > free and _is_second_window()):
        raise MemoryShort(
            f"{weights.name} needs {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free, so it is not "
            "loaded in this window. Close a window or another program, then restart the server; or choose a smaller "
            "model with `empower-lsp setup`."
        )


def reason_to_rest(rest: str, resting: bool) -> str:
    """Return why a large model should not work now, as a sentence; empty if it may.

    `rest` is the option of that name. One that is `resting` begins again only once there is ample room.
    """
    import psutil

    if psutil.virtual_memory().available < (AMPLE if resting else SHORT):
        return LET_GO
    if rest in ("battery", "any") and (battery := psutil.sensors_battery()) is not None and not battery.power_plugged:
        return "The model rests while the machine runs on battery."
    if rest in ("load", "any") and psutil.getloadavg()[0] > (CALM if resting else BUSY) * (os.cpu_count() or 1):
        return "The model rests while the machine is busy with something else."
    return ""


def _held() -> int:
    """Return the bytes that our engines' processes hold, without pages of files, which count as available anyway."""
    import psutil

    held = 0
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            memory = child.memory_info()
            held += memory.rss - getattr(memory, "shared", 0)
    return held


def _is_second_window() -> bool:
    """Return whether another server of ours runs."""
    import psutil

    own = {os.getpid(), os.getppid()}
    others = (process for process in psutil.process_iter(["cmdline"]) if process.pid not in own)
    return any(_is_server(process.info["cmdline"] or []) for process in others)


def _is_server(command: list[str]) -> bool:
    return "--stdio" in command and any("empower-lsp" in word or "empower_lsp" in word for word in command)
