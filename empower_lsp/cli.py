"""The command line: `empower-lsp --stdio` is the server; the other commands are loaded when they are called."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

import click

from empower_lsp import __version__

COMMANDS = {
    "calibrate": "empower_lsp.commands.calibrate:calibrate",
    "complete": "empower_lsp.commands.complete:complete",
    "doctor": "empower_lsp.commands.doctor:doctor",
    "log": "empower_lsp.commands.log:log",
    "model": "empower_lsp.commands.model:model",
}
PLUGINS = "empower_lsp.commands"
"""Entry-point group in which optional parts, training for one, offer their commands."""


class _Commands(click.Group):
    """A group whose commands are imported one by one, so that the server starts without them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *(point.name for point in entry_points(group=PLUGINS))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name) or next(
            (point.value for point in entry_points(group=PLUGINS, name=cmd_name)), None
        )
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if ctx.invoked_subcommand in COMMANDS:
                raise
            needs = f"`{ctx.invoked_subcommand}` needs {error.name}: pip install 'empower-lsp[training]'."
            raise click.ClickException(needs) from error


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--stdio", is_flag=True, help="Serve the Language Server Protocol on standard input and output.")
@click.version_option(__version__, prog_name="empower-lsp")
@click.pass_context
def main(ctx: click.Context, stdio: bool) -> None:
    """Local inline completions that stop where your uncertainty peaks.

    Editors start `empower-lsp --stdio`; everything else here is for people.
    """
    if ctx.invoked_subcommand is not None:
        if stdio:
            raise click.UsageError("--stdio takes no command beside it.")
        return
    if not stdio:
        click.echo(ctx.get_help())
        return
    from empower_lsp.edge import serve

    serve()
