"""`evaluate cursors`, as a person would call it, with the bundled model."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from empower_model.files import Provenance, digest, store, tunings
from empower_training.commands.evaluate import evaluate

TEXT = "".join(f"def check_{n}(self):\n    self.assertEqual(check({n}), {n})\n    return self\n\n" for n in range(30))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for split, package in (("validation", "p"), ("heldout", "p"), ("programs", "q")):
        row = json.dumps({"package": package, "path": f"{package}/a.py", "text": TEXT}) + "\n"
        (tmp_path / f"{split}.jsonl").write_text(row, encoding="utf-8")
    return tmp_path


def call(*arguments: object) -> str:
    result = CliRunner().invoke(evaluate, ["cursors", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_calibration_is_fitted_and_kept_beside_the_model(tmp_path: Path, corpus: Path) -> None:
    model = tmp_path / "model.gguf"
    shutil.copyfile(store.resolve(store.bundled(), tuned=False).path, model)
    said = call(corpus, "--model", model, "--fit", 40, "--count", 6)
    kept = json.loads((tmp_path / "model.calibration.json").read_text(encoding="utf-8"))
    assert f"half right at {kept['midpoint']:.3f} bits" in said
    assert "gain 0.3" in said


def test_a_calibration_of_a_tuning_is_kept_with_it(tmp_path: Path, corpus: Path) -> None:
    path = tmp_path / "model.gguf"
    shutil.copyfile(store.checked("empower-python").path, path)
    model = store.checked(str(path))
    tuned = store.checked("empower-python-tuned").path
    assert model.size is not None
    about = Provenance(digest(path), model.size, "", "empower", 32.0, "2026-12-01", "0", {}, "")
    tuning = tunings.promote(model, tunings.keep(model, tuned, about).id)
    said = call(corpus, "--model", path, "--fit", 40, "--count", 0)
    kept = json.loads(tuning.path.with_name("calibration.json").read_text(encoding="utf-8"))
    assert f"half right at {kept['midpoint']:.3f} bits" in said
    assert not list(tmp_path.glob("*.calibration.json"))


def test_completions_are_shown_as_the_file_has_them_or_not(corpus: Path) -> None:
    said = call(corpus, "--model", store.bundled(), "--count", 0, "--show", 3)
    assert "net gain" not in said
    cursors = re.findall(r"--- cursor \d+, p: (right|wrong)\n(.*?)⟨(.*?)⟩", said, re.DOTALL)
    assert len(cursors) == 3
    for verdict, above, text in cursors:
        assert above in TEXT
        assert (above + text in TEXT) == (verdict == "right")
    of_programs = call(corpus, "--model", store.bundled(), "--split", "programs", "--count", 0, "--show", 3)
    assert of_programs.count(", q: ") == 3
