"""A trained LoRA adapter as the GGUF file llama.cpp loads beside its base, or merged into the base's weights.

The format is the one of llama.cpp's own converter: `general.type` is `adapter`, `adapter.type` is `lora`, every adapted
tensor has a `.lora_a` of shape (rank, in) and a `.lora_b` of shape (out, rank), and llama.cpp scales what they add by
`adapter.lora.alpha` / rank.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from empower_model.errors import ModelError
from empower_training.finetune.loading import load, load_tuned
from empower_training.finetune.starting_weights import TOKENIZER_FILES

ARCHITECTURES = {
    "gemma": gguf.MODEL_ARCH.GEMMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "starcoder2": gguf.MODEL_ARCH.STARCODER2,
}
"""By `model_type`: those of the catalogue. Their rows keep the order of transformers; llama's are permuted."""

_PREFIX = "base_model.model."
_SIDES = {".lora_A.weight": "lora_a", ".lora_B.weight": "lora_b"}
_UNKNOWN = ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save", "fan_in_fan_out")
"""Options of peft that change what an adapter means, and that the file has no place for."""


def is_adapter(folder: Path) -> bool:
    """Return whether a fine-tune's `final` folder holds an adapter, not all weights."""
    return (folder / "adapter_config.json").exists()


def write_adapter(peft_folder: Path, base: Path, target: Path) -> None:
    """Write the adapter that peft saved in `peft_folder`, trained on `base`, as the GGUF file `target`, in float32.

    The file appears whole or not at all. Raises FileNotFoundError when the folder has no adapter, ModelError for one
    that llama.cpp could not apply.
    """
    settings = json.loads((peft_folder / "adapter_config.json").read_text(encoding="utf-8"))
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    if config["model_type"] not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ModelError(f"Adapters of {config['model_type']} models cannot be exported; those of {known} can.")
    if settings.get("peft_type") != "LORA" or any(settings.get(name) for name in _UNKNOWN):
        raise ModelError(
            f"{peft_folder} holds an adapter that is more than plain LoRA: merge it into its base instead."
        )
    tensors = _tensors(peft_folder, config)
    draft = target.with_name(f".{target.name}.new")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(tensors, config["model_type"], float(settings["lora_alpha"]), draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _tensors(peft_folder: Path, config: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return the adapter's matrices by llama.cpp's names."""
    names = gguf.get_tensor_name_map(ARCHITECTURES[config["model_type"]], config["num_hidden_layers"])
    matrices = {}
    with safe_open(peft_folder / "adapter_model.safetensors", framework="pt") as tensors:  # numpy has no bfloat16
        for name in sorted(tensors.keys()):
            side = next((suffix for suffix in _SIDES if name.endswith(suffix)), None)
            mapped = side and names.get_name(name.removeprefix(_PREFIX).removesuffix(side))
            if side is None or mapped is None:
                raise ModelError(
                    f"{peft_folder} adapts {name}, which llama.cpp cannot: merge it into its base instead."
                )
            matrices[f"{mapped}.weight.{_SIDES[side]}"] = tensors.get_tensor(name).float().numpy()
    return matrices


def _write(tensors: dict[str, NDArray[np.float32]], architecture: str, alpha: float, target: Path) -> None:
    writer = gguf.GGUFWriter(target, gguf.MODEL_ARCH_NAMES[ARCHITECTURES[architecture]])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def merged(folder: Path, base: Path, target_folder: Path) -> None:
    """Write the tuned model in `folder`, an adapter on `base` or all weights, as one Hugging Face folder in float32.

    `export` turns that into a GGUF file. Raises FileNotFoundError when `folder` has neither.
    """
    tuned = is_adapter(folder)
    if not tuned and not (folder / "config.json").exists():
        raise FileNotFoundError(
            f"{folder} holds neither an adapter nor a model: give the `final` folder of a fine-tune."
        )
    start = base if tuned else folder
    model = load_tuned(base, folder, "float32").merge_and_unload() if tuned else load(folder, "float32")
    model.save_pretrained(target_folder)
    for name in TOKENIZER_FILES:
        if (start / name).exists():
            shutil.copyfile(start / name, target_folder / name)
