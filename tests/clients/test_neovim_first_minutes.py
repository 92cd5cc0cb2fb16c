"""The first minutes of a person in Neovim, in a terminal, a picture a step: without a server, and then with one.

Pictures go to the folder that EMPOWER_SCREENSHOTS names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from .neovim.editor import ABOVE, BELOW, CLIENT, ROW, neovim, until

PICTURES = "EMPOWER_SCREENSHOTS"
WIDTH, HEIGHT = 100, 28
CONFIGURATION = f"""\
vim.opt.runtimepath:append('{CLIENT}')
vim.opt.swapfile = false
vim.opt.termguicolors = true
require('empower').setup({{ keys = {{ accept = '<Tab>', more = '<M-m>' }} }})
vim.lsp.enable('empower')
"""


class Terminal:
    """A Neovim in a terminal of tmux: what is pressed goes through its keyboard, what is looked at is the screen."""

    def __init__(self, folder: Path, data: Path, path: str) -> None:
        """Open a file on a machine with these folders of programs."""
        tmux, chromium = shutil.which("tmux"), shutil.which("chromium")
        if tmux is None or chromium is None:
            pytest.skip("needs tmux and Chromium; on Debian: apt install tmux chromium")
        self._chromium, self._folder = chromium, folder
        folder.mkdir()
        (folder / "point.py").write_text(ABOVE + " " * 8 + BELOW, encoding="utf-8")
        (folder / "init.lua").write_text(CONFIGURATION, encoding="utf-8")
        self._tmux = [tmux, "-S", str(folder / "s"), "-f", "/dev/null"]
        own = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        variables = {**os.environ, **own, "EMPOWER_LSP_DATA": str(data), "HOME": str(folder), "PATH": path}
        start = [neovim(), "--clean", "-u", "init.lua", f"+{ROW + 1}", "point.py"]
        size = ["new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT)]
        subprocess.run([*self._tmux, *size, *start], env=variables, check=True, cwd=folder)

    def keys(self, *keys: str) -> None:
        """Press keys, in the notation of tmux."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def type(self, text: str) -> None:
        """Type a text."""
        subprocess.run([*self._tmux, "send-keys", "-l", text], check=True)

    def screen(self, *options: str) -> str:
        """Return what the screen shows."""
        command = [*self._tmux, "capture-pane", "-p", *options]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def picture(self, name: str) -> None:
        """Take a picture of the screen."""
        folder = Path(os.environ.get(PICTURES) or self._folder)
        folder.mkdir(parents=True, exist_ok=True)
        console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
        console.print(Text.from_ansi(self.screen("-e", "-N")), end="")
        page, out = self._folder / f"{name}.svg", folder / f"neovim-{name}.png"
        console.save_svg(str(page), title="Neovim")
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
        command = [self._chromium, *quiet, f"--screenshot={out}", "--window-size=1240,790", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        assert out.stat().st_size > 10_000

    def kill(self) -> None:
        """Leave nothing running."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def begun() -> Iterator[list[Terminal]]:
    """Return a list of terminals that are ended with the test."""
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.kill()


def test_from_nothing_to_ghost_text_and_why_it_ends(tmp_path: Path, data_folder: Path, begun: list[Terminal]) -> None:
    scripts = sysconfig.get_path("scripts")
    without = os.pathsep.join(each for each in os.get_exec_path() if not Path(each, "empower-lsp").exists())
    bare = Terminal(tmp_path / "bare", data_folder, without)
    begun.append(bare)
    until(lambda: "is not there, or cannot be run" in bare.screen())
    bare.picture("first-1-nothing-there")
    editor = Terminal(tmp_path / "installed", data_folder, f"{scripts}{os.pathsep}{without}")
    begun.append(editor)
    until(lambda: "logged" in editor.screen())
    editor.picture("first-2-what-is-logged")
    editor.keys("A")
    editor.type("return Point(")

    def shown() -> str:
        *above, line = (line for line in editor.screen().splitlines() if "return Point(" in line)
        return line.partition("return Point(")[2] if above else ""  # above is that of `turned`

    sure = until(shown)
    editor.picture("first-3-ghost-text")
    editor.keys("M-m")
    until(lambda: len(shown()) > len(sure))
    editor.picture("first-4-more")
    editor.keys("Tab", "Escape")
    editor.type(":Empower why\n")
    until(lambda: "You asked for the rest" in editor.screen() or "It was" in editor.screen())
    editor.picture("first-5-why")
