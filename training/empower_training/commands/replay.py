"""`empower-lsp evaluate replay`: what an assistant is worth to somebody who types real code."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options, tables
from empower_training.commands.options import FOLDER, needs_split
from empower_training.commands.tables import cell, span

if TYPE_CHECKING:
    from rich.table import Table

    from empower_training.at_speed import Arm
    from empower_training.corpus import Document
    from empower_training.replay import Finished, Setting, Tally, Work

    ReplayRow = tuple[str, str, list[Tally]]
    """Model, policy, tallies."""


@click.command()
@options.corpus
@options.split
@click.option("--model", "models", multiple=True, help="Name or path; the first with all policies. [default: yours]")
@click.option("--policy", "policies", multiple=True, help="Only this one, for all models; may be repeated.")
@click.option("--files", default=200, show_default=True, type=click.IntRange(1))
@click.option("--characters", default=300, show_default=True, type=click.IntRange(2), help="Most to type of a file.")
@click.option("--fallible", default=0.0, type=click.FloatRange(0, 1), help="Probability of taking a wrong text.")
@click.option("--whole", is_flag=True, help="Texts are taken as a whole or not at all, not by words and lines.")
@click.option("--memory", is_flag=True, help="With a memory of the other files of the package, and of the file itself.")
@click.option("--keys-per-second", type=click.FloatRange(0, min_open=True), help="Of somebody who does not wait.")
@click.option("--machine", "machines", multiple=True, help="With that: where, as PROMPT,WRITE; may be repeated.")
@click.option("--whole-prompts", is_flag=True, help="With that: a large model reads all of a prompt at once.")
@click.option(
    "--confidence",
    "confidences",
    multiple=True,
    type=click.FloatRange(0, 1),
    help="With that: a further confidence besides the default; may be repeated.",
)
@options.seed
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1))
@click.option("--resume", type=FOLDER, help="Keep results here, and go on there.")
@click.option("--by-package", is_flag=True, help="The figures of each package too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the data of reliability diagrams.")
@errors_as_exit()
def replay(
    *,
    corpus_folder: Path,
    split: str,
    models: tuple[str, ...],
    policies: tuple[str, ...],
    files: int,
    characters: int,
    fallible: float,
    whole: bool,
    memory: bool,
    keys_per_second: float | None,
    machines: tuple[str, ...],
    whole_prompts: bool,
    confidences: tuple[float, ...],
    seed: int,
    processes: int,
    resume: Path | None,
    by_package: bool,
    as_json: bool,
) -> None:
    """Let a simulated typist write files of the packages held out of CORPUS, with and without completions.

    One row a policy: what ends a completion, on the same model and the same text. Net effort below 1 helps.

    With --keys-per-second, in virtual time: what is on the screen when, as the server's two tiers have it on a machine
    that evaluates PROMPT tokens a second and takes WRITE milliseconds a token written. One row for the bundled model
    alone, for each --model alone, and for both. A machine may be named: two-cores, busy, laptop or gpu.
    """
    from empower_model.files import store
    from empower_training.corpus import corpus
    from empower_training.replay import Setting, chosen_works, distinct, known

    if (machines or whole_prompts or confidences) and keys_per_second is None:
        raise click.UsageError(
            "--machine, --whole-prompts and --confidence are for typing at a speed: give --keys-per-second too."
        )
    needs_split(corpus_folder, split)
    known(policies)
    setting = Setting(
        tuple(dict.fromkeys(models)) or (store.default_model(),),
        policies,
        files,
        characters,
        seed,
        fallible,
        partial=not whole,
        memory=memory,
    )
    documents = distinct(corpus.load(corpus_folder, split))
    of_files = chosen_works(documents, setting)
    if not of_files:
        raise click.ClickException(f"{corpus_folder} holds out no file with anything to type.")
    with ExitStack() as stack:
        folder = resume or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="empower-replay-")))
        if keys_per_second is not None:
            compared = _arms(setting, machines, whole_prompts, confidences)
            rows = _at_speed(
                folder, setting, keys_per_second, compared, of_files, processes, documents if memory else ()
            )
            click.echo(json.dumps(rows, indent=1)) if as_json else _print_at_speed(rows)
            return
        finished = _run(folder, setting, of_files, processes, documents if memory else ())
    chosen = {of_file[0].source for of_file in of_files} if by_package else ()
    packages = {document.path: document.package for document in documents if document.path in chosen}
    figures = _figures(_rows(setting, of_files, finished), seed, packages)
    if as_json:
        click.echo(json.dumps(figures, indent=1))
    else:
        _print(figures)


def _run(
    folder: Path,
    setting: Setting,
    of_files: Sequence[tuple[Work, ...]],
    processes: int,
    documents: Sequence[Document],
) -> dict[tuple[str, str], Finished]:
    """Everything finished, by model and file; a progress bar on stderr says how far it is."""
    from rich.console import Console
    from rich.progress import Progress

    from empower_training.replay import Results, jobs, run

    results = Results(folder, setting, of_files, documents)
    done = {(result.model, result.source) for result in results.finished}
    every = jobs(of_files, setting)
    waiting = [job for job in every if job.key not in done]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("files", total=len(every), completed=len(every) - len(waiting))
        for result in run(waiting, setting, processes, documents) if waiting else ():
            results.add(result)
            progress.advance(task)
    return {(result.model, result.source): result for result in results.finished}


def _arms(setting: Setting, machines: Sequence[str], whole_prompts: bool, confidences: Sequence[float]) -> list[Arm]:
    from empower_training.at_speed import MACHINES, Machine, arms

    places = [Machine.parse(name) for name in machines or list(MACHINES)[:1]]
    return arms(setting.models, places, growing=not whole_prompts, confidences=confidences)


def _at_speed(
    folder: Path,
    setting: Setting,
    keys_per_second: float,
    chosen: Sequence[Arm],
    of_files: Sequence[tuple[Work, ...]],
    processes: int,
    documents: Sequence[Document],
) -> list[dict[str, Any]]:
    """Return the figures of each arm, as JSON has them; a progress bar on stderr says how far it is."""
    from rich.console import Console
    from rich.progress import Progress

    from empower_training.at_speed import INSTANT, AtSpeed, figures

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("files")

        def report(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        by_arm = AtSpeed(setting, keys_per_second, folder).compare(of_files, chosen, processes, documents, report)
    rows = []
    for arm in chosen:
        alone = next(other for other in chosen if other.machine == arm.machine and other.name == INSTANT)
        tallies, instant = (
            [tally for works in of_files for tally in by_arm[of, works[0].source]] for of in (arm, alone)
        )
        content = {"machine": arm.machine.name, "arm": arm.name, "model": arm.deep}
        rows.append(content | figures(tallies, instant, setting.seed))
    return rows


def _print_at_speed(rows: Sequence[dict[str, Any]]) -> None:
    """One table a machine."""
    for machine in dict.fromkeys(row["machine"] for row in rows):
        table = tables.empty(AT_SPEED, machine)
        for row in rows:
            if row["machine"] == machine:
                table.add_row(*(printed(row) for _, printed in AT_SPEED))
        tables.show(table)


def _rows(
    setting: Setting, of_files: Sequence[tuple[Work, ...]], finished: dict[tuple[str, str], Finished]
) -> list[ReplayRow]:
    """Nobody's help first, then the policies model by model; tallies in the order of the works."""
    from empower_training.replay import NOBODY, unassisted

    rows: list[ReplayRow] = [("", NOBODY, [unassisted(work) for of_file in of_files for work in of_file])]
    for model in setting.models:
        for policy in setting.chosen(model):
            tallies = [finished[model, of_file[0].source].tallies[policy] for of_file in of_files]
            rows.append((model, policy, [tally for of_file in tallies for tally in of_file]))
    return rows


def _figures(rows: Sequence[ReplayRow], seed: int, packages: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows as JSON; `packages` tells which one a file is of, if each is to have its figures."""
    whole = _whole(rows, seed)
    for package in sorted(set(packages.values())):
        mine = {path for path in packages if packages[path] == package}
        parts = [
            (model, policy, [tally for tally in tallies if _file(tally) in mine]) for model, policy, tallies in rows
        ]
        for row, part in zip(whole, _whole(parts, seed), strict=True):
            row.setdefault("packages", {})[package] = part
    return whole


def _whole(rows: Sequence[ReplayRow], seed: int) -> list[dict[str, Any]]:
    """Every figure as [low, estimate, high]; what is not a number is null."""
    from empower_model.fitting import Interval
    from empower_training.replay import DEFAULT, EFFORT, FIGURES, difference, interval, latency

    def ends(bounds: Interval) -> list[float | None]:
        return [_rounded(value) for value in (bounds.low, bounds.estimate, bounds.high)]

    defaults = {model: tallies for model, policy, tallies in rows if policy == DEFAULT}
    first = rows[1][0]  # with which nobody's help is compared
    contents = []
    for model, policy, tallies in rows:
        content: dict[str, Any] = {"model": model, "policy": policy, "works": len(tallies)}
        content |= {name: ends(interval(tallies, figure, seed=seed)) for name, figure in FIGURES.items()}
        content["latency_ms"] = [_rounded(ms) for ms in latency(tallies)]
        if default := defaults.get(model or first):
            content["net_effort_minus_default"] = ends(difference(tallies, default, EFFORT, seed=seed))
        contents.append(content | _confidence(tallies))
    return contents


def _file(tally: Tally) -> str:
    return tally.name.rpartition(":")[0]


def _rounded(value: float) -> float | None:
    return round(value, 5) if isfinite(value) else None


def _confidence(tallies: Sequence[Tally]) -> dict[str, Any]:
    """Whether the probabilities given to the texts shown came true; empty where nothing was shown."""
    from dataclasses import asdict

    import numpy as np

    from empower_model.fitting import calibration_error, reliability

    judged = [pair for tally in tallies for pair in tally.judged]
    if not judged:
        return {}
    predicted, right = (np.array(column) for column in zip(*judged, strict=True))
    bins = reliability(predicted, right.astype(np.bool_))
    return {"calibration_error": round(calibration_error(bins), 5), "reliability": [asdict(bin_) for bin_ in bins]}


def _print(figures: Sequence[dict[str, Any]]) -> None:
    """One table: all files first, then those of each package under its name."""
    table = tables.empty(COLUMNS)
    _add(table, figures)
    for package in figures[0].get("packages", ()):
        table.add_row()
        table.add_row(package, style="bold")
        _add(table, [row["packages"][package] for row in figures])
    tables.show(table)


def _add(table: Table, figures: Sequence[dict[str, Any]]) -> None:
    several = len({row["model"] for row in figures}) > 2  # nobody counts as one
    for number, row in enumerate(figures):
        if several and row["model"] and row["model"] != figures[number - 1]["model"]:
            table.add_row(row["model"], style="bold")
        table.add_row(*(printed(row) for _, printed in COLUMNS))


COLUMNS: tuple[tables.Column, ...] = (
    ("", lambda row: str(row["policy"])),
    ("shown/1000", cell("shown_per_1000", ".0f")),
    ("accepted", cell("accepted", ".0%")),
    ("partly", cell("partially_accepted", ".0%")),
    ("length", cell("length", ".1f")),
    ("kept", cell("kept", ".1%")),
    ("read/1000", cell("read_per_1000", ".0f")),
    ("deleted/1000", cell("deleted_per_1000", ".0f")),
    ("keys", cell("keystrokes", ".2f")),
    ("net effort", cell("net_effort", ".3f")),
    ("95 %", span("net_effort", ".2f")),
    ("minus default", span("net_effort_minus_default", "+.3f")),
    ("ms/kept", cell("engine_ms_per_kept", ".1f")),
    ("p50 ms", cell("latency_ms", ".1f", 0)),
    ("p95 ms", cell("latency_ms", ".0f", 1)),
    ("error", cell("calibration_error", ".3f")),
)
"""Headings, and what stands under them."""
AT_SPEED: tuple[tables.Column, ...] = (
    ("", lambda row: ", ".join(filter(None, (row["arm"], Path(row["model"]).stem)))),
    ("kept", cell("kept", ".1%")),
    ("95 %", span("kept", ".0%")),
    ("- instant", span("kept_minus_instant", "+.1%")),
    ("net effort", cell("net_effort", ".3f")),
    ("95 %", span("net_effort", ".2f")),
    ("- instant", span("net_effort_minus_instant", "+.3f")),
    ("answered", cell("answered", ".1%")),
    ("in time", cell("in_time", ".1%")),
    ("with text", cell("with_text", ".0%")),
    ("shown/1000", cell("shown_per_1000", ".0f")),
    ("replaced/1000", cell("replaced_per_1000_keys", ".0f")),
    ("first s", cell("first_text_s", ".2f")),
    ("deep s", cell("first_deep_text_s", ".2f")),
    ("cpu/kept", cell("processor_seconds_per_kept", ".3f")),
)
"""The same for somebody who types at a speed."""
