"""The arguments of a fine-tune: checked, written beside its weights, compared when it is resumed."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empower_model.errors import EmpowerError
from empower_model.files import digest, write_whole
from empower_training.finetune.recipe import Recipe, starting_rate

if TYPE_CHECKING:
    from empower_training.labels import Example

_NOTES = ("versions", "base_folder")
"""What is written down but may differ when a run is resumed."""


class FinetuneError(EmpowerError):
    """A fine-tune that cannot be started, or not in this folder."""


def check(base: Path, examples: Sequence[Example], recipe: Recipe) -> None:
    """Raise FinetuneError unless there are enough examples, and made with the tokeniser of `base`."""
    if len(examples) < recipe.batch:
        raise FinetuneError(
            f"There are {len(examples)} examples to learn from, fewer than one batch of {recipe.batch}: "
            "gather more text, or take more examples of it."
        )
    if not all(example.prompt and example.target for example in examples):
        raise FinetuneError("An example has no prompt or no target: label the texts again.")
    size = json.loads((base / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    if any(max(*example.prompt, *example.target) >= size for example in examples):
        raise FinetuneError(
            f"The examples have tokens that the model in {base} does not know: label the texts with its tokeniser."
        )


def describe(base: Path, examples: Sequence[Example], recipe: Recipe) -> dict[str, Any]:
    """Return all that decides what comes of a fine-tune, as JSON, with the rate that is taken."""
    rate = starting_rate(recipe.adapter, parameters(base)) if recipe.rate is None else recipe.rate
    return {
        "base": fingerprint_of_base(base),
        "base_folder": str(base),
        "examples": fingerprint(examples),
        "count": len(examples),
        "targets": sum(len(example.target) for example in examples),
        "empty": sum(len(example.target) == 1 for example in examples),
        "rate": rate,
        "recipe": {name: value for name, value in asdict(recipe).items() if name != "checkpoint_minutes"},
        "versions": {name: version(name) for name in ("accelerate", "peft", "torch", "transformers")},
    }


def remember(arguments: dict[str, Any], folder: Path) -> None:
    """Write `folder/arguments.json`, or compare with the one that is there: raises FinetuneError when it differs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "arguments.json"
    if not path.exists():
        write_whole(path, json.dumps(arguments, indent=1) + "\n")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    names = [name for name in arguments if name not in _NOTES and arguments[name] != before.get(name)]
    if names:
        raise FinetuneError(
            f"{folder} holds a fine-tune of another kind ({', '.join(names)} differ): use another folder, or the same "
            "base, examples and options to resume."
        )


def fingerprint(examples: Sequence[Example]) -> str:
    """Return the SHA-256 of the examples' tokens in their order, in hexadecimal."""
    hashed = hashlib.sha256()
    for example in examples:
        lengths = array("q", (len(example.prompt), len(example.target)))
        hashed.update(lengths.tobytes() + array("q", (*example.prompt, *example.target)).tobytes())
    return hashed.hexdigest()


def fingerprint_of_base(base: Path) -> str:
    """Return the SHA-256 over the weight files of a folder, in hexadecimal."""
    names = sorted(base.glob("*.safetensors"))
    return hashlib.sha256("".join(digest(path) for path in names).encode()).hexdigest()


def parameters(base: Path) -> int:
    """Count the weights in a folder, tied ones once."""
    from safetensors import safe_open

    total = 0
    for path in base.glob("*.safetensors"):
        with safe_open(path, framework="numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118
                size = 1
                for length in tensors.get_slice(name).get_shape():
                    size *= length
                total += size
    return total
