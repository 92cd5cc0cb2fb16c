"""The servers of the VS Code extension: one that is killed, one that offers more, and none at all."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.clients.vscode import several
from tests.clients.vscode.scene import offered, served_by, servers
from tests.clients.vscode.window import VSCode, program
from tests.packaging.wheels import index

BUTTON = ".notification-list-item-buttons-container .monaco-button"
ENDED = "empower-lsp ended unexpectedly and was started again."


def kill_server(editor: VSCode) -> None:
    """Kill the server, and wait until another is ready."""
    old = servers(editor)
    for one in old:
        one.kill()
    editor.until(lambda: set(servers(editor)) - set(old), "another is started")
    editor.until(lambda: "is loaded" in editor.status(), "it is ready")


def test_a_killed_server_comes_back_and_says_so_once(editor: VSCode) -> None:
    kill_server(editor)
    editor.until(lambda: ENDED in editor.notifications(), "it is said")
    assert offered(editor, "killed.py")
    editor.command("Notifications: Clear All Notifications")
    kill_server(editor)
    assert offered(editor, "killed_again.py")
    assert ENDED not in editor.notifications()


def test_the_next_one_is_shown_and_reported(editor: VSCode, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()

    def noted(*what: object) -> None:
        editor.until(lambda: json.dumps(what) in notes.read_text().splitlines(), f"{what} is told")

    with served_by(editor, tmp_path, f"exec {sys.executable} {several.__file__} {notes} --stdio", several.READY):
        first, second, third = several.TEXTS
        editor.edit("next.txt", "\n", 1, 1)
        editor.type(several.START)
        editor.until(lambda: editor.ghost() == first, "the first is shown")
        editor.press("Alt+BracketRight")
        editor.until(lambda: editor.ghost() == second, "the second is shown")
        noted("didShowCompletion", second, None)
        editor.press("Alt+BracketRight")
        editor.until(lambda: editor.ghost() == third, "the third is shown")
        editor.press("Alt+BracketLeft")
        editor.until(lambda: editor.ghost() == second, "the second is back")
        editor.press("Control+ArrowRight")
        editor.until(lambda: editor.ghost() not in ("", second), "a word is accepted")
        noted("didPartiallyAcceptCompletion", second, len("two"))
        editor.press("Tab")
        noted("empower.accept", second)
        assert editor.saved("next.txt") == several.START + second + "\n"
        editor.edit("dismissed.txt", "\n", 1, 1)
        editor.type(several.START)
        editor.until(lambda: editor.ghost() == first, "the first is shown")
        editor.press("Alt+BracketLeft")
        editor.until(lambda: editor.ghost() == third, "the last is shown")
        editor.press("Escape")
        noted("didDismissCompletion", third, None)


def test_a_better_text_takes_its_place_and_a_resting_cursor_is_told(editor: VSCode, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    with served_by(editor, tmp_path, f"exec {sys.executable} {several.__file__} {notes} --stdio", several.READY):
        editor.edit("late.txt", "\n", 1, 1)
        editor.type(several.LATE)
        editor.until(lambda: editor.ghost() == several.BETTER, "the better text is shown")
        rested = json.dumps(["didRestCursor", 0, len(several.LATE)])
        editor.until(lambda: rested in notes.read_text().splitlines(), "where the cursor rests is told")
        editor.press("Tab")
        editor.until(lambda: "empower.accept" in notes.read_text(), "it is accepted")
        assert editor.saved("late.txt") == several.LATE + several.BETTER + "\n"


def test_a_path_that_leads_nowhere_is_named_with_what_helps(editor: VSCode) -> None:
    editor.configure({"empowerServer.path": "~/no/such/empower-lsp"})
    named = str(Path("~/no/such/empower-lsp").expanduser())
    editor.until(lambda: named in str(editor.notifications()), "the path is named")
    assert named in editor.status()
    buttons = editor("texts", BUTTON)
    assert {"Fix Path", "Install"} <= set(buttons)
    editor("click", f"{BUTTON} >> text=Fix Path")
    editor.until(lambda: "Path of the program" in str(editor("texts", ".settings-editor")), "the setting opens")
    editor.press("Escape", "Escape")
    restored(editor)


def restored(editor: VSCode) -> None:
    """Name the program under test again, and wait until it is ready."""
    editor.configure({"empowerServer.path": program()})
    editor.until(lambda: servers(editor), "the server is started")
    editor.until(lambda: "is loaded" in editor.status(), "it is ready")


def test_an_installation_that_is_cancelled_leaves_nothing(editor: VSCode, tmp_path: Path) -> None:
    source = tmp_path / "slow"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "0"\n'
    )
    (source / "backend.py").write_text(
        "def build_wheel(*_, **__):\n    import subprocess\n    subprocess.run(['sleep', '3598'])\n"
    )
    editor.configure({"empowerServer.path": "", "empowerServer.requirement": str(source), "empowerServer.prebuilt": ""})
    editor.until(lambda: "was not found" in str(editor.notifications()), "it asks")
    editor("click", f"{BUTTON} >> text=Install")
    editor.until(lambda: re.search(r"Installing; compiling .* \(0:\d\d\)", said(editor)), "step and time are shown")
    below = editor.until(lambda: running(editor, "3598"), "it compiles")
    editor("click", f"{BUTTON} >> text=Cancel")
    assert psutil.wait_procs(below, 30)[1] == []
    editor.until(lambda: not running(editor, "install_server.py"), "it has ended")
    assert not list(editor.user.rglob("globalStorage/empower-lsp.empower-lsp/server*"))
    restored(editor)


def test_a_missing_server_is_installed_after_asking(editor: VSCode, good: Path, tmp_path: Path) -> None:
    """The first minutes of a person who has nothing, a picture a step."""
    address = index(tmp_path / "index", good)
    editor.configure({"empowerServer.path": "", "empowerServer.requirement": "", "empowerServer.prebuilt": address})
    editor.until(lambda: "was not found" in str(editor.notifications()), "it asks")
    assert "was not found" in editor.status()
    assert not list(editor.user.rglob("bin/empower-lsp"))
    editor.command("Empower: Get Started")
    editor.until(lambda: "Install the server" in str(editor("texts", "h3")), "the walkthrough opens")
    editor.picture("first-1-nothing-there")
    began = time.monotonic()
    editor("click", f"{BUTTON} >> text=Install")
    editor.until(lambda: re.search(r"\(0:\d\d\)", said(editor)), "step and time are shown")
    editor.picture("first-2-installing")
    editor.until(lambda: "is loaded" in editor.status(), "it is installed and started", 300)
    assert list(editor.user.rglob("globalStorage/*/server/bin/empower-lsp"))
    editor.until(lambda: {"Measure and Choose", "Choose Model"} <= set(editor("texts", BUTTON)), "a model is offered")
    editor.picture("first-3-installed")
    assert offered(editor, "installed.py")
    editor.note("first-minutes", f"{time.monotonic() - began:.0f} s from the click on Install to the first grey text")
    editor.picture("first-4-grey-text")
    editor.press("Alt+Shift+Backslash", "Control+Alt+w")
    editor.until(lambda: editor("framed", "p.words"), "the page opens")
    editor.picture("first-5-why")


def said(editor: VSCode) -> str:
    return str(editor("texts", ".notifications-toasts .notification-list-item"))


def running(editor: VSCode, word: str) -> list[psutil.Process]:
    """Return the processes below the editor whose command has a word; any may end while it is looked at."""
    found = []
    for one in psutil.Process(editor.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if word in " ".join(one.cmdline()):
                found.append(one)
    return found
