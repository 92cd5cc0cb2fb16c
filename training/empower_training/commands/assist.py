"""`empower-lsp evaluate assist`: somebody solves problems with an assistant that never sees them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options
from empower_training.commands.options import FILE

if TYPE_CHECKING:
    from rich.progress import Progress

    from empower_model.calibration import Calibration
    from empower_model.engine import Engine
    from empower_model.fitting import Interval
    from empower_training.assist import Assistant, Fallibility, Problem, Score, Solver

REFERENCE = "reference"
WIDE = 160
"""Columns of a table that goes into a file."""


@click.command()
@options.model
@click.option("--policy", "policies", multiple=True, help="Only this one; may be repeated.  [default: all]")
@click.option(
    "--problems",
    "file",
    type=FILE,
    help="JSONL in LiveCodeBench's format.  [default: the bundled ones]",
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only problems of contests from that day on.")
@click.option("--platform", default="", help="Only problems of that site, as the file names it.")
@click.option("--count", default=0, type=click.IntRange(0), help="A random choice of so many; 0 for all.")
@click.option("--human", default=REFERENCE, show_default=True, metavar="reference|URL", help="Who solves them.")
@click.option("--human-model", default="", help="The chat model, where the server at URL has several.")
@click.option("--accept-wrong", default=0.0, type=click.FloatRange(0, 1), help="The reference human's probability.")
@click.option("--reject-right", default=0.0, type=click.FloatRange(0, 1), help="The reference human's probability.")
@click.option("--deletes", is_flag=True, help="The reference human deletes what was wrong of a text that it accepted.")
@options.seed
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every episode.")
@errors_as_exit()
def assist(
    *,
    model: str,
    policies: tuple[str, ...],
    file: Path | None,
    since: datetime | None,
    platform: str,
    count: int,
    human: str,
    human_model: str,
    accept_wrong: float,
    reject_right: float,
    deletes: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Solve programming problems with and without completions, as in the Empower paper (arXiv 2510.13709).

    The human is a chat model behind an OpenAI-compatible URL, or types a known solution. Programs are run in a
    sandbox. Pass@1 is the share of problems solved, DPR discounts it by what was read, typed and deleted.
    """
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import store
    from empower_training.assist import Fallibility, compare, score, solves
    from empower_training.replay import NOBODY, known

    if deletes and human != REFERENCE:
        raise click.ClickException("--deletes is for the reference human: a chat model is not asked to.")
    names = known(policies)
    total, chosen = _problems(file, f"{since:%Y-%m-%d}" if since else "", platform, count, seed)
    fallibility = Fallibility(accept_wrong, reject_right, deletes)
    meet = _typist(fallibility, seed) if human == REFERENCE else _chat(human, human_model, seed)
    used = store.checked(model)
    with closing(LlamaEngine(EngineConfig(used.path, adapter=used.adapter))) as engine, _bar() as bar:
        assistants = _assistants(engine, used.calibration, names)
        task = bar.add_task("solving", total=total * len(assistants))
        by_assistant = compare(chosen, assistants, meet, solves, lambda: bar.advance(task))
    scores = [score(name, episodes, by_assistant[NOBODY], seed) for name, episodes in by_assistant.items()]
    if as_json:
        setting = {"model": used.name, "human": human, "problems": total, "seed": seed}
        setting |= asdict(fallibility) if human == REFERENCE else {}
        episodes = {name: [asdict(episode) for episode in some] for name, some in by_assistant.items()}
        click.echo(
            json.dumps(setting | {"scores": [asdict(result) for result in scores], "episodes": episodes}, indent=1)
        )
        return
    _print(scores)
    if unclear := sum(episode.unclear for some in by_assistant.values() for episode in some):
        click.echo(f"{unclear} answers of the human held no verdict and count as rejections.")


def _problems(file: Path | None, since: str, platform: str, count: int, seed: int) -> tuple[int, Iterable[Problem]]:
    """How many problems there are to solve, and what yields them."""
    from empower_training.assist import problems

    if file is not None:
        places = problems.choose(file, since=since, platform=platform, count=count, seed=seed)
        return len(places), problems.load(file, places)
    if since or platform:
        raise click.ClickException("The bundled problems have neither date nor site: name a file with --problems.")
    chosen = problems.bundled()
    chosen = random.Random(seed).sample(chosen, count) if 0 < count < len(chosen) else chosen
    return len(chosen), chosen


def _typist(fallibility: Fallibility, seed: int) -> Callable[[Problem], Solver]:
    from empower_training.assist import ReferenceHuman

    return lambda problem: ReferenceHuman(problem, fallibility, seed)


def _chat(url: str, model: str, seed: int) -> Callable[[Problem], Solver]:
    from empower_training.assist import ChatHuman, Endpoint

    endpoint = Endpoint(url, model)
    return lambda problem: ChatHuman(problem, endpoint, seed)


def _assistants(engine: Engine, calibration: Calibration, policies: Iterable[str]) -> dict[str, Assistant]:
    """Nobody first, with whom the others are compared."""
    from empower_model.completing import LocalCompleter
    from empower_model.request import Limits
    from empower_training.assist import assistant, nobody
    from empower_training.replay import NOBODY, cuts

    table = cuts(calibration)
    assistants = {name: assistant(LocalCompleter(engine, calibration, table[name]), Limits()) for name in policies}
    return {NOBODY: nobody, **assistants}


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _print(scores: Iterable[Score]) -> None:
    from rich.console import Console
    from rich.table import Table

    def share(interval: Interval) -> str:
        return f"{interval.estimate:.1%} ({interval.low:.0%} to {interval.high:.0%})"

    def points(interval: Interval) -> str:
        return f"{interval.estimate:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"

    table = Table(box=None, pad_edge=False)
    for heading in ("policy", "Pass@1", "accepted", "DPR", "DPR gain", "shown", "length", "kept"):
        table.add_column(heading, justify="left" if heading == "policy" else "right", no_wrap=True)
    for score in scores:
        table.add_row(
            score.assistant,
            share(score.passed),
            share(score.accepted) if score.accepted else "",
            f"{score.discounted.estimate:.3f} ({score.discounted.low:.3f} to {score.discounted.high:.3f})",
            points(score.gain),
            f"{score.shown:.1f}",
            f"{score.length:.1f}" if score.shown else "",
            f"{score.kept:.1%}",
        )
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)
