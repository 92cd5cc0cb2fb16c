"""What the memory of a large workspace adds to a keystroke: while it is being read, and afterwards.

    python benchmarks/memory_keys.py [--files 100000] [--lines 12]

Three servers are typed into in turns, key by key and each key answered by the engine: one that does without a memory,
one that has just begun to read the workspace, and one that has read it. The workspace is made up: files in folders of a
hundred, of words that the files share.
"""

from __future__ import annotations

import argparse
import random
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from figures import Figure, alone, compare, show
from workload import Cursor, typed_lines

from empower_training.day.editor import Editor

OPTIONS = {"confidence": 0, "rule": "budget", "maxTokens": 8, "maxLines": 100, "log": "off"}
"""Settings that give a completion of some tokens whatever the model thinks of it."""
QUIET_SECONDS = 3.0
"""An engine that used no processor for so long has read all of the workspace."""
LINES = 24
"""Of a file that is made up."""


def tree(folder: Path, files: int) -> None:
    """Make a workspace with a rule of what to ignore, and files of some 200 tokens."""
    rng = random.Random(0)
    words = [f"{rng.choice('abcdefgh')}{rng.choice(('value', 'name', 'item', 'count'))}_{n}" for n in range(4000)]
    (folder / ".gitignore").write_text("".join(f"*.{n}\nbuild{n}/\n" for n in range(40)))
    for number in range(files):
        place = folder / f"part{number // 10_000}" / f"piece{number // 100}"
        if number % 100 == 0:
            place.mkdir(parents=True)
        lines = (f"    {rng.choice(words)} = {rng.choice(words)}({rng.choice(words)})\n" for _ in range(LINES))
        (place / f"file{number}.py").write_text(f"def f{number}():\n" + "".join(lines))


class Typist(Editor):
    """A server into which the same lines are typed as into the others."""

    def __init__(self, name: str, data: Path, folder: Path, memory: bool) -> None:
        super().__init__({**OPTIONS, "memory": memory}, data, folder)
        self.name, self.uri = name, (folder / "part0" / "typed.py").as_uri()
        self.took: list[float] = []

    def key(self, before: Cursor, after: Cursor) -> None:
        """Type what makes one cursor the other, and wait for the answer."""
        at = len(before.prefix)
        started = time.perf_counter()
        self.replace(self.uri, at, at, after.prefix[at:])
        self.complete(self.uri, len(after.prefix))
        self.took.append((time.perf_counter() - started) * 1000)

    def engine(self) -> psutil.Process:
        """Return the child process with the model: the largest of the server's children."""
        children = psutil.Process(self.pid).children(recursive=True)
        return max(children, key=lambda child: child.memory_info().rss)

    def busy(self) -> float:
        """Seconds of the processor that the engine has used."""
        times = self.engine().cpu_times()
        return float(times.user + times.system)

    def settle(self) -> float:
        """Wait until the workspace is read; the engine's seconds of the processor by then."""
        used = -1.0
        while used != (used := self.busy()):
            time.sleep(QUIET_SECONDS)
        return used


def keystrokes(typists: list[Typist], lines: int) -> None:
    """Type lines, each key into every server before the next."""
    for number, line in enumerate(typed_lines(lines)):
        for typist in typists:
            if number:
                typist.close(typist.uri)
            typist.open(typist.uri, line[0].prefix + line[0].suffix)
            typist.complete(typist.uri, len(line[0].prefix))
        for before, after in pairwise(line):
            for typist in random.sample(typists, len(typists)):
                typist.key(before, after)


def figures(without: Typist, others: list[Typist]) -> list[Figure]:
    """Medians of pairs, and the tails side by side."""
    rows = []
    for typist in others:
        rows.append(compare(f"a key, {typist.name}", "ms", typist.took, without.took))
        for share in (0.95, 0.99, 1.0):
            mine, theirs = (float(np.quantile(side.took, share)) for side in (typist, without))
            rows.append(Figure(f"  quantile {share}", "ms", mine, theirs, mine / theirs))
    return rows


def main() -> None:
    """Make the workspace, type, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=12)
    given = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place) / "workspace"
        folder.mkdir()
        tree(folder, given.files)
        names = ("without a memory", "while the workspace is read", "after that")
        typists = [Typist(name, Path(place) / str(n), folder, n > 0) for n, name in enumerate(names)]
        without, reading, after = typists
        for typist in (without, after):
            typist.initialize()
            typist.initialized()
            typist.run("empower.status")
        time.sleep(QUIET_SECONDS)
        used = after.settle()
        size = after.engine().memory_info().rss - without.engine().memory_info().rss
        reading.initialize()
        reading.initialized()
        started = time.perf_counter()
        keystrokes(typists, given.lines)
        share = reading.busy() / (time.perf_counter() - started)
        read = [
            alone(f"reading {given.files:,} files", "s of the processor", [used]),
            alone("memory it takes", "MiB", [size / 2**20]),
            alone("of a processor, the engine that reads and is typed into", "", [share]),
        ]
        show([*read, *figures(without, [reading, after])])
        for typist in typists:
            with typist:
                pass


if __name__ == "__main__":
    main()
