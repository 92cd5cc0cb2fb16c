"""From a keystroke in a real VS Code to its ghost text on the screen.

    make test-editors       # once: brings code-server and Chromium
    python benchmarks/vscode.py [--keys N] [--json FILE]

VS Code runs as code-server in a headless Chromium, with the extension of this folder and the bundled model. The same
lines are typed at the same pace as for Neovim (`neovim.py`). A key begins with its event in the page, and its ghost
text counts as visible once a frame with it is drawn. VS Code asks 10 to 60 ms after a key; that is the editor's share,
as is a millisecond or so of `between.py`, which notes when the server was asked and answered.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from figures import Figure, alone, save, show
from neovim import Note, shares, trace

from empower_lsp.log.level import Level, choose
from tests.clients.vscode.scene import offered
from tests.clients.vscode.window import SETTINGS, VSCode, opened, packaged, program

FOLDER = Path(__file__).parent
CODE_SERVER = FOLDER.parent / ".cache" / "editors" / "vscode"
PAUSE = 0.6
"""Seconds before and after a line."""

WATCH = """(() => {
  const now = () => performance.timeOrigin + performance.now();
  const plain = (element) => element.textContent.replaceAll('\\u00a0', ' ');
  const grey = '.ghost-text-decoration, .ghost-text-decoration-preview';
  window.keys = [];
  addEventListener('keydown', ({ key, timeStamp }) => {
    if (key.length === 1) {
      window.typed += key;
      const pressed = performance.timeOrigin + timeStamp;
      window.keys.push({ pressed, column: window.typed.length, before: window.typed });
    }
  }, true);
  new MutationObserver(() => {
    const newest = window.keys.at(-1);
    if (!newest || newest.drawn || newest.before !== window.typed) return;
    for (const ghost of document.querySelectorAll(grey)) {
      const line = ghost.closest('.view-line');
      const texts = [...(line?.querySelectorAll(grey) ?? [])].map(plain);
      if (texts.join('') && plain(line) === newest.before + texts.join('')) {
        newest.drawn = Infinity; // until the frame that this change is for has been drawn
        setTimeout(() => { newest.drawn = now(); });
        return;
      }
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
})()"""
"""Notes in the page when each key was pressed and its ghost text drawn, in milliseconds since 1970."""


def typed(code_server: Path, lines: Sequence[Mapping[str, Any]]) -> list[Note]:
    """Type all that in a VS Code of its own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        asked, script = folder / "asked", folder / "empower-lsp"
        command = [sys.executable, str(FOLDER / "between.py"), str(asked), program()]
        script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        settings = {name: value for name, value in SETTINGS.items() if name != "editor.quickSuggestions"}
        os.environ["EMPOWER_LSP_DATA"] = str(folder / "window" / "data")
        choose(Level.FULL)  # chosen, so that nobody has to be told
        keys: list[dict[str, Any]] = []
        with opened(code_server, packaged(code_server), folder / "window", str(script), settings) as window:
            window.until(lambda: "is loaded" in window.status(), "the model is loaded")
            offered(window, "first.py")  # VS Code loads what asks for grey text after its first editor
            window.tidy()
            window("evaluate", WATCH)
            for number, line in enumerate(lines):
                keys += _typed(window, f"line{number}.py", line)
            answers = [json.loads(answer) for answer in asked.read_text(encoding="utf-8").splitlines()]
            names = [f"line{number}.py" for number in range(len(lines))]
            engine = {entry["id"]: entry["total_ms"] for name in names for entry in window.logged(name)}
        return noted(keys, answers, engine)


def _typed(window: VSCode, name: str, line: Mapping[str, Any]) -> list[dict[str, Any]]:
    above: str = line["above"]
    start = above.rsplit("\n", 1)[-1]
    window.edit(name, above + line["below"], above.count("\n") + 1, len(start) + 1)
    window("evaluate", f"window.typed = {json.dumps(start)}; window.keys = []")
    time.sleep(PAUSE)
    due = time.monotonic()
    for key, gap in zip(line["keys"], line["gaps"], strict=True):
        window.type(key, 0)
        due += gap / 1000
        time.sleep(max(0.0, due - time.monotonic()))
    time.sleep(PAUSE)
    keys: list[dict[str, Any]] = window("evaluate", "window.keys")
    window.tidy()
    return keys


def noted(
    keys: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]], engine: Mapping[str, float]
) -> list[Note]:
    """Return what is known of each key, in milliseconds since it; an item answered again costs no engine."""
    notes: list[Note] = []
    seen: set[str] = set()
    following = [*(key["pressed"] for key in keys[1:]), float("inf")]
    for key, end in zip(keys, following, strict=True):
        note = {"drawn": key["drawn"] - key["pressed"]} if key.get("drawn") else {}
        for answer in answers:
            at = answer["asked"] * 1000
            if key["pressed"] <= at < end and answer["character"] == key["column"] and answer["id"]:
                fresh = answer["id"] not in seen
                seen.add(answer["id"])
                note |= {"asked": at - key["pressed"], "answered": answer["answered"] * 1000 - key["pressed"]}
                note["engine"] = engine.get(answer["id"], 0.0) if fresh else 0.0
                break
        notes.append(note)
    return notes


def figures(notes: Sequence[Note]) -> list[Figure]:
    """How soon, from where, and for how many keys."""
    drawn = [note["drawn"] for note in notes if "drawn" in note]
    parts = shares(notes)
    load = f"{os.cpu_count()} processors, load {os.getloadavg()[1]:.1f}"
    said = f"{len(drawn)} of {len(notes)} keys; {load}"
    rows = [Figure("keys with ghost text before the next key", "%", 100 * len(drawn) / len(notes), note=said)]
    rows += _quantiles("key to visible ghost text", drawn, "what was typed along included")
    rows += _quantiles("key to new ghost text", parts["all"], f"{len(parts['all'])} keys that waited for an answer")
    for name in ("editor", "server", "engine"):
        rows += _quantiles(f"of that, {name}", parts[name], "")
    return rows


def _quantiles(what: str, values: Sequence[float], note: str) -> list[Figure]:
    median = alone(f"{what}, median", "ms", values, note=note)
    return [median, Figure(f"{what}, 95th percentile", "ms", float(np.quantile(values, 0.95)))]


def main() -> None:
    """Measure, and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=400, help="least keys to type (400)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    code_server = Path(os.environ.get("EMPOWER_CODE_SERVER") or CODE_SERVER).resolve()
    if not (code_server / "ready").exists():
        sys.exit("no code-server: `make test-editors` gets it, or name its folder in EMPOWER_CODE_SERVER")
    measured = figures(typed(code_server, trace(given.keys)))
    show(measured)
    if given.json:
        save(measured, given.json)


if __name__ == "__main__":
    main()
