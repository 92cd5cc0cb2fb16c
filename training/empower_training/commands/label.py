"""`empower-lsp lab texts` and `label`: collect what people wrote, and see where the paper's rule ends spans in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from empower_lsp.commands import errors_as_exit
from empower_model.errors import EmpowerError
from empower_training.commands import options
from empower_training.commands.options import FILE, METHODS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from empower_training.labels import Labelled, Page, Strip, Summary, Text

CONTEXT = 2048
"""Tokens, where the model has as many: the server's default."""
LINES, TEXTS = 300, 20
"""How much is labelled unless told otherwise: a few minutes for the bundled model."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def sources(command: _Command) -> _Command:
    """Options that say where texts come from: `log`, `origin` and `only`, for `_texts`."""
    for option in (
        click.option("--only", metavar="GLOB", multiple=True, help="Only files that match, gitignore style: '*.py'."),
        click.option(
            "--from",
            "origin",
            metavar="PATH",
            type=click.Path(path_type=Path),
            help="A folder of code, or a file that `empower-lsp lab texts` made.",
        ),
        click.option("--from-log", "log", is_flag=True, help="What ended up in your files, as the log tells it."),
    ):
        command = option(command)
    return command


@click.command()
@sources
@click.option("--out", required=True, type=FILE, help="JSON lines to write.")
@errors_as_exit()
def texts(log: bool, origin: Path | None, only: tuple[str, ...], out: Path) -> None:
    """Collect texts that people wrote, from the log or a folder of code; they stay on this machine."""
    from empower_training.labels import texts as module

    collected = _texts(log, origin, only)
    module.save(collected, out)
    characters = sum(len(text.text) for text in collected)
    click.echo(
        f"{len(collected)} texts of {len({text.name for text in collected})} files, {characters:,} characters, in {out}"
    )


@click.command()
@sources
@click.option(
    "--base",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A model file, or a folder in transformers' format. [default: the model in use]",
)
@click.option("--eta", default=2.0, show_default=True, type=click.FloatRange(min=0), help="Budget of a span in bits.")
@click.option(
    "--layout",
    type=click.Choice(["fim", "ltr"]),
    default="fim",
    show_default=True,
    help="Random lines in the server's own prompt, or whole texts from left to right.",
)
@click.option("--count", type=click.IntRange(min=1), help=f"Lines [{LINES}], texts [{TEXTS}], or examples [{LINES}].")
@options.seed
@click.option("--out", type=FILE, help="JSON lines to write the labels to.")
@click.option("--examples", "method", type=click.Choice(METHODS), help="Write training examples to --out instead.")
@errors_as_exit()
def label(
    *,
    log: bool,
    origin: Path | None,
    only: tuple[str, ...],
    base: Path | None,
    eta: float,
    layout: str,
    count: int | None,
    seed: int,
    out: Path | None,
    method: str | None,
) -> None:
    """Show how long the spans are that the paper's rule keeps: at all cut points, at several budgets."""
    if method and (out is None or layout == "ltr"):
        raise click.UsageError("--examples needs --out, and the layout fim.")
    collected = _texts(log, origin, only)
    model, tokenizer = _loaded(base)
    with _worded():
        if method and out is not None:
            _write_examples(
                model, tokenizer, collected, method=method, eta=eta, seed=seed, count=count or LINES, out=out
            )
        else:
            _label(model, tokenizer, collected, layout=layout, eta=eta, seed=seed, count=count, out=out)


def _texts(log: bool, origin: Path | None, only: tuple[str, ...]) -> list[Text]:
    """Return the texts that the options of `sources` name."""
    from empower_lsp.log import log_path, opened
    from empower_training.labels import texts as module

    if log == (origin is not None):
        raise click.UsageError("Give --from-log, or --from with a folder of code.")
    if origin is None:
        with opened(log_path()) as store:
            collected = module.from_log(store, only)
    elif origin.is_file():
        wanted = module.globs(only)
        collected = [text for text in module.load(origin) if not only or wanted.match_file(text.name)]
    else:
        collected = module.from_folder(origin, only)
    if not collected:
        where = "the log" if origin is None else str(origin)
        raise EmpowerError(f"There is no text in {where} that somebody wrote{' and --only matches' if only else ''}.")
    return collected


def _loaded(base: Path | None) -> tuple[Any, Tokenizer]:
    """Return the model in a file or folder, and its tokeniser; without either, of the model in use."""
    import torch

    from empower_training.corpus import tokenizer as tokenizers
    from empower_training.finetune import labelling_folder, load

    if base is None or base.is_file():
        from empower_model.files import store

        base = labelling_folder(store.checked(str(base or ""), tuned=False))
    for name in ("config.json", "tokenizer.json"):
        if not (base / name).is_file():
            raise EmpowerError(f"{base} has no {name}: give a folder with a model in transformers' format.")
    try:
        model = load(base)
    except (OSError, ValueError) as error:
        raise EmpowerError(f"{base} cannot be loaded: {str(error).splitlines()[0]}") from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizers.load(base)


@contextmanager
def _worded() -> Iterator[None]:
    """Turn a ValueError of the library, whose sentence is fit to show, into an EmpowerError."""
    try:
        yield
    except ValueError as error:
        raise EmpowerError(str(error)) from error


def _context(model: Any) -> int:
    return min(CONTEXT, getattr(model.config, "max_position_embeddings", CONTEXT))


def _label(
    model: Any,
    tokenizer: Tokenizer,
    texts: list[Text],
    *,
    layout: str,
    eta: float,
    seed: int,
    count: int | None,
    out: Path | None,
) -> None:
    from empower_training.labels import Page
    from empower_training.labels import labelling as module
    from empower_training.labels import texts as files

    page = Page(tokenizer, _context(model))
    number = count or (TEXTS if layout == "ltr" else LINES)
    strips = _strips(page, texts, layout, seed, number)
    measured = [module.label(model, strip, page.encoding.context_size) for strip in _tracked(strips, number)]
    _print([module.summary(measured, budget) for budget in sorted({eta, *module.ETAS})], eta, layout, len(measured))
    if out is not None:
        written = files.write((_row(labelled, eta) for labelled in measured), out)
        click.echo(f"{written} strips labelled with {eta} bits in {out}")


def _strips(page: Page, texts: list[Text], layout: str, seed: int, count: int) -> Iterator[Strip]:
    import random

    from empower_training.labels import lines

    if layout == "fim":
        return islice(lines(page, texts, seed), count)
    chosen = random.Random(seed).sample(texts, min(count, len(texts)))
    return (page.whole(text.name, text.text) for text in chosen)


def _tracked(strips: Iterator[Strip], count: int) -> Iterator[Strip]:
    from rich.console import Console
    from rich.progress import track

    return iter(track(strips, "labelling", total=count, transient=True, console=Console(stderr=True)))


def _write_examples(
    model: Any, tokenizer: Tokenizer, texts: list[Text], *, method: str, eta: float, seed: int, count: int, out: Path
) -> None:
    from dataclasses import asdict

    from empower_training.labels import example as module
    from empower_training.labels import texts as files

    examples = module.examples(
        model,
        tokenizer,
        texts,
        method=module.Method(method),
        eta=eta,
        seed=seed,
        count=count,
        context=_context(model),
    )
    files.write(map(asdict, examples), out)
    empty = sum(len(example.target) == 1 for example in examples) / max(1, len(examples))
    click.echo(f"{len(examples)} examples ({method}), {empty:.0%} of them with an empty span, in {out}")


def _row(labelled: Labelled, eta: float) -> dict[str, Any]:
    """Return what is written of a strip: bits of every token, and the length of the span after each cut point."""
    return {
        "name": labelled.strip.name,
        "eta": eta,
        "prompt": labelled.strip.prompt,
        "tokens": labelled.strip.ids,
        "ends": labelled.strip.ends,
        "bits": [round(float(bits), 4) for bits in labelled.bits],
        "cuts": labelled.strip.cuts,
        "spans": labelled.spans(eta).tolist(),
    }


def _print(summaries: list[Summary], eta: float, layout: str, strips: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from empower_training.labels import QUANTILES

    quantiles = [f"{quantile:.0%}" for quantile in QUANTILES]
    table = Table(box=None, pad_edge=False)
    for head in ("eta", "empty", "tokens (mean)", *quantiles, "characters (mean)", *quantiles):
        table.add_column(head, justify="right")
    for summary in summaries:
        spreads = (summary.tokens, summary.characters)
        cells = [f"{value:.1f}" for spread in spreads for value in (spread.mean, *spread.quantiles)]
        table.add_row(f"{summary.eta:g}", f"{summary.empty:.1%}", *cells, style="bold" if summary.eta == eta else None)
    what = f"{strips} lines in the server's layout" if layout == "fim" else f"{strips} texts from left to right"
    console = Console(markup=False, highlight=False)
    console.print(f"{summaries[0].cuts:,} cut points of {what}; spans within eta bits:")
    console.print(table)
