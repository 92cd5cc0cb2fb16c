"""Clients that stray from the protocol, and texts beside the one that is written: over the wire, each is understood."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .client import OPEN_HANDED, Client
from .table import Table

URI = "file:///work/a.py"
TEXT = "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = "
END = (3, 17)
NAMES = "".join(f"quantified_zebra_margin_{n} = quantified_zebra_margin + {n}\n" for n in range(8))
TYPED, REST = "print(quantified_ze", "bra_margin"
SECONDS = 30.0


def text_at(client: Client, uri: str, line: int, character: int, **context: object) -> str:
    """Return the text that is shown at a place, empty for none."""
    position = {"line": line, "character": character}
    params = {"textDocument": {"uri": uri}, "position": position, "context": {"triggerKind": 2, **context}}
    items = client.request("textDocument/inlineCompletion", params)["items"]
    return str(items[0]["insertText"]) if items else ""


def close(client: Client, uri: str = URI) -> None:
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def in_the_end(found: Callable[[], bool]) -> bool:
    """Return whether it is so after a while."""
    deadline = time.monotonic() + SECONDS
    while not (there := found()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return there


def after_a_change(client: Client, version: dict[str, Any]) -> str:
    """Return what is shown in a text that came with a change of no version, or an odd one."""
    client.open(URI, "x = 1\n")
    document = {"uri": URI} | version
    client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": TEXT}]})
    shown = text_at(client, URI, *END)
    close(client)
    return shown


def test_clients_that_stray_are_understood(program: str, data: Path, table: Table) -> None:
    with Client(program, data, OPEN_HANDED | {"log": "off"}) as client:
        client.greet()
        client.settled("ready")
        client.open(URI, TEXT)
        plain, past = text_at(client, URI, *END), text_at(client, URI, 4, 0)
        close(client)
        changed = [after_a_change(client, version) for version in ({}, {"version": None}, {"version": "7"})]
        client.open(URI, f"{TEXT[:-1]}y\n")  # in the list stands `y`
        ends = [{"line": 3, "character": 16}, {"line": 3, "character": 17}]
        ranges: list[Any] = [ends, dict(zip(("start", "end"), ends, strict=True))]
        selected = [
            text_at(client, URI, *END, selectedCompletionInfo={"range": range, "text": "y + x"}) for range in ranges
        ]
        close(client)
        client.open("file:/work/a.py", TEXT)
        named = text_at(client, URI, *END)
        close(client)
    assert plain
    taken = sum(shown == plain for shown in changed)
    table.judge("didChange without a version, or an odd one: taken", f"{taken} of 3", taken == 3, before="dropped")
    table.judge("a line past the end: items", 1 if past else 0, not past, before="not []")
    same = selected[0] == selected[1] and selected[0].startswith("y + x")
    found = "as with an object" if same else str(selected)
    table.judge("selectedCompletionInfo.range as an array", found, same, before="not understood")
    table.judge("file:/x and file:///x", "one file" if named == plain else "two", named == plain, before="two")


def test_texts_beside_count(program: str, data: Path, table: Table) -> None:
    cells = [f"vscode-notebook-cell:/work/plan.ipynb#W{number}" for number in range(2)]
    notebook: dict[str, Any] = {"uri": "file:///work/plan.ipynb", "notebookType": "jupyter-notebook", "version": 1}
    notebook |= {"cells": [{"kind": 2, "document": cell} for cell in cells]}
    texts: list[dict[str, Any]] = [
        {"uri": cell, "languageId": "python", "version": 1, "text": text}
        for cell, text in zip(cells, (NAMES, TYPED), strict=True)
    ]
    with Client(program, data, OPEN_HANDED | {"log": "off", "memory": False}) as client:
        client.greet()
        client.settled("ready")
        for item in texts:
            client.open(item["uri"], item["text"])
        alone = text_at(client, cells[1], 0, len(TYPED)).startswith(REST)
        for cell in cells:
            close(client, cell)
        client.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": texts})
        synced = text_at(client, cells[1], 0, len(TYPED)).startswith(REST)
    with Client(program, data, OPEN_HANDED | {"log": "off"}) as client:
        client.greet()
        client.settled("ready")
        client.open("file:///elsewhere/names.py", NAMES)

        def known() -> bool:
            client.open(URI, TYPED)
            shown = text_at(client, URI, 0, len(TYPED))
            close(client)
            return shown.startswith(REST)

        beside = in_the_end(known)
    for what, holds in (
        ("cells of a notebook that is synced know each other", synced),
        ("cells that are documents know each other", alone),
        ("without a folder, a name of another open document is known", beside),
    ):
        table.judge(what, "yes" if holds else "no", holds, before="no")


def test_a_path_with_a_newline_forges_no_line(program: str, data: Path, table: Table) -> None:
    forged = "2026-01-01 00:00:00  forged.py  1 ms"
    uri = f"file:///work/a%0A{forged.replace(' ', '%20')}.py"
    with Client(program, data, OPEN_HANDED) as client:
        client.greet()
        client.settled("ready")
        client.open(uri, TEXT)
        assert text_at(client, uri, *END)
    command = [program, "log", "export", "-"]
    rows = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert any("\n" in (json.loads(row)["path"] or "") for row in rows)
    told = subprocess.run([program, "log", "show"], capture_output=True, text=True, timeout=60, check=True).stdout
    lines = sum(line.startswith("2026-01-01 00:00:00  forged.py") for line in told.splitlines())
    table.judge(
        "lines of `log show` that a newline in a path forges", lines, "forged.py" in told and not lines, before="forged"
    )
