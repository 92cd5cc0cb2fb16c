"""`empower-lsp log ...`: what is logged of your completions, whether it is, and getting rid of it.

Heavy imports wait inside the commands, so that `--help` and the light ones among them answer at once.
"""

from __future__ import annotations

import json
import math
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

import click

from empower_lsp.commands import options
from empower_lsp.commands.errors import errors_as_exit

if TYPE_CHECKING:
    from empower_lsp.log import Entry, Group, Store

UNITS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def _age(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return the seconds of a span such as 12h, 30d or 8w."""
    if value is None:
        return None
    number, unit = value[:-1], value[-1:].lower()
    if unit not in UNITS or not (number.isascii() and number.isdigit()):
        raise click.BadParameter(f"{value} is not an age such as 12h, 30d or 8w.", ctx, param)
    return int(number) * UNITS[unit]


@click.group()
def log() -> None:
    """See, export and delete the log of your completions, which stays on this machine."""


@log.command()
def path() -> None:
    """Print where the log is, or would be."""
    from empower_lsp.log import log_path

    click.echo(log_path())


@log.command()
@options.as_json
@errors_as_exit()
def status(as_json: bool) -> None:
    """Show whether completions are logged, and how much there is."""
    from empower_lsp.log import Retention, chosen, log_path

    kept = Retention()
    content: dict[str, Any] = {"level": chosen().word, "path": str(log_path()), **asdict(kept)}
    if log_path().exists():
        with _store() as store:
            content |= asdict(store.extent())
    if as_json:
        click.echo(json.dumps(content, indent=2))
        return
    words = {"off": "nothing", "metadata": "metadata, no text", "full": "completions with their text, secrets redacted"}
    click.echo(f"Logged:   {words[content['level']]} ({content['level']})")
    click.echo(f"File:     {content['path']}{'' if 'size' in content else ' (not there yet)'}")
    if "size" in content:
        click.echo(
            f"Holds:    {content['completions']} completions, {content['outcomes']} outcomes, {_size(content['size'])}"
        )
        if content["first"] is not None:
            click.echo(f"From:     {_moment(content['first'])} to {_moment(content['last'])}")
    click.echo(f"Kept for: {kept.days:g} days, up to {kept.megabytes:g} MB")


@log.command()
@click.option(
    "--level", type=click.Choice(["metadata", "full"]), default="full", show_default=True, help="With text or without."
)
@errors_as_exit()
def on(level: str) -> None:
    """Log completions from now on; running servers follow."""
    _choose(level)
    click.echo("Completions are logged" + ("." if level == "full" else ", without their text."))


@log.command()
@errors_as_exit()
def off() -> None:
    """Log nothing from now on; running servers follow. What is there stays until it is purged."""
    _choose("off")
    click.echo("Nothing is logged any more. `empower-lsp log purge --all` deletes what there is.")


@log.command()
@click.option("--since", metavar="AGE", callback=_age, help="Only completions younger than this, such as 7d.")
@options.as_json
@errors_as_exit()
def stats(since: float | None, as_json: bool) -> None:
    """Show what completions were worth: shown, accepted, kept, and how fast they came."""
    from empower_lsp.log import stats as figures

    with _store() as store:
        summary = figures(store, 0.0 if since is None else time.time() - since)
    if as_json:
        click.echo(json.dumps(asdict(summary), indent=2))
    else:
        parts = [("language", summary.languages), ("model", summary.models), ("", [summary.total])]
        click.echo("\n".join([*_stats(parts), *_known(summary.total)]))


@log.command()
@click.argument("count", type=click.IntRange(min=1), default=10, metavar="[N]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, for scripts.")
@errors_as_exit()
def show(count: int, as_json: bool) -> None:
    """Show the last N completions and what became of them; the newest comes last."""
    with _store() as store:
        for entry in store.entries(last=count):
            click.echo(_line(entry) if as_json else _told(entry))


@log.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@errors_as_exit()
def export(file: str) -> None:
    """Write all completions and what became of them to FILE as JSON lines; - is standard output."""
    from empower_lsp.log import LogError

    with _store() as store:
        if file == "-":
            _export(store, sys.stdout)
            return
        try:
            with _owners(file) as lines:
                count = _export(store, lines)
        except OSError as error:
            raise LogError(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"Exported {count} completions to {file}")


@log.command()
@click.option("--older-than", metavar="AGE", callback=_age, help="Completions older than this, such as 30d.")
@click.option("--path", "glob", metavar="GLOB", help="Completions in files that match, gitignore style.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@errors_as_exit()
def purge(older_than: float | None, glob: str | None, everything: bool, yes: bool) -> None:
    """Delete completions and what became of them, without a trace in the file, and free the space."""
    if everything == (older_than is not None or glob is not None):
        raise click.UsageError("Give --all, or --older-than or --path or both.")
    with _store() as store:
        ids = store.ids(before=None if older_than is None else time.time() - older_than, glob=glob)
        before = store.extent().size
        if ids and not yes:
            click.confirm(f"Delete {len(ids)} completions for ever?", abort=True)
        store.purge(ids)
        click.echo(
            f"Deleted {len(ids)} completions; the log went from {_size(before)} to {_size(store.extent().size)}."
        )


def _owners(file: str) -> TextIO:
    """Open a file for writing that only its owner can read, as the log itself, be it there or not. Raises OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # not /dev/stdout or a pipe
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
        return os.fdopen(descriptor, "w", encoding="utf-8")
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def _store() -> Iterator[Store]:
    from empower_lsp.log import log_path, opened

    with opened(log_path()) as store:
        yield store


def _choose(word: str) -> None:
    from empower_lsp.log import Level, LogError, choose

    try:
        choose(Level.of(word))
    except OSError as error:
        raise LogError(f"The choice cannot be remembered: {error}.") from error


_NAME = 20
_COLUMNS = {"completions": 11, "shown": 7, "accepted": 10, "rate": 6, "characters": 11, "p50": 7, "p95": 8}
"""Widths, together with `_NAME` 80: a name that is longer has a line of its own."""


def _stats(parts: Sequence[tuple[str, Sequence[Group]]]) -> list[str]:
    """Return the lines of a table; its characters are those that were kept."""
    lines = [_row("", list(_COLUMNS))]
    for heading, groups in parts:
        lines += [f"by {heading}"] if heading else []
        for group in groups:
            counts = map(str, (group.completions, group.shown, group.accepted))
            rate = "" if group.rate is None else f"{group.rate:.0%}"
            times = ("" if ms is None else f"{ms:.0f} ms" for ms in (group.p50_ms, group.p95_ms))
            name = _visible(group.name)
            lines += [name] if len(name) >= _NAME else []
            lines.append(_row("" if len(name) >= _NAME else name, [*counts, rate, str(group.kept_characters), *times]))
    return lines


def _known(total: Group) -> list[str]:
    """Return what is to be said of the rate where editors did not tell what they show."""
    if not total.inferred:
        return []
    return [
        "",
        f"Of {total.shown} shown, {total.shown - total.inferred} are known from the editor.",
        "That the others were seen is inferred, from how long they stood there and from what",
        "was typed.",
    ]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<{_NAME}}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, _COLUMNS.values(), strict=True)
    )


def _told(entry: Entry) -> str:
    record = entry.completion
    where = (f"{record.workspace}/{record.path}" if record.workspace else record.path).replace(
        "\n", "\N{REPLACEMENT CHARACTER}"
    )
    head = f"{_moment(record.at)}  {where}  {record.total_ms:.0f} ms  p = {record.probability:.2f}, ended: {record.end}"
    text = (
        f"({record.characters} characters, not kept)"
        if record.text is None
        else record.text or "(nothing worth showing)"
    )
    became = [
        f"    {outcome.kind}{f' {outcome.characters} of {outcome.of}' if outcome.of else ''}"
        f"{f' after {outcome.age:.0f} s' if outcome.age else ''}{'' if outcome.explicit else ' (inferred)'}"
        f"{f': {outcome.text.rstrip()}' if outcome.text else ''}"
        for outcome in entry.outcomes
    ]
    return _visible(
        "\n".join(
            [head, *(f"  | {line}" for line in text.split("\n")), *(line.replace("\n", "\n      ") for line in became)]
        )
    )


def _visible(text: str) -> str:
    """Return the text without the characters that steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _export(store: Store, lines: TextIO) -> int:
    count = 0
    for entry in store.entries():
        lines.write(_line(entry) + "\n")
        count += 1
    return count


def _line(entry: Entry) -> str:
    """Return a completion with its outcomes as JSON, which knows no infinity."""
    content = asdict(entry.completion) | {"outcomes": [asdict(outcome) for outcome in entry.outcomes]}
    content["eta"] = content["eta"] if math.isfinite(content["eta"]) else None
    return json.dumps(content, allow_nan=False)


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{math.ceil(size / 1e3)} kB"
