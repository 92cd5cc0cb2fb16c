"""The evaluated prompts of places that were left: copies of a context's state, to go on from when somebody is back.

One sequence and copies beside it, not several sequences of one context: attention then spans the cells of one place
only, and a switch costs a copy (`benchmarks/places.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

MOST_BYTES = 128 << 20
"""Memory that all copies of a context take together; a state of 1,000 tokens has 3 MB (7M parameters) to 57 MB (7B)."""
MOST = 8
"""Copies kept at most."""
WORTH = 64
"""Tokens lost from which on a state is kept: what a key takes back, text that was shown included, is less."""
GAIN = 8
"""Tokens gained from which on one is taken back: to evaluate them would take longer than to copy a state."""


class Copy(Protocol):
    """A copy of a context's state."""

    def __len__(self) -> int:
        """Return its size in bytes."""
        ...


C = TypeVar("C", bound=Copy)


@dataclass(frozen=True, slots=True)
class _State(Generic[C]):
    tokens: list[int]
    copy: C


class States(Generic[C]):
    """The states that a context of one sequence was in, the one last left last.

    `save` copies the state that the context is in, and returns None where it cannot, or where that would take more than
    the given bytes. `load` puts a copy in its place; where it fails, the context is empty.
    """

    def __init__(self, save: Callable[[int], C | None], load: Callable[[C], bool]) -> None:
        self._save = save
        self._load = load
        self._kept: list[_State[C]] = []

    @property
    def size(self) -> int:
        """Return the bytes that the copies take."""
        return sum(len(state.copy) for state in self._kept)

    def known(self, wanted: Sequence[int]) -> int:
        """Return how many of the tokens at the beginning of a prompt a copy has."""
        return max((common(state.tokens, wanted) for state in self._kept), default=0)

    def exchange(self, tokens: Sequence[int], wanted: Sequence[int], worth: int = WORTH) -> list[int] | None:
        """Prepare the context, in the state of `tokens`, for `wanted`.

        Returns the tokens of the state that was taken back, or None where the context is as it was.

        A state that would lose `worth` tokens or more is kept. One is taken back that begins as `wanted` does, for GAIN
        tokens more than `tokens` do.
        """
        shared = common(tokens, wanted)
        best = max(self._kept, key=lambda state: common(state.tokens, wanted), default=None)
        if best is not None and common(best.tokens, wanted) < shared + GAIN:
            best = None
        if len(tokens) - shared >= worth:
            self._keep(list(tokens), spared=best)
        if best is None:
            return None
        self._kept.remove(best)
        return best.tokens if self._load(best.copy) else []

    def _keep(self, tokens: list[int], spared: _State[C] | None) -> None:
        copy = self._save(MOST_BYTES)
        if copy is None:
            return
        # what begins as the new one does, and is no longer, is of no more use
        kept = [each for each in self._kept if each is spared or common(each.tokens, tokens) < len(each.tokens)]
        self._kept = [*kept, _State(tokens, copy)]
        while len(self._kept) > MOST or self.size > MOST_BYTES:
            others = [state for state in self._kept if state is not spared]
            first, *_ = others = others[:-1] or others
            shortest = min(others, key=lambda state: len(state.tokens))
            # a short prompt is soon evaluated again, and is left for good when a longer one takes over from it
            gone = shortest if 2 * len(shortest.tokens) <= len(first.tokens) else first
            self._kept = [state for state in self._kept if state is not gone]


def common(ours: Sequence[int], theirs: Sequence[int], block: int = 64) -> int:
    """Count the tokens with which both begin; in blocks, since it is nearly everything at every keystroke."""
    start = 0
    while start + block <= len(ours) and ours[start : start + block] == theirs[start : start + block]:
        start += block
    pairs = zip(ours[start : start + block], theirs[start : start + block], strict=False)
    return start + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
