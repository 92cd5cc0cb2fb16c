"""How many prompt tokens each key has evaluated anew: typing traces laid out and cached as the server does it.

No model is run: layout, tokeniser and bookkeeping are the real ones, only the evaluation is left out. Between two keys
nobody waits, so what prepares for later ones gets that time; it is counted by itself. A trace has 6,000 characters
typed at one place, brackets that the editor closes, arrow keys within a line, an undo, an edit above the anchor, a jump
to another place and back, and a line of data.
"""

from __future__ import annotations

import argparse
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter
from empower_model.engine import Drafts, EngineConfig, Token, Transform
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.states import GAIN, WORTH, States, common
from empower_model.files import store
from empower_model.request import Limits, Request

FILES = ("argparse.py", "ast.py", "doctest.py", "inspect.py", "tarfile.py", "typing.py")
"""Of the standard library."""
TYPED = 6_000
PAIRS = {"(": ")", "[": "]", "{": "}"}
PIECE = 128
"""Tokens prepared between two looks for a key."""


@dataclass
class Counting:
    """An engine that evaluates nothing and writes nothing, but keeps books as llama.cpp's does."""

    real: LlamaEngine
    context_size: int
    speed: float
    evaluated: int = 0
    prepared: int = 0
    _state: list[int] = field(default_factory=list)
    _worth: int = WORTH

    def __post_init__(self) -> None:
        self.vocabulary, self.stop = self.real.vocabulary, self.real.stop
        self._states: States[bytes] = States(lambda _: b"\0", lambda _: True)

    def tokenize(self, text: str) -> list[int]:
        return self.real.tokenize(text)

    def unread(self, prompt: Sequence[int]) -> int:
        return len(prompt) - max(common(self._state, prompt), self._states.known(prompt))

    def prefill(self, prompt: Sequence[int]) -> int:
        self.evaluated = len(self._missing(prompt))
        self._state = list(prompt)
        return self.evaluated

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        fresh = self._missing(prompt)
        self._worth = GAIN
        self._state += fresh[:most]
        self.prepared += len(fresh[:most])
        return len(fresh) <= most

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        return iter(())

    def close(self) -> None:
        pass

    def _missing(self, prompt: Sequence[int]) -> list[int]:
        wanted = list(prompt)
        taken = self._states.exchange(self._state, wanted, self._worth)
        self._state = self._state if taken is None else taken
        self._worth = WORTH
        del self._state[min(common(self._state, wanted), len(wanted) - 1) :]
        return wanted[len(self._state) :]


@dataclass(frozen=True, slots=True)
class Key:
    """A key, what kind it is, and the text around the cursor after it."""

    kind: str
    prefix: str
    suffix: str


def trace(text: str, elsewhere: str) -> Iterator[Key]:
    """Type the middle of a text, with what people do in between; then in another file."""
    start = text.index("\n", len(text) // 3) + 1
    before, middle, after = text[:start], text[start : start + TYPED], "\n" + text[start + TYPED :]
    yield Key("first", before, after)
    yield from _typing(before, middle[:2500], after)
    before += middle[:2500]
    line = before[before.rfind("\n") + 1 :]
    for back in (*range(1, min(6, len(line))), *range(min(4, len(line) - 1), -1, -1)):
        yield Key("arrow", before[: len(before) - back], before[len(before) - back :] + after)
    lines = before.rsplit("\n", 4)
    yield Key("undo", lines[0], after)
    yield from _typing(lines[0], before[len(lines[0]) :], after)
    other = text.index("\n", len(text) // 8) + 1
    there, below = text[:other], text[other:start] + middle[:2500] + after
    yield Key("jump", there, below)
    yield from _typing(there, "    # noted\n", below)
    back = text[:other] + "    # noted\n" + text[other:start] + middle[:2500]
    yield Key("jump", elsewhere[: len(elsewhere) // 2], elsewhere[len(elsewhere) // 2 :])
    yield Key("jump back", there + "    # noted\n", below)
    yield Key("edit above", back, after)
    yield from _typing(back, middle[2500:], after)
    yield Key("jump", elsewhere[: len(elsewhere) // 2] + "x", elsewhere[len(elsewhere) // 2 :])
    yield Key("jump back", back + middle[2500:], after)
    data = "DATA = [" + ", ".join(str(number * number) for number in range(1500))
    yield Key("first", data[:5000], "]\n")
    for count in range(5001, 6000):
        yield Key("data", data[:count], "]\n")


def _typing(before: str, typed: str, after: str) -> Iterator[Key]:
    """Character by character; a newline comes with its indentation, an opening bracket with its closing one."""
    closers, at = "", 0
    while at < len(typed):
        end = at + 1
        if typed[at] == "\n":
            while end < len(typed) and typed[end] in " \t":
                end += 1
            closers = ""
        elif typed[at] in PAIRS:
            closers = PAIRS[typed[at]] + closers
        elif closers and typed[at] == closers[0]:
            closers = closers[1:]
        kind = "newline" if typed[at] == "\n" else "bracket" if typed[at] in "()[]{}" else "key"
        yield Key(kind, before + typed[:end], closers + after)
        at = end


def count(engine: LlamaEngine, context_size: int, texts: Sequence[str], speed: float = 0.0) -> dict[str, list[int]]:
    """Tokens evaluated by every key, by its kind; under `prepared` those of the pauses, under `moves` the faults.

    With a speed, in tokens a second, places grow, each in the pause that follows its first key.
    A fault is a key of typing that evaluates as much as a new place does: an anchor that moved under the typing hand.
    """
    counts: dict[str, list[int]] = {"prepared": [], "moves": []}
    for number, text in enumerate(texts):
        counting = Counting(engine, context_size, speed)
        completer = LocalCompleter(counting, Calibration(), reader=counting if speed else None)
        for key in trace(text, texts[number - 1]):
            completer.complete(Request(key.prefix, key.suffix, Limits()))
            counts.setdefault(key.kind, []).append(counting.evaluated)
            if key.kind in ("key", "newline", "bracket", "data") and counting.evaluated >= WORTH:
                counts["moves"].append(counting.evaluated)
            counting.prepared = 0
            while completer.prepare(PIECE):
                pass
            counts["prepared"].append(counting.prepared)
    return counts


def report(counts: dict[str, list[int]]) -> Table:
    """Print a line a kind of key."""
    table = Table("", "keys", "mean", "p99", "max")
    typed = [value for kind, values in counts.items() if kind not in ("prepared", "moves", "first") for value in values]
    rows = {"all but a file's first": typed, **counts}
    for name, values in rows.items():
        if values:
            cells = (np.mean(values), np.quantile(values, 0.99), max(values))
            table.add_row(name, str(len(values)), *(f"{value:,.2f}" for value in cells))
        else:
            table.add_row(name, "0", "", "", "")
    return table


def main() -> None:
    """Count for one model's tokeniser, by default the bundled one's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None, help="a GGUF file")
    parser.add_argument("--context-size", type=int, default=0, help="tokens; the model's by default")
    parser.add_argument("--speed", type=float, default=0.0, help="tokens a second: of a machine on which places grow")
    options = parser.parse_args()
    path = options.model or store.resolve(store.bundled(), tuned=False).path
    engine = LlamaEngine(EngineConfig(path, context_size=options.context_size or 2048))
    library = Path(sysconfig.get_paths()["stdlib"])
    texts = [(library / name).read_text(encoding="utf-8") for name in FILES]
    Console().print(report(count(engine, options.context_size or engine.context_size, texts, options.speed)))


if __name__ == "__main__":
    main()
