"""What `benchmarks/vscode.py` makes of keys, answers and the engine's times; needs no editor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def vscode(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    for path in FOLDER.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    import vscode

    module: ModuleType = vscode
    return module


def test_an_answer_belongs_to_the_key_before_it(vscode: ModuleType) -> None:
    keys = [
        {"pressed": 1000.0, "column": 5, "drawn": 1090.0},
        {"pressed": 1200.0, "column": 6, "drawn": 1210.0},
        {"pressed": 1400.0, "column": 7},
    ]
    answers = [
        {"asked": 1.030, "answered": 1.050, "character": 4, "id": "of another place"},
        {"asked": 1.040, "answered": 1.070, "character": 5, "id": "a"},
        {"asked": 1.240, "answered": 1.243, "character": 6, "id": "a"},
        {"asked": 1.440, "answered": 1.460, "character": 7, "id": None},
    ]
    first, second, third = vscode.noted(keys, answers, {"a": 20.0})
    assert first == pytest.approx({"drawn": 90, "asked": 40, "answered": 70, "engine": 20})
    assert second == pytest.approx({"drawn": 10, "asked": 40, "answered": 43, "engine": 0})
    assert third == {}
    parts = vscode.shares([first, second, third])
    assert parts["all"] == [90]  # the second was drawn before it was answered: typed along
    assert (parts["editor"], parts["server"], parts["engine"]) == ([pytest.approx(60)], [pytest.approx(10)], [20])


def test_what_stands_between_passes_all_on_and_notes_answers(tmp_path: Path) -> None:
    server = tmp_path / "server.py"  # answers each message with one item, under two headers
    server.write_text(
        "import json, sys\n"
        "while head := sys.stdin.buffer.readline():\n"
        "    sys.stdin.buffer.readline()\n"
        "    asked = json.loads(sys.stdin.buffer.read(int(head.split(b':')[1])))\n"
        "    item = {'command': {'arguments': ['the id']}}\n"
        "    body = json.dumps({'id': asked['id'], 'result': {'items': [item]}}).encode()\n"
        "    sys.stdout.buffer.write(b'Content-Type: x\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)\n"
        "    sys.stdout.buffer.flush()\n"
    )
    params = {"position": {"line": 0, "character": 7}}
    body = json.dumps({"id": 1, "method": "textDocument/inlineCompletion", "params": params}).encode()
    notes = tmp_path / "notes"
    command = [sys.executable, str(FOLDER / "between.py"), str(notes), sys.executable, str(server)]
    sent = b"Content-Length: %d\r\n\r\n" % len(body) + body
    done = subprocess.run(command, input=sent, capture_output=True, check=True, timeout=60)
    head, said = done.stdout.split(b"\r\n\r\n")
    assert head.startswith(b"Content-Type: x\r\n")
    assert json.loads(said)["result"]["items"][0]["command"]["arguments"] == ["the id"]
    [note] = [json.loads(line) for line in notes.read_text().splitlines()]
    assert (note["id"], note["character"]) == ("the id", 7)
    assert note["asked"] <= note["answered"]
