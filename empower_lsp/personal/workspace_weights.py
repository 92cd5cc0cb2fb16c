"""The memory's part of `calibrate`: its weights, fitted to one's own files and kept if they foretell them better."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empower_lsp.workspace import Workspace
from empower_model.errors import EmpowerError, ModelError
from empower_model.files import calibration_file, memory_weights, own_weights, weights_files
from empower_model.memory import memory_in_use
from empower_model.regular_file import read_json

if TYPE_CHECKING:
    from empower_lsp.personal.decision import Decision
    from empower_model.files import Model
    from empower_model.fitting import Adaptation

MOST_CHARACTERS = 8_000_000
"""Of a larger workspace the files written last: some two million tokens, tokenised in some ten seconds."""


def fitted(
    model: Model, folder: Path, seconds: float, *, gpu_layers: int = 0, dry_run: bool = False
) -> tuple[dict[str, Any], str]:
    """Fit the weights for a model to the files of a folder; returns what came of it, as JSON and in sentences.

    Saved for running servers to follow, if it is better. Raises EmpowerError.
    """
    from empower_model.engine import EngineConfig
    from empower_model.engine.llama import LlamaEngine
    from empower_model.fitting import adapted

    began = time.monotonic()
    folder = folder.resolve()
    files = _texts(folder)
    weights = memory_in_use(model)
    engine = LlamaEngine(EngineConfig(model.path, gpu_layers=gpu_layers, adapter=model.adapter))
    try:
        adaptation = adapted(engine, files, weights, seconds - (time.monotonic() - began))
    finally:
        engine.close()
    saved = adaptation.better and not dry_run
    if saved:
        _save(model, adaptation, folder.name)
    numbers = asdict(adaptation)
    del numbers["weights"]
    content = numbers | {"workspace": folder.name, "better": adaptation.better, "saved": saved}
    content |= {"calibration": asdict(adaptation.weights.calibration), "path": str(own_weights(model))}
    return content, _told(adaptation, folder.name, len(files), saved)


def source(model: Model) -> str:
    """Return where the weights of the memory for a model come from, in a few words. Raises ModelError."""
    *_, beside, default = weights_files(model)
    path = memory_weights(model)
    if path in (beside, default):
        return "came with the model" if path == beside else "for any model; `calibrate --workspace FOLDER` fits them"
    content = _provenance(path)
    return f"fitted to {content.get('workspace', 'a workspace')} on {content.get('date', 'some day')}"


def comparable(decisions: Sequence[Decision], model: Model) -> tuple[list[Decision], bool]:
    """Return the decisions on bits such as the last one's: those with a memory, or those without; and which it is.

    Those with other weights of the memory than are in use were on other bits, and are left out. Raises ModelError.
    """
    first = float(_provenance(memory_weights(model)).get("saved_at", 0.0))  # seconds since 1970; 0 if they came along
    now = [decision for decision in decisions if not decision.memory or decision.completion.at >= first]
    memory = bool(now) and now[-1].memory
    return [decision for decision in now if decision.memory == memory], memory


def _provenance(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"The weights of the memory {path} cannot be read: {error}. Delete the file, or fit them again."
        ) from error


def _texts(folder: Path) -> dict[str, str]:
    """Return what the files of a folder say that a memory would hold, by relative paths; the newest ones if many."""
    if not folder.is_dir():
        raise EmpowerError(f"There is no folder {folder}: name the one that you work in.")
    workspace = Workspace((folder.as_posix(),))
    stamped = [(stamp, name) for name, stamp in workspace.files() if stamp is not None]
    texts: dict[str, str] = {}
    left = MOST_CHARACTERS
    for _, name in sorted(stamped, reverse=True):
        text = workspace.text(name)
        if text is not None and (left := left - len(text)) > 0:
            texts[name.removeprefix(folder.as_posix() + "/")] = text
    if not texts:
        raise EmpowerError(f"There is no text in {folder} that a memory would hold: name the folder that you work in.")
    return texts


def _save(model: Model, adaptation: Adaptation, workspace: str) -> None:
    """Put weights in the place of those in use, where only their owner can look. Raises ModelError."""
    path = own_weights(model)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        adaptation.weights.save(
            path,
            fitted_on="workspace",
            workspace=workspace,
            files=adaptation.files,
            tokens=adaptation.tokens,
            date=str(date.today()),
            saved_at=time.time(),
        )
        calibration_file(model, memory=True).unlink(missing_ok=True)  # fitted to bits of the old mixture
    except OSError as error:
        raise ModelError(f"The memory's weights cannot be saved in {path}: {error.strerror}.") from error


def _told(adaptation: Adaptation, workspace: str, files: int, saved: bool) -> str:
    alone, before, after = adaptation.rates
    change = adaptation.change
    read = (
        f"Memory: {adaptation.tokens} tokens at {adaptation.places} places in {workspace} ({files} files) take "
        f"{alone:.3f} bits a character without a memory, {before:.3f} with the weights in use, and {after:.3f} with "
        f"weights fitted to other files ({change.estimate:+.3f}, {change.low:+.3f} to {change.high:+.3f})."
    )
    if not adaptation.better:
        return f"{read} The weights stay as they are: that is not less beyond doubt."
    kept = "Saved; running servers follow." if saved else "Not saved: a dry run."
    return f"{read} {kept} {_curve(adaptation)}"


def _curve(adaptation: Adaptation) -> str:
    if (curve := adaptation.curve) is None:
        return "There was no time to fit their calibration again, so that of the weights before stays: see --seconds."
    tested = f"over {curve.spans} texts: error {curve.error[0]:.3f} before, {curve.error[1]:.3f} fitted to other files"
    stays = curve.loss[1] > curve.loss[0]
    return f"Their calibration {'holds as it was' if stays else 'was fitted again'} ({tested})."
