"""One file with all that pre-training needs, small enough to carry to a machine without a network."""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

LARGEST = 60 * 2**20
"""Bytes; what can be carried in one piece, with room for this repository."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Texts, not tokens: windows and holes are cut anew in every epoch."""

    train: Sequence[str]
    validation: Sequence[str]
    tokenizer: str
    """The content of its `tokenizer.json`."""


def write(pack: Pack, target: Path) -> int:
    """Write `target`, xz-compressed JSON, and return its bytes; raises ValueError when they are over `LARGEST`.

    The file appears whole or not at all.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.new")
    try:
        with lzma.open(draft, "wt", preset=6, encoding="utf-8") as file:
            json.dump(asdict(pack), file, ensure_ascii=False)
        size = draft.stat().st_size
        if size > LARGEST:
            raise ValueError(
                f"The pack would be {size / 2**20:.1f} MiB and may be {LARGEST / 2**20:.0f} at most: "
                "make a smaller corpus (`empower-lsp lab corpus --cap`)."
            )
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return size


def read(source: Path) -> Pack:
    """Read the pack in a file that `write` made; raises ValueError when it is not one."""
    try:
        with lzma.open(source, "rt", encoding="utf-8") as file:
            return Pack(**json.load(file))
    except (EOFError, TypeError, ValueError, lzma.LZMAError) as error:
        raise ValueError(f"{source} is not a whole pack: write it again with `empower-lsp lab pack`.") from error
