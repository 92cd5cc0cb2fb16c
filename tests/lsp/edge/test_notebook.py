"""The cells of a notebook are one text to each other, however a client tells of them."""

from typing import Any

import pytest

from empower_lsp.log import log_path, opened
from empower_lsp.outcome import difference

from .wire import INVOKED, Wire, logged

NOTEBOOK = "file:///work/space/plan.ipynb"


def cell(number: int) -> str:
    return f"vscode-notebook-cell:/work/space/plan.ipynb#W{number}sZmlsZQ%3D%3D"


def item(number: int, text: str, language: str = "python") -> dict[str, Any]:
    return {"uri": cell(number), "languageId": language, "version": 1, "text": text}


TEXTS = [item(0, "import os"), item(1, "# ", "markdown"), item(2, "x = "), item(3, "print(x)")]


class Synced:
    """A client that tells of notebooks as such."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def open(self) -> None:
        cells = [{"kind": 2, "document": document["uri"]} for document in TEXTS]
        notebook = {"uri": NOTEBOOK, "notebookType": "jupyter-notebook", "version": 1, "cells": cells}
        self.wire.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": TEXTS})

    def write(self, number: int, text: str) -> None:
        document = {"uri": cell(number), "version": 2}
        self.change({"textContent": [{"document": document, "changes": [{"text": text}]}]})

    def put(self, at: int, item: dict[str, Any]) -> None:
        array = {"start": at, "deleteCount": 0, "cells": [{"kind": 2, "document": item["uri"]}]}
        self.change({"structure": {"array": array, "didOpen": [item]}})

    def drop(self, at: int, number: int) -> None:
        self.change({"structure": {"array": {"start": at, "deleteCount": 1}, "didClose": [{"uri": cell(number)}]}})

    def change(self, cells: dict[str, Any]) -> None:
        params = {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": {"cells": cells}}
        self.wire.notify("notebookDocument/didChange", params)


class Plain:
    """A client that tells of the cells only, as of any document."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def open(self) -> None:
        for document in TEXTS:
            self.wire.notify("textDocument/didOpen", {"textDocument": document})

    def write(self, number: int, text: str) -> None:
        params = {"textDocument": {"uri": cell(number), "version": 2}, "contentChanges": [{"text": text}]}
        self.wire.notify("textDocument/didChange", params)

    def drop(self, at: int, number: int) -> None:
        self.wire.notify("textDocument/didClose", {"textDocument": {"uri": cell(number)}})


@pytest.fixture(params=[Synced, Plain])
async def client(request: pytest.FixtureRequest, wire: Wire) -> Synced | Plain:
    await wire.initialize()
    client: Synced | Plain = request.param(wire)
    client.open()
    return client


async def test_a_cell_is_completed_between_the_others(client: Synced | Plain, wire: Wire) -> None:
    [shown] = await wire.items(0, 4, uri=cell(2))
    request = wire.script.requests[-1]
    assert (request.prefix, request.suffix) == ("import os\n\nx = ", "\n\nprint(x)")
    assert shown["range"] == {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 4}}
    await wire.items(0, 2, uri=cell(1))
    assert wire.script.requests[-1].prefix == "# ", "of another language there is one cell only"


async def test_what_is_written_in_one_cell_is_seen_from_another(client: Synced | Plain, wire: Wire) -> None:
    client.write(0, "import re\r\nimport json")
    await wire.items(0, 4, uri=cell(2))
    assert wire.script.requests[-1].prefix == "import re\nimport json\n\nx = "
    client.drop(0, 0)
    await wire.items(0, 4, uri=cell(2))
    assert wire.script.requests[-1].prefix == "x = "


async def test_alternatives_and_a_selected_item_are_in_the_cell(client: Synced | Plain, wire: Wire) -> None:
    wire.script.others = ("other()",)
    client.write(2, "x = os.pa")
    edges = {"start": {"line": 0, "character": 7}, "end": {"line": 0, "character": 9}}
    selected = INVOKED | {"selectedCompletionInfo": {"range": edges, "text": "path"}}
    items = await wire.items(0, 9, selected, cell(2))
    assert wire.script.requests[-1].prefix == "import os\n\nx = os.path"
    assert [item["insertText"] for item in items] == ["pathcompleted()", "pathother()"]
    assert [item["range"] for item in items] == [edges, edges]


async def test_a_cell_that_comes_between_moves_what_is_followed(wire: Wire) -> None:
    await wire.initialize()
    client = Synced(wire)
    client.open()
    [shown] = await wire.items(0, 4, uri=cell(2))
    wire.notify("textDocument/didShowCompletion", {"item": shown})
    client.put(1, item(9, "import json"))
    await wire.items(0, 4, uri=cell(2))
    assert wire.script.requests[-1].prefix == "import os\n\nimport json\n\nx = "
    client.write(2, "x = completed()")
    await wire.settle()
    wire.server.conversation.close()
    kinds = [kind for _, outcomes in logged() for kind, _ in outcomes]
    assert "typed_through" in kinds or "accepted" in kinds
    with opened(log_path()) as store:
        assert {entry.completion.path for entry in store.entries()} == {"plan.ipynb"}


async def test_a_notebook_that_is_closed_is_gone(wire: Wire) -> None:
    await wire.initialize()
    Synced(wire).open()
    assert await wire.items(0, 4, uri=cell(2))
    closed = {
        "notebookDocument": {"uri": NOTEBOOK},
        "cellTextDocuments": [{"uri": document["uri"]} for document in TEXTS],
    }
    wire.notify("notebookDocument/didClose", closed)
    assert await wire.items(0, 4, uri=cell(2)) == []
    assert wire.server.text(f"{NOTEBOOK}#python") is None
    wire.open("y = ")
    assert await wire.items(0, 4)


async def test_a_notebook_that_must_not_be_read_is_not(wire: Wire) -> None:
    await wire.initialize({"denyGlobs": ["*.ipynb"]})
    Synced(wire).open()
    assert await wire.items(0, 4, uri=cell(2)) == []


@pytest.mark.parametrize(
    ("before", "after", "edit"),
    [
        ("", "a", (0, 0, "a")),
        ("abc", "abc", (3, 3, "")),
        ("abc", "axc", (1, 2, "x")),
        ("aa", "aaa", (2, 2, "a")),
        ("aaa", "aa", (2, 3, "")),
        ("ab", "", (0, 2, "")),
    ],
)
def test_one_edit_makes_another_text_of_a_text(before: str, after: str, edit: tuple[int, int, str]) -> None:
    assert difference(before, after) == edit
    start, end, text = edit
    assert before[:start] + text + before[end:] == after
