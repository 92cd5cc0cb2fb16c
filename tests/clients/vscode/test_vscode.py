"""The VS Code extension in the real editor: what a person sees, and what the log says of it afterwards.

The tests share one window, since its start takes long; each has a file of its own.
"""

from __future__ import annotations

import json
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psutil

if TYPE_CHECKING:
    from tests.clients.vscode.conftest import VSCode

SOURCE = Path(click.__file__).with_name("exceptions.py").read_text(encoding="utf-8")
"""Real code that the bundled model has never seen."""
LINE = "        ctx: Context | None = None,\n"
ABOVE, BELOW = SOURCE.split(LINE, 1)
NUMBER = ABOVE.count("\n") + 1
BEFORE, TYPED = "        ctx: ", "Cont"
ENDED = "empower-lsp ended unexpectedly and was started again."


def offered(editor: VSCode, name: str) -> str:
    """Type at the place in a new file; the grey text that appears."""
    editor.edit(name, ABOVE + BEFORE + "\n" + BELOW, NUMBER, len(BEFORE) + 1)
    editor.type(TYPED)
    text: str = editor.until(editor.ghost, "grey text appears")
    return text


def line(editor: VSCode, name: str) -> str:
    return editor.saved(name).split("\n")[NUMBER - 1]


def ended(editor: VSCode, name: str, kind: str) -> dict[str, Any]:
    """The one thing that became of the completions in a file."""
    editor.until(lambda: editor.became(name), f"the log says what became of {name}")
    [outcome] = [outcome for outcome in editor.became(name) if outcome["kind"] not in ("kept", "changed")]
    assert outcome["kind"] == kind
    return outcome


def leave(editor: VSCode) -> None:
    time.sleep(0.6)  # what is seen for less than half a second does not count
    editor.press("Control+w")


def kill_server(editor: VSCode) -> None:
    """Kill the server, and wait until another is ready."""
    old = servers(editor)
    for one in old:
        one.kill()
    editor.until(lambda: set(servers(editor)) - set(old), "another is started")
    editor.until(lambda: "is loaded" in editor.status(), "it is ready")


def servers(editor: VSCode) -> list[psutil.Process]:
    found = []
    for one in psutil.Process(editor.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "--stdio" in one.cmdline():
                found.append(one)
    return found


def test_the_first_start_tells_what_is_logged(editor: VSCode) -> None:
    editor.until(lambda: "See what is logged, and switch it off" in str(editor("texts", "h3")), "the walkthrough opens")
    editor.until(lambda: "empower-lsp logs its inline completions" in str(editor.notifications()), "the server says it")
    editor.until(lambda: "is loaded" in editor.status(), "the model is loaded")
    editor.command("Notifications: Clear All Notifications")


def test_ghost_text_appears_and_tab_accepts_it(editor: VSCode) -> None:
    ghost = offered(editor, "tab.py")
    editor.until(lambda: "Last answer after" in editor.status(), "the status bar tells how long it took")
    editor.picture("ghost-text", editor("box", ".editor-group-container"))
    editor.press("Tab")
    editor.until(lambda: not editor.ghost(), "it is accepted")
    assert line(editor, "tab.py") == BEFORE + TYPED + ghost
    assert LINE.startswith(BEFORE + TYPED + ghost)
    assert ended(editor, "tab.py", "accepted")["explicit"]


def test_a_word_is_accepted_and_reported(editor: VSCode) -> None:
    ghost = offered(editor, "word.py")
    editor.press("Control+ArrowRight")
    editor.until(lambda: editor.ghost() not in ("", ghost), "the rest stays")
    accepted = line(editor, "word.py").removeprefix(BEFORE + TYPED)
    assert ghost.startswith(accepted)
    assert len(accepted) < len(ghost)
    leave(editor)
    outcome = ended(editor, "word.py", "partially accepted")
    assert outcome["explicit"]
    assert outcome["characters"] == len(accepted)


def test_a_line_is_accepted_and_reported(editor: VSCode) -> None:
    ghost = offered(editor, "line.py")
    editor.press("Control+Alt+l")
    editor.until(lambda: not editor.ghost(), "it is accepted")
    assert line(editor, "line.py") == BEFORE + TYPED + ghost
    assert ended(editor, "line.py", "accepted")["explicit"]


def test_escape_dismisses(editor: VSCode) -> None:
    offered(editor, "escape.py")
    time.sleep(0.6)  # what is seen for less than half a second does not count
    editor.press("Escape")
    editor.until(lambda: not editor.ghost(), "it goes")
    assert line(editor, "escape.py") == BEFORE + TYPED
    leave(editor)
    ended(editor, "escape.py", "dismissed")


def test_it_comes_back_when_asked_for(editor: VSCode) -> None:
    ghost = offered(editor, "ask.py")
    editor.press("Escape")
    editor.until(lambda: not editor.ghost(), "it goes")
    editor.press("Alt+Backslash")
    editor.until(lambda: editor.ghost() == ghost, "it is back")
    editor.saved("ask.py")


def test_a_fast_typist_gets_what_was_typed(editor: VSCode) -> None:
    editor.edit("fast.py", ABOVE + BEFORE + "\n" + BELOW, NUMBER, len(BEFORE) + 1)
    rest = LINE.removeprefix(BEFORE).rstrip("\n")
    editor.type(rest, 15)
    assert line(editor, "fast.py") == BEFORE + rest


def test_a_key_after_ghost_text_leaves_nothing_doubled(editor: VSCode) -> None:
    ghost = offered(editor, "along.py")
    editor.type(ghost[0], 0)
    editor.press("Tab")
    assert line(editor, "along.py") == BEFORE + TYPED + ghost


def test_why_did_it_stop_here(editor: VSCode) -> None:
    ghost = offered(editor, "why.py")
    editor.press("Control+Alt+w")
    [pre] = editor.until(lambda: editor("framed", "pre[aria-label='The tokens']"), "the page opens")
    kept = "".join(editor("framed", "pre span:not(.dropped)"))
    [crossing] = editor("framed", "pre .crossing")
    assert ghost in kept.replace("\u00a0", " ")
    assert pre.startswith(kept + crossing)
    assert "Threshold η" in str(editor("framed", "p"))
    editor.picture("why")
    editor.press("Control+1")
    editor.saved("why.py")
    editor.command("View: Close All Editors")


def test_off_is_off(editor: VSCode) -> None:
    editor.command("Empower: Turn On or Off")
    editor.until(lambda: "Off everywhere" in editor.status(), "the status bar tells")
    editor.edit("off.py", ABOVE + BEFORE + "\n" + BELOW, NUMBER, len(BEFORE) + 1)
    editor.type(TYPED)
    time.sleep(1)
    assert not editor.ghost()
    editor.command("Empower: Turn On or Off")
    editor.until(lambda: "is loaded" in editor.status(), "the status bar tells")
    assert offered(editor, "on.py")


def test_statistics_of_the_log_are_shown(editor: VSCode) -> None:
    offered(editor, "stats.py")
    editor.command("Empower: Show Log Statistics")
    editor.until(lambda: "by\u00a0language" in "".join(editor("texts", ".view-lines")), "the statistics are shown")


def test_a_killed_server_comes_back_and_says_so_once(editor: VSCode) -> None:
    kill_server(editor)
    editor.until(lambda: ENDED in editor.notifications(), "it is said")
    assert offered(editor, "killed.py")
    editor.command("Notifications: Clear All Notifications")
    kill_server(editor)
    assert offered(editor, "killed_again.py")
    assert ENDED not in editor.notifications()


def test_the_status_bar_tells_of_the_last_answer(editor: VSCode) -> None:
    offered(editor, "status.py")
    editor.until(lambda: "tokens kept" in editor.status(), "it is there")
    editor("hover", ".statusbar-item [aria-label^='Empower: ']")
    editor.until(lambda: "tokens kept" in str(editor("texts", ".monaco-hover")), "the tooltip opens")
    time.sleep(0.5)  # it fades in
    editor.picture("status", {"x": 440, "y": 500, "width": 560, "height": 140})


def test_a_missing_server_is_installed_after_asking(editor: VSCode, tmp_path: Path) -> None:
    settings = editor.user / "Machine" / "settings.json"
    program = json.loads(settings.read_text())["empowerServer.path"]
    wheel = stand_in(tmp_path, program)
    settings.write_text(json.dumps({"empowerServer.path": "", "empowerServer.requirement": str(wheel)}))
    editor.until(lambda: "was not found" in str(editor.notifications()), "it asks")
    assert "was not found" in editor.status()
    assert not list(editor.user.rglob("bin/empower-lsp"))
    editor("click", ".notification-list-item-buttons-container .monaco-button >> text=Install")
    editor.until(lambda: "is loaded" in editor.status(), "it is installed and started", 120)
    assert list(editor.user.rglob("bin/empower-lsp"))
    assert offered(editor, "installed.py")


def stand_in(folder: Path, program: str) -> Path:
    """A wheel named like the package, whose script starts the program under test: nothing is fetched or compiled."""
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
