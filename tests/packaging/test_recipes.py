"""The recipes of installing, run as they stand in the README: from the wheel and from the sdist, by pip, pipx and uv.

llama.cpp is not compiled again: the wheel that pip has made of it stands beside. Runs on Linux only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.wheels import ROOT

pytestmark = pytest.mark.index

QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of an environment that has pipx and uv."""
    environment = tmp_path_factory.mktemp("tools") / "environment"
    run([sys.executable, "-m", "venv", environment])
    run([environment / "bin" / "pip", "install", "pipx", "uv", "hatchling"])
    return environment / "bin"


@pytest.fixture(scope="module")
def dist(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [tools / "python", "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


def run(command: list[str | Path], **variables: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **QUIET, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
@pytest.mark.parametrize("tool", ["pip", "pipx", "uv"])
def test_what_a_tool_installs_completes(
    tool: str, kind: str, tools: Path, dist: dict[str, Path], good: Path, tmp_path: Path
) -> None:
    links = {
        "PIP_FIND_LINKS": str(good.parent),
        "UV_FIND_LINKS": str(good.parent),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
    }
    places = {f"PIPX_{name}": str(tmp_path / name) for name in ("HOME", "BIN_DIR", "MAN_DIR")}
    places |= {"UV_TOOL_DIR": str(tmp_path / "HOME"), "UV_TOOL_BIN_DIR": str(tmp_path / "BIN_DIR")}
    if tool == "pip":
        run([sys.executable, "-m", "venv", tmp_path / "environment"])
        run([tmp_path / "environment/bin/pip", "install", dist[kind]], **links)
        program = tmp_path / "environment/bin/empower-lsp"
    else:
        command: list[str | Path] = [tools / "pipx", "install"] if tool == "pipx" else [tools / "uv", "tool", "install"]
        run([*command, "--python", sys.executable, dist[kind]], **links, **places)
        program = tmp_path / "BIN_DIR/empower-lsp"
    shutil.copytree(ROOT / "examples/allotment", tmp_path / "allotment")
    said = run([program, "complete", "--retype", tmp_path / "allotment/plan.py:25:16"])
    assert "prompt tokens" in said
    if tool == "pip":
        run([tmp_path / "environment/bin/pip", "uninstall", "--yes", "empower-lsp"])
        assert not program.exists()
