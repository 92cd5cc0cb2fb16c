"""What a branch switch under the memory adds to a keystroke, in an editor with several workspace folders.

    python benchmarks/memory_switch.py [--files 3000] [--changed 600] [--lines 8]

Two servers are typed into in turns, key by key and each key answered by the engine: one without a memory, and one that
has read both folders. Before each line but the first, hundreds of files are written anew at once in both folders, and
the editor says so, as it does when another branch is checked out; the keys of that line are typed while the memory
catches up. The first line, typed in peace, is the comparison within one server.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from figures import Figure, alone, compare, show
from memory_keys import QUIET_SECONDS, Typist, tree
from workload import typed_lines


def switch(folders: list[Path], count: int, turn: int) -> list[str]:
    """Write `count` files anew, as another branch has them; returns their URIs."""
    files = [path for folder in folders for path in sorted(folder.rglob("file*.py"))]
    chosen = random.Random(turn).sample(files, min(count, len(files)))
    for path in chosen:
        lines = path.read_text().splitlines(keepends=True)
        random.Random(f"{turn}-{path.name}").shuffle(lines)
        path.write_text("".join(lines) + f"branch_{turn} = {turn}\n")
    return [path.as_uri() for path in chosen]


def typed(typists: list[Typist], folders: list[Path], lines: int, changed: int) -> list[float]:
    """Type lines, the files changing before each but the first; seconds of the processor that each change took."""
    remembering = typists[-1]
    took: list[float] = []
    for number, line in enumerate(typed_lines(lines)):
        for typist in typists:
            if number:
                typist.close(typist.uri)
            typist.open(typist.uri, line[0].prefix + line[0].suffix)
            typist.complete(typist.uri, len(line[0].prefix))
        before = remembering.settle()
        if number:
            changes = [{"uri": uri, "type": 2} for uri in switch(folders, changed, number)]
            for typist in typists:
                typist.notify("workspace/didChangeWatchedFiles", {"changes": changes})
        for start, end in pairwise(line):
            for typist in random.sample(typists, len(typists)):
                typist.key(start, end)
        if number:
            took.append(remembering.settle() - before)
    return took


def figures(without: Typist, remembering: Typist, calm: int) -> list[Figure]:
    """Keys in peace and under a switch: `calm` is how many were typed before the first."""
    rows = []
    for name, part in (("in peace", slice(None, calm)), ("while a branch is switched", slice(calm, None))):
        mine, theirs = remembering.took[part], without.took[part]
        rows.append(compare(f"a key, {name}, {len(mine)} keys", "ms", mine, theirs))
        for share in (0.95, 0.99, 1.0):
            ours, reference = float(np.quantile(mine, share)), float(np.quantile(theirs, share))
            rows.append(Figure(f"  quantile {share}", "ms", ours, reference, ours / reference))
    return rows


def main() -> None:
    """Make two folders, type, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=3000, help="in each of the folders")
    parser.add_argument("--changed", type=int, default=600, help="by a switch, in both together")
    parser.add_argument("--lines", type=int, default=8)
    given = parser.parse_args()
    with TemporaryDirectory() as place:
        folders = [Path(place) / name for name in ("first", "second")]
        for folder in folders:
            folder.mkdir()
            tree(folder, given.files)
        names = ("without a memory", "with one")
        typists = [Typist(name, Path(place) / str(n), folders[0], n > 0) for n, name in enumerate(names)]
        added = {"added": [{"uri": folders[1].as_uri(), "name": "second"}], "removed": []}
        for typist in typists:
            typist.initialize()
            typist.initialized()
            typist.notify("workspace/didChangeWorkspaceFolders", {"event": added})
            typist.run("empower.status")
        time.sleep(QUIET_SECONDS)
        without, remembering = typists
        read = remembering.settle()
        took = typed(typists, folders, given.lines, given.changed)
        calm = len(next(iter(typed_lines(given.lines)))) - 1
        show(
            [
                alone(f"reading {2 * given.files:,} files in two folders", "s of the processor", [read]),
                alone(f"a switch of {given.changed} files, keys included", "s of the processor", took),
                *figures(without, remembering, calm),
                alone("load of the machine, a minute's", "", [os.getloadavg()[0]]),
            ]
        )
        for typist in typists:
            with typist:
                pass


if __name__ == "__main__":
    main()
