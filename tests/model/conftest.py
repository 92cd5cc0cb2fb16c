"""The bundled model, for tests that want a real one, and adapters made for it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empower_model.files import store


@pytest.fixture(scope="session")
def weights() -> Path:
    return store.resolve(store.bundled(), tuned=False).path


@pytest.fixture(scope="session")
def write_adapter() -> Callable[..., Path]:
    """Write a LoRA adapter of the given matrices, right but for what is given otherwise."""
    gguf = pytest.importorskip("gguf")

    def write(
        path: Path,
        tensors: Mapping[str, NDArray[Any]],
        *,
        architecture: str = "qwen3",
        kind: str | int = "adapter",
        method: str = "lora",
        alpha: float | str = 4.0,
    ) -> Path:
        writer = gguf.GGUFWriter(path, architecture)
        (writer.add_string if isinstance(kind, str) else writer.add_uint32)("general.type", kind)
        writer.add_string("adapter.type", method)
        (writer.add_string if isinstance(alpha, str) else writer.add_float32)("adapter.lora.alpha", alpha)
        for name, values in tensors.items():
            writer.add_tensor(name, values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write


def lora(name: str, inputs: int, outputs: int, spread: float = 0.2, rank: int = 4) -> dict[str, NDArray[Any]]:
    """Return the two matrices by which a LoRA changes the weights `name`; without a spread B is zero."""
    generator = np.random.default_rng(0)
    a = generator.normal(0, 0.2, (rank, inputs)).astype(np.float32)
    b = generator.normal(0, 1, (outputs, rank)).astype(np.float32) * np.float32(spread)
    return {f"{name}.lora_a": a, f"{name}.lora_b": b}


@pytest.fixture(scope="session")
def matrices() -> Callable[..., dict[str, NDArray[Any]]]:
    """`lora`, the matrices of an adapter for weights of a given name and size."""
    return lora
