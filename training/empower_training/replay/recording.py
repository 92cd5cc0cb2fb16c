"""One model heard by many policies: what it writes at a cursor is computed once, and charged to each that asks.

Policies that stop at different tokens of the same span share the model's work here, at the seam of the engine, so
that all else is the server's own code. Charged is what a policy would have spent alone: the tokens of each prompt that
its own cache lacks, at a price measured beforehand, and each token it asked for, at what that took when it was written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median

import numpy as np

from empower_model.calibration import Calibration
from empower_model.completing import Cut, assemble
from empower_model.engine import Drafts, Engine, StopFlag, Token, Transform, Vocabulary
from empower_model.memory import WeightedMemory
from empower_model.request import Completion, OnPartial, Request
from empower_training.replay.spans import Clock, Spans

LARGEST = 128
"""Tokens up to which a price is measured: llama.cpp evaluates more in portions of so many."""
_SAMPLE = "    value = self.convert(name, other=None)\n"


@dataclass(frozen=True, slots=True)
class Price:
    """Milliseconds to evaluate the last so many tokens of a prompt."""

    tokens: tuple[int, ...]
    milliseconds: tuple[float, ...]

    def __call__(self, tokens: int) -> float:
        """Interpolate between measured points; beyond the last one, in proportion."""
        most = self.tokens[-1]
        if tokens > most:
            return self.milliseconds[-1] * tokens / most
        return float(np.interp(tokens, self.tokens, self.milliseconds))


def measure_price(engine: Engine, clock: Clock = time.perf_counter, rounds: int = 3) -> Price:
    """Measure what this engine takes on this machine, behind half a context: medians of some rounds."""
    half = engine.context_size // 2
    text = (engine.tokenize(_SAMPLE) * half)[:half]
    sizes = [2**power for power in range(LARGEST.bit_length()) if 2**power < half]
    took: dict[int, list[float]] = {size: [] for size in sizes}
    for turn in range(rounds):
        for size in sizes:
            engine.prefill(text)
            fresh = text[turn + 1 :][:size]
            started = clock()
            engine.prefill([*text, *fresh])
            took[size].append((clock() - started) * 1000)
    return Price(tuple(sizes), tuple(median(took[size]) for size in sizes))


class Recording:
    """The spans of one engine, with what is `known` beside it, at the cursors of one work; not thread-safe."""

    def __init__(
        self, engine: Engine, price: Price, clock: Clock = time.perf_counter, known: WeightedMemory | None = None
    ) -> None:
        self.engine = engine
        self.known = known
        self.price = price
        self.clock = clock
        self.tokenize = lru_cache(maxsize=1024)(lambda text: tuple(engine.tokenize(text)))
        self.spans = Spans(engine, clock)

    def completer(self, calibration: Calibration, cut: Cut | None = None) -> Recorded:
        """Return one policy's completer, with a cache of its own that is empty at first."""
        return Recorded(self, calibration, cut)

    def clear(self) -> None:
        """Forget all spans, and bring the engine to a state that does not depend on what came before."""
        self.spans.clear()


class _View:
    """The engine as one policy has it: its own cache, which tells what an evaluation would have cost it.

    Drafts are not asked for: whoever comes second to a span would be charged for what was evaluated along for another.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._state: list[int] = []
        self._prompt: tuple[int, ...] = ()
        self.line = ""
        """The current line up to the cursor that is asked for."""
        self.charged = 0.0
        """Milliseconds charged since it was last set to 0."""
        self.spent = 0.0
        """Milliseconds really spent in here since."""
        self.vocabulary: Vocabulary = recording.engine.vocabulary
        self.context_size: int = recording.engine.context_size

    @property
    def stop(self) -> StopFlag:
        return self._recording.engine.stop

    def tokenize(self, text: str) -> list[int]:
        return list(self._recording.tokenize(text))

    def prefill(self, prompt: Sequence[int]) -> int:
        started = self._recording.clock()
        ids = list(prompt)
        evaluated = max(1, len(ids) - _common(self._state, ids))
        self._state, self._prompt = ids, tuple(ids)
        self.charged += self._recording.price(evaluated)
        self.spent += (self._recording.clock() - started) * 1000
        return evaluated

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        return True  # nobody waits for it, and it is not charged

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        spans = self._recording.spans
        span = spans.span(self.line, self._prompt, transforms)
        number = 0
        while not self.stop.is_set():
            started = self._recording.clock()
            token = spans.token(span, number)
            self.spent += (self._recording.clock() - started) * 1000
            if token is None:
                return
            if number:  # a token is evaluated when the next one is asked for
                self._state.append(span.tokens[number - 1].id)
            self.charged += span.milliseconds[number]
            number += 1
            yield token

    def close(self) -> None:
        """Do nothing: the engine is the recording's."""


class Recorded:
    """The completer of one policy: the server's own, with times as if it had had the engine to itself."""

    def __init__(self, recording: Recording, calibration: Calibration, cut: Cut | None) -> None:
        self._view = _View(recording)
        self._inner = assemble(self._view, calibration, recording.known, cut)

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        """Answer as the server does; `total_ms` has what the engine would have taken in place of what it took."""
        view = self._view
        view.line = request.prefix[request.prefix.rfind("\n") + 1 :]
        view.charged = view.spent = 0.0
        completion = self._inner.complete(request, on_partial)
        return replace(completion, total_ms=completion.total_ms + view.charged - view.spent)

    def expect(self, request: Request | None) -> None:
        """Pass on what will probably be asked."""
        self._inner.expect(request)

    def stop(self) -> None:
        """End the completion at work within one token."""
        self._inner.stop()

    def close(self) -> None:
        """Do nothing: the engine is the recording's."""


def _common(ours: Sequence[int], theirs: Sequence[int]) -> int:
    """Return the length of the common beginning, by halving: it is nearly everything at every keystroke."""
    low, high = 0, min(len(ours), len(theirs))
    while low < high:
        middle = (low + high + 1) // 2
        if ours[low:middle] == theirs[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
