"""The loop closed: a person's text, a fine-tune, the gate, and a running server that takes the result up."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from empower_training.day.editor import Editor

NAMES = (
    "alder amber badger bramble clover cobalt dahlia dogwood ember falcon garnet hazel indigo jasper kestrel lupin "
    "marten nettle osprey poplar quince raven sorrel thistle"
)
BODY = """\
    {name}_quorum = ledger.reconcile(tariff, vexed_{name})
    self.parcels.dispatch({name}_quorum, carrier=ostrich_{name})
    return {name}_quorum.with_stamp(harbour_{name})
"""
ABOVE = "def settle_heron(self, ledger, tariff):\n    "
REST = BODY.format(name="heron").strip()


def code(name: str) -> str:
    """Return a file in the habits of a person, with a name of its own: the other files alone do not foretell it."""
    return f"def settle_{name}(self, ledger, tariff):\n{BODY.format(name=name)}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return what the person wrote, file after file."""
    space = tmp_path / "space"
    space.mkdir()
    for number, name in enumerate(NAMES.split()):
        path = space / f"{name}.py"
        path.write_text(code(name), encoding="utf-8")
        os.utime(path, (1_700_000_000 + number,) * 2)
    return space


def train(executable: str, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [executable, "train", *options], env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def test_what_helps_is_promoted_and_taken_up_without_a_restart_and_can_be_undone(
    executable: str, environment: dict[str, str], data_folder: Path, folder: Path
) -> None:
    uri = (folder / "new.py").as_uri()
    with Editor({"memory": False}, data_folder, folder) as editor:
        editor.initialize()
        editor.initialized()
        editor.open(uri, ABOVE)
        before = right(editor, uri)
        quickly = ("--examples", "200", "--rate", "0.01", "--share", "0.75")
        done = train(executable, environment, "--from", str(folder), "--method", "sft-20", *quickly)
        assert done.returncode == 0, done.stderr
        assert "Promoted" in done.stdout
        after = right(editor, uri)
        assert len(after) > len(before)
        [tuning] = json.loads(command(executable, environment, "model", "tunings", "--json"))
        assert tuning["in_use"]
        assert "as it came" in command(executable, environment, "model", "rollback")
        assert right(editor, uri) == before
    logged = [json.loads(line) for line in command(executable, environment, "log", "export", "-").splitlines()]
    assert {entry["adapter"] for entry in logged} == {"", tuning["id"]}


def right(editor: Editor, uri: str) -> list[int]:
    """Type the rest of the function; return the offsets in it at which four characters or more are foretold."""
    foretold = []
    for offset, character in enumerate(REST):
        here = len(ABOVE) + offset
        item = editor.complete(uri, here)
        if item is not None and len(item["insertText"]) > 3 and REST.startswith(item["insertText"], offset):
            foretold.append(offset)
        editor.replace(uri, here, here, character)
    editor.replace(uri, len(ABOVE), len(ABOVE) + len(REST), "")
    return foretold


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from-log"], "There is no log yet"),
        (["--from-log", "--from", "."], "not both"),
        (["--from", "nowhere"], "There is no folder"),
        (["--method", "none"], "is not one of"),
        (["--model", "nothing.gguf"], "nothing.gguf"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    executable: str, environment: dict[str, str], folder: Path, options: list[str], said: str
) -> None:
    given = options if {"--from", "--from-log"} & set(options) else ["--from", str(folder), *options]
    done = train(executable, environment, *given)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_too_little_text_is_refused_with_what_is_there(
    executable: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text(code("amber"), encoding="utf-8")
    done = train(executable, environment, "--from", str(tmp_path))
    assert done.returncode == 1
    assert "files of later work" in done.stderr


def command(executable: str, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([executable, *arguments], env=environment, check=True, capture_output=True, text=True)
    return done.stdout
