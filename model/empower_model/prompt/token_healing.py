"""Token healing: the last tokens before a cursor are taken back, and written again as the model would write them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from empower_model.engine import IMPOSSIBLE, Vocabulary

if TYPE_CHECKING:  # the server's own process does without numpy
    import numpy as np
    from numpy.typing import NDArray

    from empower_model.engine import LogProbs, Transform

ROLLBACK = 8
"""Most tokens that healing takes back."""


def roll_back(tokens: Sequence[int], vocabulary: Vocabulary) -> tuple[list[int], bytes]:
    """Split a line's tokens into those to keep and the bytes of those to write again (token healing).

    The tokeniser glues what a person has typed so far differently from what stands there once the word is finished:
    ` retu` is ` ret` + `u`, but the model has only ever seen ` return`. So the most tokens are taken back whose bytes
    together still begin a token.
    """
    for keep in range(max(0, len(tokens) - ROLLBACK), len(tokens)):
        forced = b"".join(vocabulary.pieces[token] for token in tokens[keep:])
        if forced and vocabulary.begins(forced):
            return list(tokens[:keep]), forced
    return list(tokens), b""


@lru_cache(maxsize=64)
def _allowed(vocabulary: Vocabulary, rest: bytes) -> NDArray[np.intp]:
    """Half of all tokens begin with a space, which is what stands before most cursors."""
    import numpy as np

    return np.array(vocabulary.compatible(rest), dtype=np.intp)


def healing(forced: bytes, vocabulary: Vocabulary) -> Transform:
    """Rule out tokens that contradict the bytes the text must begin with, and renormalise the rest."""
    import numpy as np

    def transform(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
        rest = forced[sum(len(vocabulary.pieces[i]) for i in ids) :]
        allowed = _allowed(vocabulary, rest) if rest else None
        if allowed is None or not allowed.size:
            return log_probs
        kept = log_probs[allowed]
        top = kept.max()
        out = np.full_like(log_probs, IMPOSSIBLE)
        out[allowed] = kept - (top + np.log(np.exp(kept - top).sum()))
        return out

    return transform
