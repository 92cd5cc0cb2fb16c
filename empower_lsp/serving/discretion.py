"""What of an answer may be shown: no item with a secret in it, wherever the model has it from."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from empower_lsp.secrets import is_touched, prepare
from empower_lsp.serving.engine_in_use import posted

if TYPE_CHECKING:
    from empower_lsp.session import Answer, Query


def detector_loading() -> asyncio.Event:
    """Begin to load the detector in a thread, which takes some tenths of a second; set once that is over."""
    over = asyncio.Event()
    tell = posted(lambda _: over.set())

    def load() -> None:
        with suppress(Exception):  # what keeps it from loading keeps every item from being shown, and is said then
            prepare()
        tell(None)

    threading.Thread(target=load, name="empower-secrets", daemon=True).start()
    return over


def discreet(query: Query, answer: Answer | None) -> Answer | None:
    """Return an answer without the items that the log would have to redact; None where none is left.

    Takes about a millisecond once the detector is loaded.
    """
    if answer is None:
        return None
    shown = [item for item in (answer, *answer.others) if not _is_secret(query, item)]
    return replace(shown[0], others=tuple(shown[1:])) if shown else None


def _is_secret(query: Query, item: Answer) -> bool:
    return is_touched(query.text[: item.start], item.text, query.text[item.end :], query.language)
