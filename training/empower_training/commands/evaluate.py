"""`empower-lsp evaluate ...`: what a model is worth on code it never saw."""

from __future__ import annotations

import click

from empower_training.commands.assist import assist
from empower_training.commands.cursors import cursors
from empower_training.commands.day import day
from empower_training.commands.log import log
from empower_training.commands.replay import replay


@click.group()
def evaluate() -> None:
    """Measure models on held-out code."""


for command in (replay, cursors, assist, day, log):
    evaluate.add_command(command)
