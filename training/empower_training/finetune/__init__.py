"""Fine-tunes a model on labelled spans, and exports it for llama.cpp."""

from empower_training.finetune import gguf_export
from empower_training.finetune.gguf_export import check, export
from empower_training.finetune.lora import write_adapter
from empower_training.finetune.recipe import Recipe
from empower_training.finetune.starting_weights import base_folder, labelling_folder
from empower_training.finetune.training import Progress, finetune, leads

__all__ = [
    "Progress",
    "Recipe",
    "base_folder",
    "check",
    "export",
    "finetune",
    "gguf_export",
    "labelling_folder",
    "leads",
    "write_adapter",
]
