"""`empower-lsp evaluate log`: what tells accepted completions from rejected ones, on one's own log or any other."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options

if TYPE_CHECKING:
    from rich.table import Table

    from empower_model.calibration import Calibration
    from empower_model.files import Model
    from empower_model.fitting import Interval
    from empower_training.replay import Judged, Line, Scores


@click.command("log")
@click.option(
    "--jsonl", "file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Not the log: FILE."
)
@options.model
@click.option("--confidence", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Of the expected gain.")
@click.option("--seed", default=0, show_default=True, help="Of the intervals.")
@options.as_json
@errors_as_exit()
def log(file: Path | None, model: str, confidence: float, seed: int, as_json: bool) -> None:
    """Judge scores by the completions that people accepted and rejected.

    On the log of completions of this machine, or on a FILE with a line of JSON a decision: prefix, completion and
    accepted (true or false), and if they are known suffix, person, and bits and entropies (a number a token). Bits
    that are missing are measured with the model. Intervals (95 %) are over persons, or over the days of one.

    The show score is a logistic model of all that is known before a text is shown, what became of those before it
    included (so a FILE has each person's decisions in their order), fitted to the other persons or days.
    """
    from empower_model.files import store
    from empower_training.replay import scores

    chosen = store.checked(model)
    calibration, left_out = chosen.calibration, 0
    if file is None:
        judged, calibration = _of_log(chosen)
    else:
        judged, left_out = _of_file(file, chosen, quiet=as_json)
    figures = scores(judged, calibration, confidence, seed)
    if as_json:
        content = asdict(figures) | {"model": chosen.name, "left_out": left_out}
        click.echo(json.dumps(_finite(content), indent=2, allow_nan=False))
    else:
        _print(figures, chosen.name, left_out)


def _of_log(model: Model) -> tuple[list[Judged], Calibration]:
    """Return the decisions on what the last one was on, with a memory or without, and the calibration of its bits."""
    from empower_lsp.log import log_path, opened
    from empower_lsp.personal import comparable, decisions
    from empower_model.errors import EmpowerError
    from empower_model.memory import memory_in_use
    from empower_training.replay import of_decisions

    if not log_path().exists():
        raise EmpowerError(f"There is no log yet ({log_path()}): `empower-lsp log status` says whether one is kept.")
    with opened(log_path()) as entries:
        decided, memory = comparable(decisions(entries.entries(), model.name, model.tuning), model)
    calibration = memory_in_use(model).calibration if memory else model.calibration
    return of_decisions(decided), calibration


def _of_file(file: Path, model: Model, quiet: bool) -> tuple[list[Judged], int]:
    """Return the decisions of a file, and how many of its lines could not be measured."""
    from empower_training.replay import of_lines, read

    lines = list(read(file))
    measured = lines if all(line.bits for line in lines) else _measured(lines, model, quiet)
    return of_lines(measured), len(lines) - len(measured)


def _measured(lines: Sequence[Line], model: Model, quiet: bool) -> list[Line]:
    from rich.console import Console
    from rich.progress import track

    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_training.replay import Measure, Unfit

    engine = LlamaEngine(EngineConfig(model.path, adapter=model.adapter))
    measure, measured = Measure(engine), []
    for line in track(lines, "measuring", console=Console(stderr=True), transient=True, disable=quiet):
        if line.bits:
            measured.append(line)
            continue
        try:
            bits, entropies = measure.bits(line.prefix, line.suffix, line.completion)
        except Unfit:
            continue
        measured.append(replace(line, bits=bits, entropies=entropies))
    engine.close()
    return measured


def _finite(value: Any) -> Any:
    """Return the value with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(figures: Scores, model: str, left_out: int) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    without = f"; {left_out} could not be measured and are left out" if left_out else ""
    console.print(
        f"{figures.completions} decisions by {model}'s bits{without}: {_told(figures.accepted)} accepted as a whole; "
        f"intervals over {figures.groups} groups\n"
    )
    ranking = _table("what it is ranked by", "AUC of acceptance", "show score's minus this")
    for name, interval in figures.auc.items():
        minus = figures.show_score_minus.get(name)
        ranking.add_row(name, _told(interval, percent=False), _told(minus, percent=False) if minus is not None else "")
    by = _table("probability", "completions", "predicted", "accepted")
    for group in figures.acceptance:
        predicted = f"{group.predicted:.2f}" if group.completions else ""
        by.add_row(f"{group.low:.1f} to {group.high:.1f}", str(group.completions), predicted, _told(group.accepted))
    hidden = _table("hidden below", "shown", "accepted", "accepted ones lost", "kept characters lost")
    for at in figures.hidden:
        told = (_told(interval) for interval in (at.accepted, at.accepted_lost, at.kept_lost))
        hidden.add_row(f"{at.confidence:.1f}", f"{100 * at.shown:.0f} %", *told)
    console.print(ranking, f"\ncalibration error: {figures.error:.3f}", by, "", hidden, sep="\n")


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _told(interval: Interval, percent: bool = True) -> str:
    if not math.isfinite(interval.estimate):
        return ""
    shown = [
        f"{100 * value:.0f}" if percent else f"{value:.3f}"
        for value in (interval.estimate, interval.low, interval.high)
    ]
    unit = " %" if percent else ""
    around = f" ({shown[1]} to {shown[2]})" if math.isfinite(interval.low) else ""
    return f"{shown[0]}{unit}{around}"
