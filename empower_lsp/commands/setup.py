"""`empower-lsp setup`: measures this machine, says which model fits and what to expect, and on a yes pulls it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import options
from empower_lsp.commands.errors import errors_as_exit
from empower_lsp.commands.pulling import pulled, size
from empower_lsp.commands.requantising import can_answer
from empower_lsp.commands.waits import LONG_KEY, LONG_PLACE, spelled

if TYPE_CHECKING:
    from empower_model.engine import Timings
    from empower_model.files import store

SUGGESTED = ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-7b")
"""Models that are looked at, the better ones last."""
MEASURING = 8.0
"""Seconds after which no further model is measured."""
EACH = 3.0
"""Seconds that a model is measured for, and more where it is slow."""
WRITTEN = 6
"""Tokens of a completion: the mean of 103 with Qwen2.5-Coder-0.5B and a memory, under the default rule."""
PROMPT = 1000
"""Tokens of a prompt with the default context, about."""
BEGINNING = 0.3
"""Seconds that the text takes which a place begins with, where all of it would take longer."""
LEAST = 64
"""Tokens of that text at least."""
OVERHEAD = 1.25
"""Memory for each byte of a file, where it was not measured."""
SHARE = 0.5
"""Of the free memory a model may take."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of a model on this machine."""

    name: str
    measured: bool
    """Else reckoned from another model's speed."""
    download: int
    """Bytes; 0 for a model that is here."""
    memory: int
    """Bytes."""
    rate: float
    """Tokens of a prompt in a second."""
    place: float
    """Seconds until its first completion in a new place."""
    key: float
    """Seconds until its completion after a key."""

    def fits(self, free: int) -> bool:
        """Tell whether it leaves memory to others, of so many bytes, and nobody waits for it in vain."""
        return self.memory <= SHARE * free and self.place <= LONG_PLACE and self.key <= LONG_KEY


@click.command()
@click.option("--yes", is_flag=True, help="Pull and use the model that fits, without asking.")
@options.as_json
@errors_as_exit()
def setup(yes: bool, as_json: bool) -> None:
    """Measure this machine, and say which model fits it and what to expect of it.

    Takes under 20 seconds. A model is pulled only if you say yes; where nobody can answer, this says what it would ask.
    With `--json`, nothing is asked or pulled.
    """
    import psutil
    from rich.console import Console

    from empower_model.files import store

    free = psutil.virtual_memory().available
    if not as_json:
        click.echo(_machine(free))
    with Console(stderr=True).status("measuring, for some seconds"):
        speeds = _speeds()
    outlooks = [_outlook(store.catalogue()[name], speeds) for name in (store.bundled(), *SUGGESTED)]
    in_use, disturbed = store.default_model(), any(speed.disturbed for speed in speeds.values())
    best = next((outlook for outlook in reversed(outlooks[1:]) if outlook.fits(free)), None)
    if as_json:
        about = {"machine": _machine(free), "disturbed": disturbed, "fits": best.name if best is not None else None}
        about["gpuLayers"] = _layers()
        click.echo(json.dumps({**about, "models": [asdict(outlook) for outlook in outlooks]}, indent=2))
        return
    _print(outlooks, in_use, free)
    if disturbed:
        click.echo(
            "Other programs were at work meanwhile, so it is slower than it could be: measure again without them."
        )
    if best is None:
        click.echo("\nNone of the larger ones fits this machine: what comes along is best here.")
    elif best.name == in_use:
        click.echo(f"\n{best.name} fits, and is in use.")
    else:
        _offer(best, yes)


def _machine(free: int) -> str:
    import psutil

    from empower_model.engine.llama_file import gpu_there, physical_cores

    gpu = "a GPU that llama.cpp can use" if gpu_there() else "no GPU that this llama.cpp was built for"
    memory = f"{psutil.virtual_memory().total / 1e9:.0f} GB of memory ({free / 1e9:.0f} free)"
    return f"This machine: {physical_cores()} cores, {memory}, {gpu}."


def _speeds() -> Mapping[str, Timings]:
    """Return the timings of the models that are here, by name: kept ones, or while there is time measured now."""
    from empower_model.files import store

    deadline = time.monotonic() + MEASURING
    speeds = {}
    for name in (store.bundled(), *SUGGESTED):
        model = store.here(store.catalogue()[name])
        if model is not None and (name == store.bundled() or time.monotonic() < deadline):
            speeds[name] = _measured(model.path)
    return speeds


def _layers() -> int:
    """Return how many layers are measured on a GPU: all, -1, where there is one."""
    from empower_model.engine.llama_file import gpu_there

    return -1 if gpu_there() else 0


def _measured(path: Path) -> Timings:
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine

    engine = LlamaEngine(EngineConfig(path, gpu_layers=_layers()))
    try:
        return engine.known or engine.measured(EACH)
    finally:
        engine.close()


def _outlook(entry: store.CatalogueEntry, speeds: Mapping[str, Timings]) -> Outlook:
    """Return the outlook of a model; one that was not measured takes as long as its file is larger than the next one's.

    Measured on two cores, so reckoned from the bundled model a prompt takes 0.5B a quarter less, and a token a quarter.
    """
    from empower_model.files import store

    def bytes_of(name: str) -> int:
        other = store.catalogue()[name]
        return other.size or other.path.stat().st_size

    name, count = entry.name, bytes_of(entry.name)
    known = name if name in speeds else max((other for other in speeds if bytes_of(other) < count), key=bytes_of)
    speed = speeds[known].scaled(count / bytes_of(known))
    rate = 1000 / speed.prompt.quiet
    begins = min(PROMPT, max(LEAST, int(BEGINNING * rate)))
    return Outlook(
        name=name,
        measured=known == name,
        download=0 if store.here(entry) else count,
        memory=entry.memory or int(count * OVERHEAD),
        rate=rate,
        place=speed.seconds(begins, WRITTEN),
        key=speed.seconds(0, WRITTEN),
    )


def _print(outlooks: Sequence[Outlook], in_use: str, free: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "", "memory", "tokens/s read", "a new place", "a key"):
        table.add_column(heading, no_wrap=True, overflow="ignore")
    for outlook in outlooks:
        mark = "*" if outlook.name == in_use else ""
        about = "" if outlook.measured else "~"
        figures = (f"{about}{outlook.rate:,.0f}", f"{about}{spelled(outlook.place)}", f"{about}{spelled(outlook.key)}")
        table.add_row(mark, outlook.name, size(outlook.memory), *figures, style=None if outlook.fits(free) else "dim")
    click.echo()
    Console(highlight=False, markup=False, soft_wrap=True).print(table)
    click.echo("\n* in use; ~ reckoned by size from what was measured. Waits are for the model's own completion.")


def _offer(best: Outlook, yes: bool) -> None:
    """Say what a model is like here; on a yes pull it, use it and measure it."""
    from empower_model.files import store

    entry = store.catalogue()[best.name]
    fetched = f"{size(best.download)} come from the Hugging Face hub" if best.download else "it is here already"
    click.echo(
        f"\n{best.name} fits: {entry.description}.\n"
        f"In a new place its first completion comes after about {spelled(best.place)}, behind a key after "
        f"{spelled(best.key)}; where it is not ready, the bundled model answers.\n"
        f"It takes {size(best.memory)} of memory; {fetched}. Licence: {entry.licence}."
    )
    if not yes and not can_answer():
        click.echo("To have it: empower-lsp setup --yes")
    elif yes or click.confirm("Pull and use it?" if best.download else "Use it?"):
        if best.download:
            pulled(best.name)
        used = store.use(best.name)
        now = _outlook(entry, {best.name: _measured(used.path)})
        click.echo(
            f"In use: {best.name}, measured: {spelled(now.place)} in a new place, {spelled(now.key)} behind a key."
        )
        if layers := _layers():
            click.echo(f"That is with the GPU, which the server leaves alone until its option `gpuLayers` is {layers}.")
