"""What a person gets who installs the package: the server, the model, and no torch."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from empower_model.calibration import Calibration
from empower_model.files import store

ROOT = Path(__file__).parents[1]


def test_the_wheel_brings_the_model_and_its_card(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        ".",
    ]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for package in ("empower_lsp", "empower_model", "empower_training"):
        assert f"{package}/__init__.py" in names
        assert f"{package}/py.typed" in names
    assert "empower_model/catalogue.toml" in names
    assert sum(name.startswith("empower_training/assist/problem_set/") for name in names) > 1
    assert {"empower_training/report/report_page/page.html", "empower_training/report/report_page/page.css"} <= set(
        names
    )
    assert "empower_training/report/replays/with-memory.json" in names
    assert any(name.startswith("empower_model/weights/") and name.endswith(".gguf") for name in names)
    assert not any(name.startswith(("model/", "training/", "tests/")) for name in names)


def test_the_sdist_holds_what_its_own_tests_need() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    held = build["targets"]["sdist"]["include"]
    assert {"tests", "benchmarks", "docs", "editor-clients", "examples", "CONTRIBUTING.md", "Makefile"} <= set(held)
    assert [name for name in held if not (ROOT / name).exists()] == []


def test_the_server_needs_neither_torch_nor_transformers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = " ".join(project["dependencies"])
    assert not any(heavy in named for heavy in ("torch", "transformers", "tokenizers", "gguf"))
    assert "torch" in " ".join(project["optional-dependencies"]["training"])


@pytest.mark.parametrize("name", ["empower-python", "empower-python-tuned"])
def test_a_bundled_model_is_the_one_that_the_catalogue_names(name: str) -> None:
    model = store.verify(name)
    assert model.sha256 is not None
    assert model.calibration != Calibration()  # it has one of its own
