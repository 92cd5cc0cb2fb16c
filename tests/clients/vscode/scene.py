"""What the tests in VS Code have in common: a place in real code where the model has something to offer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import psutil

from tests.clients.vscode.window import VSCode, program

SOURCE = Path(click.__file__).with_name("exceptions.py").read_text(encoding="utf-8")
"""Real code that the bundled model has never seen."""
LINE = "        param_type: str | None = None,\n"
ABOVE, BELOW = SOURCE.split(LINE, 1)
NUMBER = ABOVE.count("\n") + 1
BEFORE, TYPED = "        param_type: ", "st"
OVERSLEPT = 5.0
"""Seconds. VS Code loads what asks for grey text some time after its first editor: keys until then ask nothing."""


def offered(editor: VSCode, name: str) -> str:
    """Type at the place in a new file; the grey text that appears."""
    editor.edit(name, ABOVE + BEFORE + "\n" + BELOW, NUMBER, len(BEFORE) + 1)
    editor.type(TYPED)
    pressed = time.monotonic()

    def drawn() -> bool:
        nonlocal pressed
        if time.monotonic() - pressed > OVERSLEPT:
            editor.press("Backspace", TYPED[-1])
            pressed = time.monotonic()
        return bool(editor.ghost())

    editor.until(drawn, "grey text appears")
    return settled(editor)


def settled(editor: VSCode, before: str = "") -> str:
    """Return the grey text, once it is another than `before` and stays the same."""

    def found() -> str:
        text = editor.ghost()
        time.sleep(0.2)
        return text if editor.ghost() == text != before else ""

    text: str = editor.until(found, "grey text appears")
    return text


def line(editor: VSCode, name: str) -> str:
    return editor.saved(name).split("\n")[NUMBER - 1]


def ended(editor: VSCode, name: str, kind: str) -> dict[str, Any]:
    """Return what became of the last completion in a file; any before it can only have been typed over."""

    def found() -> list[dict[str, Any]]:
        return [outcome for outcome in editor.became(name) if outcome["kind"] == kind]

    found_once: list[dict[str, Any]] = editor.until(found, f"{name} is logged as {kind}: {editor.became(name)}")
    [outcome] = found_once
    others = {outcome["kind"] for outcome in editor.became(name)} - {kind}
    assert others <= {"shown", "superseded", "diverged", "kept", "changed"}
    return outcome


def leave(editor: VSCode) -> None:
    time.sleep(0.6)  # what is seen for less than half a second does not count
    editor.press("Control+w")


def servers(editor: VSCode) -> list[psutil.Process]:
    found = []
    for one in psutil.Process(editor.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "--stdio" in one.cmdline():
                found.append(one)
    return found


@contextmanager
def served_by(editor: VSCode, folder: Path, body: str, ready: str = "is loaded") -> Iterator[None]:
    """Have a shell script take the server's place for a while."""
    script = folder / f"server-{len(list(folder.glob('server-*')))}"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    replaced(editor, str(script), ready)
    yield
    replaced(editor, program())


def replaced(editor: VSCode, script: str, ready: str = "is loaded") -> None:
    old = servers(editor)
    editor.configure({"empowerServer.path": script})
    editor.until(lambda: set(servers(editor)) - set(old), "another is started")
    editor.until(lambda: ready in editor.status(), "it is ready")
