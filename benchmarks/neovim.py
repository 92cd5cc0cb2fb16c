"""From a keystroke in a real Neovim to its ghost text on the screen, beside Neovim's own inline completion.

    python benchmarks/neovim.py [--keys N] [--json FILE]

Neovim runs in a terminal, with the client of this folder and the bundled model. Lines of a real file are typed key by
key. The keys of a person come 239 ms apart, with a deviation of 112 ms (Dhakal et al. 2018, *Observations on Typing
from 136 Million Keystrokes*): the gaps are drawn from the log-normal distribution with these moments. Needs Neovim 0.12
on the PATH, or its path in EMPOWER_NVIM.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import shutil
import subprocess
import sys
import sysconfig
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf, log, sqrt
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from figures import Figure, save, show
from workload import typed_lines

GAP_MEAN, GAP_DEVIATION = 239.0, 112.0
"""Milliseconds between two keys."""
SHORTEST_GAP = 30.0
KEYS_A_LINE = 12
"""No line that is typed has fewer."""
PAUSE = 600
"""Milliseconds before and after a line."""
FOLDER = Path(__file__).parent

Note = Mapping[str, float]
"""What is known of a key: milliseconds since it was pressed, by what happened then."""


def gaps(count: int, random: Random) -> list[float]:
    """Milliseconds between keys."""
    variance = log(1 + (GAP_DEVIATION / GAP_MEAN) ** 2)
    middle = log(GAP_MEAN) - variance / 2
    return [max(SHORTEST_GAP, random.lognormvariate(middle, sqrt(variance))) for _ in range(count)]


def trace(least: int) -> list[dict[str, object]]:
    """Lines to type, with the text around them, until there are so many keys."""
    random = Random(0)
    lines: list[dict[str, object]] = []
    for cursors in typed_lines(max(1, least // KEYS_A_LINE), seed=1):
        first, last = cursors[0], cursors[-1]
        keys = list(last.prefix[len(first.prefix) :])
        lines.append({"above": first.prefix, "below": first.suffix, "keys": keys, "gaps": gaps(len(keys), random)})
        least -= len(keys)
        if least <= 0:
            break
    return lines


def typed(program: str, lines: Sequence[Mapping[str, object]], built_in: bool) -> list[Note]:
    """Type all that in a Neovim of its own. Raises RuntimeError when nothing came of it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        given = {
            "client": str(FOLDER.parent / "editor-clients" / "neovim"),
            "script": shutil.which("empower-lsp", path=sysconfig.get_path("scripts")),
            "lines": lines,
            "built_in": built_in,
            "pause": PAUSE,
            "out": str(folder / "out.json"),
        }
        own = {f"XDG_{kind}_HOME": name for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        environment = {**os.environ, **own, "EMPOWER_LSP_DATA": str(folder / "data"), "TERM": "xterm-256color"}
        (folder / "example.py").write_text("\n", encoding="utf-8")
        command = [program, "--clean", "-u", str(FOLDER / "neovim.lua"), str(folder / "example.py")]
        (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
        # chosen, so that no notice of the log waits for a key
        subprocess.run([str(given["script"]), "log", "on"], env=environment, check=True, capture_output=True)
        _in_a_terminal(command, {**environment, "EMPOWER_BENCHMARK": str(folder / "given.json")})
        out = folder / "out.json"
        notes: list[Note] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else []
        if not notes:
            raise RuntimeError("the server was not ready in time: see `empower-lsp doctor`")
        return notes


def _in_a_terminal(command: Sequence[str], environment: Mapping[str, str]) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (50, 120))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environment))
    os.close(theirs)

    def drain() -> None:
        with suppress(OSError):
            while os.read(ours, 65536):
                pass

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    process.wait()
    reader.join(5)
    os.close(ours)


def shares(notes: Sequence[Note]) -> dict[str, list[float]]:
    """Milliseconds to new ghost text, for the keys that got some from an answer, by where they went."""
    parts: dict[str, list[float]] = {"all": [], "editor": [], "server": [], "engine": []}
    for note in notes:
        if note.get("answered", inf) <= note.get("drawn", -inf):
            waited = note["answered"] - note["asked"]
            engine = min(note.get("engine", 0.0), waited)
            parts["all"].append(note["drawn"])
            parts["editor"].append(note["drawn"] - waited)
            parts["server"].append(waited - engine)
            parts["engine"].append(engine)
    return parts


def figures(ours: Sequence[Note], reference: Sequence[Note]) -> list[Figure]:
    """How soon, from where, and for how many keys; the reference may be showing text that has expired."""
    both = (ours, reference)
    drawn = [[note["drawn"] for note in notes if "drawn" in note] for notes in both]
    asked = [shares(notes) for notes in both]
    percent = [100 * len(values) / len(notes) for values, notes in zip(drawn, both, strict=True)]
    note = f"{len(drawn[0])} of {len(ours)} keys; Neovim's own {len(drawn[1])}"
    rows = [Figure("keys with ghost text before the next key", "%", percent[0], percent[1], note=note)]
    rows += _compared("key to visible ghost text", drawn[0], drawn[1], "what was typed along included")
    note = f"{len(asked[0]['all'])} and {len(asked[1]['all'])} keys that waited for an answer"
    rows += _compared("key to new ghost text", asked[0]["all"], asked[1]["all"], note)
    for name in ("editor", "server", "engine"):
        rows += _compared(f"of that, {name}", asked[0][name], asked[1][name], "")
    for name in ("editor", "server", "engine"):
        mine, theirs = (100 * sum(parts[name]) / sum(parts["all"]) for parts in asked)
        rows.append(Figure(f"share of all waiting for new ghost text, {name}", "%", mine, theirs))
    return rows


def _compared(what: str, ours: Sequence[float], reference: Sequence[float], note: str) -> list[Figure]:
    rows = []
    for name, share in (("median", 0.5), ("95th percentile", 0.95)):
        mine, theirs = (float(np.quantile(values, share)) for values in (ours, reference))
        rows.append(Figure(f"{what}, {name}", "ms", mine, theirs, mine / theirs, note=note))
        note = ""
    return rows


def main() -> None:
    """Measure both, and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=400, help="keys to type at least; a line is typed to its end (400)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    program = os.environ.get("EMPOWER_NVIM") or shutil.which("nvim")
    if program is None:
        sys.exit("no Neovim: put nvim 0.12 or newer on the PATH, or its path in EMPOWER_NVIM")
    lines = trace(given.keys)
    before = os.getloadavg()[0]
    measured = figures(typed(program, lines, built_in=False), typed(program, lines, built_in=True))
    show(measured)
    print(f"load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after, on {os.cpu_count()} processors")
    if given.json:
        save(measured, given.json)


if __name__ == "__main__":
    main()
