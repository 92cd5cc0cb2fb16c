"""What the end-to-end tests start, and with which options."""

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def executable() -> str:
    """The console script that was installed with the package under test."""
    found = shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
    assert found is not None, "empower-lsp is not installed: pip install -e ."
    return found


@pytest.fixture
def options() -> dict[str, Any]:
    """Open-handed, so that any model has something to say; `EMPOWER_TEST_MODEL` names another than the bundled one."""
    return {"rule": "budget", "confidence": 0.05, "model": os.environ.get("EMPOWER_TEST_MODEL", "")}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing of the person's is read."""
    return {**os.environ, "EMPOWER_LSP_DATA": str(tmp_path / "data")}
