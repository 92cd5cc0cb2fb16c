"""The workflows and forms for a public forge are what that forge reads, and give nothing away; none has run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.wheels import ROOT

pytestmark = pytest.mark.index
GITHUB = ROOT / ".github"


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of an environment that has the linters."""
    environment = tmp_path_factory.mktemp("linters") / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin/pip", "install", "-q", "zizmor", "check-jsonschema", "pre-commit"], check=True)
    return environment / "bin"


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflows_give_nothing_away(tools: Path) -> None:
    run(tools / "zizmor", "--offline", GITHUB / "workflows")


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("workflows", "workflows/*.yml"),
        ("issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("issue-forms", "ISSUE_TEMPLATE/completion.yml"),
        ("issue-config", "ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_they_are_what_the_forge_reads(tools: Path, schema: str, files: str) -> None:
    paths = sorted(GITHUB.glob(files))
    assert paths
    run(tools / "check-jsonschema", "--builtin-schema", f"vendor.github-{schema}", *paths)


def test_pre_commit_reads_its_configuration(tools: Path) -> None:
    run(tools / "pre-commit", "validate-config", ".pre-commit-config.yaml")
