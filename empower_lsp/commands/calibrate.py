"""`empower-lsp calibrate`: fits the memory's weights to one's own files, and what the confidence means to one's log."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from empower_lsp.commands import options
from empower_lsp.commands.errors import errors_as_exit
from empower_model.errors import ModelError
from empower_model.files import calibration_file, own_weights
from empower_model.regular_file import read_json

if TYPE_CHECKING:
    from empower_lsp.personal import Decision, Recalibration
    from empower_model.calibration import Calibration
    from empower_model.files import Model
    from empower_model.fitting import Interval

CONFIDENCES = (0.1, 0.2, 0.35, 0.5, 0.8)
"""Of which the meaning in bits is shown, beside the one in use."""


@click.command()
@options.model
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    help="Also fit the weights of the memory to the files of this folder.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=60.0, show_default=True, help="How long to fit the memory."
)
@click.option("--gpu-layers", default=0, show_default=True, help="Layers on the GPU for that; -1 for all.")
@click.option("--dry-run", is_flag=True, help="Show what would come of it, and save nothing.")
@click.option("--reset", is_flag=True, help="Go back to the model's own calibration and weights of the memory.")
@options.as_json
@errors_as_exit()
def calibrate(
    *,
    model: str,
    workspace: Path | None,
    seconds: float,
    gpu_layers: int,
    dry_run: bool,
    reset: bool,
    as_json: bool,
) -> None:
    """Fit what the confidence means to what you accepted and rejected, and the memory to your files.

    From the log of completions, for the model in use: how many bits of surprisal a text may have and still be, with
    that probability, what you want. Saved if cross-validation says that it is no worse than the model's own.

    With --workspace, first how far the memory of a workspace is trusted beside the model: from places in the files of
    that folder, each with a memory of the others. Saved if other files take fewer bits with it, beyond doubt.
    """
    from empower_lsp.personal import fitted
    from empower_model.files import store

    chosen = store.checked(model)
    if reset:
        content, told = _reset(chosen, dry_run)
    elif workspace is None:
        content, told = _calibrate(chosen, dry_run, as_json)
        told += "\nThe memory is trusted as before: --workspace FOLDER fits that to your files."
    else:
        memory, said = fitted(chosen, workspace, seconds, gpu_layers=gpu_layers, dry_run=dry_run)
        if not as_json:
            click.echo(said + "\n")
        content, told = _calibrated_if_enough(chosen, dry_run, as_json)
        content["weights"] = memory
    click.echo(json.dumps(content, indent=2) if as_json else told)


def _calibrated_if_enough(model: Model, dry_run: bool, as_json: bool) -> tuple[dict[str, Any], str]:
    """Calibrate, but take too few decisions for no error: the memory was fitted after all."""
    from empower_lsp.personal import TooFewDecisions

    try:
        return _calibrate(model, dry_run, as_json)
    except TooFewDecisions as error:
        content = {"model": model.name, "tuning": model.tuning, "saved": False, "reason": str(error)}
        return content, f"Confidence: as it was. {error}"


def _calibrate(model: Model, dry_run: bool, as_json: bool) -> tuple[dict[str, Any], str]:
    """Calibrate; return what was found, as JSON and as the last sentence. The tables are printed on the way."""
    from empower_lsp.personal import comparable, recalibrated, still_shown
    from empower_model.request import Limits

    decisions, memory = comparable(_decisions(model), model)
    confidence = decisions[-1].completion.confidence if decisions else Limits().confidence
    path = calibration_file(model, memory)
    recalibration = recalibrated(decisions, _own(model, memory), confidence)
    shown = sum(still_shown(each.completion, recalibration.fitted) for each in decisions) / len(decisions)
    told = sum(each.explicit for each in decisions)
    saved = recalibration.better and not dry_run
    if not as_json:
        _print(recalibration, model, confidence, shown, told)
    if saved:
        _save(path, recalibration)
        sentence = f"Saved in {path}. `empower-lsp calibrate --reset` undoes it."
    elif recalibration.better:
        sentence = "Not saved: a dry run."
    else:
        sentence = "Not saved: on decisions it was not fitted to, it does worse than the model's own calibration."
    content = _content(recalibration, confidence) | {
        "model": model.name,
        "tuning": model.tuning,
        "told_by_editor": told,
    }
    return content | {"still_shown": shown, "memory": memory, "saved": saved, "path": str(path)}, sentence


def _decisions(model: Model) -> list[Decision]:
    """Return the decisions on the model and its tuning."""
    from empower_lsp.log import log_path, opened
    from empower_lsp.personal import decisions

    if not log_path().exists():
        return []
    with opened(log_path()) as log:
        return decisions(log.entries(), model.name, model.tuning)


def _kept(path: Path) -> dict[str, Any]:
    """Return the content that was saved for this model on this machine; empty if there is none."""
    return dict(read_json(path)) if path.exists() else {}


def _own(model: Model, memory: bool) -> Calibration:
    """Return the calibration that the model, its tuning or its memory came with.

    Not one fitted to a log, which would count twice.
    """
    from empower_model.calibration import Calibration
    from empower_model.files import store
    from empower_model.memory import fitted_memory

    kept = _kept(calibration_file(model, memory))
    if "own_midpoint" in kept:
        return Calibration(float(kept["own_midpoint"]), float(kept["own_slope"]))
    if memory:
        return fitted_memory(model).calibration
    if kept:
        return model.calibration
    return Calibration.load(store.calibration_as_it_came(store.resolve(model.name, tuned=False)))


def _save(path: Path, recalibration: Recalibration) -> None:
    kept = _kept(path)
    provenance: dict[str, str | int | float] = {
        "fitted_on": "log",
        "decisions": recalibration.decisions,
        "right": recalibration.right,
        "date": str(date.today()),
        "own_midpoint": recalibration.own.midpoint,
        "own_slope": recalibration.own.slope,
        "own_in": str(kept.get("own_in", "here" if kept else "beside the weights")),
    }
    _write(recalibration.fitted, path, **provenance)


def _write(calibration: Calibration, path: Path, **provenance: str | int | float) -> None:
    """Save a calibration where only its owner can look. Raises ModelError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        calibration.save(path, **provenance)
    except OSError as error:
        raise ModelError(f"The calibration cannot be saved in {path}: {error.strerror}.") from error


def _reset(model: Model, dry_run: bool) -> tuple[dict[str, Any], str]:
    """Undo what was fitted to a person: to the log with and without a memory, and to a workspace."""
    path = calibration_file(model, memory=False)
    kept, own = _kept(path), _own(model, memory=False)
    fitted = [file for file in (calibration_file(model, memory=True), own_weights(model)) if file.exists()]
    content = {"model": model.name, "tuning": model.tuning, "own": asdict(own)}
    if "own_in" not in kept and not fitted:
        return content | {"reset": False}, f"Nothing to reset: {model.name} is in use with its own calibration."
    if dry_run:
        there = ", ".join(map(str, [*([path] if "own_in" in kept else []), *fitted]))
        return content | {"reset": False}, f"Would delete what was fitted to you: {there}"
    for file in fitted:
        file.unlink(missing_ok=True)
    if kept.get("own_in") == "here":  # a tuning's own calibration lay in the same place
        _write(own, path, fitted_on="restored", date=str(date.today()))
    elif kept.get("own_in"):
        path.unlink()
    return content | {"reset": True}, f"{model.name} is in use with its own calibration again."


def _content(recalibration: Recalibration, confidence: float) -> dict[str, Any]:
    content = asdict(recalibration) | {"better": recalibration.better, "confidence": confidence}
    eta = {"own": recalibration.own.budget(confidence), "fitted": recalibration.fitted.budget(confidence)}
    return content | {"eta": {name: bits if math.isfinite(bits) else None for name, bits in eta.items()}}


def _print(recalibration: Recalibration, model: Model, confidence: float, shown: float, told: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    named = f"{model.name} + {model.tuning}" if model.tuning else model.name
    console.print(
        f"{recalibration.decisions} decisions on {named}, {told} of them told by the editor, the others inferred.\n"
        f"{recalibration.right} texts were right to the end. "
        f"Cross-validated over {recalibration.groups} {recalibration.unit}.\n"
    )
    table = Table(box=None, pad_edge=False)
    for heading in ("", "own", "fitted", "change, with its 95 % interval"):
        table.add_column(heading, justify="left" if heading in ("", "change, with its 95 % interval") else "right")
    table.add_row(
        "log loss, bits a decision", *(f"{bits:.3f}" for bits in recalibration.loss), _change(recalibration.loss_change)
    )
    table.add_row(
        "calibration error", *(f"{error:.3f}" for error in recalibration.error), _change(recalibration.error_change)
    )
    for p in sorted({*CONFIDENCES, confidence}):
        knob = f"confidence {p:g}{' (in use)' if p == confidence else ''} in bits"
        table.add_row(
            knob, *(_bits(calibration.budget(p)) for calibration in (recalibration.own, recalibration.fitted))
        )
    table.add_row("of those seen, still shown", "100 %", f"{shown:.0%}".replace("%", " %"))
    console.print(table)
    console.print()
    console.print(_reliability(recalibration))
    if recalibration.fitted.budget(confidence) > recalibration.own.budget(confidence):
        console.print("\nLonger completions come too, which the log cannot judge yet: calibrate again in a while.")


def _reliability(recalibration: Recalibration) -> Any:
    from itertools import zip_longest

    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("own says", "right", "of", "fitted says", "right", "of"):
        table.add_column(heading, justify="right")
    for pair in zip_longest(*recalibration.bins):
        cells = [
            (f"{bin_.predicted:.2f}", f"{bin_.right:.2f}", str(bin_.spans)) if bin_ else ("", "", "") for bin_ in pair
        ]
        table.add_row(*cells[0], *cells[1])
    return table


def _change(change: Interval) -> str:
    return f"{change.estimate:+.3f} ({change.low:+.3f} to {change.high:+.3f})"


def _bits(bits: float) -> str:
    return f"{bits:.2f}" if math.isfinite(bits) else "no limit"
