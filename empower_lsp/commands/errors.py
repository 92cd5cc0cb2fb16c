"""How every command ends when something is wrong: one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from empower_model.errors import EmpowerError


@contextmanager
def errors_as_exit() -> Iterator[None]:
    """End a command with `Error: ...` on one line of stderr and exit code 1; also a decorator."""
    try:
        yield
    except EmpowerError as error:
        raise click.ClickException(" ".join(str(error).split())) from error
