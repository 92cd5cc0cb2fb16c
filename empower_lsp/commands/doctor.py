"""`empower-lsp doctor`: what is installed, whether the model works and how fast, and what to fix."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from empower_lsp.commands import options
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import Model

PACKAGES = ("empower-lsp", "pygls", "lsprotocol", "llama-cpp-python", "numpy", "huggingface-hub")
TRAINING = ("torch", "transformers")
PROMPT_TOKENS = 512
DECODED_TOKENS = 32
SLOW_MS = 500.0
"""A first completion slower than this is felt as a wait."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `cure` says what to do when something is wrong."""

    subject: str
    value: str
    cure: str = ""


@click.command()
@options.model
@options.as_json
def doctor(model: str, as_json: bool) -> None:
    """Check the installation, the model and its speed; exits with 1 when something must be fixed."""
    findings = [*_installation(), *_folders(), *_model(model)]
    if as_json:
        click.echo(json.dumps([{"subject": f.subject, "value": f.value, "cure": f.cure} for f in findings], indent=2))
    else:
        _print(findings)
    sys.exit(int(any(f.cure for f in findings)))


def _installation() -> list[Finding]:
    found = [Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    for name in PACKAGES:
        try:
            found.append(Finding(name, version(name)))
        except PackageNotFoundError:
            found.append(Finding(name, "missing", f"pip install {name}"))
    present = [name for name in TRAINING if _installed(name)]
    absent = "not installed; retraining needs: pip install 'empower-lsp[training]'"
    found.append(Finding("training extra", "installed" if len(present) == len(TRAINING) else absent))
    return found


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _folders() -> list[Finding]:
    from empower_model.files import data_folder

    folder = data_folder()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    writable = os.access(existing, os.W_OK)
    cure = "" if writable else f"make {existing} writable, or set EMPOWER_LSP_DATA to another folder"
    return [Finding("data folder", str(folder), cure)]


def _model(name: str) -> list[Finding]:
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import store

    started = time.perf_counter()
    try:
        chosen = store.checked(name)
        engine = LlamaEngine(EngineConfig(chosen.path, adapter=chosen.adapter))
    except EmpowerError as error:
        return [Finding("model", name or "default", str(error))]
    loaded = time.perf_counter() - started
    fim = engine.vocabulary.fim is not None
    about = engine.description()
    found = [
        Finding("model", f"{chosen.name}, {int(about['parameters']) / 1e6:,.0f}M parameters, {chosen.path}"),
        Finding("tuning", chosen.tuning or "none: the model is used as it came"),
        Finding(
            "fill in the middle",
            "yes" if fim else "no: the text after the cursor is not seen",
        ),
        Finding("calibration", f"half of the spans right at {chosen.calibration.midpoint:.2f} bits"),
        Finding("threads", f"{engine.threads} of {os.cpu_count()} logical cores"),
        Finding("loading", f"{loaded * 1000:.0f} ms"),
        *_memory(engine, chosen),
        *_speed(engine),
    ]
    engine.close()
    return found


def _memory(engine: LlamaEngine, model: Model) -> list[Finding]:
    """Say whose weights the memory has, and how fast it reads: this package, by its own code."""
    from empower_lsp.commands.one_memory import remembered
    from empower_lsp.personal import source

    here = Path(__file__)
    try:
        value = f"on, unless the option `memory` is off; weights: {source(model)}"
        read = remembered(engine, model, here, folder=here.parent)
    except EmpowerError as error:
        return [Finding("memory", "its weights cannot be used", str(error))]
    rate = read.tokens / read.seconds
    return [
        Finding("memory", value),
        Finding("indexing", f"{rate:,.0f} tokens/s" if rate else "nothing to read here: not measured"),
    ]


def _speed(engine: LlamaEngine) -> list[Finding]:
    from empower_model.calibration import Calibration
    from empower_model.completing import assemble
    from empower_model.request import Limits, Request

    # this file is as good a text as any
    source = Path(__file__).read_text(encoding="utf-8")
    tokens = engine.tokenize(source)[: min(PROMPT_TOKENS, engine.context_size // 2)]
    started = time.perf_counter()
    engine.prefill(tokens)
    read = time.perf_counter()
    written = sum(1 for _, _ in zip(range(DECODED_TOKENS), engine.decode(), strict=False))
    ended = time.perf_counter()
    places = _places(engine, len(tokens) + written)
    completer = assemble(engine, Calibration())
    cut = source.rindex("return")
    first, again = (
        completer.complete(Request(source[: cut + typed], source[cut + len("return") :], Limits())) for typed in (0, 3)
    )
    slow = "choose a smaller model with `empower-lsp model use`, or a smaller contextSize"
    return [
        Finding("prompt", f"{len(tokens) / (read - started):,.0f} tokens/s"),
        Finding("places", places),
        Finding("generation", f"{written / (ended - read):,.0f} tokens/s"),
        Finding("first completion", f"{first.total_ms:.0f} ms, {first.evaluated_tokens} tokens evaluated"),
        Finding(
            "after a keystroke",
            f"{again.total_ms:.0f} ms, {again.evaluated_tokens} tokens evaluated",
            slow if again.total_ms > SLOW_MS else "",
        ),
    ]


def _places(engine: LlamaEngine, tokens: int) -> str:
    """Say what it takes to find the prompts of earlier places again; the engine's state is of so many tokens."""
    from empower_model.engine import states

    if engine.states is None:
        return "only the last one is kept evaluated: this model cannot go on from a part of a text"
    size = engine.state_size / tokens
    bound = f"{states.MOST_BYTES >> 20} MiB"
    return f"the last {states.MOST} are kept evaluated, {size / 1024:.1f} KiB a token, {bound} in all at most"


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = "[red]✗[/red]" if finding.cure else "[green]✓[/green]"
        console.print(f"{mark} [bold]{finding.subject:<{width}}[/bold]  {escape(finding.value)}")
        if finding.cure:
            console.print(f"  [yellow]→ {escape(finding.cure)}[/yellow]")
    wrong = sum(bool(finding.cure) for finding in findings)
    console.print(f"\n{wrong} thing{'s' * (wrong != 1)} to fix" if wrong else "\nAll is well.")
