"""Offers a copy of a model in types of weights that this processor is faster with, and keeps one that is worth it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from empower_model.files import Model


def offered(model: Model, wanted: bool | None) -> None:
    """Make a copy of a model for this processor if that may win something, and put it in use if it does.

    `wanted` None asks a person, if there is one. False drops the copy there is. Raises EmpowerError.
    """
    from empower_model.engine.requantising import faster_types
    from empower_model.files import requantised

    if wanted is False:
        if requantised.drop(model):
            click.echo(f"{model.name} is used as it came; its copy for this processor is deleted.")
        return
    if requantised.copy_of(model) is not None:
        click.echo("Its copy for this processor is used.")
    elif faster_types(model.path) and (wanted or (can_answer() and click.confirm(_question(model)))):
        _try(model)
    elif wanted:
        click.echo("None of its weights is of a type that is slow here: there is no faster copy to make.")


def can_answer() -> bool:
    """Tell whether somebody sits before this command."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _question(model: Model) -> str:
    return (
        f"Many weights of {model.name} are of types that processors are slow with. Try a copy in faster ones? It takes "
        "a few minutes, and is kept if it is a fifth faster and costs under 1 % of the bits."
    )


def _try(model: Model) -> None:
    from rich.console import Console

    from empower_model.engine.llama_file import requantise
    from empower_model.engine.requantising import compare, faster_types
    from empower_model.files import requantised

    console = Console(stderr=True)
    with requantised.draft(model) as draft:
        with console.status("making a copy"):
            requantise(model.path, draft, faster_types(model.path))
        with console.status("measuring both, for a minute or two"):
            comparison = compare(model.path, draft, _text())
        told = (
            f"The copy makes a completion {comparison.gain:.2f} times as fast, "
            f"and known text takes {comparison.cost:+.1%} bits"
        )
        if comparison.worth:
            kept = requantised.keep(model, draft, {"gain": comparison.gain, "cost": comparison.cost})
            click.echo(f"{told}: it is used from now on ({kept}). `model use --no-faster {model.name}` undoes that.")
        elif comparison.disturbed:
            click.echo(f"{told}; but other programs were at work meanwhile, so it is not kept: try again without them.")
        else:
            click.echo(f"{told}: that is not worth it, and it is not kept.")


def _text() -> str:
    """Return this program's own code: as good a text as any."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[1].rglob("*.py")))
