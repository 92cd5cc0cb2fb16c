"""`empower-lsp evaluate cursors`: what every rule does at random cursors of code that a model never saw."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options
from empower_training.commands.options import needs_split

if TYPE_CHECKING:
    from empower_model.request import Completer
    from empower_training.replay import Cursor, RuleScore

LINES = 3
"""Shown above a cursor."""
MOST = 50
"""Cursors tried for a completion to show."""


@click.command()
@options.corpus
@options.model
@click.option("--count", default=1200, show_default=True, help="Cursors to judge the rules on.")
@options.split
@options.seed
@click.option("--fit", "fit_count", default=0, help="First fit and save the calibration, on so many other cursors.")
@click.option("--show", default=0, type=click.IntRange(0), help="Print so many completions.")
@errors_as_exit()
def cursors(*, corpus_folder: Path, model: str, count: int, split: str, seed: int, fit_count: int, show: int) -> None:
    """Judge every rule at random cursors of the packages held out of CORPUS.

    The calibration is fitted on the corpus's validation packages, which are neither trained nor judged on.
    """
    from rich.progress import track

    from empower_model.calibration import sidecar
    from empower_model.completing import LocalCompleter
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import calibration_file, store
    from empower_training.corpus import corpus
    from empower_training.replay import cursors as module

    for name, wanted in (("validation", fit_count), (split, count or show)):
        if wanted:
            needs_split(corpus_folder, name)
    chosen = store.checked(model)
    calibration = chosen.calibration
    engine = LlamaEngine(EngineConfig(chosen.path, adapter=chosen.adapter))
    completer = LocalCompleter(engine, calibration)

    def write(name: str, number: int) -> list[module.JudgedSpan]:
        places = module.cursors(corpus.load(corpus_folder, name), number, seed)
        return list(module.spans(completer, track(places, f"{name:<10}", total=number, transient=True)))

    if fit_count:
        calibration = module.calibrate(write("validation", fit_count))
        path = calibration_file(chosen) if chosen.tuning else sidecar(store.checked(model, tuned=False).path)
        calibration.save(path, fitted_on="validation packages", cursors=fit_count, date=str(date.today()))
        click.echo(f"calibration: half right at {calibration.midpoint:.3f} bits, slope {calibration.slope:.3f}")
    if count:
        spans = write(split, count)
        _print([module.score(name, rule, spans) for name, rule in module.rules(calibration).items()])
    if show:
        places = module.cursors(corpus.load(corpus_folder, split), MOST * show, seed)
        _show(LocalCompleter(engine, calibration), places, show)
    engine.close()


def _show(completer: Completer, places: Iterable[Cursor], count: int) -> None:
    """Print the first completions that are shown, in angle brackets below what stands above, and what the file says."""
    from empower_model.request import Request

    shown = 0
    for seen, place in enumerate(places, start=1):
        text = completer.complete(Request(place.prefix, place.suffix)).text
        if not text:
            continue
        shown += 1
        right = place.truth.startswith(text)
        above = "\n".join(place.prefix.split("\n")[-LINES:])
        click.echo(f"\n--- cursor {seen}, {place.package}: {'right' if right else 'wrong'}\n{above}\u27e8{text}\u27e9")
        if not right:
            click.echo("the file: " + "\n".join(place.truth.split("\n")[: text.count("\n") + 1]))
        if shown == count:
            return


def _print(scores: list[RuleScore]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("rule", "shown", "accepted", "length", "kept/cursor", "net gain", box=None)
    for s in scores:
        row = (f"{s.shown:.1%}", f"{s.accepted:.1%}", f"{s.length:.1f}", f"{s.kept:.2f}", f"{s.gain:+.3f}")
        table.add_row(s.rule, *row)
    Console().print(table)
