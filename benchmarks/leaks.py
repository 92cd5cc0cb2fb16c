"""Planted secrets in a workspace: how many of them reach the log, the memory and what is shown.

The corpus is that of the detector's tests. Each form is a file of a workspace, and the real server is asked, with its
bundled model and open-handed, where the value is to be written again: in another file, below it in the same file, and
there with its first characters typed. A secret has leaked where more than a few characters of it stand together: in a
column of the log, in what the memory may read of the file, in an item.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from empower_lsp.workspace import Workspace
from empower_training.day.editor import Editor
from tests.lsp.secrets.test_detector import REMAINDER, Excerpt, excerpts, planted

OPEN_HANDED = {"rule": "budget", "confidence": 0.02, "model": "", "log": "full"}
TYPED = 4
"""Characters of a secret that somebody types again."""
AGE = "AGE-SECRET-KEY-1"
"""How the keys of age begin; its words stand elsewhere too."""
NAMES = {
    **{"python": "py", "javascript": "js", "typescript": "ts", "go": "go", "rust": "rs", "java": "java", "ruby": "rb"},
    **{"php": "php", "yaml": "yaml", "json": "json", "toml": "toml", "ini": "ini", "shellscript": "sh", "sql": "sql"},
    **{"markdown": "md", "terraform": "tf", "xml": "xml", "html": "html", "properties": "properties", "http": "http"},
    **{"csharp": "cs", "cpp": "cpp", "c": "c", "kotlin": "kt", "swift": "swift", "plaintext": "txt", "dotenv": "env"},
    **{"makefile": "mk"},
}
"""By language id: how the names of its files end; of others, with the id."""


@dataclass(frozen=True)
class Planted:
    """A form in a file of its own, with the values in it."""

    form: Excerpt
    name: str
    text: str
    values: list[str]

    @property
    def cut(self) -> str:
        """Return the text up to its first value."""
        return self.text[: self.text.index(self.values[0])]

    def is_in(self, text: str) -> bool:
        """Return whether a part of a value stands in a text."""
        secret = (value.removeprefix(AGE) for value in self.values)
        parts = (value[at : at + REMAINDER] for value in secret for at in range(len(value) - REMAINDER + 1))
        return any(part in text for part in parts)


def files() -> list[Planted]:
    forms = [*excerpts("planted.txt"), *excerpts("planted_apart.txt")]
    found = []
    for number, form in enumerate(forms):
        text, values = planted(form, seed=17)
        name = f"settings_{number}.{NAMES.get(form.language, form.language)}"
        found.append(Planted(form, name, text + "\n", values))
    return found


def items(editor: Editor, uri: str, text: str, language: str) -> str:
    """Return what is shown at the end of a text that is opened and closed again."""
    editor.open(uri, text, language)
    item = editor.complete(uri, len(text))
    editor.close(uri)
    return str(item["insertText"]) if item else ""


def logged(data: Path) -> str:
    """Return all that the log says."""
    with closing(sqlite3.connect(data / "log.sqlite3")) as log:
        rows = [*log.execute("SELECT prefix, text, suffix, tokens FROM completions")]
        rows += log.execute("SELECT text, '', '', '[]' FROM outcomes")
    return "\n".join(
        "\0".join([*(part or "" for part in row[:3]), "".join(token[0] for token in json.loads(row[3]))])
        for row in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="name the forms that leaked")
    options = parser.parse_args()
    everything = files()
    asked: Counter[str] = Counter()
    leaked: dict[str, list[Planted]] = {"log": [], "memory": [], "items": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder, data = Path(temporary) / "work", Path(temporary) / "data"
        folder.mkdir()
        for one in everything:
            (folder / one.name).write_text(one.text, encoding="utf-8")
        workspace = Workspace((str(folder),))
        with Editor(OPEN_HANDED, data, folder) as editor:
            editor.initialize()
            editor.initialized()
            while editor.run("empower.status")["engine"] != "ready":
                pass
            for number, one in enumerate(everything):
                language, name = one.form.language, f"{folder}/{one.name}"
                again = f"{one.text}\n{one.cut}"
                other = (folder / f"other_{number}{Path(one.name).suffix}").as_uri()
                same = (folder / f"same_{number}{Path(one.name).suffix}").as_uri()
                texts = [
                    items(editor, other, one.cut, language),
                    items(editor, same, again, language),
                    one.values[0][:TYPED] + items(editor, same, again + one.values[0][:TYPED], language),
                ]
                asked["asked"] += len(texts)
                asked["shown"] += sum(map(bool, texts[:2])) + (len(texts[2]) > TYPED)
                if any(map(one.is_in, texts)):
                    leaked["items"].append(one)
                if workspace.holds(name) and one.is_in(workspace.text(name) or ""):
                    leaked["memory"].append(one)
        text = logged(data)
        leaked["log"] = [one for one in everything if one.is_in(text)]
        asked["logged"] = text.count("\n") + 1
    kinds = Counter(one.form.kind for one in everything)
    print(f"{len(everything)} forms, {asked['asked']} requests, {asked['shown']} shown, {asked['logged']} rows logged")
    print(f"{'':44} forms  log  memory  items")
    for kind, count in [*kinds.items(), ("all", len(everything))]:
        found = [sum(kind in ("all", one.form.kind) for one in leaked[where]) for where in ("log", "memory", "items")]
        print(f"{kind:44} {count:5} {found[0]:4} {found[1]:7} {found[2]:6}")
    for where, ones in leaked.items() if options.show else ():
        for one in ones:
            print(f"{where}: [{one.form.kind} · {one.form.language}] {one.form.text!r}")


if __name__ == "__main__":
    main()
