"""The evaluated prompts of places that were left: copies of a context's state, to go on from when somebody is back.

One sequence and copies beside it, not several sequences of one context: attention then spans the cells of one place
only, and a switch costs a copy (`benchmarks/places.py`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from empower_model.engine.llama_file import llama_cpp

MOST_BYTES = 128 << 20
"""Memory that all copies of a context take together; a state of 1,000 tokens has 3 MB (7M parameters) to 57 MB (7B)."""
MOST = 8
"""Copies kept at most."""
WORTH = 64
"""Tokens that it takes to copy a state: what a key takes back, text that was shown included, is less."""


@dataclass(frozen=True, slots=True)
class _State:
    tokens: list[int]
    data: ctypes.Array[ctypes.c_uint8]


class States:
    """The states that a context of one sequence was in, the one last left last."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._kept: list[_State] = []

    @property
    def size(self) -> int:
        """Bytes that the copies take."""
        return sum(len(state.data) for state in self._kept)

    def exchange(self, tokens: Sequence[int], wanted: Sequence[int]) -> list[int]:
        """Prepare the context, in the state of `tokens`, for `wanted`; return the tokens whose state it then has.

        A state that would lose WORTH tokens or more is kept. One is taken back that begins as `wanted` does, for WORTH
        tokens more than `tokens` do.
        """
        shared = common(tokens, wanted)
        best = max(self._kept, key=lambda state: common(state.tokens, wanted), default=None)
        if best is not None and common(best.tokens, wanted) < shared + WORTH:
            best = None
        if len(tokens) - shared >= WORTH:
            self._keep(list(tokens), spared=best)
        if best is None:
            return list(tokens)
        self._kept.remove(best)
        llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self._context), 0, -1, -1)
        if not llama_cpp.llama_state_seq_set_data(self._context, best.data, len(best.data), 0):
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
            return []
        return best.tokens

    def _keep(self, tokens: list[int], spared: _State | None) -> None:
        size = llama_cpp.llama_state_seq_get_size(self._context, 0)
        if not 0 < size <= MOST_BYTES:
            return
        data = (ctypes.c_uint8 * size)()
        if llama_cpp.llama_state_seq_get_data(self._context, data, size, 0) != size:
            return
        # what begins as the new one does, and no longer, is of no more use
        kept = [each for each in self._kept if each is spared or common(each.tokens, tokens) < len(each.tokens)]
        self._kept = [*kept, _State(tokens, data)]
        while len(self._kept) > MOST or self.size > MOST_BYTES:
            del self._kept[1 if self._kept[0] is spared else 0]


def common(ours: Sequence[int], theirs: Sequence[int], block: int = 64) -> int:
    """Count the tokens with which both begin; in blocks, since it is nearly everything at every keystroke."""
    start = 0
    while start + block <= len(ours) and ours[start : start + block] == theirs[start : start + block]:
        start += block
    pairs = zip(ours[start : start + block], theirs[start : start + block], strict=False)
    return start + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
