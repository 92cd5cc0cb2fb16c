"""The Emacs client in the Emacs of Debian, in a terminal, with the installed server and the bundled model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from empower_lsp.log.level import Level, choose

from .neovim.editor import ABOVE, BELOW, ROOT, ROW, until

CLIENT = ROOT / "editor-clients" / "emacs" / "empower.el"
SETUP = """\
(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil create-lockfiles nil)
(setq python-indent-guess-indent-offset nil)
(setq file-precious-flag t) ; a file is whole, or not there
(global-eldoc-mode -1)
(load "{client}")
(setq empower-program "{program}")
(add-hook 'prog-mode-hook #'empower-mode)
"""


class Emacs:
    """An Emacs in a terminal of tmux: what is pressed goes through its keyboard, what is looked at is the screen."""

    def __init__(self, folder: Path, data: Path, program: str) -> None:
        """Open a file, with the cursor at the end of the line under `moved`; skips where there is no Emacs or tmux."""
        emacs, tmux = shutil.which("emacs"), shutil.which("tmux")
        if emacs is None or tmux is None:
            pytest.skip("needs Emacs 28 and tmux; on Debian: apt install emacs-nox tmux")
        self.file, self.data = folder / "point.py", data
        self.file.write_text(ABOVE + " " * 8 + BELOW, encoding="utf-8")
        (folder / "init.el").write_text(SETUP.format(client=CLIENT, program=program), encoding="utf-8")
        self._tmux = [tmux, "-S", str(folder / "s"), "-f", "/dev/null"]
        variables = {
            **os.environ,
            "EMPOWER_LSP_DATA": str(data),
            "HOME": str(folder),
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        }
        start = [emacs, "-nw", "-Q", "-l", str(folder / "init.el"), f"+{ROW + 1}:9", str(self.file)]
        size = ["new-session", "-d", "-x", "100", "-y", "30"]
        subprocess.run([*self._tmux, *size, *start], env=variables, check=True)

    def keys(self, *keys: str) -> None:
        """Press keys, in the notation of tmux."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def type(self, text: str) -> None:
        """Type a text."""
        subprocess.run([*self._tmux, "send-keys", "-l", text], check=True)

    def screen(self) -> list[str]:
        """Return the lines of the screen."""
        done = subprocess.run([*self._tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def line(self) -> str:
        """Return the screen's line below `moved`."""
        screen = self.screen()
        found = [number for number, line in enumerate(screen) if line.startswith("    def moved")]
        return screen[found[0] + 1].rstrip() if found else ""

    def saved(self) -> str:
        """Save a change, and return what the file holds; the screen may still tell of the last time."""
        before = self.file.stat().st_ino
        self.keys("C-x", "C-s")
        until(lambda: self.file.stat().st_ino != before)
        return self.file.read_text(encoding="utf-8").split("\n")[ROW]

    def server(self) -> psutil.Process:
        """Return the process of the server."""
        pane = [*self._tmux, "list-panes", "-F", "#{pane_pid}"]
        done = subprocess.run(pane, capture_output=True, text=True, check=True)
        below = psutil.Process(int(done.stdout)).children()
        return next(child for child in below if "--stdio" in child.cmdline())

    def quit(self) -> None:
        """Leave, as a person does."""
        self.keys("C-x", "C-c")
        until(lambda: subprocess.run([*self._tmux, "has-session"], capture_output=True, check=False).returncode != 0)

    def kill(self) -> None:
        """Leave nothing running."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)


def installed() -> str:
    found = shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
    assert found is not None, "empower-lsp is not installed: pip install -e ."
    return found


@pytest.fixture
def emacs(tmp_path: Path, data_folder: Path) -> Iterator[Emacs]:
    choose(Level.FULL)
    editor = Emacs(tmp_path, data_folder, installed())
    try:
        until(lambda: "empower" in "\n".join(editor.screen()))
        yield editor
    finally:
        editor.kill()


def ghost(editor: Emacs, typed: str) -> str:
    """Type, and return the ghost text behind it; until the model is loaded, the last key is typed again."""
    before = " " * 8 + typed
    editor.type(typed)
    pressed = time.monotonic()

    def found() -> str:
        nonlocal pressed
        if time.monotonic() - pressed > 3:
            editor.keys("BSpace")
            editor.type(typed[-1])
            pressed = time.monotonic()
        line = editor.line()
        return line.removeprefix(before) if line.startswith(before) else ""

    return until(found)


def logged() -> list[dict[str, Any]]:
    done = subprocess.run([installed(), "log", "export", "-"], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(entries: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    quiet = ("shown", "superseded", "kept", "changed")
    return [
        (one["kind"], one["explicit"]) for entry in entries for one in entry["outcomes"] if one["kind"] not in quiet
    ]


def test_more_goes_on_past_what_it_is_sure_of(emacs: Emacs) -> None:
    shown = "return Point(" + ghost(emacs, "return Point(")
    emacs.keys("M-x")
    emacs.type("empower-more")
    emacs.keys("Enter")
    more = until(lambda: line if (line := emacs.line()).strip() != shown and line.strip().startswith(shown) else "")
    emacs.keys("Tab")
    assert emacs.saved().startswith(more)
    emacs.quit()
    assert [entry["rule"] for entry in logged() if ("accepted", True) in outcomes([entry])] == ["statement"]


def test_ghost_text_is_accepted_and_undone_by_itself(emacs: Emacs) -> None:
    text = ghost(emacs, "return Po")
    emacs.keys("Tab")
    emacs.type("#")
    assert emacs.saved() == f"        return Po{text}#"
    emacs.keys("C-/", "C-/")
    assert emacs.saved() == "        return Po"
    emacs.quit()
    assert outcomes(logged())[0] == ("accepted", True)


def test_a_word_is_accepted_and_the_rest_typed_along(emacs: Emacs) -> None:
    text = ghost(emacs, "return Point")
    emacs.keys("C-Right")
    assert emacs.line() == "        return Point" + text, "the rest stays"
    emacs.type("#")
    word = emacs.saved().strip().removeprefix("return Point").removesuffix("#")
    assert text.startswith(word)
    assert 0 < len(word) < len(text)
    emacs.quit()
    assert outcomes(logged())[0] == ("partially accepted", True)


def test_saved_under_another_name_it_is_another_document(emacs: Emacs) -> None:
    ghost(emacs, "return Po")
    emacs.keys("C-x", "C-w")
    emacs.keys("C-a", "C-k")
    emacs.type(str(emacs.file.with_name("other.py")))
    emacs.keys("Enter")
    until(emacs.file.with_name("other.py").exists)
    emacs.keys(*["BSpace"] * len("return Po"))
    text = ghost(emacs, "return Po")
    emacs.keys("Tab")
    emacs.type("#")
    until(lambda: emacs.line() == f"        return Po{text}#")
    emacs.keys("C-x", "C-s")
    emacs.quit()
    accepted = [entry for entry in logged() if ("accepted", True) in outcomes([entry])]
    assert [Path(entry["path"]).name for entry in accepted] == ["other.py"]


@pytest.mark.parametrize(("key", "left"), [("C-g", ""), ("Tab", "whole")])
def test_without_a_server_what_is_shown_can_be_taken_or_dismissed(emacs: Emacs, key: str, left: str) -> None:
    text = ghost(emacs, "return Po")
    emacs.server().kill()
    until(lambda: "the server has ended" in "\n".join(emacs.screen()))
    emacs.keys(key)
    until(lambda: emacs.line() == f"        return Po{text if left else ''}")
    assert not any("No applicable method" in line for line in emacs.screen())
    emacs.type("#")
    assert emacs.saved() == f"        return Po{text if left else ''}#"


def test_dismissed_text_is_gone_and_a_tab_is_a_tab(emacs: Emacs) -> None:
    ghost(emacs, "return Po")
    time.sleep(0.6)  # what is seen for less than half a second does not count
    emacs.keys("C-g")
    until(lambda: emacs.line() == "        return Po")
    emacs.keys("M-x")
    emacs.type("empower-why")
    emacs.keys("Enter")
    until(lambda: any(line.startswith(("It was ", "It shows ")) for line in emacs.screen()))
    assert emacs.saved() == "        return Po"
    emacs.quit()
    assert outcomes(logged())[0] == ("dismissed", True)


def test_it_compiles_without_a_warning(tmp_path: Path) -> None:
    emacs = shutil.which("emacs") or pytest.skip("needs Emacs 28; on Debian: apt install emacs-nox")
    copy = shutil.copy(CLIENT, tmp_path)
    strict = ["--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile", copy]
    done = subprocess.run([emacs, "-Q", "--batch", *strict], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_server_that_is_not_there_is_said_with_the_cure(tmp_path: Path, data_folder: Path) -> None:
    editor = Emacs(tmp_path, data_folder, "/no/such/empower-lsp")
    try:
        until(lambda: "/no/such/empower-lsp" in "\n".join(editor.screen()))
        assert "pipx install" in "\n".join(editor.screen())
        editor.type("x = 1")
        assert editor.saved() == "        x = 1"
    finally:
        editor.kill()
