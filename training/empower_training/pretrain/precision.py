"""What a machine computes quickest in."""

from __future__ import annotations

from typing import Any, Literal

import torch

HALF = "avx512_bf16"
"""Instructions, as torch names them, with which bfloat16 is quicker than float32; emulated, it takes up to seventeen
times as long (LOG.md)."""


def quickest(device: str) -> Literal["float32", "bfloat16"]:
    """Return bfloat16, or float32 for a processor that has no instructions for it."""
    instructions: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # which torch has only of late
    return "bfloat16" if device != "cpu" or instructions.get(HALF, False) else "float32"
