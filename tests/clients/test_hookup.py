"""What `make try` says about editors is what the README says."""

import os
import re
import sysconfig
from pathlib import Path

import pytest

from .neovim.editor import Neovim, until
from .test_emacs import SETUP

ROOT = Path(__file__).parents[2]


def test_neovim_is_hooked_up_as_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hookup = (ROOT / "editor-clients" / "HOOKUP.txt").read_text(encoding="utf-8").splitlines()
    [snippet] = re.findall(r"\*\*Neovim\*\*.*?```lua\n(.*?)```", readme, re.DOTALL)[:1]
    wanted = [line.replace("/path/to/empower-lsp", "<this folder>") for line in snippet.splitlines()]
    assert len(wanted) >= 3
    said = [line.strip() for line in hookup]
    assert [line for line in said if line in wanted] == wanted
    assert any(".venv/bin/empower-lsp', '--stdio'" in line for line in said), "the server is not on the PATH"


def test_what_the_readme_says_for_neovim_does_it(
    tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```lua\n(.*?)```", readme, re.DOTALL)
    script = tmp_path / "init.lua"
    script.write_text(snippet.replace("/path/to/empower-lsp", str(ROOT)), encoding="utf-8")
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
    editor = Neovim(tmp_path, data_folder, str(script))
    try:
        until(lambda: editor.status == "empower")
        editor.begin("return Po")
        ghost = editor.ghost()
        editor.keys("<Tab>")
        until(lambda: editor.line == "        return Po" + ghost)
    finally:
        editor.kill()


def test_what_the_readme_says_for_emacs_is_what_is_tested() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```elisp\n(.*?)```", readme, re.DOTALL)
    tested = SETUP.replace("{client}", "/path/to/empower-lsp/editor-clients/emacs/empower.el").splitlines()
    assert set(snippet.splitlines()) <= set(tested)
