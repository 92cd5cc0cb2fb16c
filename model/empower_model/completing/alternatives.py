"""Other completions for a cursor where a person has asked by hand, and may want another than the first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from empower_model.engine import IMPOSSIBLE, Vocabulary
from empower_model.request import Completion, End, alike

if TYPE_CHECKING:  # the server's own process does without numpy
    from empower_model.engine import LogProbs, Transform

FLOOR = 0.02
"""Least calibrated probability that the whole of an alternative is meant.

At 130 cursors of held-out files where a first was shown, 0.02 gave 31 alternatives, and the right one for 4 of the 30
firsts that were wrong; 0.05 gave 14, for 2, and 0.01 gave 54, for 5 (bundled model, no memory).
"""
MOST_SECONDS = 0.4
"""So long after the request no further one is begun: a person waits for them."""


def further(
    first: Completion, count: int, write: Callable[[Sequence[bytes]], Completion], started: float
) -> tuple[Completion, ...]:
    """Return at most `count` completions that begin otherwise than `first` and than each other, likeliest start first.

    `write` completes the same cursor, but must not begin as any of the texts does that it is given. After `return x` it
    may write `yield x`, and told of both `raise`. The starts that are left are less likely each time, so the first text
    that is less probable than FLOOR ends it. No further one is begun MOST_SECONDS after the request came, at `started`
    of `time.perf_counter`.
    """
    if 1 - _start(first) < FLOOR:
        return ()
    tried, kept = [first], [first]
    while len(kept) <= count and len(tried) <= count + 1 and time.perf_counter() - started < MOST_SECONDS:
        other = write([b"".join(token.piece for token in each.tokens) for each in tried])
        if other.end is End.STOPPED or other.probability < FLOOR or not any(token.piece for token in other.tokens):
            break
        tried.append(other)
        if other.text and not any(alike(other.text, each.text) for each in kept):
            kept.append(other)
    return tuple(kept[1:])


def unlike(texts: Sequence[bytes], forced: bytes, vocabulary: Vocabulary) -> Transform:
    """Rule out what would begin as one of `texts` does, or end at once.

    Only the first token that writes more than `forced`, with which all must begin, is bound. The rest is not
    renormalised: what is measured of an alternative is what it is worth beside the first.
    """
    pieces = vocabulary.pieces

    def transform(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
        written = b"".join(pieces[token] for token in ids)
        if len(written) > len(forced):
            return log_probs
        least = len(forced) - len(written)
        out = log_probs.copy()
        out[_silent(vocabulary)] = IMPOSSIBLE
        for text in texts:
            same = vocabulary.compatible((forced + text)[len(written) :])
            out[[token for token in same if len(pieces[token]) > least]] = IMPOSSIBLE
        return out

    return transform


@lru_cache(maxsize=4)
def _silent(vocabulary: Vocabulary) -> list[int]:
    """Return the tokens that write nothing."""
    pieces = vocabulary.pieces
    return [token for token in range(len(pieces)) if not pieces[token] or token in vocabulary.end_of_generation]


def _start(completion: Completion) -> float:
    """Return the probability of how a completion begins: of its tokens up to the first that writes something."""
    totals = accumulate(token.surprisal for token in completion.tokens)
    return next((2.0**-bits for bits, token in zip(totals, completion.tokens, strict=True) if token.piece), 1.0)
