"""The Neovim client in the real editor, headless, with the installed server and the bundled model.

Every key goes through Neovim's input queue, and what is looked at is the screen.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from empower_lsp.log.level import Level, choose

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "editor-clients" / "neovim"
SCRIPTS = Path(__file__).parent / "neovim"
PATIENCE = 60.0
"""Seconds until something that must happen has not happened; the machine may be busy."""

ABOVE = """\
class Point:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def moved(self, x, y, z):
"""
BELOW = "\n\n\nORIGIN = Point(0, 0, 0)\n"
TYPED = "return Point(self.x + x, self.y + y, self.z + z)"
ROW = ABOVE.count("\n")


def _neovim() -> str:
    """The editor; skips where there is none that is new enough."""
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
        program = _neovim()
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
        """What a function of Neovim's API returns."""
        assert self._bridge.stdin is not None
        assert self._bridge.stdout is not None
        self._bridge.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._bridge.stdin.flush()
        answer = json.loads(self._bridge.stdout.readline())
        assert "problem" not in answer, answer
        return answer.get("result")

    def lua(self, code: str, *arguments: object) -> Any:
        """What a chunk of Lua returns."""
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
        """What was said."""
        return str(self.call("nvim_exec2", "messages", {"output": True})["output"])

    def offer(self, *texts: str, character: int, start: int | None = None) -> None:
        """Let the server of `fake.lua` answer these texts at a column, counted as the protocol does."""
        edges = [{"line": ROW, "character": at} for at in (character if start is None else start, character)]
        place = {"start": edges[0], "end": edges[1]}
        command = {"title": "", "command": "accept"}
        items = [{"insertText": text, "range": place, "command": {**command, "arguments": [text]}} for text in texts]
        self.lua("fake.items = ...", items)

    def told(self, method: str) -> list[Any]:
        """What the server of `fake.lua` was sent under a method."""
        return [params for said, params in self.lua("return fake.heard") if said == method]

    @property
    def line(self) -> str:
        """The line of the cursor."""
        return str(self.call("nvim_get_current_line"))

    @property
    def text(self) -> str:
        """The whole buffer."""
        return "\n".join(self.call("nvim_buf_get_lines", 0, 0, -1, True)) + "\n"

    def seen(self) -> tuple[str, str]:
        """The cursor's line before the cursor, and what the screen has behind it that the line has not."""
        before, behind, after = self.lua("""
            vim.cmd.redraw()
            local column, screen = vim.api.nvim_win_get_cursor(0)[2], ''
            for cell = 1, vim.o.columns do
              screen = screen .. vim.fn.screenstring(vim.fn.winline(), cell)
            end
            local line = vim.api.nvim_get_current_line()
            return { line:sub(1, column), screen, line:sub(column + 1) }""")
        assert behind.startswith(before), "the line is not what the screen shows"
        ghost = behind[len(before) :].rstrip()
        assert ghost.endswith(after.rstrip())
        return before, ghost.removesuffix(after.rstrip())

    def ghost(self) -> str:
        """The ghost text of the cursor's line, once there is any."""
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
        """The language server's process."""
        [server] = psutil.Process(self._editor.pid).children()
        return server

    def logged(self) -> list[dict[str, Any]]:
        """What the log has, oldest first."""
        command = [self.script, "log", "export", "-"]
        done = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def outcomes(self) -> list[dict[str, Any]]:
        """What became of the completions that were given up, superseded ones left out."""
        return [
            outcome
            for entry in self.logged()
            for outcome in entry["outcomes"]
            if outcome["kind"] not in ("shown", "superseded", "kept", "changed")
        ]


def until(find: Callable[[], T]) -> T:
    """What `find` gives once it is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.03)
    raise AssertionError(f"it did not happen within {PATIENCE:.0f} s")


@pytest.fixture
def neovim(tmp_path: Path, data_folder: Path) -> Iterator[Neovim]:
    choose(Level.FULL)
    editor = Neovim(tmp_path, data_folder)
    try:
        until(lambda: editor.status == "empower")
        yield editor
    finally:
        editor.kill()


@pytest.fixture
def answered(tmp_path: Path, data_folder: Path) -> Iterator[Neovim]:
    """A Neovim whose server answers what it is told to."""
    editor = Neovim(tmp_path, data_folder, "fake.lua")
    try:
        until(lambda: editor.lua("return #vim.lsp.get_clients({ bufnr = 0 }) == 1"))
        yield editor
    finally:
        editor.kill()


def test_ghost_text_appears_and_tab_accepts_it(neovim: Neovim) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    neovim.keys("<Tab>")
    until(lambda: neovim.line == "        return Po" + ghost)
    neovim.keys("<Esc>u")
    until(lambda: neovim.line == "        return Po")  # undone by itself
    neovim.quit()
    [accepted, *_] = neovim.outcomes()
    assert (accepted["kind"], accepted["explicit"], accepted["characters"]) == ("accepted", True, len(ghost))


def test_tab_is_a_tab_where_there_is_no_ghost_text(neovim: Neovim) -> None:
    neovim.lua("require('empower').toggle()")
    until(lambda: neovim.status == "empower: off")
    neovim.begin("return<Tab>Po")
    until(lambda: neovim.line == "        return  Po")  # to the next multiple of four
    neovim.keys("<Esc>")
    neovim.lua("vim.cmd('normal! S') vim.cmd.startinsert() vim.snippet.expand('f($1, $2)')")
    neovim.keys("a<Tab>b")
    until(lambda: neovim.line.strip() == "f(a, b)")  # the snippet's own use of the key


def test_the_completion_menu_keeps_its_keys(neovim: Neovim) -> None:
    neovim.begin("return Po")
    neovim.ghost()
    neovim.call("nvim_command", "set completeopt=menuone")
    neovim.keys("<C-x><C-n>")
    until(lambda: neovim.line == "        return Point")
    neovim.keys("<Tab>")
    until(lambda: re.fullmatch(" {8}return Point +", neovim.line))


def test_a_word_is_accepted(neovim: Neovim) -> None:
    neovim.begin("return Point")
    whole = neovim.ghost()
    neovim.keys("<C-Right>")
    first = until(lambda: neovim.line.removeprefix("        return Point"))
    assert whole.startswith(first)
    assert len(first) < len(whole)
    assert re.fullmatch(r"\W+|\w+", first)
    assert neovim.ghost() == whole[len(first) :]
    neovim.quit()
    [partial, *_] = neovim.outcomes()
    assert (partial["kind"], partial["explicit"]) == ("partially accepted", True)
    assert partial["characters"] == len(first)


def test_dismissed_text_is_gone_and_stays_away(neovim: Neovim) -> None:
    neovim.begin("return Po")
    neovim.ghost()
    time.sleep(0.6)  # the server takes under half a second for not seen
    neovim.keys("<C-]>")
    until(lambda: not neovim.seen()[1])
    time.sleep(0.5)
    assert not neovim.seen()[1]
    assert neovim.line == "        return Po"
    neovim.keys("<Esc>")
    neovim.quit()
    assert [outcome["kind"] for outcome in neovim.outcomes()] == ["dismissed"]


def test_escape_takes_the_ghost_text_away(neovim: Neovim) -> None:
    neovim.begin("return Po")
    neovim.ghost()
    neovim.keys("<Esc>")
    until(lambda: neovim.call("nvim_get_mode")["mode"] == "n")
    assert not neovim.seen()[1].replace("o", "", 1)  # the cursor stands on the line's last letter


def test_typing_along_keeps_the_rest(neovim: Neovim) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    for typed in range(1, len(ghost)):
        neovim.keys(ghost[typed - 1])
        assert neovim.seen() == ("        return Po" + ghost[:typed], ghost[typed:])
    neovim.keys(ghost[-1])
    time.sleep(1.5)  # the server's grace
    neovim.keys("<Esc>")
    neovim.quit()
    assert neovim.outcomes()[0]["kind"] == "typed through"


@pytest.mark.parametrize("meant", [True, False])
def test_keys_typed_ahead_of_the_screen_never_double_a_letter(neovim: Neovim, meant: bool) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    for ahead in range(len(ghost)):
        neovim.begin("return Po")
        until(lambda: neovim.seen() == ("        return Po", ghost))
        if meant:
            neovim.keys(ghost[:ahead] + "<Tab>)")
            until(lambda: neovim.line == "        return Po" + ghost + ")")
        else:
            neovim.keys(ghost[:ahead] + "q<Tab>)")
            blanks = " " * (4 - len("return Po" + ghost[:ahead] + "q") % 4)
            until(lambda: neovim.line == "        return Po" + ghost[:ahead] + "q" + blanks + ")")  # noqa: B023


def test_a_fast_typist_sees_only_answers_to_what_stands_there(neovim: Neovim) -> None:
    neovim.begin()
    seen = set()
    for number, key in enumerate(TYPED):
        neovim.keys(key)
        for _ in range(number % 4):
            before, ghost = neovim.seen()
            if ghost:
                seen.add(before + ghost)
            time.sleep(0.02)
    until(lambda: neovim.line == "        " + TYPED)
    neovim.keys("<Esc>")
    neovim.quit()
    assert seen
    said = {(entry["prefix"] + entry["text"]).removeprefix(ABOVE).split("\n")[0] for entry in neovim.logged()}
    assert seen <= said


def test_other_words_are_logged_as_written_instead(neovim: Neovim) -> None:
    neovim.begin("return Po")
    assert not neovim.ghost().startswith("lygon")
    time.sleep(0.6)
    neovim.keys("lygon()<Esc>")
    until(lambda: neovim.line == "        return Polygon()")
    neovim.quit()
    assert neovim.outcomes()[0]["kind"] == "diverged"
    assert neovim.outcomes()[0]["text"].startswith("l")


def test_a_killed_server_comes_back_and_says_so_once(neovim: Neovim) -> None:
    old = neovim.server()
    os.kill(old.pid, signal.SIGKILL)
    until(lambda: "started again" in neovim.messages)
    until(lambda: neovim.status == "empower")
    assert neovim.server().pid != old.pid
    neovim.begin("return Po")
    assert neovim.ghost()
    assert neovim.messages.count("the server ended unexpectedly (signal 9) and was started again") == 1


def test_the_commands_tell_and_the_health_check_is_clean(neovim: Neovim) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    neovim.keys("<Esc>")
    neovim.call("nvim_command", "Empower why")
    page = until(lambda: neovim.text if "bits" in neovim.text else "")
    assert page.startswith(ghost)
    assert re.search(r"^It .*\.$", page, re.M)
    neovim.keys("q")
    neovim.call("nvim_command", "Empower log status")
    until(lambda: "full" in neovim.text and neovim.call("nvim_eval", "&buftype") == "nofile")
    neovim.call("nvim_command", "checkhealth empower")
    health = until(lambda: neovim.text if "Tab" in neovim.text else "")
    assert "ERROR" not in health
    assert "WARNING" not in health
    assert neovim.call("nvim_eval", "getcompletion('Empower l', 'cmdline')") == ["log"]
    assert "status" in neovim.call("nvim_eval", "getcompletion('Empower log s', 'cmdline')")


def test_every_function_and_command_is_in_the_help(tmp_path: Path, answered: Neovim) -> None:
    copy = shutil.copytree(CLIENT / "doc", tmp_path / "help" / "doc")
    answered.call("nvim_command", f"helptags {copy}")  # fails on a tag that is there twice
    tags = {line.split("\t")[0] for line in (copy / "tags").read_text(encoding="utf-8").splitlines()}
    public = answered.lua("""
        return vim.tbl_filter(function(name)
          return type(require('empower')[name]) == 'function' and name:sub(1, 1) ~= '_'
        end, vim.tbl_keys(require('empower')))""")
    assert {f"empower.{name}()" for name in public} <= tags
    text = (copy / "empower.txt").read_text(encoding="utf-8")
    commands = answered.call("nvim_eval", "getcompletion('Empower ', 'cmdline')")
    assert commands == ["log", "restart", "status", "toggle", "train", "why"]
    assert all(f":Empower {name}" in text for name in commands)


def test_a_line_at_a_time(answered: Neovim) -> None:
    answered.offer("return x\n\n    def more(self):", character=8)
    answered.begin()
    assert answered.ghost() == "return x"
    answered.keys("<C-Down>")
    until(lambda: answered.line == "        return x")
    answered.lua("fake.items = {}")
    answered.keys("<C-Down>")
    until(lambda: answered.line == "")
    answered.keys("<C-Down>")
    until(lambda: answered.line == "    def more(self):")
    told = answered.told("textDocument/didPartiallyAcceptCompletion")
    assert [params["acceptedLength"] for params in told] == [8, 9]
    [accepted] = answered.told("workspace/executeCommand")
    assert accepted["arguments"] == ["return x\n\n    def more(self):"]
    assert [params["item"]["insertText"] for params in answered.told("textDocument/didShowCompletion")] == [
        "return x\n\n    def more(self):"
    ]


def test_lengths_are_told_in_utf_16_units_of_the_text_as_sent(answered: Neovim) -> None:
    answered.call("nvim_command", "set fileformat=dos")
    answered.offer("'𝄞é'\r\nx = 1", character=8)
    answered.begin()
    answered.ghost()
    answered.keys("<C-Down>")
    until(lambda: answered.line == "        '𝄞é'")
    answered.keys("<C-Right>")
    until(lambda: answered.line == "x")
    told = answered.told("textDocument/didPartiallyAcceptCompletion")
    assert [params["acceptedLength"] for params in told] == [5, 8]  # quotes 2, clef 2, e 1; line end 2, x 1


def test_the_next_of_several(answered: Neovim) -> None:
    answered.offer("one", "two", "three", character=8)
    answered.begin()
    assert answered.ghost() == "one"
    for shown in ("two (2/3)", "three (3/3)", "one (1/3)"):
        answered.keys("<M-n>")
        until(lambda: answered.seen()[1] == shown)  # noqa: B023
    answered.keys("<M-n><Tab>")
    until(lambda: answered.line == "        two")


def test_an_item_may_begin_before_the_cursor(answered: Neovim) -> None:
    answered.offer("return é", character=11, start=8)
    answered.begin("ret")
    assert answered.ghost() == "urn é"
    answered.keys("<Tab>")
    until(lambda: answered.line == "        return é")


@pytest.mark.parametrize(
    ("keys", "ghost"), [("ab", "c"), ("ax", ""), ("a<BS><BS>", ""), ("<Left>", ""), ("<CR>", ""), ("a<BS>", "abc")]
)
def test_a_late_answer_is_shown_only_where_the_text_agrees(answered: Neovim, keys: str, ghost: str) -> None:
    answered.lua("require('empower.buffer').debounce = 20 fake.hold = true")
    answered.offer("abc", character=8)
    answered.begin()
    until(lambda: answered.lua("return #fake.held") > 0)
    answered.lua("require('empower.buffer').debounce = 1000000")  # no other request takes its place
    answered.keys(keys)
    answered.lua("fake.release()")
    if ghost:
        assert answered.ghost() == ghost
    else:
        time.sleep(0.2)
        assert answered.seen()[1] == ""


def test_neovims_own_inline_completion_shows_nothing_twice(answered: Neovim) -> None:
    answered.lua("vim.lsp.inline_completion.enable()")
    answered.offer("abc", character=8)
    answered.begin()
    answered.ghost()
    time.sleep(0.5)  # its debounce is 0.2
    assert answered.seen()[1] == "abc"
    assert len(answered.told("textDocument/inlineCompletion")) == 1
