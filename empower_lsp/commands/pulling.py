"""Pulls a model for who waits at a terminal: with a bar, and a word on what an interruption leaves."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from empower_model.files import Model, Progress

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


def pulled(name: str, *, force: bool = False, source: str = "") -> Model:
    """Pull a model as `empower_model.files.pull` does, and show how much is here; Ctrl-C ends the command."""
    from empower_model.files import pull

    try:
        with _bar(name) as progress:
            return pull(name, progress, force=force, source=source)
    except KeyboardInterrupt:
        click.echo(f"Stopped. `{_command(name, force, source)}` continues where it stopped.", err=True)
        raise SystemExit(INTERRUPTED) from None


def size(count: int | None) -> str:
    """Return bytes as a person reads them."""
    if count is None:
        return "?"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _command(name: str, force: bool, source: str) -> str:
    options = [*(["--force"] if force else []), *(["--from", source] if source else [])]
    return shlex.join(["empower-lsp", "model", "pull", *options, name])


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress("{task.description}", *columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda here, total: bar.update(task, completed=here, total=total)
