"""Model files in llama.cpp: loading and quantising them, their adapters and vocabularies, and what it complains of.

The only module that imports llama-cpp-python, which must find its environment set; the engine has it from here.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from empower_model.engine.adapter_file import EMBEDDING, OUTPUT, check_adapter, check_counts, header
from empower_model.engine.seam import EngineConfig, FimTokens, Vocabulary
from empower_model.errors import EngineError, ModelFileInvalid

os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an abort would run a debugger on us
# Threads that spin on at a barrier take their partner's time slice on a busy machine, and are ten times slower there;
# threads asleep at once are nearly half as fast on a quiet one. Some spins have both (`benchmarks/waiting.py`).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # GNU's runtime only
import llama_cpp

__all__ = [
    "cannot_step_back",
    "gpu_there",
    "last_complaint",
    "llama_cpp",
    "load",
    "load_adapter",
    "machine",
    "physical_cores",
    "quantise",
    "read_vocabulary",
    "requantise",
]

ERROR_LEVEL = 4
"""Level of errors in ggml's log; the names in llama-cpp-python's own table are out of date."""

_GENERIC = re.compile(r"failed to load model|failed to initialize")
_SPEAKER = re.compile(r"^(\w+: )+(error loading model: )?(\w+: )?")
"""The functions that a complaint begins with."""
_complaints: deque[str] = deque(maxlen=8)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator, unused-ignore]
def _listen(level: int, text: bytes, _: object) -> None:
    if level == ERROR_LEVEL:
        _complaints.append(text.decode(errors="replace").strip())


llama_cpp.llama_log_set(_listen, ctypes.c_void_p(0))


def physical_cores() -> int:
    """Count the physical cores this process may use: more threads than that slow llama.cpp down."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


def machine(gpu_layers: int = 0) -> str:
    """Return what the speed of a model depends on besides its file: instructions, cores, llama.cpp, and its device."""
    features = llama_cpp.llama_print_system_info().decode(errors="replace").strip(" |")
    return f"llama-cpp-python {llama_cpp.__version__}, {physical_cores()} cores, {gpu_layers} GPU layers, {features}"


def gpu_there() -> bool:
    """Tell whether this llama.cpp was built for a GPU and found one."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def quantise(source: Path, target: Path, file_type: str = "q8_0", threads: int | None = None) -> None:
    """Write `source`, an unquantised GGUF, as `target` in a type such as `q8_0` or `q4_k_m`. Raises EngineError."""
    name = f"LLAMA_FTYPE_MOSTLY_{file_type.upper()}"
    if not hasattr(llama_cpp, name):
        raise EngineError(f"llama.cpp knows no quantisation named {file_type!r}.")
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, name)
    params.nthread = threads or physical_cores()
    if llama_cpp.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(params)):
        raise EngineError(f"llama.cpp could not quantise {source}: {last_complaint()}")


def requantise(source: Path, target: Path, types: Mapping[str, int]) -> None:
    """Write `source` as `target` with the weights that `types` names in other types of ggml, all others as they are.

    Raises EngineError, also where the disk is full, and ModelFileInvalid.
    """
    matrices = {name: tensor.type for name, tensor in header(source).tensors.items() if len(tensor.shape) > 1}
    wanted = {**matrices, **types}
    overrides = (llama_cpp.llama_model_tensor_override * (len(wanted) + 1))()  # the last one stays empty: the end
    for override, (name, type) in zip(overrides, wanted.items(), strict=False):
        override.pattern, override.type = b"^" + re.escape(name).encode() + b"$", type
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    params.nthread = physical_cores()
    params.allow_requantize = True
    params.tt_overrides = overrides
    params.token_embedding_type = wanted[EMBEDDING]
    params.output_tensor_type = wanted.get(OUTPUT, wanted[EMBEDDING])
    _complaints.clear()
    if llama_cpp.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(params)):
        raise EngineError(
            f"llama.cpp could not requantise {source} as {target}: {last_complaint()}. See whether the disk is full."
        )


def last_complaint() -> str:
    """Return the last error that llama.cpp logged and that says more than that there was one."""
    telling = [complaint for complaint in _complaints if not _GENERIC.search(complaint)]
    complaint = (telling or list(_complaints) or ["no reason given"])[-1]
    return _SPEAKER.sub("", complaint)


def load(config: EngineConfig) -> Any:
    """Return llama.cpp's handle of the model, which is to be freed. Raises ModelFileInvalid."""
    if config.adapter is not None:
        check_adapter(config.adapter, config.path)
    check_counts(config.path)
    _complaints.clear()
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = config.gpu_layers
    model = llama_cpp.llama_model_load_from_file(os.fsencode(config.path), params)
    if not model:
        raise ModelFileInvalid(
            f"{config.path} cannot be loaded ({last_complaint()}); it is damaged, incomplete or of a kind this "
            "llama.cpp does not know: `empower-lsp model verify` tells more, and pulling or copying it again cures it."
        )
    return model


def cannot_step_back(model: Any) -> bool:
    """Tell whether the last tokens cannot be taken out of the model's state: it is recurrent, in part or whole."""
    return bool(llama_cpp.llama_model_is_recurrent(model) or llama_cpp.llama_model_is_hybrid(model))


def load_adapter(config: EngineConfig, model: Any) -> Any:
    """Return the adapter to set in every context of the model, which also frees it; None without one.

    Raises ModelFileInvalid, and frees the model then.
    """
    if config.adapter is None:
        return None
    _complaints.clear()
    if adapter := llama_cpp.llama_adapter_lora_init(model, os.fsencode(config.adapter)):
        return adapter
    llama_cpp.llama_model_free(model)
    raise ModelFileInvalid(
        f"The adapter {config.adapter} cannot be used with {config.path} ({last_complaint()}); it is damaged or was "
        "made for another model: train it again, or run `empower-lsp model rollback` to do without it."
    )


def read_vocabulary(vocab: Any) -> Vocabulary:
    """Return the tokens of a model, from llama.cpp's handle of its vocabulary."""
    size = llama_cpp.llama_vocab_n_tokens(vocab)
    bos = llama_cpp.llama_vocab_bos(vocab)
    fim = [
        llama_cpp.llama_vocab_fim_pre(vocab),
        llama_cpp.llama_vocab_fim_suf(vocab),
        llama_cpp.llama_vocab_fim_mid(vocab),
    ]
    return Vocabulary(
        pieces=_pieces(vocab, size),
        end_of_generation=frozenset(i for i in range(size) if llama_cpp.llama_vocab_is_eog(vocab, i)),
        fim=FimTokens(*fim) if all(0 <= token < size for token in fim) else None,
        bos=bos if bos >= 0 and llama_cpp.llama_vocab_get_add_bos(vocab) else None,
    )


def _pieces(vocab: Any, size: int) -> tuple[bytes, ...]:
    room = ctypes.create_string_buffer(512)
    pieces = []
    for token in range(size):
        length = llama_cpp.llama_token_to_piece(vocab, token, room, len(room), 0, False)
        if length < 0:
            room = ctypes.create_string_buffer(-length)
            length = llama_cpp.llama_token_to_piece(vocab, token, room, len(room), 0, False)
        pieces.append(room.raw[:length])
    return tuple(pieces)
