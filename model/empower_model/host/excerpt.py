"""The part of a document that a completion can depend on: what crosses to the engine's process, not the whole.

Prompt (`prompt.py`) and trimming (`trim.py`) of the part are those of the whole. No numpy here: the server's own
process does without.
"""

from __future__ import annotations

from dataclasses import replace

from empower_model.prompt import ANCHOR, CHARACTERS_A_TOKEN, LINE_CHARACTERS
from empower_model.request import Request
from empower_model.trim import AFTER, BEFORE


def window(request: Request, context_size: int) -> Request:
    """The request with as much of its text as an engine of that context size, in tokens, can take into account."""
    prefix, suffix = request.prefix, request.suffix
    head = prefix.rfind("\n") + 1
    # One character more than trimming reads tells it that the document began earlier.
    far = head - max(context_size * CHARACTERS_A_TOKEN, BEFORE + 1)
    line = max(head, len(prefix) - max(LINE_CHARACTERS, BEFORE + 1))
    return replace(
        request,
        prefix=prefix[_block_start(prefix, far) : head] + prefix[line:],
        suffix=suffix[: max(4 * LINE_CHARACTERS, AFTER)],
    )


def _block_start(text: str, far: int) -> int:
    """Where the block of ANCHOR lines begins that `far` lies in: the prompt cuts the lines above at such blocks."""
    if far <= 0:
        return 0
    start = far
    for _ in range(text.count("\n", 0, far) % ANCHOR + 1):
        start = text.rfind("\n", 0, start)
    return start + 1
