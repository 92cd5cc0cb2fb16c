"""What the end-to-end tests start, and with which options."""

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from empower_lsp.log.level import Level, choose


@pytest.fixture(scope="session")
def executable() -> str:
    """Return the console script that was installed with the package under test."""
    script = shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
    assert script is not None, "empower-lsp is not installed: pip install -e ."
    return script


@pytest.fixture
def options() -> dict[str, Any]:
    """Open-handed, so that any model has something to say; `EMPOWER_TEST_MODEL` names another than the bundled one."""
    return {"rule": "budget", "confidence": 0.05, "model": os.environ.get("EMPOWER_TEST_MODEL", "")}


@pytest.fixture
def environment(data_folder: Path) -> dict[str, str]:
    """Return the environment of somebody who has been told that there is a log."""
    choose(Level.FULL)
    return {**os.environ, "EMPOWER_LSP_DATA": str(data_folder)}
