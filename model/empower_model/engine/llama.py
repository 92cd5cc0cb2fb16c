"""The engine: llama.cpp in this process, through llama-cpp-python's low-level API.

Facts this file leans on (llama.cpp as of llama-cpp-python 0.3.36): a batch must start right after the last
position of the cache; logits rows exist only for flagged tokens; a decode that was aborted returns 2, keeps the
micro-batches it finished, and leaves stale logits behind; many misuses end the process, so lengths are checked here.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empower_model.engine import timing
from empower_model.engine.distribution import Distribution
from empower_model.engine.drafting import LENGTHS, Drafts, Pace
from empower_model.engine.llama_file import (
    cannot_step_back,
    last_complaint,
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
from empower_model.errors import EngineError, EngineStopped, ModelFileInvalid, PromptTooLong

BATCH = 512
MICRO_BATCH = 128
"""Small, since an aborted evaluation keeps whole micro-batches only; larger ones gain nothing (tuning.py)."""
SMALL = 32 << 20
"""Bytes of weights up to which one thread writes best, unless it was measured otherwise: several spend longer waiting
for each other than computing. Nothing is drafted for such a model: to look a guess up takes as long as to do without
it."""
OPERATIONS = 2.5e11
"""Floating-point operations a second that a machine is taken for until its speed is known; a token takes two for each
parameter."""
ABORTED, NO_ROOM = 2, 1
_TOKENS = ctypes.POINTER(ctypes.c_int32)


def _polling_callback() -> Any:
    """Return a C function for llama.cpp to poll at every graph node without Python's lock: `strlen` of the flag."""
    library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
    return ctypes.cast(library.strlen, llama_cpp.ggml_abort_callback)


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
        trained = llama_cpp.llama_model_n_ctx_train(self._model)
        self.context_size = max(64, min(config.context_size, trained or config.context_size))
        self._context = self._new_context()
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._polling, self._never = _polling_callback(), llama_cpp.ggml_abort_callback()
        self._polled: StopFlag | None = None
        """What ends an evaluation that has begun."""
        self._poll(self.stop)
        self._batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        self._ids, self._positions, self._flags = _batch_views(self._batch)
        self._distribution = Distribution(len(self.vocabulary.pieces))
        self._state: list[int] = []
        """The tokens whose keys and values lie in the cache, from position 0 on."""
        self._fresh = False
        """Whether the logits belong to the last token of the state."""
        self.states = None if cannot_step_back(self._model) else States(self._saved, self._loaded)
        """The states of prompts that were left; None for models that cannot go on from a part of one."""
        self._worth = WORTH
        """Tokens of the state at hand from which on it is kept when another prompt comes."""
        self.pace = None if self.is_small or cannot_step_back(self._model) else Pace()
        """How many drafted tokens are worth evaluating; None where none ever is."""
        self._speed = Speed(OPERATIONS / (2 * max(1, llama_cpp.llama_model_n_params(self._model))))

    def _new_context(self) -> Any:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.context_size
        params.n_batch = BATCH
        params.n_ubatch = MICRO_BATCH
        params.n_seq_max = 1
        params.n_outputs_max = 1 + max(LENGTHS)  # else logits for a whole micro-batch: 297 MiB at 152k entries
        params.n_threads_batch, params.n_threads = self.threads, self.writing_threads
        context = llama_cpp.llama_init_from_model(self._model, params)
        if not context:
            llama_cpp.llama_model_free(self._model)
            raise ModelFileInvalid(
                f"{self.config.path} was loaded, but a context of {self.context_size} tokens could not be made "
                f"({last_complaint()}); set a smaller context size or free some memory."
            )
        if self._adapter:
            adapters, scales = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(self._adapter), (ctypes.c_float * 1)(1)
            llama_cpp.llama_set_adapters_lora(context, adapters, 1, scales)
        return context

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
        llama_cpp.llama_set_n_threads(self._context, writing, prompt)

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
        known = common(self._state, prompt)
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
            self._poll(None if slow and start == 0 else self.stop)  # else, stopped at each key, it would never get on
            self._read(fresh[start : start + size], len(prompt))
            start += size
        self._poll(self.stop)
        return len(fresh)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        """Evaluate at most `most` more tokens of a prompt that will be asked for; return whether all are.

        Raises PromptTooLong, and EngineStopped when somebody asks.
        """
        self._worth = GAIN  # around a time when nobody waits, little is worth keeping too
        fresh = self._missing(prompt)
        self._worth = GAIN
        self._poll(self._asked)
        try:
            self._read(fresh[: min(most, BATCH)], len(prompt))
        finally:
            self._poll(self.stop)
        return len(fresh) <= min(most, BATCH)

    def _pieces(self, count: int) -> Iterator[int]:
        """Yield the sizes in which so many tokens are evaluated."""
        if self.is_small:  # whole batches, of which a stop loses a few milliseconds
            return iter([BATCH] * (count // BATCH) + [count % BATCH] * (count % BATCH > 0))
        return pieces(count, self.speed)

    def _poll(self, flag: StopFlag | None) -> None:
        """Have evaluations end when a flag is set; None: by nothing."""
        if flag is not self._polled:
            callback, address = (self._polling, flag.address) if flag is not None else (self._never, None)
            llama_cpp.llama_set_abort_callback(self._context, callback, ctypes.c_void_p(address))
            self._polled = flag

    def _read(self, ids: Sequence[int], whole: int) -> None:
        """Append tokens of a prompt, which has so many, to the state."""
        started = time.perf_counter()
        self._evaluate(ids)
        llama_cpp.llama_synchronize(self._context)  # a GPU is still at work
        self._speed.note(len(ids), time.perf_counter() - started)
        if self._on_read is not None:
            self._on_read(len(self._state), whole)

    def _missing(self, prompt: Sequence[int]) -> list[int]:
        """Bring back as much of a prompt's state as is known; return the tokens to evaluate, the last one at least."""
        if not prompt or len(prompt) >= self.context_size:
            raise PromptTooLong(
                f"A prompt of {len(prompt)} tokens does not fit a context of {self.context_size}; "
                "set a larger context size."
            )
        wanted = list(prompt)
        taken = self.states.exchange(self._state, wanted, self._worth) if self.states is not None else None
        if taken is not None:
            self._state, self._fresh = taken, False
        self._worth = WORTH
        self._truncate(min(common(self._state, wanted), len(wanted) - 1))
        return wanted[len(self._state) :]

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        """Continue the prefilled prompt greedily; ends after end-of-generation, a full context, or a stop.

        Tokens that `drafts` expects are evaluated along where the pace says that it pays.
        """
        ids: list[int] = []
        ahead: list[int] = []  # guesses that were evaluated, and lie in the state behind what was chosen
        while self._fresh and not self.stop.is_set():
            token = self._token(-1 - len(ahead), ids, transforms)
            yield token
            if token.id in self.vocabulary.end_of_generation or len(self._state) - len(ahead) >= self.context_size:
                return
            ids.append(token.id)
            if ahead and ahead[0] == token.id:
                del ahead[0]
                continue
            try:
                self._truncate(len(self._state) - len(ahead))
                ahead = self._go_on(ids, drafts)
            except EngineStopped:
                return

    def _token(self, row: int, ids: Sequence[int], transforms: Sequence[Transform]) -> Token:
        """Return the token chosen from a row of logits, counted from the last one."""
        distribution = self._distribution
        distribution.read(self._logits(row))
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
            room = self.context_size - len(self._state) - 1
            ahead = self.pace.worth(islice(drafts(ids), room))
        self._evaluate([ids[-1], *ahead], 1 + len(ahead))
        if self.pace is not None:
            self._logits()  # a GPU is still at work until they are there
            self.pace.note(len(ahead), time.perf_counter() - started)
        return ahead

    def surprisals(self, ids: Sequence[int]) -> list[float]:
        """Return the bits of each token but the first, given those before it. Raises PromptTooLong and EngineError."""
        self.prefill(ids[:1])
        bits = self._measured_rows(ids[1:2])
        step = 1 + max(LENGTHS)
        for start in range(1, len(ids) - 1, step):
            following = ids[start + 1 : start + 1 + step]
            self._evaluate(ids[start : start + len(following)], len(following))
            bits += self._measured_rows(following)
        return bits

    def _measured_rows(self, following: Sequence[int]) -> list[float]:
        """Return the bits of tokens under the last rows of logits, one each."""
        bits = []
        for row, token in enumerate(following, start=-len(following)):
            self._distribution.read(self._logits(row))
            bits.append(self._distribution.surprisal(token))
        return bits

    @property
    def state_size(self) -> int:
        """Return the bytes that a copy of the state at hand would take: what it costs to keep a place."""
        return int(llama_cpp.llama_state_seq_get_size(self._context, 0))

    def _saved(self, most: int) -> ctypes.Array[ctypes.c_uint8] | None:
        """Return a copy of the context's state, unless it has more bytes."""
        if not 0 < (size := self.state_size) <= most:
            return None
        data = (ctypes.c_uint8 * size)()
        return data if llama_cpp.llama_state_seq_get_data(self._context, data, size, 0) == size else None

    def _loaded(self, data: ctypes.Array[ctypes.c_uint8]) -> bool:
        llama_cpp.llama_memory_clear(self._memory, False)
        done = bool(llama_cpp.llama_state_seq_set_data(self._context, data, len(data), 0))
        if not done:
            llama_cpp.llama_memory_clear(self._memory, True)
        return done

    def logits(self) -> NDArray[np.float32]:
        """Return the logits after the last prefilled token, shape (n_vocab,): a copy."""
        return self._logits().copy()

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
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
            llama_cpp.llama_model_free(self._model)
            self._context = None

    def _logits(self, row: int = -1) -> NDArray[np.float32]:
        if not self._fresh:
            raise EngineError("There are no logits: prefill a prompt first.")
        values = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(values, shape=(len(self.vocabulary.pieces),))

    def _truncate(self, length: int) -> None:
        if length == len(self._state):
            return
        self._fresh = False
        if llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1):
            del self._state[length:]
        else:  # recurrent models cannot step back
            llama_cpp.llama_memory_clear(self._memory, True)
            self._state.clear()

    def _evaluate(self, ids: Sequence[int], outputs: int = 1) -> None:
        """Append 1 to BATCH tokens to the state; the logits are those after the last `outputs` of them."""
        count, start = len(ids), len(self._state)
        self._batch.n_tokens = count
        self._ids[:count] = ids
        self._positions[:count] = range(start, start + count)
        self._flags[:count] = 0
        self._flags[count - outputs : count] = 1
        self._fresh = False
        result = llama_cpp.llama_decode(self._context, self._batch)
        if result == 0:
            self._state.extend(ids)
            self._fresh = True
            return
        kept = llama_cpp.llama_memory_seq_pos_max(self._memory, 0) + 1
        self._state.extend(ids[: kept - start])
        if result == ABORTED:
            raise EngineStopped("The evaluation was ended on request.")
        self._truncate(0)
        if result == NO_ROOM:
            raise PromptTooLong("The context is full; set a larger context size.")
        raise EngineError(f"llama.cpp could not evaluate {count} tokens: {last_complaint()}")


def _batch_views(batch: Any) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Return the arrays of a batch of one sequence, as numpy sees them: ids, positions, flags for logits."""
    as_array = np.ctypeslib.as_array
    for i in range(BATCH):
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = 0
    return (
        as_array(batch.token, shape=(BATCH,)),
        as_array(batch.pos, shape=(BATCH,)),
        as_array(batch.logits, shape=(BATCH,)),
    )
