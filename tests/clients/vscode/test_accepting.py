"""Inline completions in the real VS Code: what a person sees and gets, and what the log says of it afterwards.

All tests here share one window, since its start takes long; each has a file of its own.
"""

from __future__ import annotations

from empower_lsp.serving.journal import LOGGED
from tests.clients.vscode.scene import ABOVE, BEFORE, BELOW, LINE, NUMBER, TYPED, ended, leave, line, offered, settled
from tests.clients.vscode.window import VSCode

POINT = """\
class Point:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def turned(self, x, y, z):
        return Point(self.x - x, self.y - y, self.z - z)

    def moved(self, x, y, z):
        return Point("""


def test_the_first_start_tells_what_is_logged(editor: VSCode) -> None:
    editor.until(lambda: "See what is logged, and switch it off" in str(editor("texts", "h3")), "the walkthrough opens")
    said = LOGGED.split(";")[0]
    editor.until(lambda: said in str(editor.notifications()), "the server says it")
    assert {"Show", "Metadata Only", "Off"} <= set(
        editor("texts", ".notification-list-item-buttons-container .monaco-button")
    )
    editor.picture("first-start")
    editor.until(lambda: "is loaded" in editor.status(), "the model is loaded")


def test_ghost_text_appears_and_tab_accepts_it(editor: VSCode) -> None:
    ghost = offered(editor, "tab.py")
    editor.until(lambda: "Last answer after" in editor.status(), "the status bar tells how long it took")
    editor.picture("ghost-text", editor("box", ".editor-group-container"))
    editor.press("Tab")
    editor.until(lambda: editor.ghost() != ghost, "it is accepted")  # another one may follow
    assert line(editor, "tab.py") == BEFORE + TYPED + ghost
    assert LINE.startswith(BEFORE + TYPED + ghost)
    assert ended(editor, "tab.py", "accepted")["explicit"]


def test_a_word_is_accepted_and_reported(editor: VSCode) -> None:
    ghost = offered(editor, "word.py")
    editor.press("Control+ArrowRight")
    editor.until(lambda: editor.ghost() not in ("", ghost), "a part is accepted")
    assert ghost.endswith(settled(editor, ghost))
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
    editor.until(lambda: editor.ghost() != ghost, "it is accepted")  # another one may follow
    assert line(editor, "line.py") == BEFORE + TYPED + ghost
    assert ended(editor, "line.py", "accepted")["explicit"]


def test_escape_dismisses(editor: VSCode) -> None:
    offered(editor, "escape.py")
    editor.press("Escape")
    editor.until(lambda: not editor.ghost(), "it goes")
    assert line(editor, "escape.py") == BEFORE + TYPED
    assert ended(editor, "escape.py", "dismissed")["explicit"]


def test_more_is_shown_as_past_what_it_is_sure_of(editor: VSCode) -> None:
    above, typed = POINT.rsplit("\n", 1)
    editor.edit("more.py", f"{above}\n\n", above.count("\n") + 2, 1)
    editor.type(typed)
    editor.press("Alt+Shift+Backslash")
    editor.until(lambda: "You asked for more: it is sure " in editor.status(), "it says where it gets unsure")
    ghost = settled(editor)
    assert "past what it is sure of" in str(editor("texts", ".statusbar-item"))
    editor.picture("more", editor("box", ".editor-group-container"))
    editor.press("Tab")
    editor.until(lambda: editor.ghost() != ghost, "it is accepted")
    editor.until(lambda: "You asked for more" not in editor.status(), "that is over")
    assert editor.saved("more.py").startswith(POINT + ghost)
    [asked] = [row for row in editor.logged("more.py") if row["rule"] == "statement"]
    assert asked["text"] == ghost
    assert {"accepted": True}.items() <= {outcome["kind"]: outcome["explicit"] for outcome in asked["outcomes"]}.items()


def test_it_comes_back_when_asked_for(editor: VSCode) -> None:
    offered(editor, "ask.py")
    editor.press("Escape")
    editor.until(lambda: not editor.ghost(), "it goes")
    editor.press("Alt+Backslash")
    editor.until(editor.ghost, "it is back")


def test_a_fast_typist_gets_what_was_typed(editor: VSCode) -> None:
    editor.edit("fast.py", ABOVE + BEFORE + "\n" + BELOW, NUMBER, len(BEFORE) + 1)
    rest = LINE.removeprefix(BEFORE) + "".join(BELOW.splitlines(keepends=True)[:6])
    editor.type(rest, 15)
    assert editor.saved("fast.py") == ABOVE + BEFORE + rest + "\n" + BELOW


def test_a_key_after_ghost_text_leaves_nothing_doubled(editor: VSCode) -> None:
    ghost = offered(editor, "along.py")
    editor.type(ghost[0], 0)
    editor.press("Tab")
    assert line(editor, "along.py") == BEFORE + TYPED + ghost
