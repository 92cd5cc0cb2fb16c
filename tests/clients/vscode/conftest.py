"""A window of VS Code for the tests; who has no code-server is told how to get it, and the tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.vscode.window import DRIVER, VSCode, opened, packaged, program
from tests.packaging.wheels import compiled

PLACE = "EMPOWER_CODE_SERVER"
"""Names the folder that `setup.sh` has filled; `make test-editors` sets it."""


@pytest.fixture(scope="session")
def code_server() -> Path:
    """Return the folder with code-server, Node and playwright-core."""
    named = os.environ.get(PLACE)
    if not named:
        pytest.skip(f"needs code-server and Chromium: `make test-editors` gets them and sets {PLACE}")
    folder = Path(named).resolve()
    assert (folder / "node_modules" / "code-server").is_dir(), (
        f"{PLACE} has no code-server: run {DRIVER.parent}/setup.sh"
    )
    assert shutil.which("chromium"), "Chromium is not installed; on Debian: apt install chromium fonts-dejavu-core"
    return folder


@pytest.fixture(scope="session")
def package(code_server: Path) -> Path:
    """Return the extension as people install it, packaged from what is here."""
    return packaged(code_server)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of llama-cpp-python that works here."""
    return compiled(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def editor(code_server: Path, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VSCode]:
    """Return a window with the real server and the bundled model."""
    with opened(code_server, package, tmp_path_factory.mktemp("vscode"), program()) as window:
        window.until(lambda: window("texts", "h3"), "the walkthrough opens")  # which takes the focus
        window.until(lambda: "is loaded" in window.status(), "the model is loaded")
        yield window


@pytest.fixture(autouse=True)
def tidied(editor: VSCode) -> Iterator[None]:
    """Leave the window to the next test as this one found it."""
    yield
    editor.tidy()
