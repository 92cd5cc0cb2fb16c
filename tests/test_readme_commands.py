"""Every command of the README is run: here where that takes no time, else by the test that is named."""

import re
import shlex
import struct
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from empower_lsp.cli import main
from empower_lsp.log.records import completion_record
from empower_lsp.log.store import Store, log_path
from empower_model.files import store
from empower_model.request import Completion, End, Limits, Request

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
BLOCKS = "".join(block for language, block in FENCED.findall(README) if not language)
LINES = [line.partition(" #")[0].strip() for line in BLOCKS.splitlines()]
SPANS = [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", FENCED.sub("", README) + BLOCKS)]
PROGRAM = re.compile(r"(?:empower-lsp|make|pip|pipx|uv|npm|cd|code|python3) ")
COMMANDS = sorted({command for command in (*LINES, *SPANS) if PROGRAM.match(command)})

HERE = {
    "empower-lsp complete examples/allotment/plan.py:25:16": "prompt tokens",
    "empower-lsp log off": "Nothing is logged",
    "empower-lsp log purge --all": "Deleted 1 completions",
    "empower-lsp log stats": "python",
    "empower-lsp log status": "1 completions",
    "empower-lsp model list": "empower-python-tuned",
    "empower-lsp model use qwen2.5-coder-0.5b-instruct": "In use: qwen2.5-coder-0.5b-instruct",
    "empower-lsp model pull qwen2.5-coder-0.5b-instruct": "is already here",
}
"""Run below, each with what it has to say."""
ELSEWHERE = {
    "cd editor-clients/vscode && npm ci && npm run package": ("clients/vscode/window.py", '"npm", "run", "package"'),
    "code --install-extension empower-lsp.vsix": ("clients/vscode/window.py", '"--install-extension", package'),
    "empower-lsp calibrate": ("lsp/commands/test_calibrate.py", "test_what_is_better_is_saved_and_used"),
    "empower-lsp doctor": ("lsp/test_cli.py", 'run("doctor", "--json")'),
    "empower-lsp setup": ("lsp/commands/test_setup.py", "test_on_a_yes_it_is_pulled_used_and_measured"),
    "empower-lsp train --from-log": ("e2e/test_learning.py", '(["--from-log"], '),
    "make test": ("test_readme.py", '"--no-print-directory", "test"'),
    "make try": ("test_readme.py", '"--dry-run", "try"'),
    "pipx install .": ("packaging/test_recipes.py", 'tools / "pipx", "install"'),
    "uv tool install .": ("packaging/test_recipes.py", 'tools / "uv", "tool", "install"'),
    "pip install .": ("packaging/test_recipes.py", "bin/pip"),
    "pip install '.[training]'": ("../Makefile", '".[training,dev]"'),
    "pip uninstall empower-lsp": ("packaging/test_recipes.py", '"uninstall"'),
    "python3 editor-clients/install_server.py FOLDER --prebuilt INDEX": (
        "packaging/test_install_server.py",
        "--prebuilt",
    ),
}
"""Run by a test in a file below this folder, which has these words."""


def test_every_command_is_run_by_a_test() -> None:
    assert sorted({*HERE, *ELSEWHERE}) == COMMANDS
    for name, words in ELSEWHERE.values():
        assert words in (ROOT / "tests" / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("command", HERE)
def test_it_does_what_the_readme_says(command: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = Completion("return x", (), 0, End.UNCERTAIN, 0.5, 1.0, 1, 1, 0.0, 5.0)
    log = Store(log_path())
    log.write(
        completion_record(
            done,
            Request("", "", Limits()),
            identifier="a",
            path="a.py",
            workspace="w",
            language="python",
            model="m",
            version="0",
            at=time.time(),
        )
    )
    log.close()
    if "qwen" in command:
        entry = store.find(command.rsplit(maxsplit=1)[-1])
        assert entry is not None
        entry.path.parent.mkdir(parents=True)
        entry.path.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 2, 1) + bytes(2_500_000))
    _, *arguments = shlex.split(command)
    result = CliRunner().invoke(main, arguments, input="y\n")
    assert result.exit_code == 0, result.output
    assert HERE[command] in result.output
