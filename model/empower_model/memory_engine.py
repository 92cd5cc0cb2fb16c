"""An engine that knows the workspace: the mixture with the memory, wherever another engine would stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from empower_model import mixture
from empower_model.engine import Engine, StopFlag, Token, Transform, Vocabulary
from empower_model.memory import Memory
from empower_model.mixture import Weights


class RememberingEngine:
    """Another engine with the memory mixed into each of its distributions, before any other transform."""

    def __init__(self, engine: Engine, memory: Memory, weights: Weights) -> None:
        self._engine = engine
        self.memory = memory
        self._weights = weights
        self._context: list[int] = []

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's tokens."""
        return self._engine.vocabulary

    @property
    def stop(self) -> StopFlag:
        """Set from anywhere, it ends prefill and decode within one token."""
        return self._engine.stop

    @property
    def context_size(self) -> int:
        """Tokens that prompt and generation together may take."""
        return self._engine.context_size

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text."""
        return self._engine.tokenize(text)

    def prefill(self, prompt: Sequence[int]) -> int:
        """Make `prompt` the state, and remember its end; raises as the other engine does."""
        self._context = mixture.context(prompt, self.vocabulary.fim)
        return self._engine.prefill(prompt)

    def decode(self, transforms: Sequence[Transform] = ()) -> Iterator[Token]:
        """Continue the prefilled prompt greedily; what is chosen from and measured is the mixture."""
        ends = sorted(self.vocabulary.end_of_generation)
        mix = mixture.transform(self.memory, self._context, self._weights, ends)
        return self._engine.decode([mix, *transforms])

    def close(self) -> None:
        """Free the model's memory."""
        self._engine.close()
