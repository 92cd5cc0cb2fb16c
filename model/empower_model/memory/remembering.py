"""An engine that knows the workspace: the mixture with the memory, wherever another engine would stand.

The file at the cursor is a scope of the memory that belongs to the engine: what stands above and below the cursor's
line, taken from each request. The other scopes may be another thread's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from empower_model.engine import Drafts, Engine, Guess, StopFlag, Token, Transform, Vocabulary
from empower_model.memory import mixture
from empower_model.memory.index import Memory
from empower_model.memory.mixture import Weights
from empower_model.memory.segment import ORDERS
from empower_model.request import Request


@dataclass(frozen=True, slots=True, eq=False)
class WeightedMemory:
    """A memory, and how far a model trusts it."""

    memory: Memory
    weights: Weights


class RememberingEngine:
    """Another engine with the memory mixed into each of its distributions, before any other transform."""

    def __init__(self, engine: Engine, memory: Memory, weights: Weights) -> None:
        self._engine = engine
        self.memory = memory
        self._weights = weights
        self._context: list[int] = []
        self._tokens = lru_cache(maxsize=1024)(lambda text: tuple(engine.tokenize(text)))

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the model's tokens."""
        return self._engine.vocabulary

    @property
    def stop(self) -> StopFlag:
        """Set from anywhere, it ends prefill and decode within one token."""
        return self._engine.stop

    @property
    def context_size(self) -> int:
        """Return how many tokens prompt and generation together may take."""
        return self._engine.context_size

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        return self._engine.tokenize(text)

    def prefill(self, prompt: Sequence[int]) -> int:
        """Make `prompt` the state, and remember its end; raises as the other engine does."""
        self._context = mixture.context(prompt, self.vocabulary.fim)
        return self._engine.prefill(prompt)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        """Evaluate a part of a prompt that will be asked for; raise as the other engine does."""
        return self._engine.prepare(prompt, most)

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        """Continue the prefilled prompt greedily; what is chosen from and measured is the mixture."""
        ends = sorted(self.vocabulary.end_of_generation)
        mix = mixture.transform(self.memory, self._context, self._weights, ends)
        return self._engine.decode([mix, *transforms], drafts)

    def guesses(self, ids: Sequence[int]) -> Iterator[Guess]:
        """Yield what the memory expects to follow the prefilled prompt and these ids, while it knows anything."""
        near = [*self._context, *ids]
        while (continuations := self.memory.continuations(near[-ORDERS:])) is not None:
            guess = mixture.likeliest(continuations, self._weights.coefficients)
            yield guess
            near.append(guess.id)

    def look(self, request: Request) -> None:
        """Have the memory hold the lines above the cursor and those below, in the place of what was there before."""
        self.memory.look(request.prefix, request.suffix, self._tokens)

    def close(self) -> None:
        """Free the model's memory."""
        self._engine.close()
