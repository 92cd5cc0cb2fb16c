"""The engine: a model of llama.cpp in this process, through llama-cpp-python's low-level API."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from empower_model.engine import timing
from empower_model.engine.context import BATCH, MICRO_BATCH, OUTPUTS, Context
from empower_model.engine.distribution import Distribution
from empower_model.engine.drafting import Drafts, Pace
from empower_model.engine.llama_file import (
    cannot_step_back,
    llama_cpp,
    load,
    load_adapter,
    machine,
    physical_cores,
    read_vocabulary,
)
from empower_model.engine.reading import Speed, pieces
from empower_model.engine.seam import EngineConfig, StopFlag, Token, Transform
from empower_model.engine.states import GAIN, WORTH, States, common
from empower_model.errors import EngineError, EngineStopped, PromptTooLong

SMALL = 32 << 20
"""Bytes of weights up to which one thread writes best, unless it was measured otherwise: several spend longer waiting
for each other than computing. Nothing is drafted for such a model: to look a guess up takes as long as to do without
it."""
OPERATIONS = 2.5e11
"""Floating-point operations a second that a machine is taken for until its speed is known; a token takes two for each
parameter."""
_TOKENS = ctypes.POINTER(ctypes.c_int32)


class LlamaEngine:
    """One model, the adapter made for it if there is one, and one context of llama.cpp.

    `asked` ends what is prepared while nobody waits, since somebody does. `on_read` is told, piece by piece, how many
    tokens of a prompt are evaluated, and of how many.

    Raises ModelFileInvalid when llama.cpp cannot load a file. Not thread-safe; `stop` may be set from anywhere.
    """

    def __init__(
        self,
        config: EngineConfig,
        stop: StopFlag | None = None,
        asked: StopFlag | None = None,
        on_read: Callable[[int, int], None] | None = None,
    ) -> None:
        self.config = config
        self.stop = stop or StopFlag()
        self._asked = asked or StopFlag()
        self._on_read = on_read
        self._model = load(config)
        self.threads, self.writing_threads = self._chosen_threads()
        """For prompts, and for tokens that are written one by one."""
        self._adapter = load_adapter(config, self._model)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = read_vocabulary(self._vocab)
        self._context = Context(self._model, self._adapter, config, self.threads, self.writing_threads)
        self.context_size = self._context.size
        self._context.poll(self.stop)
        self._distribution = Distribution(len(self.vocabulary.pieces))
        self.states = None if cannot_step_back(self._model) else States(self._context.saved, self._context.loaded)
        """The states of prompts that were left; None for models that cannot go on from a part of one."""
        self._worth = WORTH
        """Tokens of the state at hand from which on it is kept when another prompt comes."""
        self.pace = None if self.is_small or cannot_step_back(self._model) else Pace()
        """How many drafted tokens are worth evaluating; None where none ever is."""
        self._speed = Speed(OPERATIONS / (2 * max(1, llama_cpp.llama_model_n_params(self._model))))

    def _chosen_threads(self) -> tuple[int, int]:
        """Return the threads for prompts and for writing: as told, as measured on this machine, or a guess.

        The guess leaves a core free of what is written, as others work beside an editor (`timing.py`).
        """
        if told := self.config.threads:
            return told, told
        if known := self.known:
            return known.prompt.threads, known.token.threads
        cores = physical_cores()
        return cores, 1 if self.is_small else max(1, cores - 1)

    @property
    def known(self) -> timing.Timings | None:
        """Return what was measured of the model on this machine before; None if nothing was."""
        return timing.load(self.config.path, machine(self.config.gpu_layers))

    def measured(self, seconds: float = timing.SECONDS) -> timing.Timings:
        """Measure how fast the model is here, which takes about so many seconds, and go on with the best threads.

        It is kept for engines to come, unless others were at work meanwhile. Raises EngineError.
        """
        timings = timing.measure(self, physical_cores(), seconds)
        if not timings.disturbed:
            with suppress(OSError):  # it is measured again the next time
                timing.save(timings, self.config.path, machine(self.config.gpu_layers))
        self.set_threads(*self._chosen_threads())
        return timings

    def set_threads(self, prompt: int, writing: int) -> None:
        """Evaluate prompts and write with so many threads from now on."""
        self.threads, self.writing_threads = prompt, writing
        self._context.set_threads(prompt, writing)

    @property
    def is_small(self) -> bool:
        """Tell whether the model reads a whole prompt in no time, and what would be saved costs as much as it saves."""
        return bool(llama_cpp.llama_model_size(self._model) <= SMALL)

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text; text that looks like a control token stays text."""
        data = text.encode(errors="replace")
        ids = np.empty(len(data) + 1, dtype=np.int32)
        pointer = ids.ctypes.data_as(_TOKENS)
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), pointer, len(ids), False, False)
        if count < 0:
            raise EngineError(f"llama.cpp could not tokenise {len(data)} bytes of text.")
        tokens: list[int] = ids[:count].tolist()
        return tokens

    @property
    def speed(self) -> float:
        """Return how many tokens of prompts are evaluated in a second, as far as that is known."""
        return self._speed.value

    def unread(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of a prompt neither the state at hand has nor one that is kept."""
        known = common(self._context.tokens, prompt)
        return len(prompt) - (max(known, self.states.known(prompt)) if self.states is not None else known)

    def prefill(self, prompt: Sequence[int]) -> int:
        """Make `prompt` the state; return how many tokens had to be evaluated (at least 1).

        Raises PromptTooLong, and EngineStopped when ended on request. What was evaluated until then stays.
        """
        self._asked.clear()
        fresh = self._missing(prompt)
        start = 0
        for size in self._pieces(len(fresh)):
            if self.stop.is_set():  # GPU backends do not poll the flag
                raise EngineStopped("The evaluation was ended on request.")
            slow = not self.is_small and size < MICRO_BATCH
            self._context.poll(
                None if slow and start == 0 else self.stop
            )  # else, stopped at each key, it would never get on
            self._read(fresh[start : start + size], len(prompt))
            start += size
        self._context.poll(self.stop)
        return len(fresh)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        """Evaluate at most `most` more tokens of a prompt that will be asked for; return whether all are.

        Raises PromptTooLong, and EngineStopped when somebody asks.
        """
        self._worth = GAIN  # around a time when nobody waits, little is worth keeping too
        fresh = self._missing(prompt)
        self._worth = GAIN
        self._context.poll(self._asked)
        try:
            self._read(fresh[: min(most, BATCH)], len(prompt))
        finally:
            self._context.poll(self.stop)
        return len(fresh) <= min(most, BATCH)

    def _pieces(self, count: int) -> Iterator[int]:
        """Yield the sizes in which so many tokens are evaluated."""
        if self.is_small:  # whole batches, of which a stop loses a few milliseconds
            return iter([BATCH] * (count // BATCH) + [count % BATCH] * (count % BATCH > 0))
        return pieces(count, self.speed)

    def _read(self, ids: Sequence[int], whole: int) -> None:
        """Append tokens of a prompt, which has so many, to the state."""
        started = time.perf_counter()
        self._context.evaluate(ids)
        self._context.wait()
        self._speed.note(len(ids), time.perf_counter() - started)
        if self._on_read is not None:
            self._on_read(len(self._context.tokens), whole)

    def _missing(self, prompt: Sequence[int]) -> list[int]:
        """Bring back as much of a prompt's state as is known; return the tokens to evaluate, the last one at least."""
        if not prompt or len(prompt) >= self.context_size:
            raise PromptTooLong(
                f"A prompt of {len(prompt)} tokens does not fit a context of {self.context_size}; "
                "set a larger context size."
            )
        wanted = list(prompt)
        context = self._context
        taken = self.states.exchange(context.tokens, wanted, self._worth) if self.states is not None else None
        if taken is not None:
            context.tokens = taken
        self._worth = WORTH
        context.truncate(min(common(context.tokens, wanted), len(wanted) - 1))
        return wanted[len(context.tokens) :]

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        """Continue the prefilled prompt greedily; ends after end-of-generation, a full context, or a stop.

        Tokens that `drafts` expects are evaluated along where the pace says that it pays.
        """
        context = self._context
        ids: list[int] = []
        ahead: list[int] = []  # guesses that were evaluated, and lie in the state behind what was chosen
        while context.fresh and not self.stop.is_set():
            token = self._token(-1 - len(ahead), ids, transforms)
            yield token
            if token.id in self.vocabulary.end_of_generation or len(context.tokens) - len(ahead) >= self.context_size:
                return
            ids.append(token.id)
            if ahead and ahead[0] == token.id:
                del ahead[0]
                continue
            try:
                context.truncate(len(context.tokens) - len(ahead))
                ahead = self._go_on(ids, drafts)
            except EngineStopped:
                return

    def _token(self, row: int, ids: Sequence[int], transforms: Sequence[Transform]) -> Token:
        """Return the token chosen from a row of logits, counted from the last one."""
        distribution = self._distribution
        distribution.read(self._context.logits(row))
        if transforms:
            log_probs = before = distribution.log_probs()
            for transform in transforms:
                log_probs = transform(ids, log_probs)
            if log_probs is not before:
                distribution.replace(log_probs)
        token = distribution.best()
        pieces = self.vocabulary.pieces
        others = tuple((pieces[other], probability) for other, probability in distribution.others(token))
        return Token(token, pieces[token], distribution.surprisal(token), distribution.entropy, others)

    def _go_on(self, ids: Sequence[int], drafts: Drafts | None) -> list[int]:
        """Append the last of the ids to the state, and behind it guesses that are worth it, which are returned."""
        started = time.perf_counter()
        ahead: list[int] = []
        if self.pace is not None and drafts is not None:
            room = self.context_size - len(self._context.tokens) - 1
            ahead = self.pace.worth(islice(drafts(ids), room))
        self._context.evaluate([ids[-1], *ahead], 1 + len(ahead))
        if self.pace is not None:
            self._context.logits()  # a GPU is still at work until they are there
            self.pace.note(len(ahead), time.perf_counter() - started)
        return ahead

    def surprisals(self, ids: Sequence[int]) -> list[float]:
        """Return the bits of each token but the first, given those before it. Raises PromptTooLong and EngineError."""
        self.prefill(ids[:1])
        bits = self._measured_rows(ids[1:2])
        for start in range(1, len(ids) - 1, OUTPUTS):
            following = ids[start + 1 : start + 1 + OUTPUTS]
            self._context.evaluate(ids[start : start + len(following)], len(following))
            bits += self._measured_rows(following)
        return bits

    def _measured_rows(self, following: Sequence[int]) -> list[float]:
        """Return the bits of tokens under the last rows of logits, one each."""
        bits = []
        for row, token in enumerate(following, start=-len(following)):
            self._distribution.read(self._context.logits(row))
            bits.append(self._distribution.surprisal(token))
        return bits

    @property
    def state_size(self) -> int:
        """Return the bytes that a copy of the state at hand would take: what it costs to keep a place."""
        return self._context.state_size

    def logits(self) -> NDArray[np.float32]:
        """Return the logits after the last prefilled token, shape (n_vocab,): a copy."""
        return self._context.logits().copy()

    def description(self) -> dict[str, str | int]:
        """Return what the file says of itself: kind, parameters, size in bytes, trained context."""
        text = ctypes.create_string_buffer(128)
        llama_cpp.llama_model_desc(self._model, text, len(text))
        return {
            "kind": text.value.decode(errors="replace"),
            "parameters": llama_cpp.llama_model_n_params(self._model),
            "bytes": llama_cpp.llama_model_size(self._model),
            "trained_context": llama_cpp.llama_model_n_ctx_train(self._model),
        }

    def close(self) -> None:
        """Free context and model; the engine must not be used afterwards."""
        if self._model:
            self._context.close()
            llama_cpp.llama_model_free(self._model)
            self._model = None
