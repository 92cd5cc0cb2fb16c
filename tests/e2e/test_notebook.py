"""The installed server and a notebook: what one cell says helps in another."""

from pathlib import Path
from typing import Any

import pytest

from empower_training.day.editor import AUTOMATIC, Editor

NAMES = "".join(f"quantified_zebra_margin_{n} = quantified_zebra_margin + {n}\n" for n in range(4))
TYPED = "print(quantified_ze"


@pytest.mark.parametrize("synced", [True, False], ids=["notebookDocument", "cells only"])
def test_a_name_of_one_cell_is_completed_in_another(data_folder: Path, options: dict[str, Any], synced: bool) -> None:
    cells = [
        {"uri": f"vscode-notebook-cell:/work/plan.ipynb#W{n}", "languageId": "python", "version": 1, "text": text}
        for n, text in enumerate((NAMES, TYPED))
    ]
    with Editor(options | {"memory": False}, data_folder) as editor:
        editor.initialize()
        editor.initialized()
        if synced:
            notebook = {"uri": "file:///work/plan.ipynb", "notebookType": "jupyter-notebook", "version": 1}
            notebook |= {"cells": [{"kind": 2, "document": cell["uri"]} for cell in cells]}
            editor.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": cells})
        else:
            for cell in cells:
                editor.notify("textDocument/didOpen", {"textDocument": cell})
        params = {"textDocument": {"uri": cells[1]["uri"]}, "position": {"line": 0, "character": len(TYPED)}}
        answer = editor.request("textDocument/inlineCompletion", params | {"context": {"triggerKind": AUTOMATIC}})
    assert answer["items"][0]["insertText"].startswith("bra_margin")
    assert answer["items"][0]["range"]["start"] == {"line": 0, "character": len(TYPED)}
