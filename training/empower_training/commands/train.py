"""`empower-lsp train`: fine-tune the model on what you wrote, and use the result if it is better."""

from __future__ import annotations

import time
from datetime import datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options
from empower_training.commands.options import FOLDER, ROWS
from empower_training.commands.progress import watching

if TYPE_CHECKING:
    from empower_training.labels import Text
    from empower_training.retrain import FinetunePlan, Judgement

EPOCHS, RANK = 2, 16
"""Those of `Recipe`, which brings torch and is not loaded for a help text; a test compares them."""


@click.command()
@click.option("--from-log", is_flag=True, help="Learn from what the log says you wrote. [the default]")
@click.option("--from", "folder", type=FOLDER, help="Learn from a folder of code.")
@click.option("--model", default="", help="Name or path of the model to tune. [default: the one in use]")
@click.option(
    "--weights",
    default="",
    help="What it was made from, a folder, or owner/name on the hub, which is then fetched. [default: its own file]",
)
@options.method
@options.eta
@click.option("--adapter/--full", default=True, show_default=True, help="A small adapter, or all weights.")
@click.option("--examples", default=4000, show_default=True, type=click.IntRange(1), help="Most places to learn from.")
@click.option(
    "--context", type=click.IntRange(128), help="Most tokens of an example. [default: 512, or 768 of a large model]"
)
@click.option(
    "--together",
    type=click.IntRange(1),
    help="Places close to each other that share an evaluation. [default: 1, or 8 of a large model]",
)
@click.option("--epochs", default=EPOCHS, show_default=True, type=click.IntRange(1))
@click.option("--rank", default=RANK, show_default=True, type=click.IntRange(1), help="Of the adapter.")
@options.rate
@click.option(
    "--share", default=0.7, show_default=True, type=click.FloatRange(0.1, 0.95), help="Earlier part trained on."
)
@options.seed
@errors_as_exit()
def train(
    *,
    from_log: bool,
    folder: Path | None,
    model: str,
    weights: str,
    method: str,
    eta: float,
    adapter: bool,
    examples: int,
    context: int | None,
    together: int | None,
    epochs: int,
    rank: int,
    rate: float | None,
    share: float,
    seed: int,
) -> None:
    """Fine-tune the model on what you wrote earlier, and judge it on what you wrote later.

    It is used from then on, by running servers too, if the later text takes less effort with it beyond doubt;
    `empower-lsp model rollback` undoes that. Run again after an interruption, it goes on where it was.

    The bundled model takes minutes to an hour; one of half a billion parameters two to five hours of a core, and then
    the judging.
    """
    if from_log and folder is not None:
        raise click.UsageError("Give --from-log or --from, not both.")
    from empower_training.finetune import Recipe
    from empower_training.labels import Method
    from empower_training.retrain import FinetunePlan, retrain

    batch = ROWS if method == "text" else Recipe().batch
    recipe = Recipe(adapter=adapter, rank=rank, alpha=2 * rank, rate=rate, epochs=epochs, batch=batch, seed=seed)
    plan = FinetunePlan(
        model, weights, Method(method), eta, share, examples, context, together, seed=seed, recipe=recipe
    )
    until = _until(plan) if folder is None else None
    texts = _texts(folder, until)
    with watching(examples) as watch:
        outcome = retrain(texts, plan, watch, until)
    if outcome is None:
        return
    _print(outcome.judgement)
    click.echo(
        f"Learned from {outcome.examples} places, {outcome.empty / outcome.examples:.0%} of them: write nothing."
    )
    if outcome.promoted:
        click.echo(f"Promoted: {outcome.tuning} is in use from now on. `empower-lsp model rollback` undoes it.")
    else:
        click.echo(f"Kept aside: {outcome.tuning}. {outcome.judgement.reason}")


def _until(plan: FinetunePlan) -> float:
    """Return up to when the log is learned from: as a run that was interrupted does, or now."""
    from empower_training.retrain import begun

    run = begun(plan)
    if run is None:
        return time.time()
    day = datetime.fromtimestamp(run.until).strftime("%Y-%m-%d %H:%M")
    click.echo(f"Going on with what was begun on {day}. To begin anew, delete {run.folder}.", err=True)
    return run.until


def _texts(folder: Path | None, until: float | None) -> list[Text]:
    from empower_lsp.log import log_path, opened
    from empower_training.labels import texts

    if folder is not None:
        return texts.from_folder(folder)
    with opened(log_path()) as store:
        return texts.from_log(store, until=inf if until is None else until)


def _print(judgement: Judgement) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "net effort", "kept", "shown/1000", "accepted", box=None)
    for tally in (judgement.before, judgement.after):
        table.add_row(
            tally.name,
            f"{tally.effort:.3f}",
            f"{tally.kept / tally.characters:.1%}",
            f"{1000 * tally.shown / tally.characters:.0f}",
            f"{tally.accepted / tally.shown:.1%}" if tally.shown else "",
        )
    effort, kept = judgement.effort, judgement.kept
    table.add_row(
        "difference",
        f"{effort.estimate:+.3f} ({effort.low:+.3f} to {effort.high:+.3f})",
        f"{kept.estimate:+.1%} ({kept.low:+.1%} to {kept.high:+.1%})",
    )
    Console().print(table)
