"""The folder of what is kept on this machine, and writing its small files so that nothing is ever half there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """The user's data folder, or `EMPOWER_LSP_DATA`; it may not exist yet."""
    if chosen := os.environ.get("EMPOWER_LSP_DATA"):
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("empower-lsp", appauthor=False)


def default_file() -> Path:
    """Where the model that the person chose is remembered."""
    return data_folder() / "default.json"


def write_whole(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old text or the new, never a part.

    Raises OSError; the old text then still stands.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
