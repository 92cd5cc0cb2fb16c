"""A real Neovim, headless, with one file: keys go through its input queue, and what is looked at is the screen."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

T = TypeVar("T")

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "editor-clients" / "neovim"
SCRIPTS = Path(__file__).parent
PATIENCE = float(os.environ.get("EMPOWER_PATIENCE", "60"))
"""Seconds until something that must happen has not happened; the machine may be busy."""

ABOVE = """\
class Point:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def turned(self, x, y, z):
        return Point(self.x - x, self.y - y, self.z - z)

    def moved(self, x, y, z):
"""
BELOW = "\n\n\nORIGIN = Point(0, 0, 0)\n"
TYPED = "return Point(self.x + x, self.y + y, self.z + z)"
ROW = ABOVE.count("\n")


def neovim() -> str:
    """Return the editor's path; skip where there is none that is new enough."""
    found = os.environ.get("EMPOWER_NVIM") or shutil.which("nvim")
    if found:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        version = re.match(r"NVIM v(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= (0, 12):
            return found
    pytest.skip("no Neovim 0.12 or newer: put nvim on the PATH, or its path in EMPOWER_NVIM")


class Neovim:
    """A running Neovim with one file, and a second one that carries calls to it over msgpack-RPC."""

    def __init__(self, folder: Path, data: Path, script: str = "init.lua") -> None:
        """Start with a configuration of `neovim/`; skips where there is no Neovim."""
        program = neovim()
        self.file, socket = folder / "point.py", folder / "s"
        self.file.write_text(ABOVE + BELOW, encoding="utf-8")
        (folder / ".git").mkdir()
        found = shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
        assert found is not None, "empower-lsp is not installed: pip install -e ."
        given = {"EMPOWER_NVIM_CLIENT": str(CLIENT), "EMPOWER_NVIM_SERVER": found}
        self.script, self.environment = found, {**os.environ, "EMPOWER_LSP_DATA": str(data)}
        own = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        environment = {**self.environment, **own, **given}
        arguments = ["--headless", "--clean", "--listen", str(socket), "-u", str(SCRIPTS / script), str(self.file)]
        self._editor = subprocess.Popen([program, *arguments], env=environment, stderr=subprocess.DEVNULL)
        until(socket.exists)
        self._bridge = subprocess.Popen(
            [program, "--clean", "-l", str(SCRIPTS / "bridge.lua"), str(socket)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def call(self, method: str, *arguments: object) -> Any:
        """Return what a function of Neovim's API returns."""
        assert self._bridge.stdin is not None
        assert self._bridge.stdout is not None
        self._bridge.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._bridge.stdin.flush()
        answer = json.loads(self._bridge.stdout.readline())
        assert "problem" not in answer, answer
        return answer.get("result")

    def lua(self, code: str, *arguments: object) -> Any:
        """Return what a chunk of Lua returns."""
        return self.call("nvim_exec_lua", code, arguments)

    def keys(self, keys: str) -> None:
        """Press keys, in Neovim's notation; `<` is `<LT>`."""
        self.call("nvim_input", keys)

    def begin(self, text: str = "") -> None:
        """Empty the line under `moved` but for its indentation, go to its end, and type."""
        self.keys("<Esc>")
        until(lambda: self.call("nvim_get_mode")["mode"] == "n")
        self.call("nvim_win_set_cursor", 0, [ROW + 1, 0])
        self.call("nvim_set_current_line", " " * 8)
        self.keys("A" + text)

    @property
    def status(self) -> str:
        """What the statusline says."""
        return str(self.lua("return require('empower').statusline()"))

    @property
    def messages(self) -> str:
        """What the client has said."""
        return "\n".join(f"empower: {text}" for text in self.lua("return require('empower.notice').said"))

    def offer(self, *texts: str, character: int, start: int | None = None) -> None:
        """Let the server of `fake.lua` answer these texts at a column, counted as the protocol does."""
        edges = [{"line": ROW, "character": at} for at in (character if start is None else start, character)]
        place = {"start": edges[0], "end": edges[1]}
        command = {"title": "", "command": "accept"}
        items = [{"insertText": text, "range": place, "command": {**command, "arguments": [text]}} for text in texts]
        self.lua("fake.items = ...", items)

    def drawn(self) -> list[list[list[str]]]:
        """Return the ghost text as it is drawn: its lines, each in pieces, with the highlight of each."""
        marks = self.lua("""
            local namespace = vim.api.nvim_get_namespaces().empower
            return vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })""")
        shown = [details for *_, details in marks if "virt_text" in details]
        return [line for details in shown for line in (details["virt_text"], *details.get("virt_lines", []))]

    def told(self, method: str) -> list[Any]:
        """Return what the server of `fake.lua` was sent under a method."""
        return [params for said, params in self.lua("return fake.heard") if said == method]

    def ran(self, command: str) -> list[Any]:
        """Return the arguments that the server of `fake.lua` was sent with a command, each time."""
        return [call["arguments"] for call in self.told("workspace/executeCommand") if call["command"] == command]

    @property
    def line(self) -> str:
        """The line of the cursor."""
        return str(self.call("nvim_get_current_line"))

    @property
    def text(self) -> str:
        """The whole buffer."""
        return "\n".join(self.call("nvim_buf_get_lines", 0, 0, -1, True)) + "\n"

    def seen(self) -> tuple[str, str]:
        """Return the cursor's line before the cursor, and what the screen has behind it that the line has not."""
        before, behind, after = self.lua("""
            vim.cmd.redraw()
            local column, screen = vim.api.nvim_win_get_cursor(0)[2], ''
            for cell = 1, vim.o.columns do
              screen = screen .. vim.fn.screenstring(vim.fn.win_screenpos(0)[1] - 1 + vim.fn.winline(), cell)
            end
            local line = vim.api.nvim_get_current_line()
            return { line:sub(1, column), screen, line:sub(column + 1) }""")
        assert behind.startswith(before), "the line is not what the screen shows"
        ghost = behind[len(before) :].rstrip()
        assert ghost.endswith(after.rstrip())
        return before, ghost.removesuffix(after.rstrip())

    def ghost(self) -> str:
        """Return the ghost text of the cursor's line, once there is any."""
        return until(lambda: self.seen()[1])

    def quit(self) -> None:
        """Leave, as a person does, and let the server write what it knows."""
        server = self.server()
        self.keys("<C-\\><C-n>:qa!<CR>")
        self._editor.wait(PATIENCE)
        self._bridge.communicate(timeout=PATIENCE)
        psutil.wait_procs([server], PATIENCE)

    def kill(self) -> None:
        """Leave nothing running."""
        for process in (self._editor, self._bridge):
            if process.poll() is None:
                process.kill()
                process.wait()
        for stream in (self._bridge.stdin, self._bridge.stdout):
            if stream is not None and not stream.closed:
                stream.close()

    def server(self) -> psutil.Process:
        """Return the language server's process."""
        [server] = psutil.Process(self._editor.pid).children()
        return server

    def logged(self) -> list[dict[str, Any]]:
        """Return what the log has, oldest first."""
        command = [self.script, "log", "export", "-"]
        done = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def outcomes(self) -> list[dict[str, Any]]:
        """Return what became of the completions that were given up, superseded ones left out."""
        return [
            outcome
            for entry in self.logged()
            for outcome in entry["outcomes"]
            if outcome["kind"] not in ("shown", "superseded", "kept", "changed")
        ]


def until(find: Callable[[], T]) -> T:
    """Return what `find` gives once it is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.03)
    raise AssertionError(f"it did not happen within {PATIENCE:.0f} s")
