"""The server is what `editor-clients/conformance.py` tells the authors of clients that it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "editor-clients" / "conformance.py"


def test_a_good_and_a_bad_client_are_answered(data_folder: Path) -> None:
    program = shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
    assert program is not None, "empower-lsp is not installed: pip install -e ."
    done = subprocess.run([sys.executable, SCRIPT, program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  ") >= 12


def test_a_server_that_answers_nothing_of_it_fails() -> None:
    silent = "import sys; sys.exit(0)"
    command: list[str | Path] = [sys.executable, SCRIPT, sys.executable, "-c", silent]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "The server has ended." in done.stderr
