"""The memory of a workspace: what followed the last tokens wherever else they occur in its files.

Three nested scopes, each a small log-structured merge tree: changed documents lie in a short tail that is scanned,
the rest in a few sorted segments. An answer depends on the documents only, not on the way they came in. One thread
may write while others ask: a scope's segments never change, and are replaced all at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empower_model.memory.segment import (
    ORDERS,
    Concatenation,
    Occurrences,
    Scanned,
    Segment,
    Sorted,
    Tokens,
    lay,
    sort,
)

BOUND = 20_000_000
"""Most tokens of a memory; the documents of a scope that were not updated for longest give way."""
NEAR = 20
"""One in so many of them for each of the nearer scopes."""
TAIL = 1 << 15
"""Tokens that may be scanned at each look, which takes some 20 us; more are sorted by `settle`."""
MANY = 256
"""A context that occurs more often is not looked at: the model knows it. With 1,024 there were 0.1 % fewer bits."""
GROWTH = 4
"""A segment is merged with one that is not this many times larger: five segments for 20M tokens."""
LARGE = 1 << 21
"""Tokens of a segment that is merged no more: to sort takes some 50 bytes a token while it lasts."""
WASTE = 4
"""A segment is made again when one in so many of its tokens belongs to no document."""
BLOCK = 32
"""Lines that are tokenised together, as in the prompt (`prompt.ANCHOR`): n-grams must match at token boundaries."""

_BACK = np.arange(ORDERS + 1, dtype=np.int32)[:, None]


class Scope(IntEnum):
    """Distance of a document, the nearest last: at equal length of context its word counts most."""

    PROJECT = 0
    RECENT = 1
    FILE = 2


@dataclass(frozen=True, slots=True)
class Continuations:
    """The tokens that followed the end of a context, each once, and how often each."""

    tokens: NDArray[np.int32]
    """Shape (n,), ascending."""
    counts: NDArray[np.float32]
    """Shape (ORDERS, scopes, n): how often each token followed the last order + 1 tokens. All zero for an order
    whose context occurs more than MANY times, unless it is the longest."""


def blocks(text: str, tokenize: Callable[[str], Sequence[int]]) -> Tokens:
    """Return the tokens of a text, tokenised in blocks of lines as the prompt is, shape (n_tokens,).

    A `tokenize` that remembers its last answers makes the next version of the text cheap.
    """
    lines = text.splitlines(keepends=True)
    parts = ("".join(lines[at : at + BLOCK]) for at in range(0, len(lines), BLOCK))
    return np.fromiter(chain.from_iterable(tokenize(part) for part in parts), dtype=np.int32)


class Followers(NamedTuple):
    """The occurrences of a context in one scope, and what followed each; n occurrences."""

    windows: NDArray[np.int32]
    """Shape (1 + up to ORDERS, n): the token that followed, and those before it, backwards."""
    times: NDArray[np.int32]
    """Shape (n,): how often each was met."""
    least: int
    """How many tokens of context agree at least."""


class Index:
    """The documents of one scope."""

    def __init__(self, bound: int = BOUND) -> None:
        """Begin an empty index that keeps at most `bound` tokens."""
        self.bound = bound
        self.segments: tuple[Segment, ...] = ()
        """The scanned tail, if there is one, comes first; then by size, the smallest first."""
        self._sizes: dict[str, int] = {}
        """Tokens of each document, the one updated longest ago first."""
        self._total = 0

    @property
    def names(self) -> set[str]:
        """Return the names of the documents that it holds."""
        return set(self._sizes)

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def rank(self, names: Iterable[str]) -> None:
        """Have documents give way from now on in this order, those not named before them."""
        for name in names:
            if (size := self._sizes.pop(name, None)) is not None:
                self._sizes[name] = size

    @property
    def size(self) -> int:
        """Return the tokens of all documents."""
        return self._total

    @property
    def nbytes(self) -> int:
        """Return the bytes of its arrays."""
        return sum(segment.nbytes for segment in self.segments)

    def update(self, documents: Mapping[str, Tokens | None]) -> None:
        """Replace documents by name; None takes one out, as does being longer than the bound."""
        new = {name: it for name, it in documents.items() if it is not None and 0 < len(it) <= self.bound}
        gone = [name for name in documents if self._forget(name)]
        for name, tokens in new.items():
            self._sizes[name] = len(tokens)
            self._total += len(tokens)
        while self._total > self.bound:
            oldest = next(iter(self._sizes))
            self._forget(oldest)
            if new.pop(oldest, None) is None:
                gone.append(oldest)
        segments = [_taken_out(segment, gone) for segment in self.segments]
        if new:
            tail = segments.pop(0).text if segments and isinstance(segments[0], Scanned) else lay(())
            segments.insert(0, Scanned(lay(chain(_documents(tail), new.items()))))
        self.segments = tuple(segment for segment in segments if segment.text.spans)

    def settle(self) -> None:
        """Sort what has become too long to scan, and merge segments; up to a second for a million tokens."""
        waiting: list[Concatenation] = []
        kept: list[Segment] = []
        for segment in self.segments:
            text = segment.text
            if isinstance(segment, Scanned):
                due = text.size > TAIL
            else:
                due = bool(waiting) and text.size < min(LARGE, GROWTH * sum(part.size for part in waiting))
                due = due or len(text.tokens) - len(text.spans) - ORDERS > text.size * WASTE // (WASTE - 1)
            if due:
                waiting.append(text)
            else:
                kept.append(segment)
        if waiting:
            merged = sort(lay(chain.from_iterable(map(_documents, waiting))))
            tail = [segment for segment in kept if isinstance(segment, Scanned)]
            rest = [*(segment for segment in kept if isinstance(segment, Sorted)), merged]
            self.segments = (*tail, *sorted(rest, key=lambda segment: segment.text.size))

    def followers(self, near: Sequence[int]) -> Followers | None:
        """Return what follows the longest contexts that occur at most MANY times; None when nothing does.

        `near` is the end of the text backwards, at most ORDERS tokens.
        """
        contexts: list[tuple[Segment, Occurrences]] = []
        for order, token in enumerate(near, start=1):
            if order == 1:
                contexts = [(segment, segment.begin(token)) for segment in self.segments]
            else:
                contexts = [(segment, those.longer(order, token)) for segment, those in contexts]
            contexts = [(segment, those) for segment, those in contexts if len(those)]
            total = sum(len(those) for _, those in contexts)
            if total == 0:
                return None
            if total <= MANY:
                back = _BACK[: len(near) + 1]
                windows = [segment.text.tokens[those.places() - back] for segment, those in contexts]
                return Followers(np.concatenate(windows, axis=1), np.ones(total, dtype=np.int32), order)
        if len(near) < ORDERS:
            return None
        runs = [run for _, those in contexts for run in those.runs()]
        tokens, times = (np.array(column, dtype=np.int32) for column in zip(*runs, strict=True))
        return Followers(np.vstack([tokens, *(np.full_like(tokens, token) for token in near)]), times, ORDERS)

    def _forget(self, name: str) -> bool:
        """Strike a document off the list; whether it was on it."""
        size = self._sizes.pop(name, None)
        self._total -= size or 0
        return size is not None


def _documents(text: Concatenation) -> Iterable[tuple[str, Tokens]]:
    return ((name, text.document(name)) for name in text.spans)


def _taken_out(segment: Segment, names: Iterable[str]) -> Segment:
    here = [name for name in names if name in segment.text.spans]
    return segment.without(here) if here else segment


def _distinct(tokens: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return each token once, ascending, and where each of `tokens` is among them: twice as fast as `np.unique`."""
    order = tokens.argsort()
    ordered = tokens[order]
    first = np.empty(len(ordered), dtype=np.bool_)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    inverse = np.empty_like(order)
    inverse[order] = first.cumsum()
    inverse -= 1
    return ordered[first], inverse


class Memory:
    """The scopes, each with its documents."""

    def __init__(self, bound: int = BOUND) -> None:
        """Begin an empty memory of at most `bound` tokens, most of them for the project."""
        near = bound // NEAR
        self.scopes: tuple[Index, ...] = tuple(Index(near if scope else bound - 2 * near) for scope in Scope)
        self._looked_at: dict[str, str] = {}

    def update(self, name: str, tokens: Tokens | None, scope: Scope = Scope.PROJECT) -> None:
        """Put a document into a scope, replacing what the memory knew of it; None forgets it."""
        self.update_all({name: tokens}, scope)

    def update_all(self, documents: Mapping[str, Tokens | None], scope: Scope = Scope.PROJECT) -> None:
        """Update many documents at once: a branch switch costs little more than one file."""
        for each in Scope:
            if each is scope:
                self.scopes[each].update(documents)
            elif here := [name for name in documents if name in self.scopes[each]]:
                self.scopes[each].update(dict.fromkeys(here))

    def look(self, prefix: str, suffix: str, tokenize: Callable[[str], Sequence[int]]) -> None:
        """Hold as the file at the cursor the lines above the cursor's own and those below it, and nothing else.

        Only what has changed since the last look is tokenised: on another key in the same line that is nothing.
        """
        _, _, below = suffix.partition("\n")
        around = {"above": prefix[: prefix.rfind("\n") + 1], "below": below}
        fresh = {part: blocks(text, tokenize) for part, text in around.items() if self._looked_at.get(part) != text}
        if fresh:
            self.scopes[Scope.FILE].update(fresh)
            self._looked_at = around

    def settle(self) -> None:
        """Sort and merge what updates left; to be called while nobody waits. No answer changes."""
        for index in self.scopes:
            index.settle()

    def continuations(self, context: Sequence[int]) -> Continuations | None:
        """Return what followed the last tokens of a context; None when nothing did."""
        near = [int(token) for token in context[: -ORDERS - 1 : -1]]
        by_scope = [(scope, those) for scope, index in enumerate(self.scopes) if (those := index.followers(near))]
        if not by_scope:
            return None
        windows = np.concatenate([those.windows for _, those in by_scope], axis=1)
        times = np.concatenate([those.times for _, those in by_scope])
        scopes = np.repeat([scope for scope, _ in by_scope], [len(those.times) for _, those in by_scope])
        same = windows[1:] == np.array(near, dtype=np.int32)[:, None]
        lengths = np.logical_and.accumulate(same, axis=0).sum(axis=0)
        tokens, inverse = _distinct(windows[0])
        cells = (lengths - 1) * len(Scope) + scopes
        shape = (ORDERS, len(Scope), len(tokens))
        exact = np.bincount(cells * len(tokens) + inverse, times, minlength=math.prod(shape))
        counts = exact.astype(np.float32).reshape(shape)
        for order in range(ORDERS - 1, 0, -1):  # who agrees further back also agrees here
            counts[order - 1] += counts[order]
        for scope, those in by_scope:
            counts[: those.least - 1, scope] = 0
        return Continuations(tokens, counts)

    @property
    def size(self) -> int:
        """Return the tokens of all documents."""
        return sum(index.size for index in self.scopes)

    @property
    def nbytes(self) -> int:
        """Return the bytes of its arrays."""
        return sum(index.nbytes for index in self.scopes)
