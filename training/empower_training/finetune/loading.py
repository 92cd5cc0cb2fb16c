"""A folder's weights as a causal language model of transformers, in the precision that suits them and this machine."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from empower_training.finetune.arguments import parameters
from empower_training.finetune.recipe import Precision, is_large
from empower_training.pretrain import quickest


def precision(folder: Path) -> Precision:
    """Return what a model is computed in: float32 for a small one, and where a processor has nothing for bfloat16."""
    device = "accelerator" if torch.accelerator.is_available() else "cpu"
    return quickest(device) if is_large(parameters(folder)) else "float32"


def load(folder: Path, wanted: Precision | None = None) -> Any:
    """Return the model in a folder, with its weights in `precision`, unless another is wanted.

    Raises OSError and ValueError for a folder that transformers cannot load.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    dtype = getattr(torch, wanted or precision(folder))
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)


def load_tuned(folder: Path, adapter: Path, wanted: Precision | None = None) -> Any:
    """Return the model in a folder under the adapter that peft saved in another. Arguments and errors as for `load`."""
    from peft import PeftModel

    with warnings.catch_warnings():
        # peft asks transformers for `is_gradient_checkpointing`, which is now called something else
        warnings.simplefilter("ignore", FutureWarning)
        return PeftModel.from_pretrained(load(folder, wanted), adapter)
