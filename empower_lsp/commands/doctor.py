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
from empower_lsp.commands.waits import spelled
from empower_model.errors import EmpowerError

if TYPE_CHECKING:
    from empower_lsp.commands.waits import Wait
    from empower_model.engine import Timings
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import Model

PACKAGES = ("empower-lsp", "pygls", "lsprotocol", "llama-cpp-python", "numpy", "huggingface-hub")
TRAINING = ("torch", "transformers")
SAMPLE = 64
"""Tokens whose state is looked at."""
CURE = "a smaller model answers sooner (`empower-lsp setup` says which one fits), as does a GPU, or a machine less busy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `cure` says what to do when something is wrong."""

    subject: str
    value: str
    cure: str = ""


@click.command()
@options.model
@click.option("--gpu-layers", default=0, help="Layers on the GPU, -1 for all, as the option `gpuLayers` has it.")
@options.as_json
def doctor(model: str, gpu_layers: int, as_json: bool) -> None:
    """Check the installation, the model and how long it has you wait; exits with 1 when something must be fixed."""
    from rich.console import Console

    findings = [*_installation(), *_folders()]
    with Console(stderr=True).status("measuring, for some seconds"):
        findings += _model(model, gpu_layers)
    if as_json:
        click.echo(json.dumps([{"subject": f.subject, "value": f.value, "cure": f.cure} for f in findings], indent=2))
    else:
        _print(findings)
    sys.exit(int(any(f.cure for f in findings)))


def _installation() -> list[Finding]:
    findings = [Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    for name in PACKAGES:
        try:
            findings.append(Finding(name, version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name, "missing", f"pip install {name}"))
    present = [name for name in TRAINING if _installed(name)]
    absent = "not installed; retraining needs: pip install 'empower-lsp[training]'"
    findings.append(Finding("training extra", "installed" if len(present) == len(TRAINING) else absent))
    return findings


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


def _model(name: str, gpu_layers: int) -> list[Finding]:
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.files import store

    started = time.perf_counter()
    try:
        chosen = store.checked(name)
        engine = LlamaEngine(EngineConfig(chosen.path, gpu_layers=gpu_layers, adapter=chosen.adapter))
    except EmpowerError as error:
        return [Finding("model", name or "default", str(error))]
    loaded = time.perf_counter() - started
    fim = engine.vocabulary.fim is not None
    about = engine.description()
    findings = [
        Finding("model", f"{chosen.name}, {int(about['parameters']) / 1e6:,.0f}M parameters, {chosen.path}"),
        Finding("tuning", chosen.tuning or "none: the model is used as it came"),
        Finding(
            "fill in the middle",
            "yes" if fim else "no: the text after the cursor is not seen",
        ),
        Finding("calibration", f"half of the spans right at {chosen.calibration.midpoint:.2f} bits"),
        Finding("loading", f"{loaded * 1000:.0f} ms"),
        *_memory(engine, chosen),
        *_speed(engine, chosen),
    ]
    engine.close()
    return findings


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


def _speed(engine: LlamaEngine, model: Model) -> list[Finding]:
    """Say how long a person waits for this model, and what that comes of."""
    from empower_lsp.commands import waits
    from empower_model.files import Origin

    chosen = model.origin is not Origin.BUNDLED
    timings = engine.measured()
    times = waits.timed(engine, model.calibration)
    meanwhile = (
        f"; all {times.tokens:,} tokens of the prompt {times.reading:.1f} s later, if nobody types. "
        "Where it is not ready, the bundled model answers, unless the option `instant` is off"
    )
    return [
        Finding("threads", f"{engine.threads} for prompts, {engine.writing_threads} to write, of {_cores()}"),
        Finding("speed", _rates(timings)),
        Finding("places", _places(engine)),
        _waited("a new place", times.place, waits.LONG_PLACE, meanwhile if chosen else ""),
        _waited("a newline", times.newline, waits.LONG_KEY),
        _waited("a key", times.key, waits.LONG_KEY),
    ]


def _cores() -> str:
    return f"{os.cpu_count()} logical cores"


def _rates(timings: Timings) -> str:
    prompt, token = timings.prompt, timings.token
    noise = f"; others kept {timings.others:.1f} cores busy meanwhile, so this is not remembered"
    return (
        f"{1000 / prompt.quiet:,.0f} tokens/s of a prompt, {1000 / token.quiet:,.0f} written; beside a busy program "
        f"{1000 / prompt.busy:,.0f} and {1000 / token.busy:,.0f}{noise if timings.disturbed else ''}"
    )


def _waited(subject: str, wait: Wait, most: float, more: str = "") -> Finding:
    """Tell how long a completion of the model takes; more than `most` seconds is something to cure."""
    told = f"{spelled(wait.seconds)} to a completion: {wait.evaluated} tokens evaluated, {wait.written} written{more}"
    return Finding(subject, told, CURE if wait.seconds > most else "")


def _places(engine: LlamaEngine) -> str:
    """Say what it takes to find the prompts of earlier places again."""
    from empower_model.engine import states

    if engine.states is None:
        return "only the last one is kept evaluated: this model cannot go on from a part of a text"
    # this file is as good a text as any
    engine.prefill(engine.tokenize(Path(__file__).read_text(encoding="utf-8"))[:SAMPLE])
    size = engine.state_size / SAMPLE
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
