"""Options and arguments that several commands have, each declared once, and what a command needs to be there."""

from __future__ import annotations

from pathlib import Path

import click

from empower_lsp.commands import options as server

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
METHODS = ("empower", "sft-10", "sft-20", "sft-rand", "text")
"""The values of `labels.Method`, which is not loaded for a help text; a test compares them."""
ROWS = 8
"""Rows of whole text in a step: as many tokens to learn as in hundreds of spans."""

model, as_json = server.model, server.as_json
corpus = click.argument("corpus_folder", metavar="CORPUS", type=FOLDER)
split = click.option(
    "--split", default="heldout", show_default=True, help="What to judge on: `heldout` libraries, or `programs`."
)
seed = click.option("--seed", default=0, show_default=True)
method = click.option("--method", type=click.Choice(METHODS), default="empower", show_default=True)
eta = click.option(
    "--eta", default=32.0, show_default=True, type=click.FloatRange(0), help="Bits of an Empower target."
)
rate = click.option("--rate", type=click.FloatRange(0, min_open=True), help="Peak learning rate. [default: by size]")


def weights_folder(source: str) -> Path:
    """Return the folder of weights that is named, or one with the weights of the model that is, by name or file."""
    if (Path(source) / "tokenizer.json").exists():
        return Path(source)
    from empower_model.files import store
    from empower_training.finetune import base_folder

    return base_folder(store.checked(source, tuned=False))


def needs(folder: Path, name: str, cure: str) -> None:
    """Raise ClickException, with the cure, for a folder that lacks a file."""
    if not (folder / name).exists():
        raise click.ClickException(f"{folder} has no {name}: {cure}.")


def needs_split(corpus: Path, split: str) -> None:
    """Raise ClickException for a folder that is no corpus, or one without that split."""
    needs(corpus, f"{split}.jsonl", "run `empower-lsp lab corpus` first")


def needs_model(folder: Path) -> None:
    """Raise ClickException for a folder that holds no trained model."""
    needs(folder, "model.safetensors", "give the `final` folder of a training run")
