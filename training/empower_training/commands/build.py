"""`empower-lsp lab corpus`, `tokenizer`, `pack`, `pretrain`, `export`, `heldout`: make a model file, and judge it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options
from empower_training.commands.options import FILE, FOLDER, needs, needs_model, needs_split, weights_folder
from empower_training.commands.progress import bar

if TYPE_CHECKING:
    from empower_training.pretrain import Result


@click.command()
@click.argument("target", type=FOLDER)
@click.option("--wheels", type=FOLDER, help="Folder of wheels and source archives to read besides what is installed.")
@click.option("--download", is_flag=True, help="First download what corpus.toml names (needs a network).")
@click.option("--cap", default=1_200_000, show_default=True, help="Most characters of one package.")
def corpus(target: Path, wheels: Path | None, download: bool, cap: int) -> None:
    """Collect permissively licensed Python source into TARGET, with a manifest."""
    from empower_training.corpus import corpus as module
    from empower_training.corpus import sources

    lists = sources.read_sources()
    if download and wheels is None:
        raise click.ClickException("--download needs --wheels, the folder to download into.")
    if download and wheels is not None:
        try:
            sources.fetch(lists, wheels)
        except subprocess.CalledProcessError as error:
            raise click.ClickException("pip could not download the named packages; see its message above.") from error
    fetched = (*module.wheels(wheels), *module.source_archives(wheels)) if wheels else ()
    packages = [module.standard_library(), *fetched, *module.installed()]
    missing = lists.kept_out - {package.name for package in packages}
    if missing:
        raise click.ClickException(
            f"Packages to judge on are not at hand: {', '.join(sorted(missing))}; use --download."
        )
    with bar() as progress:
        task = progress.add_task("", total=len({package.name for package in packages}))
        entries = module.build(
            packages,
            lists,
            target,
            module.FileLimits(package_characters=cap),
            lambda name: progress.update(task, advance=1, description=name),
        )
    for split in module.SPLITS:
        chosen = [entry for entry in entries if entry.split == split]
        files, characters = sum(entry.files for entry in chosen), sum(entry.characters for entry in chosen)
        click.echo(f"{split:<11}{len(chosen):>4} packages {files:>6} files {characters:>12,} characters")
    shares = [f"{entry.package} {entry.copied:.2%}" for entry in entries if entry.copied is not None]
    click.echo(f"lines that are in the training text too: {', '.join(shares)}")


@click.command()
@options.corpus
@click.argument("target", type=FOLDER)
@click.option("--size", default=8192, show_default=True, help="Entries of the vocabulary.")
@click.option("--characters", default=20_000_000, show_default=True, help="Characters of the sample to train on.")
def tokenizer(corpus_folder: Path, target: Path, size: int, characters: int) -> None:
    """Train a tokeniser on CORPUS into TARGET/tokenizer.json."""
    needs_split(corpus_folder, "train")
    from empower_training.corpus import corpus as documents
    from empower_training.corpus import tokenizer as module

    texts = module.sample(documents.load(corpus_folder, "train"), characters)
    trained = module.train(texts, size, progress=True)
    target.mkdir(parents=True, exist_ok=True)
    trained.save(str(target / "tokenizer.json"))
    click.echo(f"{trained.get_vocab_size()} entries in {target / 'tokenizer.json'}")


@click.command()
@options.corpus
@click.argument("tokenizer_folder", metavar="TOKENIZER", type=FOLDER)
@click.argument("target", type=FILE)
def pack(corpus_folder: Path, tokenizer_folder: Path, target: Path) -> None:
    """Put CORPUS and TOKENIZER into the one file TARGET, to train from on a machine without a network."""
    needs_split(corpus_folder, "train")
    needs(tokenizer_folder, "tokenizer.json", "run `empower-lsp lab tokenizer` first")
    from empower_training.corpus import corpus as documents
    from empower_training.corpus import pack as module

    train, watched = ([item.text for item in documents.load(corpus_folder, name)] for name in ("train", "validation"))
    trained = (tokenizer_folder / "tokenizer.json").read_text(encoding="utf-8")
    try:
        size = module.write(module.Pack(train, watched, trained), target)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{target}: {len(train)} texts, {size / 2**20:.1f} MiB")


@click.command()
@options.corpus
@click.argument("target", type=FOLDER)
@click.option("--tokenizer", "tokenizer_folder", type=FOLDER, help="Begin anew, with the tokeniser in this folder.")
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    help="Begin with a model made by this project, by name or file; or with the folder of another run, its optimiser "
    "and its place in the text.",
)
@click.option(
    "--steps", default=12_000, show_default=True, type=click.IntRange(1), help="Steps to train, of 8,192 tokens."
)
@click.option(
    "--decay",
    default=0.45,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Last share of the steps, over which the rate falls to zero.",
)
@click.option("--layers", default=6, show_default=True)
@click.option("--width", default=256, show_default=True)
@click.option("--feed-forward", default=768, show_default=True)
@click.option("--rate", default=1.5e-3, show_default=True, help="Peak learning rate of the blocks (Muon).")
@click.option("--embedding-rate", default=2e-3, show_default=True, help="Peak learning rate of the rest (AdamW).")
@options.seed
@click.option("--workers", default=2, show_default=True, help="Threads to compute with; 1 is exactly repeatable.")
@errors_as_exit()
def pretrain(
    *,
    corpus_folder: Path,
    target: Path,
    tokenizer_folder: Path | None,
    start: str | None,
    steps: int,
    decay: float,
    layers: int,
    width: int,
    feed_forward: int,
    rate: float,
    embedding_rate: float,
    seed: int,
    workers: int,
) -> None:
    """Train a model on CORPUS into TARGET; run again with the same arguments to resume, whenever it was stopped.

    TARGET/final is what `tune` and `export` take. The schedule goes by steps, so a run may be stopped for a while. With
    `--decay 0` the rate stays at its peak, and a run `--from` it with `--decay 1` ends it.
    """
    needs_split(corpus_folder, "train")
    if (tokenizer_folder is None) == (start is None):
        raise click.ClickException("Give either --tokenizer, to begin anew, or --from, to go on with a model.")
    begun = tokenizer_folder or weights_folder(str(start))
    needs(begun, "tokenizer.json", "run `empower-lsp lab tokenizer` first")
    import torch
    from transformers.utils import logging

    from empower_training.corpus import corpus as documents
    from empower_training.corpus import tokenizer as tokenizers
    from empower_training.pretrain import Rates
    from empower_training.pretrain import plan as plans
    from empower_training.pretrain import pretrain as module

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(1)  # the workers are the threads
    heads = max(1, width // 64)
    shape = plans.Shape(
        width, layers, feed_forward, heads, key_value_heads=max(1, heads // 2), spread=plans.spread(width)
    )
    rates = Rates(muon=rate, adam=embedding_rate)
    plan = plans.Plan(steps=steps, decay=decay, seed=seed, workers=workers, shape=shape, rates=rates)
    if start is not None:
        plan = plan.going_on()
    texts, watched = ([item.text for item in documents.load(corpus_folder, name)] for name in ("train", "validation"))
    try:
        run = module.Run(plan, texts, tokenizers.load(begun))
        with bar() as progress:
            task = progress.add_task("", total=1.0)

            def report(step: module.PretrainProgress) -> None:
                line = f"{step.tokens / 1e6:.1f}M tokens, loss {step.loss:.2f}"
                progress.update(task, completed=step.share, description=line)

            module.pretrain(run, target, watched, report, start=begun if start is not None else None)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo((target / "final" / "training.json").read_text(encoding="utf-8"))


@click.command()
@click.argument("source", type=FOLDER)
@click.argument("target", type=FILE)
@click.option("--type", "file_type", default="q8_0", show_default=True, help="q8_0, q4_k_m, f16, f32, ...")
@click.option("--name", default="empower-python", show_default=True)
@click.option("--licence", default="MIT", show_default=True)
def export(source: Path, target: Path, file_type: str, name: str, licence: str) -> None:
    """Write the model in SOURCE (Hugging Face format) as the GGUF file TARGET."""
    needs_model(source)
    needs(source, "tokenizer.json", "give the `final` folder of a training run")
    from empower_model.errors import EmpowerError
    from empower_training.finetune import gguf_export as module

    try:
        module.export(source, target, file_type, module.About(name=name, licence=licence))
    except (EmpowerError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


@click.command()
@click.argument("source", type=FOLDER)
@options.corpus
@click.option("--characters", default=300_000, show_default=True, help="Most characters of a package, left to right.")
@click.option("--holes", default=300, show_default=True, help="Random cuts of a package to fill in.")
@options.split
@options.as_json
def heldout(*, source: Path, corpus_folder: Path, characters: int, holes: int, split: str, as_json: bool) -> None:
    """Measure the model in SOURCE in bits per character on the packages held out of CORPUS."""
    needs_model(source)
    needs_split(corpus_folder, split)
    from empower_training.corpus import corpus as documents
    from empower_training.pretrain import heldout as module

    held_out = documents.load(corpus_folder, split)
    effort = module.Effort(characters=characters, holes=holes)
    with bar() as progress:
        task = progress.add_task("", total=len({document.package for document in held_out}))

        def report(name: str) -> None:
            progress.update(task, advance=1, description=name)

        results = module.measure(source, held_out, effort, report)
    rows = [*results, module.Result("all", *module.totals(results))]
    click.echo(json.dumps([_figures(row) for row in rows], indent=1) if as_json else _table(rows))


def _figures(row: Result) -> dict[str, str | float | int]:
    return {
        "package": row.package,
        "left_to_right": round(row.left_to_right.rate, 4),
        "characters": row.left_to_right.characters,
        "fill_in": round(row.middle.rate, 4),
        "middle_characters": row.middle.characters,
        "end_bits": round(row.ends.rate, 3),
    }


def _table(rows: list[Result]) -> str:
    head = f"{'bits/character':<16}{'left to right':>14}{'fill-in':>10}{'end, bits':>11}"
    lines = [f"{r.package:<16}{r.left_to_right.rate:>14.3f}{r.middle.rate:>10.3f}{r.ends.rate:>11.2f}" for r in rows]
    return "\n".join([head, *lines])
