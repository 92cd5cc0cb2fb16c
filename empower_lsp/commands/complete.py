"""`empower-lsp complete FILE:LINE[:COL]`: one inline completion, shown with its uncertainty."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from empower_lsp.commands import options
from empower_lsp.commands.errors import errors_as_exit
from empower_lsp.session import Source, explanation
from empower_model.errors import EmpowerError
from empower_model.regular_file import read_regular
from empower_model.request import Limits

if TYPE_CHECKING:
    from rich.text import Text

    from empower_lsp.commands.one_memory import OneMemory
    from empower_model.request import Completion

CONTEXT_LINES = 12
MAX_BYTES = 1 << 20
SCALE = ((0.25, "green"), (1.0, "yellow"), (2.5, "dark_orange"), (float("inf"), "red"))
"""Bits of surprisal up to which a token has a colour."""
ENDS = {
    "uncertain": "from here on the decision is yours",
    "end-of-text": "the model had nothing to add",
    "max-tokens": "the most tokens allowed",
    "max-lines": "the most lines allowed",
    "trimmed": "the rest would not fit the text around it",
}


@click.command()
@click.argument("place", metavar="FILE:LINE[:COL]")
@options.model
@click.option("--confidence", type=click.FloatRange(0, 1), default=Limits().confidence, show_default=True)
@click.option("--rule", type=click.Choice(["gain", "budget", "peak"]), default=Limits().rule, show_default=True)
@click.option("--max-tokens", type=click.IntRange(1, 512), default=Limits().max_tokens, show_default=True)
@click.option("--max-lines", type=click.IntRange(1, 100), default=Limits().max_lines, show_default=True)
@click.option("--memory/--no-memory", default=True, help="With what the file's workspace says, as in the server.")
@click.option("--retype", is_flag=True, help="As if the rest of the line were not written yet.")
@options.as_json
@errors_as_exit()
def complete(
    *,
    place: str,
    model: str,
    confidence: float,
    rule: str,
    max_tokens: int,
    max_lines: int,
    memory: bool,
    retype: bool,
    as_json: bool,
) -> None:
    """Complete at a cursor of a file: LINE and COL count from 1; without COL, the end of the line.

    Colours show how many bits of surprisal each token has; what comes after the end is shown struck out. Without
    colours, what is offered stands between bars. The workspace is the file's repository, or else the folder it is in;
    the file itself counts only around the cursor.
    """
    from empower_lsp.commands.one_memory import remembered
    from empower_lsp.workspace import Workspace, root_of
    from empower_model.completing import assemble
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import store
    from empower_model.host import FILE_TOKENS, window
    from empower_model.request import Request

    path, line, column = _parse(place)
    if Workspace((root_of(path).as_posix(),)).denies(path.absolute().as_posix()):
        raise EmpowerError(f"{path} may hold keys or secrets, or .aiignore names it, so it is not read.")
    prefix, suffix = split(_read(path), line, column)
    written, _, below = suffix.partition("\n")
    if retype:
        suffix = "\n" + below
    chosen = store.checked(model)
    engine = LlamaEngine(EngineConfig(chosen.path, adapter=chosen.adapter))
    read = remembered(engine, chosen, path) if memory else None
    completer = (
        assemble(engine, chosen.calibration)
        if read is None
        else assemble(engine, read.known.weights.calibration, read.known)
    )
    request = Request(prefix, suffix, Limits(confidence, rule, max_tokens, max_lines))
    completion = completer.complete(window(request, max(FILE_TOKENS, engine.context_size)))
    if as_json:
        click.echo(
            json.dumps(
                explanation(completion, Source(chosen.name, chosen.tuning)) | {"memory": read and _memory(read)},
                indent=2,
            )
        )
    else:
        _show(path, prefix, suffix, completion)
        if read is not None:
            click.echo(_told(read))
        if retype:
            click.echo(f"the file says: {written.strip()}")
    completer.close()


def _memory(read: OneMemory) -> dict[str, Any]:
    return {
        "folder": str(read.folder),
        "tokens": read.tokens,
        "indexingMs": round(read.seconds * 1000, 1),
        "complete": read.complete,
    }


def _told(read: OneMemory) -> str:
    part = "" if read.complete else "; the rest would have taken longer"
    return f"memory: {read.tokens:,} tokens of {read.folder.name}, read in {read.seconds:.1f} s{part}"


def _parse(place: str) -> tuple[Path, int, int | None]:
    match = re.fullmatch(r"(?P<file>.+?):(?P<line>\d+)(?::(?P<column>\d+))?", place)
    if match is None or int(match["line"]) < 1 or (match["column"] and int(match["column"]) < 1):
        raise click.UsageError(f"{place!r} is not FILE:LINE or FILE:LINE:COL, counted from 1.")
    return Path(match["file"]), int(match["line"]), int(match["column"]) if match["column"] else None


def _read(path: Path) -> str:
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise EmpowerError(f"{path} cannot be read: {error.strerror}.") from error
    if b"\0" in data:
        raise EmpowerError(f"{path} is binary; completions are for source files.")
    return data.decode(errors="replace").replace("\r\n", "\n")


def split(text: str, line: int, column: int | None) -> tuple[str, str]:
    """Split a text at a cursor; line and column count from 1. Raises EmpowerError when there is no such place."""
    lines = text.split("\n")
    if line > len(lines):
        raise EmpowerError(f"There is no line {line}: the file has {len(lines)}.")
    current = lines[line - 1]
    if column is not None and column > len(current) + 1:
        raise EmpowerError(f"There is no column {column} in line {line}: it has {len(current)} characters.")
    offset = sum(len(above) + 1 for above in lines[: line - 1]) + (len(current) if column is None else column - 1)
    return text[:offset], text[offset:]


def _show(path: Path, prefix: str, suffix: str, completion: Completion) -> None:
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    coloured = console.color_system is not None and not console.no_color
    above = prefix.split("\n")[-CONTEXT_LINES:]
    lexer = Syntax.guess_lexer(str(path))
    code = Syntax("", lexer, theme="ansi_dark").highlight("\n".join(above))
    code.rstrip()
    code.append(" " * (len(above[-1]) - len(above[-1].rstrip())))
    code.append("▏", style="bold")
    code.append_text(_coloured(completion) if coloured else Text(f"{completion.text}▕"))
    code.append(suffix.split("\n", 1)[0], style="dim")
    console.print(code, "\n")
    console.print(_legend(completion, coloured))


def _coloured(completion: Completion) -> Text:
    from rich.text import Text

    shown = Text()
    left = len(completion.text)
    text = "".join(token.piece.decode(errors="replace") for token in completion.tokens)
    if not text.startswith(completion.text):  # re-indented, or a character split between tokens
        return Text(completion.text, style="green")
    for token in completion.tokens:
        piece = token.piece.decode(errors="replace")
        colour = next(name for bits, name in SCALE if token.surprisal <= bits)
        shown.append(piece[:left], style=f"bold {colour}")
        shown.append(piece[left:], style=f"dim strike {colour}")
        left = max(0, left - len(piece))
    return shown


def _legend(completion: Completion, coloured: bool) -> str:
    bits = sum(token.surprisal for token in completion.tokens[: completion.kept])
    why = ENDS.get(completion.end, completion.end)
    first = (
        f"[bold]{len(completion.text)} characters[/bold], {bits:.2f} of {completion.eta:.2f} bits, "
        f"probably right at {completion.probability:.0%}; it ends because: {why}"
        if completion.text
        else f"[bold]nothing to show[/bold]: {why}"
    )
    scale = " · ".join(f"[{name}]{'more' if bits == float('inf') else f'≤ {bits:g}'}[/{name}]" for bits, name in SCALE)
    colours = f"bits a token: {scale} · [strike]not shown[/strike]\n" if coloured else ""
    prompt = f"{completion.prompt_tokens} prompt tokens, {completion.evaluated_tokens} of them evaluated"
    return f"{first}\n{colours}{completion.total_ms:.0f} ms, {prompt}"
