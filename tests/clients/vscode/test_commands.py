"""The commands of the VS Code extension, in the real editor."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from tests.clients.vscode.scene import ABOVE, BEFORE, BELOW, NUMBER, TYPED, offered, served_by
from tests.clients.vscode.window import PICKER, VSCode, program

DIALOG = ".monaco-dialog-box"


def test_why_did_it_stop_here(editor: VSCode) -> None:
    ghost = offered(editor, "why.py")
    editor.press("Control+Alt+w")
    [words] = editor.until(lambda: editor("framed", "p.words"), "the page opens")
    assert re.match(r"It was (\d+ % )?sure of ", words), words
    assert words.endswith("The choice is yours.") or "option" in words or "text" in words
    [code] = editor("framed", "pre[aria-label='The code']")
    assert ABOVE.splitlines()[-1] + "\n" + BEFORE + TYPED in code, "the code before it"
    kept = "".join(editor("framed", "pre span:not(.dropped):not(.before)"))
    assert ghost in kept.replace("\u00a0", " ")
    assert not editor("framed", "details[open]"), "the numbers are folded away"
    editor.picture("why")
    editor("click", ".tab[aria-label^='why.py']")
    editor.press("Control+End")
    editor.type("\n\nraise Val", 80)
    editor.until(lambda: editor("framed", "pre[aria-label='The code']") != [code], "it follows the last completion")


def test_off_is_off(editor: VSCode) -> None:
    editor.command("Empower: Turn On or Off")
    editor.until(lambda: "Off everywhere" in editor.status(), "the status bar tells")
    editor.edit("off.py", ABOVE + BEFORE + "\n" + BELOW, NUMBER, len(BEFORE) + 1)
    editor.type(TYPED)
    assert not editor.ghost()
    editor.command("Empower: Turn On or Off")
    editor.until(lambda: "is loaded" in editor.status(), "the status bar tells")
    assert offered(editor, "on.py")
    assert editor.logged("on.py")
    assert not editor.logged("off.py"), "nothing was asked for"


def test_a_snooze_is_told_and_ends_when_it_is_turned_on(editor: VSCode) -> None:
    editor.command("Empower: Snooze")
    editor.until(lambda: "15 minutes" in str(editor("labels", f"{PICKER} .monaco-list-row")), "it asks how long")
    editor.type("15", 0)
    editor.press("Enter")
    editor.until(lambda: re.search(r"Paused until \d+:\d+", editor.status()), "the status bar tells")
    editor.edit("paused.py", ABOVE + BEFORE + "\n" + BELOW, NUMBER, len(BEFORE) + 1)
    editor.type(TYPED)
    assert not editor.ghost()
    editor.command("Empower: Turn On or Off")
    editor.until(lambda: "is loaded" in editor.status(), "the status bar tells")
    assert offered(editor, "resumed.py")
    assert editor.logged("resumed.py")
    assert not editor.logged("paused.py"), "nothing was asked for"


def test_the_menu_says_how_it_is_and_what_can_be_done(editor: VSCode) -> None:
    offered(editor, "menu.py")
    editor.until(lambda: "Last answer after" in editor.status(), "it has answered")
    editor("click", ".statusbar-item [aria-label^='Empower: ']")
    rows = editor.until(lambda: editor("labels", f"{PICKER} .monaco-list-row"), "it opens")
    assert "is loaded" in rows[0]
    assert any(row.startswith("Last answer after") for row in rows[:4])
    assert any("Turn Off" in row and "for" not in row for row in rows)
    assert any("Turn Off for python" in row for row in rows)
    assert any("Snooze" in row for row in rows)
    editor.picture("menu")
    editor.press("Escape")


def test_choosing_a_model_changes_the_setting(editor: VSCode) -> None:
    editor.command("Empower: Choose the Model")
    rows = editor.until(lambda: models(editor), "the models are listed")
    assert all(name in rows for name in ("bundled", "qwen2.5-coder-0.5b", "to be downloaded"))
    editor.type("empower-python", 0)
    editor.press("Enter")
    editor.until(lambda: model_is(editor, "empower-python"), "the setting has changed")
    editor.command("Empower: Choose the Model")
    editor.until(lambda: models(editor), "they are listed again")
    editor.type("qwen2.5-coder-0.5b", 0)
    editor.press("Enter")
    editor.until(lambda: "Download qwen2.5-coder-0.5b (531 MB" in str(editor("texts", DIALOG)), "it asks first")
    editor.press("Escape")
    editor.until(lambda: not editor("texts", DIALOG), "it is not downloaded")
    assert model_is(editor, "empower-python")
    assert offered(editor, "model.py")


def test_what_is_to_be_expected_of_each_model_is_measured(editor: VSCode, tmp_path: Path) -> None:
    model = {"name": "qwen2.5-coder-0.5b-instruct", "memory": 665_000_000, "place": 0.52, "key": 0.21}
    told = {"machine": "This machine: 2 cores.", "disturbed": True, "fits": model["name"], "models": [model]}
    (tmp_path / "told.json").write_text(json.dumps(told))
    body = f'[ $1 = setup ] && cat {tmp_path}/told.json && exit\nexec {program()} "$@"'  # measuring takes seconds
    with served_by(editor, tmp_path, body):
        editor.command("Empower: Measure This Machine and Choose a Model")
        rows = editor.until(lambda: models(editor), "the models are listed")
        assert "Fits this machine. In a new place after 0.5 s, behind a key after 0.2 s; 665 MB" in rows
        assert "This machine: 2 cores. Busy: it may be faster." in str(editor("texts", PICKER))
        editor.picture("choose-model")
        editor.press("Escape")


def models(editor: VSCode) -> str:
    """Return what is listed, once it is."""
    rows = str(editor("labels", f"{PICKER} .monaco-list-row"))
    return rows if "empower-python" in rows else ""


def model_is(editor: VSCode, model: str) -> bool:
    """By the text of the file, which VS Code may be writing: then it is empty or short."""
    return f'"empower.model": "{model}"' in (editor.user / "User" / "settings.json").read_text()


def test_retraining_runs_in_a_terminal(editor: VSCode, tmp_path: Path) -> None:
    body = f'[ $1 = train ] && echo "It learns: $*" && exit\nexec {program()} "$@"'  # the real one takes minutes

    def printed() -> str:
        return "".join(editor("texts", ".xterm-rows")).replace("\u00a0", " ").replace("\n", "")

    with served_by(editor, tmp_path, body):
        editor.command("Empower: Retrain on What You Wrote")
        editor.until(lambda: "It learns: train --from-log" in printed(), "the terminal shows it")
        editor.command("Terminal: Kill All Terminals")
        editor.until(lambda: not editor("texts", ".xterm-rows"), "the terminal is closed")


def test_statistics_of_the_log_are_shown(editor: VSCode) -> None:
    offered(editor, "stats.py")
    editor.command("Empower: Show Log Statistics")
    editor.until(lambda: "by\u00a0language" in "".join(editor("texts", ".view-lines")), "the statistics are shown")


def test_the_status_bar_tells_of_the_last_answer(editor: VSCode) -> None:
    offered(editor, "status.py")
    editor.until(lambda: "tokens kept" in editor.status(), "it is there")
    editor("hover", ".statusbar-item [aria-label^='Empower: ']")
    editor.until(lambda: "tokens kept" in str(editor("texts", ".monaco-hover")), "the tooltip opens")
    time.sleep(0.5)  # it fades in
    editor.picture("status", {"x": 440, "y": 500, "width": 560, "height": 140})


def test_the_report_is_shown(editor: VSCode) -> None:
    editor.command("Empower: Open Report")
    editor.until(lambda: "What the assistant is worth" in editor("framed", "h1"), "the page is shown")


def test_what_the_report_lacks_is_said(editor: VSCode, tmp_path: Path) -> None:
    needs = "'report' needs torch: pip install empower-lsp[training]."
    fails = f'[ $1 = report ] && echo "Error: {needs}" >&2 && exit 1\nexec {program()} "$@"'
    with served_by(editor, tmp_path, fails):
        editor.command("Empower: Open Report")
        editor.until(lambda: needs in editor.notifications(), "the program's sentence is said")
