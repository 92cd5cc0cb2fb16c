"""An engine in virtual time: what it writes is a real engine's, what that takes is a machine's price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from empower_model.engine import Drafts, Token, Transform, Vocabulary, reading, states
from empower_model.errors import EngineStopped, PromptTooLong
from empower_training.at_speed.machine import Costs, Processors, Stop
from empower_training.replay import Spans

FAST = 1e6
"""Tokens a second of an engine whose work is for nothing."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """What stands for a copy of the cache: its tokens, and how many bytes a real one would take."""

    tokens: tuple[int, ...]
    size: int

    def __len__(self) -> int:
        return self.size


@dataclass(slots=True)
class Spent:
    """What an engine has done so far."""

    evaluated: int = 0
    """Tokens of prompts."""
    seconds: float = 0.0
    """Of a processor."""


class VirtualEngine:
    """A language model with a cache of its own, of which `spans` knows what it writes, at a price.

    Without `processors` all is for nothing, in no time. A copy of the cache takes `state_size` bytes a token. Drafts
    are not asked for, so nothing is gained by them.
    """

    def __init__(
        self,
        spans: Spans,
        costs: Costs | None = None,
        processors: Processors | None = None,
        *,
        beside: float = 1.0,
        state_size: int = 0,
    ) -> None:
        engine = spans.engine
        self.spans = spans
        self.stop, self.asked = Stop(), Stop()
        """The second ends what is prepared while nobody waits, since somebody does."""
        self.spent = Spent()
        self.vocabulary: Vocabulary = engine.vocabulary
        self.context_size: int = engine.context_size
        self.cursor = ""
        """Says which cursor is asked for, to tell equal prompts apart."""
        self._tokens = lru_cache(maxsize=1024)(lambda text: tuple(engine.tokenize(text)))
        self._costs = costs
        self._speed = reading.Speed(costs.prompt if costs is not None else FAST)
        self._processors = processors
        self._beside = beside
        self._state_size = state_size
        self._state: list[int] = []
        """The tokens that the cache holds."""
        self._prompt: tuple[int, ...] | None = None
        """The prompt that was prefilled last; None where that was stopped."""
        self._states = states.States(self._saved, self._loaded)
        self._worth = states.WORTH

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        return list(self._tokens(text))

    @property
    def speed(self) -> float:
        """Return how many tokens of prompts are evaluated in a second, as far as that was seen."""
        return self._speed.value

    def unread(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of a prompt neither the state at hand has nor one that is kept."""
        return len(prompt) - max(states.common(self._state, prompt), self._states.known(prompt))

    def prefill(self, prompt: Sequence[int]) -> int:
        """Make `prompt` the state; return how many tokens had to be evaluated (at least 1).

        Raises PromptTooLong, and EngineStopped when ended on request. What was evaluated until then stays, and the
        first piece always is.
        """
        self.asked.clear()
        fresh = self._missing(prompt)
        self._prompt, start = None, 0
        for size in reading.pieces(len(fresh), self.speed):
            if self.stop.is_set():
                raise EngineStopped("The evaluation was ended on request.")
            self._read(fresh[start : start + size], None if start == 0 and size < reading.MOST else self.stop)
            start += size
        self._prompt = tuple(prompt)
        return len(fresh)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        """Evaluate at most `most` more tokens of a prompt that will be asked for; return whether all are.

        Raises PromptTooLong, and EngineStopped when somebody asks.
        """
        self._worth = states.GAIN
        fresh = self._missing(prompt)
        self._prompt, self._worth = None, states.GAIN
        self._read(fresh[:most], self.asked)
        return len(fresh) <= most

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        """Continue the prefilled prompt as the real engine does; ends as that ends, or when told to stop."""
        if self._prompt is None:
            return
        span = self.spans.span(self.cursor, self._prompt, transforms)
        number = 0
        while not self.stop.is_set() and (token := self.spans.token(span, number)) is not None:
            yield token
            number += 1
            if token.id in self.vocabulary.end_of_generation or len(self._state) >= self.context_size:
                return
            try:
                self._evaluate([token.id], self.stop)
            except EngineStopped:
                return

    def close(self) -> None:
        """Do nothing: the real engine is somebody else's."""

    def _missing(self, prompt: Sequence[int]) -> list[int]:
        """Bring back as much of a prompt's state as is known; return the tokens to evaluate, the last one at least."""
        wanted = list(prompt)
        if not wanted or len(wanted) >= self.context_size:
            raise PromptTooLong(f"A prompt of {len(wanted)} tokens does not fit a context of {self.context_size}.")
        taken = self._states.exchange(self._state, wanted, self._worth)
        if taken is not None:
            self._state = taken
        self._worth = states.WORTH
        del self._state[min(states.common(self._state, wanted), len(wanted) - 1) :]
        return wanted[len(self._state) :]

    def _read(self, tokens: Sequence[int], stop: Stop | None) -> None:
        """Append tokens of a prompt to the state, and learn from it how fast that goes."""
        self._speed.note(len(tokens), self._evaluate(tokens, stop))
        self.spent.evaluated += len(tokens)

    def _evaluate(self, tokens: Sequence[int], stop: Stop | None) -> float:
        """Append tokens to the state; return the seconds that took. Raises EngineStopped once a flag is set."""
        costs, processors = self._costs, self._processors
        took = 0.0
        if costs is not None and processors is not None:
            began = processors.clock()
            done = processors.work(costs.evaluation(len(tokens)), self._beside, stop)
            took = processors.clock() - began
            self.spent.seconds += done * costs.threads
        if stop is not None and stop.is_set():
            raise EngineStopped("The evaluation was ended on request.")
        self._state.extend(tokens)
        return took

    def _saved(self, most: int) -> _Copy | None:
        size = len(self._state) * self._state_size
        return _Copy(tuple(self._state), size) if 0 < size <= most else None

    def _loaded(self, copy: _Copy) -> bool:
        return True
