"""The prompt of a cursor: fill-in-the-middle layout, the window of text that fits, and token healing.

Layout: FIM-prefix + whole lines above, FIM-suffix + text after the cursor, FIM-middle + the current line up to the
cursor. A keystroke only appends, so all but the last few tokens stay in the engine's cache. Files without the FIM
tokens get the lines above and the current line. The trainer lays its samples out with the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from empower_model.engine.seam import IMPOSSIBLE, Engine, LogProbs, Transform, Vocabulary
from empower_model.prompt.window import ANCHOR, CHARACTERS_A_TOKEN, LINE_CHARACTERS

LINES_BELOW = 32
"""A new line evaluates the text below again, so it is kept short."""
ROOM_STEP = 64
"""Tokens by which the current line takes room from the others: token by token, the window would move in mid-line."""
ROLLBACK = 8
"""Most tokens that healing takes back."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids to evaluate, and the bytes that the generated text must begin with."""

    tokens: list[int]
    forced: bytes


class Layout:
    """Lays out prompts for one engine, and remembers the tokens of lines it has seen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._vocabulary = engine.vocabulary
        self._tokens = lru_cache(maxsize=512)(lambda text: tuple(engine.tokenize(text)))

    def prompt(self, prefix: str, suffix: str, reserve: int) -> Prompt:
        """The prompt of a cursor between two texts, leaving `reserve` tokens of the context to generate."""
        head = prefix.rfind("\n") + 1
        above, line = prefix[:head], prefix[head:][-LINE_CHARACTERS:]
        kept, forced = roll_back(self._engine.tokenize(line), self._vocabulary)
        # 8 for the control tokens; a current line too long for the context keeps its end
        room = self._engine.context_size - reserve - 8
        kept = kept[-room:]
        room -= (len(kept) // ROOM_STEP + 1) * ROOM_STEP
        start = [] if self._vocabulary.bos is None else [self._vocabulary.bos]
        fim = self._vocabulary.fim
        if fim is None:
            return Prompt([*start, *self._above(above, room), *kept], forced)
        below = self._below(suffix, room // 4)
        before = self._above(above, room - len(below))
        return Prompt([*start, fim.prefix, *before, fim.suffix, *below, fim.middle, *kept], forced)

    def _above(self, text: str, room: int) -> list[int]:
        """The last whole lines of a text that fit, in blocks that begin at multiples of ANCHOR."""
        far = max(0, len(text) - self._engine.context_size * CHARACTERS_A_TOKEN)
        start = text.rfind("\n", 0, far) + 1
        first = text.count("\n", 0, start)
        lines = text[start:].splitlines(keepends=True)
        blocks: list[tuple[int, ...]] = []
        end = first + len(lines)
        while end > first and (begin := (end - 1) // ANCHOR * ANCHOR) >= first:
            block = self._tokens("".join(lines[begin - first : end - first]))
            if len(block) > room:
                break
            room -= len(block)
            blocks.append(block)
            end = begin
        if not blocks and room > 0:  # a single block is too long: its end is better than nothing
            blocks.append(self._tokens("".join(lines[-ANCHOR:]))[-room:])
        return [token for block in reversed(blocks) for token in block]

    def _below(self, text: str, room: int) -> list[int]:
        """The first tokens of a text, at most LINES_BELOW lines."""
        lines = text[: LINE_CHARACTERS * 4].splitlines(keepends=True)[:LINES_BELOW]
        return list(self._tokens("".join(lines))[: max(0, room)])


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
    return np.array(vocabulary.compatible(rest), dtype=np.intp)


def healing(forced: bytes, vocabulary: Vocabulary) -> Transform:
    """Rule out tokens that contradict the bytes the text must begin with, and renormalise the rest."""

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
