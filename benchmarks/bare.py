"""The reference: llama.cpp's own calls and a greedy argmax, with the engine's settings and nothing else."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empower_model.engine.context import BATCH, MICRO_BATCH
from empower_model.engine.llama_file import llama_cpp, physical_cores


class Weights:
    """A loaded model file; several contexts may share it."""

    def __init__(self, path: Path) -> None:
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model: Any = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {path}.")
        self.size: int = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))


class Bare:
    """One context. It evaluates the tokens it is told to and chooses each next one greedily."""

    def __init__(
        self,
        weights: Weights,
        *,
        threads: int = 0,
        context_size: int = 2048,
        micro_batch: int = MICRO_BATCH,
        flash_attention: int = -1,
        sequences: int = 1,
    ) -> None:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = context_size
        params.n_batch = BATCH
        params.n_ubatch = micro_batch
        params.n_seq_max, params.n_outputs_max, params.kv_unified = sequences, sequences, True
        params.n_threads = params.n_threads_batch = threads or physical_cores()
        params.flash_attn_type = flash_attention
        self.context: Any = llama_cpp.llama_init_from_model(weights.model, params)
        if not self.context:
            raise SystemExit("llama.cpp cannot make a context.")
        self._size = weights.size
        self.memory = llama_cpp.llama_get_memory(self.context)
        self._batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        for i in range(BATCH):
            self._batch.n_seq_id[i] = 1
        shape = (BATCH,)
        self._ids = np.ctypeslib.as_array(self._batch.token, shape=shape)
        self._positions = np.ctypeslib.as_array(self._batch.pos, shape=shape)
        self._flags = np.ctypeslib.as_array(self._batch.logits, shape=shape)
        self.length = 0
        """Tokens in the cache."""
        self.sequence = 0
        """The sequence that they belong to."""

    def answer(self, prompt: Sequence[int], new: int, generated: Sequence[int]) -> None:
        """Evaluate the last `new` tokens of a prompt, the rest being cached, and generate as many tokens as given.

        What goes back in is what is given, so that the cache stays equal to that of the engine compared with.
        """
        self.prefill(prompt, new)
        self.generate(generated)

    def prefill(self, prompt: Sequence[int], new: int) -> None:
        """Evaluate the last `new` tokens of a prompt."""
        kept = len(prompt) - new
        if kept > self.length:
            raise ValueError(f"{kept} tokens should be cached, but only {self.length} are")
        llama_cpp.llama_memory_seq_rm(self.memory, self.sequence, kept, -1)
        self.length = kept
        for start in range(kept, len(prompt), BATCH):
            self._evaluate(prompt[start : start + BATCH])

    def generate(self, generated: Sequence[int]) -> None:
        """Choose as many tokens as given; the last is chosen and not evaluated, as in the engine."""
        for position, token in enumerate(generated):
            self.best()
            if position < len(generated) - 1:
                self._evaluate([token])

    def best(self) -> int:
        """Return the greedy choice."""
        return int(self._logits().argmax())

    def set_threads(self, decode: int, prefill: int) -> None:
        """Threads from now on."""
        llama_cpp.llama_set_n_threads(self.context, decode, prefill)

    def close(self) -> None:
        """Free the context."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self.context)

    def _logits(self) -> NDArray[np.float32]:
        row = llama_cpp.llama_get_logits_ith(self.context, ctypes.c_int32(-1))
        return np.ctypeslib.as_array(row, shape=(self._size,))

    def _evaluate(self, ids: Sequence[int]) -> None:
        count = len(ids)
        self._batch.n_tokens = count
        for i in range(count):
            self._batch.seq_id[i][0] = self.sequence
        self._ids[:count] = ids
        self._positions[:count] = range(self.length, self.length + count)
        self._flags[:count] = 0
        self._flags[count - 1] = 1
        if llama_cpp.llama_decode(self.context, self._batch):
            raise RuntimeError(f"llama.cpp could not evaluate {count} tokens")
        self.length += count
