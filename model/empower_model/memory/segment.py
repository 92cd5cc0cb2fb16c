"""Tokens of some documents, and where in them a context occurs: by a scan, or in a sorted array.

A place is the position of a token that followed something; an occurrence of a context is the place after it. Sorted
by what stands before them, the places of a context are neighbours, and those of a longer one lie among them: a
suffix array of the reversed text. Four bytes a token for the text and, once sorted, four for the places.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

ORDERS = 8
"""The longest context that is looked for, in tokens."""
SEPARATOR = -1
"""Stands before the first document and after each; it is no token, so no context reaches across it."""

Tokens: TypeAlias = NDArray[np.int32]
Places: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Documents laid end to end, and where each begins and ends."""

    tokens: Tokens
    """ORDERS separators, then each document and a separator."""
    spans: Mapping[str, tuple[int, int]]

    @property
    def size(self) -> int:
        """Return the tokens of the documents."""
        return sum(end - start for start, end in self.spans.values())

    def document(self, name: str) -> Tokens:
        """Return the tokens of a document: a view, shape (n_tokens,)."""
        start, end = self.spans[name]
        return self.tokens[start:end]

    def without(self, names: Iterable[str]) -> Concatenation:
        """Return the same tokens with some documents no longer named."""
        gone = set(names)
        return Concatenation(self.tokens, {name: span for name, span in self.spans.items() if name not in gone})


def lay(documents: Iterable[tuple[str, Tokens]]) -> Concatenation:
    """Documents by name, laid end to end."""
    parts = [np.full(ORDERS, SEPARATOR, dtype=np.int32)]
    spans: dict[str, tuple[int, int]] = {}
    at = ORDERS
    for name, tokens in documents:
        spans[name] = (at, at + len(tokens))
        parts += [tokens, parts[0][:1]]
        at += len(tokens) + 1
    return Concatenation(np.concatenate(parts), spans)


class Occurrences(Protocol):
    """The places of one context in one segment."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def longer(self, order: int, token: int) -> Occurrences:
        """Return the places of the context that is `order` tokens long: `token`, and then this context."""
        ...

    def places(self) -> Places:
        """Return the places themselves, in any order."""
        ...

    def runs(self) -> Iterator[tuple[int, int]]:
        """Return each token that follows, and how often. Only for contexts of ORDERS tokens."""
        ...


class Segment(Protocol):
    """Documents in which contexts can be looked for; it never changes."""

    @property
    def text(self) -> Concatenation:
        """Return the documents, and perhaps tokens of others that are no longer named."""
        ...

    def begin(self, token: int) -> Occurrences:
        """Return the places of a context of one token."""
        ...

    def without(self, names: Sequence[str]) -> Segment:
        """Return the segment after some documents are taken out."""
        ...

    @property
    def nbytes(self) -> int:
        """Return the bytes of its arrays."""
        ...


@dataclass(frozen=True)
class Scanned:
    """A small segment, read from end to end at each look; it costs nothing to make."""

    text: Concatenation

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Return which of the positions from ORDERS on hold a token."""
        marks: NDArray[np.bool_] = self.text.tokens[ORDERS:] != SEPARATOR
        return marks

    def begin(self, token: int) -> Occurrences:
        """Return the places of a context of one token."""
        return _Marked(self, self.inside).longer(1, token)

    def without(self, names: Sequence[str]) -> Scanned:
        """Return the segment after some documents are taken out."""
        kept = self.text.without(names)
        return Scanned(lay((name, kept.document(name)) for name in kept.spans))

    @property
    def nbytes(self) -> int:
        """Return the bytes of its arrays."""
        return self.text.tokens.nbytes


@dataclass(frozen=True)
class _Marked:
    """Marks, not places: a comparison of neighbours costs a tenth of collecting the places of a frequent token."""

    segment: Scanned
    marks: NDArray[np.bool_]

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return int(np.count_nonzero(self.marks))

    def longer(self, order: int, token: int) -> _Marked:
        tokens = self.segment.text.tokens
        same = tokens[ORDERS - order : len(tokens) - order] == token
        same &= self.marks
        return _Marked(self.segment, same)

    def places(self) -> Places:
        return (np.flatnonzero(self.marks) + ORDERS).astype(np.int32)

    def runs(self) -> Iterator[tuple[int, int]]:
        tokens, counts = np.unique(self.segment.text.tokens[self.places()], return_counts=True)
        return zip(tokens.tolist(), counts.tolist(), strict=True)


@dataclass(frozen=True)
class Sorted:
    """A segment of any size with its places sorted; `order` is what `sort` returns, or less."""

    text: Concatenation
    order: Places

    @cached_property
    def views(self) -> tuple[memoryview, memoryview]:
        """Return tokens and sorted places, as Python numbers without numpy's cost an element."""
        return self.text.tokens.data, self.order.data

    def begin(self, token: int) -> Occurrences:
        """Return the places of a context of one token."""
        return _Range(self, 0, len(self.order)).longer(1, token)

    def without(self, names: Sequence[str]) -> Sorted:
        """Return the segment after some documents are taken out: their tokens stay, their places go."""
        kept = np.ones(len(self.text.tokens), dtype=np.bool_)
        for name in names:
            start, end = self.text.spans[name]
            kept[start:end] = False
        return Sorted(self.text.without(names), self.order[kept[self.order]])

    @property
    def nbytes(self) -> int:
        """Return the bytes of its arrays."""
        return self.text.tokens.nbytes + self.order.nbytes


@dataclass(frozen=True, slots=True)
class _Range:
    segment: Sorted
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def longer(self, order: int, token: int) -> _Range:
        return self._narrowed(order, token)

    def _narrowed(self, back: int, token: int) -> _Range:
        tokens, order = self.segment.views

        def before(place: int) -> int:
            return tokens[place - back]

        start = bisect_left(order, token, self.start, self.stop, key=before)
        return _Range(self.segment, start, bisect_right(order, token, start, self.stop, key=before))

    def places(self) -> Places:
        return self.segment.order[self.start : self.stop]

    def runs(self) -> Iterator[tuple[int, int]]:
        tokens, order = self.segment.views
        rest = self
        while rest:
            token = tokens[order[rest.start]]
            run = _Range(self.segment, rest.start, rest._narrowed(0, token).stop)
            yield token, len(run)
            rest = _Range(self.segment, run.stop, self.stop)


def sort(text: Concatenation) -> Sorted:
    """Sort the places of a text by up to ORDERS tokens before each, the nearest first, and then by the token there.

    Ranks of contexts of 1, 2, 4 and 8 tokens, each from pairs of the one before (prefix doubling: Manber and Myers,
    1993).
    """
    tokens = text.tokens.astype(np.int64) + 1
    rank = _back(tokens, 1)
    width = 1
    while width < ORDERS:
        rank = _ranks(rank * (rank.max() + 1) + _back(rank, width))
        width *= 2
    order = np.argsort(rank * (tokens.max() + 1) + tokens)
    return Sorted(text, order[text.tokens[order] != SEPARATOR].astype(np.int32))


def _back(values: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    """Return the value so many places before, 0 where there is none."""
    shifted = np.zeros_like(values)
    shifted[by:] = values[:-by]
    return shifted


def _ranks(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers from 0 on in the order of the keys, equal ones for equal keys."""
    order = np.argsort(keys)
    ordered = keys[order]
    ranks = np.empty_like(keys)
    ranks[order] = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
    return ranks
