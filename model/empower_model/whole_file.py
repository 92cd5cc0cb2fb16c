"""Writes small files so that nothing is ever half there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old text or the new, never a part; only its owner may read it.

    Raises OSError; the old text then still stands.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        draft.unlink(missing_ok=True)  # of a process that had this number before; its mode would stay
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
