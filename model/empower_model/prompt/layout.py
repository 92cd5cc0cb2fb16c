"""The prompt of a cursor: fill-in-the-middle layout, the window of text that fits, and token healing.

Layout: FIM-prefix + whole lines above, FIM-suffix + text after the cursor, FIM-middle + the current line up to the
cursor. A keystroke only appends, so all but the last few tokens stay in the engine's cache. Files without the FIM
tokens get the lines above and the current line. The trainer lays its samples out with the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from empower_model.engine import Engine
from empower_model.prompt.token_healing import roll_back

ANCHOR = 32
"""The window above starts at a multiple of this many lines, so that it moves, and costs a full evaluation, rarely."""
LINE_CHARACTERS = 2000
"""Of a longer current line only the end is read; such lines are data."""
CHARACTERS_A_TOKEN = 8
"""Text further up than this many characters for each token of context is not looked at."""
LINES_BELOW = 32
"""A new line evaluates the text below again, so it is kept short."""
ROOM_STEP = 64
"""Tokens by which the current line takes room from the others: token by token, the window would move in mid-line."""


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
