"""Fine-tunes a model on labelled spans, and exports it for llama.cpp."""

from empower_training.finetune import gguf_export
from empower_training.finetune.arguments import fingerprint_of_base, parameters
from empower_training.finetune.gguf_export import check, export
from empower_training.finetune.loading import load
from empower_training.finetune.lora import write_adapter
from empower_training.finetune.recipe import Recipe, is_large
from empower_training.finetune.starting_weights import base_folder, labelling_folder
from empower_training.finetune.training import Progress, finetune, leads, processes

__all__ = [
    "Progress",
    "Recipe",
    "base_folder",
    "check",
    "export",
    "finetune",
    "fingerprint_of_base",
    "gguf_export",
    "is_large",
    "labelling_folder",
    "leads",
    "load",
    "parameters",
    "processes",
    "write_adapter",
]
