"""`empower-lsp model ...`: which models there are, pulling, choosing and checking one, and what was tuned from it.

Heavy imports wait inside the commands, so that `--help` and the light ones among them answer at once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from empower_lsp.commands import options
from empower_lsp.commands.errors import errors_as_exit
from empower_lsp.commands.pulling import pulled, size
from empower_lsp.commands.requantising import offered
from empower_lsp.commands.tables import Row, lines

if TYPE_CHECKING:
    from empower_model.files import Model, Tuning


@click.group()
def model() -> None:
    """Manage the models completions come from."""


@model.command("list")
@options.as_json
@errors_as_exit()
def list_models(as_json: bool) -> None:
    """Show the models there are, and which is in use.

    With those that Ollama, LM Studio, llama.cpp and the hub's cache keep here: `empower-lsp model use` takes them in
    place.
    """
    from empower_model.files import store

    models, in_use = store.listing(), store.default_model()
    if as_json:
        click.echo(json.dumps([_row(listed, in_use) for listed in models], indent=2))
    else:
        _print_table(models, in_use)


def _row(listed: Model, in_use: str) -> dict[str, Any]:
    return {
        "name": listed.name,
        "size": listed.size,
        "where": listed.origin.value,
        "path": str(listed.path),
        "adapter": str(listed.adapter) if listed.adapter else None,
        "tuning": listed.tuning or None,
        "licence": listed.licence,
        "description": listed.description,
        "in_use": listed.name == in_use,
    }


def _print_table(models: list[Model], in_use: str) -> None:
    rows = [
        Row(
            "*" if listed.name == in_use else "",
            listed.name,
            (size(listed.size), listed.origin.value, listed.licence),
            (listed.description, *([f"tuned: {listed.tuning}"] if listed.tuning else [])),
            dim=not listed.origin.here,
        )
        for listed in models
    ]
    for line in lines(("name", "size", "where", "licence"), rows):
        click.echo(line)
    click.echo(
        "\n* in use; `empower-lsp model pull NAME` fetches an available one,\n`empower-lsp model use NAME` chooses one"
    )


@model.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Fetch it anew although it is here.")
@click.option(
    "--from", "source", default="", metavar="FILE|URL", help="Take it from there; it must have the same checksum."
)
@errors_as_exit()
def pull(name: str, force: bool, source: str) -> None:
    """Fetch the model NAME from the Hugging Face hub, or from the mirror in HF_ENDPOINT.

    NAME is one that `empower-lsp model list` shows, or owner/repo:file.gguf for any other file of the hub. An
    interrupted pull continues where it stopped.
    """
    from empower_model.files import store

    entry = store.find(name)
    if entry is not None and not force and (there := store.here(entry)):
        click.echo(f"{entry.name} is already here: {there.path}")
        return
    new = pulled(name, force=force, source=source)
    click.echo(f"Pulled and verified: {new.path}")
    click.echo(f"Licence: {new.licence}. To complete with it: empower-lsp model use {new.name}")


@model.command()
@click.argument("name")
@click.option(
    "--faster/--no-faster",
    default=None,
    help="Make a copy in types of weights that are faster here, and use it if it is worth it; or use none.",
)
@errors_as_exit()
def use(name: str, faster: bool | None) -> None:
    """Complete with the model NAME from now on: a name, or the path of a GGUF file, which stays where it is.

    Where many weights are of a type that processors are slow with, a copy in faster ones is offered.
    """
    from empower_model.files import store

    used = store.use(name)
    click.echo(f"In use: {used.name}{f', tuned {used.tuning}' if used.tuning else ''}")
    offered(store.checked(used.name, tuned=False), faster)


@model.command()
@click.argument("name", required=False)
@errors_as_exit()
def verify(name: str | None) -> None:
    """Check the file of the model NAME, or of the one in use, byte by byte."""
    from empower_model.files import store

    checked = store.verify(name or store.default_model())
    if checked.sha256 is None:
        click.echo(f"{checked.path} begins like a model; no checksum is known to compare it with")
    else:
        click.echo(f"{checked.path} is intact (SHA-256 {checked.sha256})")


@model.command()
@click.argument("name", required=False)
@errors_as_exit()
def path(name: str | None) -> None:
    """Print the path of the model NAME, or of the one in use; of an adapter on top of it, on stderr."""
    from empower_model.files import store

    chosen = store.resolve(name or store.default_model())
    click.echo(chosen.path)
    if chosen.adapter:
        click.echo(f"with the adapter {chosen.adapter}", err=True)


@model.command("tunings")
@click.argument("name", required=False)
@options.as_json
@errors_as_exit()
def list_tunings(name: str | None, as_json: bool) -> None:
    """Show what was tuned from the model NAME, or from the one in use, and what became of it."""
    from empower_model.files import store, tunings

    base = store.resolve(name or store.default_model(), tuned=False)
    tuned, in_use = tunings.tunings(base), tunings.promoted(base)
    rows = [_tuning_row(tuning, in_use) for tuning in tuned]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        _print_tunings(rows, base.name)
    else:
        click.echo(f"Nothing was tuned from {base.name} yet: `empower-lsp train` does.")


def _tuning_row(tuning: Tuning, in_use: Tuning | None) -> dict[str, Any]:
    about = tuning.provenance
    return {
        "id": tuning.id,
        "date": about and about.date,
        "method": about and about.method,
        "eta": about and about.eta,
        "scores": dict(about.scores) if about else {},
        "path": str(tuning.path),
        "in_use": in_use is not None and tuning.id == in_use.id,
        "problem": tuning.problem,
        "kept_aside": about.kept_aside if about else "",
    }


def _print_tunings(rows: list[dict[str, Any]], name: str) -> None:
    shown = []
    for row in rows:
        eta = "" if row["eta"] is None else f"{row['eta']:g}"
        fate, why = _fate(row)
        scores = ", ".join(f"{score} {value:.4g}" for score, value in row["scores"].items())
        cells = ((row["date"] or "?")[:10], row["method"] or "?", eta, fate)
        notes = tuple(filter(None, (why, scores)))
        shown.append(Row("*" if row["in_use"] else "", row["id"], cells, notes, dim=bool(row["problem"])))
    for line in lines(("id", "date", "method", "eta", "what became of it"), shown):
        click.echo(line)
    came = "" if any(row["in_use"] for row in rows) else f"; {name} is used as it came"
    click.echo(f"\n* in use{came}")
    click.echo("`empower-lsp model promote ID` puts one in use,\n`empower-lsp model rollback` undoes that")


def _fate(row: dict[str, Any]) -> tuple[str, str]:
    """Return what became of a tuning, and why."""
    if row["in_use"]:
        return "in use", ""
    if row["problem"]:
        return "cannot be used", row["problem"]
    return ("kept aside", row["kept_aside"]) if row["kept_aside"] else ("not in use", "")


@model.command()
@click.argument("id")
@click.argument("name", required=False)
@errors_as_exit()
def promote(id: str, name: str | None) -> None:
    """Put the tuning ID of the model NAME, or of the one in use, in use."""
    from empower_model.files import store, tunings

    base = store.resolve(name or store.default_model(), tuned=False)
    click.echo(_in_use_now(base, tunings.promote(base, id)))


@model.command()
@click.argument("name", required=False)
@errors_as_exit()
def rollback(name: str | None) -> None:
    """Undo the last promotion of a tuning of the model NAME, or of the one in use."""
    from empower_model.files import store, tunings

    base = store.resolve(name or store.default_model(), tuned=False)
    click.echo(_in_use_now(base, tunings.rollback(base)))


def _in_use_now(base: Model, tuning: Tuning | None) -> str:
    return f"In use now: {base.name}, {f'tuned {tuning.id}' if tuning else 'as it came'}"
