"""A text in a tokeniser's tokens, laid out exactly as the server lays it out for its engine."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer

from empower_model.prompt import LINE_CHARACTERS, ROLLBACK, Layout
from empower_model.request import Limits
from empower_training.corpus import Encoding

SPAN = Limits().max_tokens
"""Most tokens of a span in the server's layout: it writes no more."""
LINE_TOKENS = 64
"""Most tokens of a line up to its last cut point; of several lines, for each."""
LEAST = LINE_TOKENS + SPAN + 16
"""Tokens of the shortest context: a line up to its last cut point, its span, and the control tokens."""
_REACH = 1024
"""Characters that nearly always make more tokens than a strip has."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Tokens in a row, and where in them a cursor may stand."""

    name: str
    """Of the text."""
    prompt: tuple[int, ...]
    """What stands before them."""
    ids: tuple[int, ...]
    ends: tuple[int, ...]
    """Characters from the beginning of the first token to the end of each."""
    cuts: tuple[int, ...]
    """Cut points: so many of the tokens stand before the cursor, the others are still to be written."""


class Page:
    """Lays out texts for one tokeniser.

    Raises ValueError for a tokeniser that has no end-of-text token, or where the context is too short for a prompt
    with its span.
    """

    def __init__(self, tokenizer: Tokenizer, context: int) -> None:
        self.encoding = Encoding(tokenizer, context)
        if context < LEAST:
            raise ValueError(f"A context of {context} tokens is too short; give at least {LEAST}.")
        self.end = self.encoding.end
        self._tokenizer = tokenizer
        self._layout = Layout(self.encoding)

    def line(self, name: str, text: str, start: int, stop: int, suffix: str, lines: int = 1) -> Strip:
        """Lay out the line that begins at `start`, after the server's prompt for it; `suffix` is what stands below.

        The tokens go on to `stop`, where what is still to be typed ends, or as far as a span from that line may
        reach. The cut points are the ends of tokens within the line, which is where a healed cursor generates from,
        as long as the window above is that of the line's start. No cut point has nothing behind it. They lie in more
        `lines` for somebody who types on at that place: the server's prompt stays, and what is typed is appended.
        """
        prompt = self._layout.fresh(text[:start], suffix, SPAN + ROLLBACK)
        most = min(LINE_TOKENS * lines, self.encoding.context_size - len(prompt) - SPAN)
        reach = _REACH
        while True:
            piece = text[start : min(stop, start + reach)]
            strip = self._strip(name, prompt, piece)
            # the tokens of a text that is cut off differ only near the cut
            if start + reach >= stop or len(strip.ids) >= LINE_TOKENS * lines + SPAN + ROLLBACK:
                break
            reach *= 2
        length = min(len("\n".join(piece.split("\n", lines)[:lines])), LINE_CHARACTERS * lines)
        inside = [t for t in strip.cuts if t < most and (t == 0 or strip.ends[t - 1] <= length)]
        if not inside:
            return Strip(name, tuple(prompt), (), (), ())
        count = inside[-1] + SPAN
        return Strip(name, tuple(prompt), strip.ids[:count], strip.ends[:count], tuple(inside))

    def whole(self, name: str, text: str) -> Strip:
        """Lay out a text from left to right, after the token that texts begin with, or end with where there is none."""
        bos = self.encoding.vocabulary.bos
        return self._strip(name, [self.end if bos is None else bos], text)

    def _strip(self, name: str, prompt: list[int], text: str) -> Strip:
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ends = tuple(end for _, end in encoded.offsets)
        # a character of several tokens is no place for a cursor
        between = [t for t in range(1, len(ends)) if ends[t] > ends[t - 1] <= encoded.offsets[t][0]]
        return Strip(name, tuple(prompt), tuple(encoded.ids), ends, (0, *between) if ends else ())
