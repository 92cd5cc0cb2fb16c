"""`empower-lsp lab memory CORPUS`: fit the mixture with the memory of a workspace, and say what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import errors_as_exit
from empower_model.files import Model
from empower_training.commands import options
from empower_training.commands.options import needs_split

if TYPE_CHECKING:
    from empower_model.memory import Weights
    from empower_training.replay import Cursor, RuleScore

RULES = ("budget 2.0", "gain 0.2", "gain 0.3", "gain 0.5")
"""The rules of `evaluate cursors` that are shown: the best budget and the default among others."""


@click.command()
@options.corpus
@options.model
@click.option("--fit", "fit_count", default=600, show_default=True, help="Cursors of the validation packages to fit.")
@click.option("--count", default=600, show_default=True, help="Cursors of the held-out packages to judge.")
@options.split
@options.seed
@click.option("--save/--no-save", default=False, help="Write the weights beside the model file.")
@errors_as_exit()
def memory(*, corpus_folder: Path, model: str, fit_count: int, count: int, split: str, seed: int, save: bool) -> None:
    """Fit the memory of a workspace for a model, and judge it on the packages held out of CORPUS.

    What the file above the cursor and the other files of its package are worth, apart and together: bits per character
    of the text that follows a cursor, and net gain of what is written there.
    """
    from rich.progress import track

    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import store
    from empower_training.corpus import corpus
    from empower_training.replay import memory_fit as module

    def shown(name: str, places: Sequence[Cursor]) -> Iterable[Cursor]:
        return track(places, f"{name:<20}", transient=True)

    for name in ("validation", split):
        needs_split(corpus_folder, name)
    chosen = store.checked(model, tuned=False)
    engine = LlamaEngine(EngineConfig(chosen.path))
    validation, heldout = (corpus.load(corpus_folder, name) for name in ("validation", split))
    fitted = module.fit(engine, validation, fit_count, seed, shown)
    if save:
        _save(chosen, fitted["both"], fit_count)
    judged = module.judge(engine, heldout, fitted, count, seed, shown)
    for kind, weights in fitted.items():
        curve = weights.calibration
        click.echo(f"{kind:<8} calibration: half right at {curve.midpoint:.3f} bits, slope {curve.slope:.3f}")
    _print_rates(judged.rates)
    _print_scores({kind: [score for score in scores if score.rule in RULES] for kind, scores in judged.scores.items()})
    engine.close()


def _save(model: Model, weights: Weights, cursors: int) -> None:
    """Beside the model; from those of the bundled one come the weights for models that have none."""
    from empower_model.files import DEFAULT_WEIGHTS, memory_sidecar, store
    from empower_model.fitting import mixture_fitting

    today = str(date.today())
    weights.save(memory_sidecar(model.path), fitted_on="validation packages", cursors=cursors, date=today)
    if model.name == store.bundled():
        default = mixture_fitting.cautious(weights)
        default.save(DEFAULT_WEIGHTS, made_from=model.name, caution=mixture_fitting.CAUTION, date=today)


def _print_rates(rates: dict[str, dict[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    packages = next(iter(rates.values()))
    table = Table("bits/character", *packages, box=None)
    for kind, row in rates.items():
        table.add_row(kind, *(f"{row[package]:.3f}" for package in packages))
    Console().print(table)


def _print_scores(scores: dict[str, list[RuleScore]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("memory", "rule", "shown", "accepted", "length", "kept/cursor", "net gain", box=None)
    for kind, rows in scores.items():
        for s in rows:
            cells = (f"{s.shown:.1%}", f"{s.accepted:.1%}", f"{s.length:.1f}", f"{s.kept:.2f}", f"{s.gain:+.3f}")
            table.add_row(kind, s.rule, *cells)
    Console().print(table)
