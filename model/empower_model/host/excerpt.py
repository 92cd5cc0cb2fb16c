"""The part of a document that a completion can depend on: what crosses to the engine's process, not the whole.

Prompt (`prompt/layout.py`) and trimming (`trim/`) of the part are those of the whole. No numpy here: the server's own
process does without.
"""

from __future__ import annotations

from dataclasses import replace

from empower_model.prompt import ANCHOR, CHARACTERS_A_TOKEN, LINE_CHARACTERS, LINE_STEP
from empower_model.request import Request
from empower_model.trim import AFTER, BEFORE


def window(request: Request, context_size: int) -> Request:
    """Cut a request to as much of its text as an engine of that context size, in tokens, can take into account."""
    # One character more than trimming reads tells it that the document began earlier.
    size = max(context_size * CHARACTERS_A_TOKEN, BEFORE + 1)
    start = _start(request.prefix, len(request.prefix) - size, size)
    return replace(request, prefix=request.prefix[start:], suffix=request.suffix[: max(4 * LINE_CHARACTERS, AFTER)])


def _start(text: str, far: int, size: int) -> int:
    """Return where the block of ANCHOR lines begins that `far` lies in: the prompt cuts the lines above at such blocks.

    A line longer than `size` characters is data, and is cut where the prompt may set an anchor in it.
    """
    if far <= 0:
        return 0
    start = text.rfind("\n", 0, far) + 1
    if far - start > size:
        return start + (far - start) // LINE_STEP * LINE_STEP
    for _ in range(text.count("\n", 0, start) % ANCHOR):
        start = text.rfind("\n", 0, start - 1) + 1
    return start
