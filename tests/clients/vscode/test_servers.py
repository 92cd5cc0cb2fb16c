"""The servers of the VS Code extension: one that is killed, one that offers more, and none at all."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from tests.clients.vscode import several
from tests.clients.vscode.scene import offered, served_by, servers
from tests.clients.vscode.window import VSCode, program

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


def test_a_missing_server_is_installed_after_asking(editor: VSCode, tmp_path: Path) -> None:
    wheel = stand_in(tmp_path, program())
    editor.configure({"empowerServer.path": "", "empowerServer.requirement": str(wheel)})
    editor.until(lambda: "was not found" in str(editor.notifications()), "it asks")
    assert "was not found" in editor.status()
    assert not list(editor.user.rglob("bin/empower-lsp"))
    editor("click", ".notification-list-item-buttons-container .monaco-button >> text=Install")
    editor.until(lambda: "is loaded" in editor.status(), "it is installed and started", 300)
    assert list(editor.user.rglob("bin/empower-lsp"))
    assert offered(editor, "installed.py")


def stand_in(folder: Path, program: str) -> Path:
    """Return a wheel named like the package, whose script starts the program under test: nothing is fetched."""
    wheel = folder / "empower_lsp-0.1.0-py3-none-any.whl"
    about = "empower_lsp-0.1.0.dist-info"
    files = {
        "stand_in.py": f"import os, sys\ndef main():\n    os.execv({program!r}, [{program!r}, *sys.argv[1:]])\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: empower-lsp\nVersion: 0.1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[console_scripts]\nempower-lsp = stand_in:main\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(name, text)
    return wheel
