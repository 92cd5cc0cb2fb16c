"""The folder of what is kept on this machine."""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path

import platformdirs

_log = logging.getLogger(__name__)


def data_folder() -> Path:
    """Return the user's data folder, or `EMPOWER_LSP_DATA`; it may not exist yet.

    A `~` of nobody counts as if it were not set, which is said once: no such folder can be meant.
    """
    if chosen := os.environ.get("EMPOWER_LSP_DATA"):
        try:
            return Path(chosen).expanduser()
        except RuntimeError:
            _warn_once(f"EMPOWER_LSP_DATA is {chosen}, the home of nobody on this machine: the usual folder is used.")
    return platformdirs.user_data_path("empower-lsp", appauthor=False)


def default_file() -> Path:
    """Return where the model that the person chose is remembered."""
    return data_folder() / "default.json"


@cache
def _warn_once(message: str) -> None:
    _log.warning(message)
