"""The bits a model gives to a text that somebody else wrote at a cursor, laid out and healed as the server does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from empower_model.engine.distribution import Distribution
from empower_model.prompt import ROLLBACK, Layout, Prompt, healing

if TYPE_CHECKING:
    from empower_model.engine.llama import LlamaEngine


class Unfit(ValueError):
    """A text that cannot be measured at its cursor."""


class Measure:
    """Measures texts with one engine, which keeps the state of the last."""

    def __init__(self, engine: LlamaEngine) -> None:
        self._engine = engine
        self._layout = Layout(engine)
        self._distribution = Distribution(len(engine.vocabulary.pieces))

    def bits(self, prefix: str, suffix: str, text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the surprisals and entropies of the tokens of `text`, in bits, each given the text before it.

        The first tokens write again what healing took back, as the server's do, and are measured among those that can.
        Raises Unfit for a text that is empty or does not fit the context, or where healing cuts a character in two.
        """
        engine = self._engine
        reserve = len(engine.tokenize(text)) + ROLLBACK
        if not text or reserve > engine.context_size // 2:
            raise Unfit(f"a text of {len(text)} characters does not fit a context of {engine.context_size} tokens")
        return self.behind(self._layout.prompt(prefix, suffix, reserve), text)

    def behind(self, prompt: Prompt, text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the surprisals and entropies as `bits` does, behind a prompt that is laid out already."""
        engine = self._engine
        try:
            target = engine.tokenize(prompt.forced.decode() + text)
        except UnicodeDecodeError as error:
            raise Unfit("the tokens before the cursor end within a character") from error
        heal = healing(prompt.forced, engine.vocabulary)
        surprisals, entropies = [], []
        for i, token in enumerate(target):
            engine.prefill([*prompt.tokens, *target[:i]])
            self._distribution.read(engine.logits())
            before = self._distribution.log_probs()
            if (after := heal(target[:i], before)) is not before:
                self._distribution.replace(after)
            surprisals.append(self._distribution.surprisal(token))
            entropies.append(self._distribution.entropy)
        return tuple(surprisals), tuple(entropies)
