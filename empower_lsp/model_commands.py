"""`empower-lsp model ...`: which models there are, pulling one, choosing one, checking one.

Everything heavy is imported inside the commands: the server's own start passes through here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_model.download import Progress
    from empower_model.store import Model

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


@contextmanager
def errors_as_exit() -> Iterator[None]:
    """Ends a command with `Error: ...` on one line of stderr and exit code 1; also a decorator."""
    try:
        yield
    except EmpowerError as error:
        raise click.ClickException(" ".join(str(error).split())) from error


@click.group()
def model() -> None:
    """Manage the models completions come from."""


@model.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@errors_as_exit()
def list_models(as_json: bool) -> None:
    """Show the models there are, and which is in use."""
    from empower_model import store

    models, in_use = store.listing(), store.default_model()
    if as_json:
        click.echo(json.dumps([_row(one, in_use) for one in models], indent=2))
    else:
        _print_table(models, in_use)


def _row(one: Model, in_use: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "size": one.size,
        "where": one.origin.value,
        "path": str(one.path),
        "licence": one.licence,
        "description": one.description,
        "in_use": one.name == in_use,
    }


def _print_table(models: list[Model], in_use: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "name", "size", "where", "licence", "description"):
        table.add_column(heading, overflow="fold")  # a name cut short could not be typed
    for one in models:
        table.add_row(
            "*" if one.name == in_use else "",
            one.name,
            _size(one.size),
            one.origin.value,
            one.licence,
            one.description,
            style="dim" if one.origin.value == "available" else None,
        )
    Console(markup=False, highlight=False).print(table)
    click.echo("\n* in use; `empower-lsp model pull NAME` fetches an available one, `model use NAME` chooses one")


def _size(size: int | None) -> str:
    if size is None:
        return "?"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@model.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Fetch it anew although it is here.")
@errors_as_exit()
def pull(name: str, force: bool) -> None:
    """Fetch the model NAME from the Hugging Face hub.

    NAME is one that `empower-lsp model list` shows, or owner/repo:file.gguf for any other file of the hub. An
    interrupted pull continues where it stopped.
    """
    from empower_model import store
    from empower_model.download import pull as fetch

    entry = store.find(name)
    if entry is not None and entry.path.is_file() and not force:
        click.echo(f"{entry.name} is already here: {entry.path}")
        return
    try:
        with _bar(name) as progress:
            pulled = fetch(name, progress, force=force)
    except KeyboardInterrupt:
        click.echo(f"Stopped. `empower-lsp model pull {name}` continues where it stopped.", err=True)
        raise SystemExit(INTERRUPTED) from None
    click.echo(f"Pulled and verified: {pulled.path}")
    click.echo(f"Licence: {pulled.licence}. To complete with it: empower-lsp model use {pulled.name}")


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress("{task.description}", *columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda here, total: bar.update(task, completed=here, total=total)


@model.command()
@click.argument("name")
@errors_as_exit()
def use(name: str) -> None:
    """Complete with the model NAME from now on: a name, or the path of a GGUF file."""
    from empower_model import store

    click.echo(f"In use: {store.use(name).name}")


@model.command()
@click.argument("name", required=False)
@errors_as_exit()
def verify(name: str | None) -> None:
    """Check the file of the model NAME, or of the one in use, byte by byte."""
    from empower_model import store

    checked = store.verify(name or store.default_model())
    if checked.sha256 is None:
        click.echo(f"{checked.path} begins like a model; no checksum is known to compare it with")
    else:
        click.echo(f"{checked.path} is intact (SHA-256 {checked.sha256})")


@model.command()
@click.argument("name", required=False)
@errors_as_exit()
def path(name: str | None) -> None:
    """Print the path of the model NAME, or of the one in use."""
    from empower_model import store

    click.echo(store.resolve(name or store.default_model()).path)
