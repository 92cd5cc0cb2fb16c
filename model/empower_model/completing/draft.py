"""A text that another model expects, as guesses at what this one will write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from empower_model.engine import Drafts, Engine, Guess, states

RIGHT, WRONG = 9.0, 1.0
"""Guesses that are taken to have been right and wrong before any was made."""
RECENT = 200.0
"""Guesses that the trust in them rests on, roughly."""


class Trust:
    """How often a guess is right, if those before it were; learnt from what was written."""

    def __init__(self) -> None:
        self._right, self._wrong = RIGHT, WRONG

    @property
    def probability(self) -> float:
        """Return the probability that a guess is right."""
        return self._right / (self._right + self._wrong)

    def note(self, guessed: Sequence[int], written: Sequence[int]) -> None:
        """Take note of what was written in place of what was guessed.

        The first token says whether the two models agree at all; guesses are made behind it only if they do.
        """
        agreed = states.common(guessed, written)
        if agreed == 0:
            return
        self._right += agreed - 1
        self._wrong += agreed < min(len(guessed), len(written))
        if (excess := (self._right + self._wrong) / RECENT) > 1:
            self._right, self._wrong = self._right / excess, self._wrong / excess


@dataclass(frozen=True, slots=True)
class Draft:
    """The expected text, from the first byte that is to be generated on."""

    text: bytes
    tokens: list[int]
    """Those that may be expected: the last one, perhaps cut off, would be another if the text went on."""
    engine: Engine

    @classmethod
    def of(cls, text: str, forced: bytes, engine: Engine) -> Draft:
        """Return the draft of a text behind the bytes that the generated text must begin with."""
        whole = forced + text.encode(errors="replace")
        return cls(whole, engine.tokenize(whole.decode(errors="replace"))[:-1], engine)

    def guesses(self, trust: Trust, others: Drafts | None) -> Drafts:
        """Return guesses that spell the text where what is written agrees with it, and go on with those of others."""

        def guess(ids: Sequence[int]) -> Iterator[Guess]:
            rest = self._rest(ids)
            mine = (Guess(token, trust.probability) for token in rest)
            return chain(mine, others([*ids, *rest]) if others is not None else ())

        return guess

    def _rest(self, ids: Sequence[int]) -> list[int]:
        """Return the tokens that are expected after these; none where they say something else."""
        if states.common(self.tokens, ids) == len(ids):
            return self.tokens[len(ids) :]
        pieces = self.engine.vocabulary.pieces
        written = b"".join(pieces[token] for token in ids)
        if not self.text.startswith(written):
            return []
        return self.engine.tokenize(self.text[len(written) :].decode(errors="replace"))[:-1]
