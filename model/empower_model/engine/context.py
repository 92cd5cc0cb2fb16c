"""A context of llama.cpp with one sequence: the tokens in it, the logits behind them, and copies of its state.

Facts this file leans on (llama.cpp as of llama-cpp-python 0.3.36): a batch must start right after the last
position of the cache; logits rows exist only for flagged tokens; a decode that was aborted returns 2, keeps the
micro-batches it finished, and leaves stale logits behind; many misuses end the process, so lengths are checked here.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empower_model.engine.drafting import LENGTHS
from empower_model.engine.llama_file import last_complaint, llama_cpp
from empower_model.engine.seam import EngineConfig, StopFlag
from empower_model.errors import EngineError, EngineStopped, ModelFileInvalid, PromptTooLong

BATCH = 512
"""Tokens that are evaluated at once, at most."""
MICRO_BATCH = 128
"""Small, since an aborted evaluation keeps whole micro-batches only; larger ones gain nothing (benchmarks/tuning)."""
OUTPUTS = 1 + max(LENGTHS)
"""Rows of logits that one evaluation has, at most."""
ABORTED, NO_ROOM = 2, 1


class Context:
    """One context for a model, with the adapter made for that if there is one.

    Raises ModelFileInvalid, and frees the model, where none can be made.
    """

    def __init__(self, model: Any, adapter: Any, config: EngineConfig, reading: int, writing: int) -> None:
        """Take handles of llama.cpp, and threads for prompts and for tokens that are written one by one."""
        trained = llama_cpp.llama_model_n_ctx_train(model)
        self.size = max(64, min(config.context_size, trained or config.context_size))
        """Tokens that there is room for."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.size
        params.n_batch = BATCH
        params.n_ubatch = MICRO_BATCH
        params.n_seq_max = 1
        params.n_outputs_max = OUTPUTS  # else logits for a whole micro-batch: 297 MiB at 152k entries
        params.n_threads_batch, params.n_threads = reading, writing
        self._handle = llama_cpp.llama_init_from_model(model, params)
        if not self._handle:
            llama_cpp.llama_model_free(model)
            raise ModelFileInvalid(
                f"{config.path} was loaded, but a context of {self.size} tokens could not be made "
                f"({last_complaint()}); set a smaller context size or free some memory."
            )
        if adapter:
            adapters, scales = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(adapter), (ctypes.c_float * 1)(1)
            llama_cpp.llama_set_adapters_lora(self._handle, adapters, 1, scales)
        self._memory = llama_cpp.llama_get_memory(self._handle)
        self._entries = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
        self._polling, self._never = _polling_callback(), llama_cpp.ggml_abort_callback()
        self._polled: StopFlag | None = None
        self._batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        self._ids, self._positions, self._flags = _batch_views(self._batch)
        self.tokens: list[int] = []
        """Those whose keys and values lie in the cache, from position 0 on."""
        self.fresh = False
        """Whether there are logits, and they belong to the last of the tokens."""

    def set_threads(self, reading: int, writing: int) -> None:
        """Evaluate with so many threads from now on."""
        llama_cpp.llama_set_n_threads(self._handle, writing, reading)

    def poll(self, flag: StopFlag | None) -> None:
        """Have evaluations that have begun end when a flag is set; None: by nothing."""
        if flag is not self._polled:
            callback, address = (self._polling, flag.address) if flag is not None else (self._never, None)
            llama_cpp.llama_set_abort_callback(self._handle, callback, ctypes.c_void_p(address))
            self._polled = flag

    def evaluate(self, ids: Sequence[int], outputs: int = 1) -> None:
        """Append 1 to BATCH tokens; there are logits after the last `outputs` of them, at most OUTPUTS.

        Raises EngineStopped when ended on request, PromptTooLong and EngineError. What was evaluated until then stays
        in the first case, and nothing in the others.
        """
        count, start = len(ids), len(self.tokens)
        self._batch.n_tokens = count
        self._ids[:count] = ids
        self._positions[:count] = range(start, start + count)
        self._flags[:count] = 0
        self._flags[count - outputs : count] = 1
        self.fresh = False
        result = llama_cpp.llama_decode(self._handle, self._batch)
        if result == 0:
            self.tokens.extend(ids)
            self.fresh = True
            return
        kept = llama_cpp.llama_memory_seq_pos_max(self._memory, 0) + 1
        self.tokens.extend(ids[: kept - start])
        if result == ABORTED:
            raise EngineStopped("The evaluation was ended on request.")
        self.truncate(0)
        if result == NO_ROOM:
            raise PromptTooLong("The context is full; set a larger context size.")
        raise EngineError(f"llama.cpp could not evaluate {count} tokens: {last_complaint()}")

    def wait(self) -> None:
        """Return when what was evaluated is done: a GPU is still at work when `evaluate` returns."""
        llama_cpp.llama_synchronize(self._handle)

    def logits(self, row: int = -1) -> NDArray[np.float32]:
        """Return a row of logits, shape (n_vocab,), counted from the last: a view, until the next evaluation.

        Raises EngineError where there are none.
        """
        if not self.fresh:
            raise EngineError("There are no logits: prefill a prompt first.")
        values = llama_cpp.llama_get_logits_ith(self._handle, row)
        return np.ctypeslib.as_array(values, shape=(self._entries,))

    def truncate(self, length: int) -> None:
        """Keep so many of the tokens; none where a model cannot step back."""
        if length == len(self.tokens):
            return
        self.fresh = False
        if llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1):
            del self.tokens[length:]
        else:
            llama_cpp.llama_memory_clear(self._memory, True)
            self.tokens.clear()

    @property
    def state_size(self) -> int:
        """Return the bytes that a copy of the state would take."""
        return int(llama_cpp.llama_state_seq_get_size(self._handle, 0))

    def saved(self, most: int) -> ctypes.Array[ctypes.c_uint8] | None:
        """Return a copy of the state, unless it has more bytes."""
        if not 0 < (size := self.state_size) <= most:
            return None
        data = (ctypes.c_uint8 * size)()
        return data if llama_cpp.llama_state_seq_get_data(self._handle, data, size, 0) == size else None

    def loaded(self, data: ctypes.Array[ctypes.c_uint8]) -> bool:
        """Put a copy in the place of the state, and return whether that worked; its tokens are set by the caller."""
        self.fresh = False
        llama_cpp.llama_memory_clear(self._memory, False)
        done = bool(llama_cpp.llama_state_seq_set_data(self._handle, data, len(data), 0))
        if not done:
            llama_cpp.llama_memory_clear(self._memory, True)
        return done

    def close(self) -> None:
        """Free what llama.cpp holds, but for the model; nothing else may be called afterwards."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._handle)


def _polling_callback() -> Any:
    """Return a C function for llama.cpp to poll at every graph node without Python's lock: `strlen` of the flag."""
    library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
    return ctypes.cast(library.strlen, llama_cpp.ggml_abort_callback)


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
