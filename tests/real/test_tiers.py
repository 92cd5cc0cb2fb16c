"""The installed server with the bundled model and the real one: who answers when, and what if one is killed."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from empower_lsp.log import Level, choose
from empower_model.files import Model
from empower_training.day.editor import Editor

pytestmark = pytest.mark.real

SECONDS = 60.0
"""How long anything may take on a busy machine."""
FUNCTION = '''\
def celsius(fahrenheit):
    """Convert degrees Fahrenheit to degrees Celsius."""
    return'''
KNOWN = " (fahrenheit - 32)"
"""What the real model knows, and the bundled one does not."""
URI = "untitled:celsius.py"
REPEATED = "".join(f"self.assertEqual(first, {n})\n" for n in range(5)) + "self.assert"
"""What any model goes on with."""
REPEATED_URI = "untitled:repeated.py"


class Window(Editor):
    """An editor in which both models are used."""

    def __init__(self, data: Path, model: str, **options: object) -> None:
        super().__init__({"model": model, **options}, data)
        self.initialize()
        self.initialized()

    def tier(self, name: str) -> dict[str, Any]:
        """Return the status of a tier; empty while there is none."""
        tiers: list[dict[str, Any]] = self.run("empower.status")["tiers"]
        return next((tier for tier in tiers if tier["tier"] == name), {})

    def seen(self, uri: str = URI) -> tuple[str, str]:
        """Return what is shown at the end of a document, and the tier that said the last word on it."""
        item = self.complete(uri, len(self.text(uri)))
        why = self.run("empower.why")
        return (item["insertText"] if item else ""), (why["tier"] if why else "")

    def type(self, text: str) -> None:
        """Write a text at the end."""
        at = len(self.text(URI))
        self.replace(URI, at, at, text)


def until(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Return what is true in the end."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never was"
        time.sleep(0.05)
    return value


@pytest.fixture
def window(data_folder: Path, real: Model) -> Iterator[Window]:
    choose(Level.FULL)
    with Window(data_folder, str(real.path)) as window:
        window.open(URI, FUNCTION)
        yield window


def test_the_bundled_model_answers_until_the_real_one_has_read_the_place_and_then_that_one(
    window: Window, data_folder: Path
) -> None:
    window.open(REPEATED_URI, REPEATED)
    until(lambda: window.tier("instant").get("state") == "ready")
    text, by = window.seen(REPEATED_URI)
    assert (text, by) == ("Equal(first,", "instant")
    text, by = until(lambda: (shown := window.seen())[0].startswith(KNOWN) and shown)
    assert by == "deep"
    environment = {"EMPOWER_LSP_DATA": str(data_folder), "PATH": ""}
    program = psutil.Process(window.pid).cmdline()[:2]

    def logged() -> list[dict[str, Any]]:
        done = subprocess.run([*program, "log", "export", "-"], env=environment, capture_output=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    rows = until(logged)
    deep = [row for row in rows if row["tier"] == "deep"]
    assert text in {row["text"] for row in deep}
    assert all(row["model"].endswith("q4_k_m.gguf") for row in deep)
    assert {row["model"] for row in rows if row["tier"] == "instant"} <= {"empower-python"}


def test_either_child_may_be_killed_at_any_moment(window: Window) -> None:
    until(lambda: window.tier("instant").get("state") == window.tier("deep").get("state") == "ready")
    children = psutil.Process(window.pid).children()
    assert len(children) >= 2
    for child in children:
        if child.is_running():
            child.kill()
        window.seen()
    until(lambda: window.seen()[0].startswith(KNOWN))


def test_in_another_language_the_screen_ends_up_with_what_the_real_model_says(data_folder: Path, real: Model) -> None:
    text = "function add(a: number, b: number): number {\n  return a +"
    with Window(data_folder, str(real.path), log="off") as window:
        window.open(URI, text, "typescript")
        until(lambda: window.tier("deep").get("state") == "ready")
        shown = until(lambda: (seen := window.seen())[1] == "deep" and seen[0])
        assert shown.strip(" ;\n}") == "b"
