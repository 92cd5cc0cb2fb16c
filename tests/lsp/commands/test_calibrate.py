"""`empower-lsp calibrate`, as a person or a script sees it."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from empower_lsp.commands.calibrate import calibrate
from empower_lsp.log.records import CompletionRecord, OutcomeRecord, TokenRecord
from empower_lsp.log.store import Store, log_path
from empower_model.calibration import Calibration, sidecar
from empower_model.files import store, tunings
from empower_model.files.memory_files import memory_sidecar, own_weights
from empower_model.files.tunings import calibration_file
from empower_model.fitting import adaptation
from empower_model.memory import mixture
from empower_model.memory.mixture import Weights

TRUTH = Calibration(0.5, 1.0)
ALL_THE_TIME = ("--seconds", "600")
"""On a busy machine, the default may not do for the places of a small workspace, which take some seconds."""


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def run(*args: str) -> Result:
    return CliRunner().invoke(calibrate, args)


def content(*args: str) -> dict[str, Any]:
    result = run("--json", *args)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def fill(
    count: int, truth: Calibration = TRUTH, model: str = "", adapter: str = "", memory: bool = False, seed: int = 0
) -> None:
    """Return a log of completions that the model's own calibration lets through, judged by a person with another."""
    random = np.random.default_rng(seed)
    model = model or store.bundled()
    log = Store(log_path())
    now = time.time()
    for i in range(count):
        bits = float(2.0 * random.random() ** 1.5)
        tokens = (TokenRecord("return", round(bits, 4), 1.0), TokenRecord("()", 3.0, 3.0))
        id, at = f"{model}{adapter}{memory}{i}", now - 3600.0 * (count - i)
        log.write(
            CompletionRecord(
                id, at, "a.py", "w", "python", "", "", "return", 6, tokens, 1, "uncertain", 0.5, 2.0, 0.2, "gain",
                model, adapter, 9, 3, 4.0, 20.0, "0", memory,
            )
        )  # fmt: skip
        log.write(OutcomeRecord(id, at, "shown", False))
        right = random.random() < truth.probability(bits)
        log.write(OutcomeRecord(id, at + 1, "accepted" if right else "diverged", i % 2 == 0, 6 * right, 6))
    log.close()


def test_without_a_log() -> None:
    result = run()
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "holds 0 decisions" in result.stderr
    assert "needs 100" in result.stderr
    assert not log_path().exists()


def test_too_few_on_this_model_and_adapter() -> None:
    fill(30)
    fill(150, adapter="2026-01-01-empower")
    fill(150, model="another")
    result = run()
    assert result.exit_code == 1
    assert "holds 30 decisions" in result.stderr


def test_what_is_better_is_saved_and_used(data_folder: Path) -> None:
    fill(400)
    own = store.checked("").calibration
    result = run()
    assert result.exit_code == 0, result.output
    model = store.checked("")
    path = tunings.calibration_file(model)
    assert f"Saved in {path}" in result.stdout
    assert "400 decisions" in result.stdout
    assert "--workspace FOLDER" in result.stdout
    assert "200 of them told by the editor" in result.stdout
    assert "confidence 0.2 (in use) in bits" in result.stdout
    assert model.calibration == Calibration.load(path) != own
    assert model.calibration.budget(0.5) == pytest.approx(TRUTH.budget(0.5), rel=0.3)
    saved = json.loads(path.read_text())
    assert (saved["fitted_on"], saved["decisions"]) == ("log", 400)
    assert [file.name for file in path.parent.iterdir()] == ["calibration.json"]
    assert path.is_relative_to(data_folder)


def test_json_holds_what_a_script_needs() -> None:
    fill(400)
    outcome = content()
    assert (outcome["decisions"], outcome["unit"], outcome["better"], outcome["saved"]) == (400, "days", True, True)
    assert outcome["loss"][1] < outcome["loss"][0]
    assert outcome["loss_change"]["low"] < outcome["loss_change"]["estimate"] < outcome["loss_change"]["high"]
    assert outcome["loss_change"]["estimate"] == pytest.approx(outcome["loss"][1] - outcome["loss"][0])
    assert outcome["eta"]["own"] == pytest.approx(outcome["own"]["midpoint"] * 4 ** (1 / outcome["own"]["slope"]))
    assert outcome["confidence"] == 0.2
    assert 0 < outcome["still_shown"] <= 1
    assert len(outcome["bins"]) == 2


def test_a_second_run_starts_from_the_models_own_calibration_again() -> None:
    fill(400)
    first, second = content(), content()
    assert second["own"] == first["own"]
    assert second["fitted"] == first["fitted"]


def test_a_dry_run_saves_nothing() -> None:
    fill(400)
    assert "Not saved: a dry run." in run("--dry-run").stdout
    assert content("--dry-run")["saved"] is False
    assert not tunings.calibration_file(store.checked("")).exists()


def test_what_is_worse_is_not_saved() -> None:
    # A person just like the model, and so few decisions that a fit to them learns little but chance.
    fill(120, store.checked("").calibration, seed=3)
    outcome = content()
    assert outcome["loss"][1] > outcome["loss"][0]
    assert (outcome["better"], outcome["saved"]) == (False, False)
    assert "Not saved: on decisions it was not fitted to, it does worse" in run().stdout
    assert not tunings.calibration_file(store.checked("")).exists()


def test_reset_gives_the_models_own_back() -> None:
    own = store.checked("").calibration
    assert "Nothing to reset" in run("--reset").stdout
    fill(400)
    run()
    assert store.checked("").calibration != own
    assert "Would delete" in run("--reset", "--dry-run").stdout
    assert store.checked("").calibration != own
    assert content("--reset")["reset"] is True
    assert store.checked("").calibration == own
    assert not tunings.calibration_file(store.checked("")).exists()


def test_reset_gives_a_tunings_own_back() -> None:
    # As if it had come with the tuning: there is one already, which no log was fitted to.
    path = tunings.calibration_file(store.checked(""))
    path.parent.mkdir(parents=True)
    came_with = Calibration(0.9, 1.9)
    came_with.save(path, date="2026-01-01")
    fill(400)
    outcome = content()
    assert outcome["own"] == {"midpoint": 0.9, "slope": 1.9}
    assert content()["own"] == outcome["own"]
    assert "Nothing to reset" not in run("--reset").stdout
    assert store.checked("").calibration == came_with
    assert "Nothing to reset" in run("--reset").stdout


def test_a_broken_calibration_is_one_sentence() -> None:
    path = tunings.calibration_file(store.checked(""))
    path.parent.mkdir(parents=True)
    path.write_text("{")
    result = run()
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_that_cannot_be_written_is_one_sentence() -> None:
    fill(400)
    path = tunings.calibration_file(store.checked(""))
    path.parent.parent.mkdir(parents=True)
    path.parent.write_text("in the way")
    result = run()
    assert result.exit_code == 1
    assert "cannot be saved" in result.stderr


def test_the_prior_is_the_sidecar_of_the_file() -> None:
    fill(400)
    beside = Calibration.load(sidecar(store.resolve(store.bundled(), tuned=False).path))
    assert content("--dry-run")["own"] == {"midpoint": beside.midpoint, "slope": beside.slope}


def test_with_a_memory_bits_mean_something_else_and_are_kept_apart() -> None:
    fill(30, seed=1)
    fill(400, memory=True)
    weights = Weights.load(memory_sidecar(store.checked("").path))
    assert weights is not None
    outcome = content()
    assert (outcome["memory"], outcome["decisions"]) == (True, 400)
    assert Calibration(**outcome["own"]) == weights.calibration
    path = Path(outcome["path"])
    assert path == tunings.calibration_file(store.checked("")).with_name("calibration.memory.json")
    assert Calibration.load(path) != weights.calibration
    assert store.checked("").calibration == Calibration.load(sidecar(store.checked("").path)), (
        "that without is as it was"
    )
    assert content()["own"] == outcome["own"]
    assert "path" not in content("--reset", "--dry-run")
    assert path.exists()
    assert content("--reset")["reset"] is True
    assert not path.exists()
    assert content("--reset")["reset"] is False


VERBS = ("load", "store", "check", "send", "fetch", "merge")
NAMES = ("alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that say the same of other names, and one that must not be read; few places, however much time there is."""
    monkeypatch.setattr(adaptation, "MOST_PLACES", 24)
    folder = tmp_path / "project"
    folder.mkdir()
    for verb in VERBS:
        lines = (
            f"def {verb}_{name}(zebra):\n    return quantified_{name}(zebra, {n})\n" for n, name in enumerate(NAMES)
        )
        (folder / f"{verb}.py").write_text("\n\n".join(lines))
    (folder / ".env").write_text("token = 'giraffe'\n" * 100)
    return folder


def doubting(model: str = "") -> Path:
    """Has the memory hardly trusted, as if that had been fitted here."""
    chosen = store.checked(model)
    path = own_weights(chosen)
    path.parent.mkdir(parents=True, exist_ok=True)
    coefficients = np.zeros(mixture.SHAPE)
    coefficients[:, :, 0] = -8.0
    Weights(coefficients, Calibration(1.0, 2.0)).save(path)
    return path


def test_weights_are_fitted_to_a_workspace_and_kept(workspace: Path) -> None:
    path = doubting()
    before = Weights.load(path)
    again = calibration_file(store.checked(""), memory=True)
    Calibration(0.7, 1.0).save(again)
    outcome = content("--workspace", str(workspace), *ALL_THE_TIME)
    weights = outcome["weights"]
    alone, now, after = weights["rates"]
    assert after < now < alone
    assert (weights["better"], weights["saved"], weights["workspace"]) == (True, True, "project")
    assert weights["path"] == str(path)
    assert weights["files"] == len(VERBS)
    assert outcome["saved"] is False
    assert "needs 100" in outcome["reason"], "of the log, which is empty"
    fitted = Weights.load(path)
    assert fitted is not None
    assert before is not None
    assert (fitted.coefficients[:, :, 0] > before.coefficients[:, :, 0]).any()
    assert json.loads(path.read_text())["fitted_on"] == "workspace"
    assert "giraffe" not in path.read_text()
    assert not again.exists(), "what was fitted to bits of the old weights no longer counts"
    assert [file.name for file in path.parent.iterdir()] == ["memory.json"]


def test_what_was_decided_with_other_weights_says_nothing_of_these(workspace: Path) -> None:
    fill(400, memory=True)
    doubting()
    assert content()["decisions"] == 400
    content("--workspace", str(workspace), *ALL_THE_TIME)
    result = run()
    assert result.exit_code == 1
    assert "holds 0 decisions" in result.stderr


def test_a_dry_run_keeps_the_weights(workspace: Path) -> None:
    path = doubting()
    before = path.read_text()
    result = run("--workspace", str(workspace), "--dry-run", *ALL_THE_TIME)
    assert result.exit_code == 0, result.output
    assert "Not saved: a dry run." in result.stdout
    assert "Confidence: as it was. The log holds 0 decisions" in result.stdout
    assert path.read_text() == before


def test_reset_gives_the_weights_back(workspace: Path) -> None:
    path = doubting()
    assert str(path) in run("--reset", "--dry-run").stdout
    assert path.exists()
    assert content("--reset")["reset"] is True
    assert not path.exists()


@pytest.mark.parametrize(("name", "words"), [("absent", "no folder"), ("empty", "no text"), ("small", "need 500 in 5")])
def test_a_workspace_without_enough_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    if name != "absent":
        (tmp_path / name).mkdir()
    if name == "small":
        (tmp_path / name / "a.py").write_text("def one():\n    return 1\n")
    result = run("--workspace", str(tmp_path / name), "--seconds", "1")
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
