"""`empower-lsp report`: what the assistant is worth, as one HTML page to look at."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands.options import FILE

if TYPE_CHECKING:
    from empower_training.report import Coloured, History

OURS = Path(__file__).parents[1] / "report" / "replays"
"""What the bundled model did when it was released, with a memory of the workspace and without; see LOG.md."""


@click.command()
@click.option(
    "--replay",
    "replays",
    multiple=True,
    type=FILE,
    help="What `evaluate replay --json` printed; may be repeated. [default: the bundled model, 60 files of programs]",
)
@click.option("--file", type=FILE, help="To be coloured. [default: one of this program's]")
@click.option("--model", default="", help="Which reads FILE: a name, or path of a GGUF file; yours by default.")
@click.option("--out", default="report.html", show_default=True, type=FILE)
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
@errors_as_exit()
def report(*, replays: tuple[Path, ...], file: Path | None, model: str, out: Path, show: bool) -> None:
    """Write a page with the policies' figures, your own log's, and a file coloured by its uncertainty.

    The page needs no network, and nothing on it leaves this machine. Of the log it has figures, no text.
    """
    from empower_model.errors import EmpowerError
    from empower_training.report import page, read

    loaded = [read(path) for path in replays or sorted(OURS.glob("*.json"))]
    written = page(loaded, _history(), _coloured(file, model), written=str(date.today()))
    try:
        out.write_text(written, encoding="utf-8")
    except OSError as error:
        raise EmpowerError(f"{out} cannot be written: {error.strerror}; name another file with --out.") from error
    click.echo(f"Wrote {out}, {len(written.encode()) / 1e6:.1f} MB.")
    if show:
        click.launch(out.resolve().as_uri())


def _history() -> History | None:
    from empower_lsp.log import log_path, opened
    from empower_training.report import history

    if not log_path().exists():
        return None
    with opened(log_path()) as store:
        return history(store)


def _coloured(file: Path | None, name: str) -> Coloured:
    from rich.console import Console
    from rich.progress import track

    from empower_model import calibration
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import store
    from empower_model.request import Limits
    from empower_training.report import MOST_LINES, coloured, measured, passages, source, walk

    path = file or Path(calibration.__file__)
    lines = source(path).splitlines(keepends=True)
    parts = list(passages("".join(lines[:MOST_LINES])))
    model = store.checked(name)
    engine = LlamaEngine(EngineConfig(model.path, adapter=model.adapter))
    read = measured(engine, track(parts, "reading", console=Console(stderr=True), transient=True))
    engine.close()
    spans = walk(read, model.calibration, Limits())
    by = f"{model.name}, tuned {model.tuning}" if model.tuning else model.name
    return coloured(path.name, by, read, spans, max(0, len(lines) - MOST_LINES))
