"""The first minutes in Neovim: a plugin manager, a server that is not there, and what is said at first."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from empower_lsp.serving.journal import LOGGED

from .neovim.editor import CLIENT, ROOT, Neovim, neovim, until


def run(folder: Path, init: str, *arguments: str) -> str:
    """Return what a headless Neovim with a configuration prints; it ends by itself."""
    (folder / "init.lua").write_text(init, encoding="utf-8")
    own = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    command = [neovim(), "--headless", "-u", str(folder / "init.lua"), *arguments]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def after(milliseconds: int, code: str) -> str:
    """Return what runs some code so long after the start: before, Neovim looks for a Python, which may take longer."""
    then = f"vim.defer_fn(function() {code} vim.cmd('qa!') end, {milliseconds})"
    return f"vim.api.nvim_create_autocmd('VimEnter', {{ callback = function() {then} end }})\n"


@pytest.mark.parametrize("kind", ["missing", "without its interpreter", "failing"])
def test_a_server_that_cannot_be_run_is_said_once_with_the_cure(tmp_path: Path, kind: str) -> None:
    program = tmp_path / "empower-lsp"
    if kind != "missing":
        program.write_text("#!/no/such/python\n" if kind == "without its interpreter" else "#!/bin/sh\nexit 3\n")
        program.chmod(0o755)
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1\n")
    init = f"""
        vim.opt.runtimepath:append({str(CLIENT)!r})
        vim.lsp.config('empower', {{ cmd = {{ {str(program)!r}, '--stdio' }} }})
        require('empower').setup({{}})
        vim.lsp.enable('empower')
        {after(2000, "io.stdout:write(vim.json.encode(require('empower.notice').said))")}"""
    said = run(tmp_path, init, str(tmp_path / "a.py"), "-c", f"split {tmp_path}/b.py")
    assert said.count(f"`{program}`") == 1, said
    assert said.count(":help empower-install") == 1


def test_the_plugin_manager_of_neovim_installs_the_client(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
    identity = {
        f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    script = clone / "editor-clients" / "neovim-branch.sh"
    commits = []
    for _ in range(2):  # without a change, no second commit
        subprocess.run([script], check=True, env={**os.environ, **identity})
        found = subprocess.run(["git", "rev-list", "neovim"], cwd=clone, capture_output=True, text=True, check=True)
        commits.append(found.stdout.split())
    assert len(commits[1]) == 1
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    init = f"""
        vim.pack.add({{ {{ src = 'file://{clone}', version = 'neovim', name = 'empower' }} }}, {{ confirm = false }})
        require('empower').setup({{ keys = {{ accept = '<Tab>' }} }})
        vim.lsp.enable('empower')
        vim.api.nvim_create_autocmd('VimEnter', {{ callback = function()
          local ok, found = pcall(function()
            vim.cmd('help empower-keys')
            vim.cmd('Empower messages')
            local tag = vim.fn.getcompletion('empower-keys', 'help')[1]
            return {{ require('empower').ready, vim.lsp.config.empower.cmd[1], tag }}
          end)
          io.stdout:write(vim.json.encode(found))
          vim.cmd('qa!')
        end }})"""
    assert run(tmp_path, init) == '[true,"empower-lsp","empower-keys"]'
    assert (tmp_path / "DATA/nvim/site/pack/core/opt/empower/LICENSE").is_file()


def test_the_help_tags_are_those_of_the_help(tmp_path: Path) -> None:
    copy = shutil.copytree(CLIENT / "doc", tmp_path / "doc")
    (copy / "tags").unlink()
    subprocess.run([neovim(), "--clean", "--headless", "-c", f"helptags {copy}", "-c", "q"], check=True)
    assert (copy / "tags").read_text() == (CLIENT / "doc" / "tags").read_text(), "run :helptags on the client's doc"


@pytest.fixture
def first(tmp_path: Path, data_folder: Path) -> Iterator[Neovim]:
    """Return a Neovim that starts the server for the first time, in a narrow terminal."""
    editor = Neovim(tmp_path, data_folder)
    try:
        yield editor
    finally:
        editor.kill()


def test_what_is_logged_is_said_without_a_key_to_press(first: Neovim) -> None:
    until(lambda: LOGGED in first.lua("return require('empower.notice').said"))
    assert first.call("nvim_get_mode") == {"mode": "n", "blocking": False}, "no hit-enter prompt"
    shown = first.lua("""
        return vim.iter(vim.api.nvim_list_wins()):filter(function(window)
          return vim.api.nvim_win_get_config(window).relative ~= ''
        end):map(function(window)
          return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), ' ')
        end):totable()""")
    assert shown == [LOGGED]
    first.keys("ix<Esc>")
    until(lambda: first.line.startswith("x"))  # the keys go to the text
    first.call("nvim_command", "Empower messages")
    assert LOGGED in first.text


def test_a_module_of_the_same_name_on_pythonpath_does_not_stop_it(
    tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("types", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    editor = Neovim(tmp_path, data_folder)
    try:
        until(lambda: editor.status == "empower")
    finally:
        editor.kill()
