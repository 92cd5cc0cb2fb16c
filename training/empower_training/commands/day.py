"""`empower-lsp evaluate day`: a working day with the real server, a night of training, and the next morning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options
from empower_training.commands.options import FOLDER, needs_split

if TYPE_CHECKING:
    from empower_training.replay import Tally, Work


@click.command()
@options.corpus
@click.argument("target", type=FOLDER)
@click.option("--package", "packages", multiple=True, default=("jinja2", "docker", "networkx"), show_default=True)
@click.option("--files", default=30, show_default=True, type=click.IntRange(4), help="Of a package, at random.")
@click.option("--characters", default=1000, show_default=True, type=click.IntRange(50), help="Typed of a file.")
@click.option("--pause", default=0.55, show_default=True, help="Seconds that a new text is looked at.")
@click.option("--share", default=0.7, show_default=True, type=click.FloatRange(0.1, 0.9), help="Of the day trained on.")
@options.seed
@click.argument("train_options", nargs=-1, type=click.UNPROCESSED)
@errors_as_exit()
def day(
    *,
    corpus_folder: Path,
    target: Path,
    packages: Sequence[str],
    files: int,
    characters: int,
    pause: float,
    share: float,
    seed: int,
    train_options: Sequence[str],
) -> None:
    """Type files of packages held out of CORPUS into the real server, train on the log, and type the rest again.

    Each package is a person of its own, with a data folder in TARGET. What they typed in the first part of the day is
    trained on; what came last is typed once more with the new model, in the same server, which was not restarted. Words
    after -- go to `empower-lsp train`.
    """
    needs_split(corpus_folder, "heldout")
    from empower_training.corpus import corpus
    from empower_training.replay import works

    documents = corpus.load(corpus_folder, "heldout")
    plans = {}
    for package in packages:
        pairs = [(document.path, document.text) for document in documents if document.package == package]
        if not pairs:
            raise click.ClickException(f"{package} is not held out of {corpus_folder}.")
        plans[package] = works(_some(pairs, files, seed), seed=seed, per_text=4, characters=characters)
    with ThreadPoolExecutor(len(plans)) as pool:
        waiting = {
            package: pool.submit(_spent, target / package, chosen, share, pause, [*train_options, "--seed", str(seed)])
            for package, chosen in plans.items()
        }
        for package, future in waiting.items():
            click.echo(f"\n{package}\n{future.result()}")


def _some(pairs: Sequence[tuple[str, str]], count: int, seed: int) -> list[tuple[str, str]]:
    import random

    return random.Random(seed).sample(list(pairs), min(count, len(pairs)))


def _spent(folder: Path, chosen: Sequence[Work], share: float, pause: float, options: Sequence[str]) -> str:
    """One person's day: what training said, and the last part of the day before and after it."""
    from empower_training.day import Desk, Editor, typed
    from empower_training.replay import Careful

    data, space = folder.absolute() / "data", folder.absolute() / "space"
    space.mkdir(parents=True, exist_ok=True)
    with Editor({}, data, space) as editor:
        editor.initialize()
        editor.initialized()
        desk = Desk(editor, Careful(), space, pause)
        whole = typed(desk, chosen)
        later = _later(data, share)
        last = [work for work in chosen if work.source in later]
        said = _trained(data, ["--share", str(share), *options])
        after = typed(desk, last)
    before = [tally for tally in whole if tally.name in {work.name for work in last}]
    return _told(whole, before, after) + said


def _later(data: Path, share: float) -> set[str]:
    """Return the files that training does not see: the same split of the same log."""
    from empower_lsp.log import opened
    from empower_training.labels import from_log, split

    with opened(data / "log.sqlite3") as store:
        return {text.name for text in split(from_log(store), share)[1]}


def _trained(data: Path, options: Sequence[str]) -> str:
    """Return what `empower-lsp train` says, with the log of that data folder."""
    program = Path(sys.executable).with_name("empower-lsp")
    environment = {**os.environ, "EMPOWER_LSP_DATA": str(data)}
    done = subprocess.run(
        [program, "train", "--from-log", *options], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else f"Training failed: {done.stderr.strip().splitlines()[-1]}\n"


def _told(whole: Sequence[Tally], before: Sequence[Tally], after: Sequence[Tally]) -> str:
    """Return the day, and its last part before and after training, as lines."""
    from empower_training.replay import EFFORT, FIGURES, difference, interval, total

    lines = []
    for name, tallies in (("the day", whole), ("its last part", before), ("typed again", after)):
        sums = total(tallies)
        figures = {key: interval(tallies, FIGURES[key]) for key in ("net_effort", "kept", "accepted", "shown_per_1000")}
        said = "  ".join(
            f"{key.replace('_', ' ')} {figure.estimate:.3g} ({figure.low:.3g} to {figure.high:.3g})"
            for key, figure in figures.items()
        )
        lines.append(f"{name:<14}{sums.characters:>7} characters  {said}")
    change = difference(after, before, EFFORT)
    lines.append(f"net effort, again minus before: {change.estimate:+.3f} ({change.low:+.3f} to {change.high:+.3f})")
    return "\n".join(lines) + "\n"
