"""How every command ends when something is wrong: one line that says what to do."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from empower_model.errors import EmpowerError
from empower_model.regular_file import reason


@contextmanager
def errors_as_exit() -> Iterator[None]:
    """End a command with `Error: ...` on one line of stderr and exit code 1; also a decorator."""
    try:
        yield
    except EmpowerError as error:
        raise click.ClickException(" ".join(str(error).split())) from error


def unforeseen(command: str, error: Exception) -> click.ClickException:
    """Return what ends a command with one line for an error that it did not foresee.

    Raises the error itself where click knows better: its own, and a reader of the output that has gone.
    """
    if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
        raise error
    if isinstance(error, OSError):
        if error.errno == errno.EPIPE:
            raise error
        about = f"{error.filename}: " if error.filename is not None else ""
        return click.ClickException(" ".join(f"`{command}`: {about}{reason(error)}.".split()))
    at = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"
    return click.ClickException(f"`{command}` failed inside ({place}); please report it.")
