"""The folder of what is kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """Return the user's data folder, or `EMPOWER_LSP_DATA`; it may not exist yet."""
    if chosen := os.environ.get("EMPOWER_LSP_DATA"):
        return Path(os.path.expanduser(chosen))  # noqa: PTH111 (which bears `~` of nobody)
    return platformdirs.user_data_path("empower-lsp", appauthor=False)


def default_file() -> Path:
    """Return where the model that the person chose is remembered."""
    return data_folder() / "default.json"
