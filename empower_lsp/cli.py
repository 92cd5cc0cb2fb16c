"""The command line: `empower-lsp --stdio` is the server; the other commands are loaded when they are called."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

import click

from empower_lsp import __version__

COMMANDS = {
    "calibrate": "empower_lsp.commands.calibrate:calibrate",
    "complete": "empower_lsp.commands.complete:complete",
    "doctor": "empower_lsp.commands.doctor:doctor",
    "lab": "empower_lsp.cli:lab",
    "log": "empower_lsp.commands.log:log",
    "model": "empower_lsp.commands.model:model",
    "setup": "empower_lsp.commands.setup:setup",
}
_OF_THE_SERVER = COMMANDS.keys() - {"lab"}
PLUGINS = "empower_lsp.commands"
"""Entry-point group in which optional parts, training for one, offer their commands."""
LAB = "empower_lsp.lab"
"""Entry-point group of the commands that make and measure the bundled model."""


class _Commands(click.Group):
    """A group whose commands are imported one by one, so that the server starts without them.

    `own` are its commands, each as `module:name`; `plugins` and `moved` are entry-point groups. What is in `moved`
    answers here too but is not listed, and says where it is now.
    """

    def __init__(self, *args: Any, plugins: str, own: Mapping[str, str] | None = None, moved: str = "", **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._own, self._plugins, self._moved = own or {}, plugins, moved

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({**self._own, **_offered(self._plugins)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        places = {**_offered(self._moved), **_offered(self._plugins), **self._own}
        if cmd_name not in places:
            return None
        module, _, attribute = places[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in _offered(self._moved) and name not in self.list_commands(ctx):
            new = f"`empower-lsp lab {name}`"
            click.echo(f"`empower-lsp {name}` is now {new}; the next version knows only that.", err=True)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal may know few characters
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if ctx.invoked_subcommand in self._own:
                raise
            needs = f"`{ctx.invoked_subcommand}` needs {error.name}: pip install 'empower-lsp[training]'."
            raise click.ClickException(needs) from error
        except Exception as error:
            if ctx.invoked_subcommand not in _OF_THE_SERVER:  # who trains wants to see all of it
                raise
            from empower_lsp.commands import unforeseen

            raise unforeseen(ctx.invoked_subcommand, error) from error


def _offered(group: str) -> dict[str, str]:
    """Return the commands of an entry-point group, each as `module:name`."""
    return {point.name: point.value for point in entry_points(group=group)} if group else {}


@click.group(cls=_Commands, plugins=LAB)
def lab() -> None:
    """Make the bundled model and measure it, from its sources to its files (training extra)."""


@click.group(
    cls=_Commands,
    own=COMMANDS,
    plugins=PLUGINS,
    moved=LAB,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
