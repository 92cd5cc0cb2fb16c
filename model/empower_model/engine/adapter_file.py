"""A LoRA adapter as a file: whether llama.cpp can load it and evaluate with it, told before it is asked to.

llama.cpp refuses most unfit adapters with a message, but ends its process over metadata of another type than it
expects, and at the first evaluation over shapes and types that it cannot multiply. Those are looked for here, in
the header (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from empower_model.errors import ModelFileInvalid, ModelNotFound
from empower_model.regular_file import open_regular

ALPHA = "adapter.lora.alpha"
SUFFIXES = (".lora_a", ".lora_b")
EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"

COUNTS = {"block_count": (1, 512), "expert_count": (0, 512)}
"""The least and most of each that llama.cpp takes: LLAMA_MAX_LAYERS and LLAMA_MAX_EXPERTS."""

_START = struct.Struct("<4sIQQ")
_FLOAT, _STRING, _ARRAY = 6, 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", _FLOAT: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""How the value of a metadata pair is stored, by its type."""
_WEIGHTS = {0: "F32", 1: "F16", 8: "Q8_0", 30: "BF16"}
"""Tensor types that adapters are written in."""


@dataclass(frozen=True, slots=True)
class Value:
    """One metadata value; of an array only that it is one."""

    type: int
    value: str | float | None


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as the header announces it."""

    shape: tuple[int, ...]
    type: int


@dataclass(frozen=True, slots=True)
class Header:
    """All that stands before the weights."""

    values: Mapping[str, Value]
    tensors: Mapping[str, Tensor]

    def text(self, key: str) -> str | None:
        """Return a metadata value that is a string; None if there is none."""
        entry = self.values.get(key)
        return entry.value if entry is not None and isinstance(entry.value, str) else None


def is_adapter(path: Path) -> bool:
    """Tell whether a file says that it is an adapter and no model. Raises ModelFileInvalid when it cannot be read."""
    return header(path).text("general.type") == "adapter"


def check_adapter(path: Path, base: Path) -> None:
    """Check that the adapter at `path` can be used with the model file `base`; else raise ModelFileInvalid.

    That names and sizes fit is left to llama.cpp, which knows the model's tensors.
    """
    if reason := _wrong(header(path), base):
        raise ModelFileInvalid(_refusal(path, reason))


def _refusal(path: Path, reason: str) -> str:
    return f"The adapter {path} {reason}. Train it again, or run `empower-lsp model rollback` to do without it."


def _wrong(adapter: Header, base: Path) -> str | None:
    """Return what is wrong with an adapter, as the end of a sentence that begins with its path; None if nothing is."""
    if adapter.text("general.type") != "adapter":
        return "is no adapter: its general.type says otherwise"
    if adapter.text("adapter.type") != "lora":
        return "is not a LoRA adapter, the one kind that is known"
    if adapter.text("general.architecture") is None:
        return "does not say what architecture it is for"
    if adapter.values.get(ALPHA, Value(_FLOAT, 0)).type != _FLOAT:
        return f"is damaged: {ALPHA} is no number of 32 bits"
    return _wrong_tensors(adapter.tensors, base)


def _wrong_tensors(tensors: Mapping[str, Tensor], base: Path) -> str | None:
    for name, tensor in tensors.items():
        if not name.endswith(SUFFIXES):
            return f"holds {name}, which is no part of a LoRA"
        if len(tensor.shape) != 2 or tensor.type not in _WEIGHTS:
            return f"is damaged: {name} is no matrix of type {', '.join(_WEIGHTS.values())}"
    if any(name.startswith(EMBEDDING) for name in tensors) and OUTPUT not in header(base).tensors:
        return f"changes {EMBEDDING}, which llama.cpp cannot where a model has no {OUTPUT} of its own"
    return None if tensors else "is empty: it changes no weights"


def check_counts(path: Path) -> None:
    """Raise ModelFileInvalid for counts of layers or experts over which llama.cpp would end the process.

    Whatever else is wrong with a model file llama.cpp says itself.
    """
    try:
        with open_regular(path) as file:
            values = _Reader(file, os.fstat(file.fileno()).st_size).values_before("tokenizer.")
    except (OSError, _Damaged):
        return
    for name, (least, most) in COUNTS.items():
        value = next((value.value for key, value in values.items() if key.endswith(f".{name}")), None)
        if isinstance(value, float | int) and not least <= value <= most:
            raise ModelFileInvalid(
                f"{path} is damaged: its {name} is {value}, where llama.cpp takes {least} to {most}. Use another model "
                "(`empower-lsp model list`), or pull or copy this one again."
            )


def header(path: Path) -> Header:
    """Return all that stands before the weights. Raises ModelNotFound and ModelFileInvalid."""
    try:
        with open_regular(path) as file:
            return _Reader(file, os.fstat(file.fileno()).st_size).header()
    except FileNotFoundError as error:
        raise ModelNotFound(_refusal(path, "is not there")) from error
    except OSError as error:
        raise ModelFileInvalid(_refusal(path, f"cannot be read: {error.strerror or error}")) from error
    except _Damaged as error:
        raise ModelFileInvalid(_refusal(path, f"is damaged: {error}")) from error


class _Damaged(Exception):
    """A fault of the file, as the end of a sentence."""


class _Reader:
    """Takes a header apart; a length is held against what is left of the file before it is believed."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def header(self) -> Header:
        magic, version, tensors, pairs = _START.unpack(self._take(_START.size))
        if magic != b"GGUF" or version not in (2, 3):
            raise _Damaged("it is not a GGUF file")
        return Header(dict(self._pair() for _ in range(pairs)), dict(self._tensor() for _ in range(tensors)))

    def values_before(self, prefix: str) -> dict[str, Value]:
        """Return the metadata up to the first key with that prefix: of the largest values there is nothing to read."""
        magic, _, _, pairs = _START.unpack(self._take(_START.size))
        if magic != b"GGUF":
            raise _Damaged("it is not a GGUF file")
        values: dict[str, Value] = {}
        for _ in range(pairs):
            key = self._string()
            if key.startswith(prefix):
                break
            values[key] = self._value()
        return values

    def _pair(self) -> tuple[str, Value]:
        return self._string(), self._value()

    def _value(self) -> Value:
        kind = self._number("<I")
        if kind == _ARRAY:
            self._skip_array()
            return Value(kind, None)
        return Value(kind, self._string() if kind == _STRING else self._scalar(kind))

    def _tensor(self) -> tuple[str, Tensor]:
        name, dimensions = self._string(), self._number("<I")
        shape = tuple(self._number("<Q") for _ in range(min(dimensions, 8)))
        kind = self._number("<I")
        self._take(8)  # its offset
        return name, Tensor(shape, kind)

    def _skip_array(self) -> None:
        kind, count = self._number("<I"), self._number("<Q")
        if kind == _STRING:
            for _ in range(count):
                self._string()
        elif kind in _SCALARS:
            self._use(count * struct.calcsize(_SCALARS[kind]))
            self._file.seek(count * struct.calcsize(_SCALARS[kind]), os.SEEK_CUR)
        else:
            raise _Damaged(f"it holds an array of an unknown type ({kind})")

    def _string(self) -> str:
        return self._take(self._number("<Q")).decode(errors="replace")

    def _scalar(self, kind: int) -> float:
        if kind not in _SCALARS:
            raise _Damaged(f"it holds a value of an unknown type ({kind})")
        value: float = struct.unpack(_SCALARS[kind], self._take(struct.calcsize(_SCALARS[kind])))[0]
        return value

    def _number(self, form: str) -> int:
        value: int = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _take(self, length: int) -> bytes:
        self._use(length)
        return self._file.read(length)

    def _use(self, length: int) -> None:
        if length > self._left:
            raise _Damaged("it ends within its header")
        self._left -= length
