"""The installed server, a person typing into it, and what the log then says of it."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from empower_training.day.day import Desk, typed
from empower_training.day.editor import Editor, ServerEnded
from empower_training.replay.human import Careful
from empower_training.replay.work import Work

ABOVE = """\
class Point:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def moved(self, x, y, z):
        """
TYPED = "return Point(self.x + x, self.y + y, self.z + z)"
WORK = Work("shapes/point.py:8", ABOVE, TYPED, "\n\n\nORIGIN = Point(0, 0, 0)\n")


def command(executable: str, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([executable, "log", *arguments], env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def test_the_log_tells_what_the_person_did(
    executable: str, environment: dict[str, str], data_folder: Path, tmp_path: Path
) -> None:
    with Editor({}, data_folder, tmp_path) as editor:
        editor.initialize()
        editor.initialized()
        [tally] = typed(Desk(editor, Careful(), tmp_path, pause=0.55), [WORK])
    exported = [json.loads(line) for line in command(executable, environment, "export", "-").splitlines()]
    kinds = [outcome["kind"] for entry in exported for outcome in entry["outcomes"]]
    assert tally.accepted > 0
    assert kinds.count("accepted") == tally.accepted
    assert kinds.count("partially accepted") == tally.partially
    assert kinds.count("shown") == tally.shown == len(exported)
    assert kinds.count("diverged") == tally.shown - tally.accepted - tally.partially
    assert {entry["path"] for entry in exported} == {"shapes/point.py"}
    assert "accepted" in command(executable, environment, "stats")


def test_a_killed_server_loses_nothing_that_was_said_before(
    executable: str, environment: dict[str, str], data_folder: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    with pytest.raises(ServerEnded):
        killed_at_work(executable, environment, Editor({}, data_folder, tmp_path), said)
    [entry] = [json.loads(line) for line in command(executable, environment, "export", "-").splitlines()]
    assert [entry["text"]] == said


def killed_at_work(executable: str, environment: dict[str, str], editor: Editor, said: list[str]) -> None:
    with editor:
        editor.initialize()
        editor.initialized()
        item = opened(editor, "file:///point.py")
        said.append(item["insertText"])
        editor.shown(item)
        wait_for(executable, environment, '"kind": "shown"')
        os.kill(editor.pid, signal.SIGKILL)
        editor.run("empower.status")


def opened(editor: Editor, uri: str) -> dict[str, Any]:
    """Return an item at the first cursor of the work that has one."""
    editor.open(uri, ABOVE + TYPED)
    for offset in range(len(ABOVE), len(ABOVE + TYPED)):
        if item := editor.complete(uri, offset):
            return item
    raise AssertionError("the model had nothing to say")


def wait_for(executable: str, environment: dict[str, str], kind: str) -> None:
    for _ in range(100):
        if kind in command(executable, environment, "show", "--json"):
            return
    raise AssertionError(f"{kind} was never logged")


def test_what_a_person_who_asks_by_hand_does_with_several(
    executable: str, environment: dict[str, str], data_folder: Path, tmp_path: Path
) -> None:
    with Editor({"confidence": 0.1}, data_folder, tmp_path) as editor:
        editor.initialize()
        editor.initialized()
        offset, [first, second, *_] = several(editor, "file:///point.py")
        editor.shown(first)
        editor.notify("textDocument/didDismissCompletion", {"item": first})
        editor.shown(second)
        editor.replace("file:///point.py", offset, offset, second["insertText"])
        editor.run("empower.accept", *second["command"]["arguments"])
    exported = [json.loads(line) for line in command(executable, environment, "export", "-").splitlines()]
    said = {
        entry["id"]: [(outcome["kind"], outcome["explicit"]) for outcome in entry["outcomes"]] for entry in exported
    }
    assert said[first["command"]["arguments"][0]] == [("shown", True), ("dismissed", True)]
    assert said[second["command"]["arguments"][0]][:2] == [("shown", True), ("accepted", True)]


def several(editor: Editor, uri: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the first cursor of the work that has more than one item for who asks by hand, and they."""
    editor.open(uri, ABOVE + TYPED)
    for offset in range(len(ABOVE), len(ABOVE + TYPED)):
        line, character = ABOVE.count("\n"), offset - ABOVE.rfind("\n") - 1
        params = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        answer = editor.request("textDocument/inlineCompletion", params | {"context": {"triggerKind": 1}})
        if len(items := answer["items"]) > 1:
            assert items[0] == editor.complete(uri, offset), "the first is what typing would have shown"
            return offset, items
    raise AssertionError("the model had nothing else to say")
