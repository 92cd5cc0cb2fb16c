"""Bits a character under several orders of the prompt, at the same cursors of code that no model has seen.

    python benchmarks/layouts.py CORPUS.jsonl [--model FILE] [--orders line,16,anchored,...] [--out ROWS.jsonl]

CORPUS.jsonl holds a document a line (`package`, `path`, `text`), as `empower-lsp lab corpus` writes them. Orders:
`psm`, all above behind FIM-prefix; `line`, the line of the cursor behind FIM-middle; a number, so many lines above it
as well; `spm`, all of them; `anchored`, the layout of the server; `ltr`, no text below and no FIM tokens. A number
after a slash is how many lines of the text below there are. A third of the cursors have no text below; for a third it
begins on the next line, for a third up to 12 lines further down, those between being still to be written.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from empower_model.engine import EngineConfig
from empower_model.engine.llama import LlamaEngine
from empower_model.files import store
from empower_model.fitting import place, rows
from empower_model.prompt import Layout, Prompt
from empower_model.prompt.token_healing import roll_back
from empower_training.replay import Measure, Unfit

KINDS = ("start", "sign", "word", "token")
"""At a line's code, behind punctuation or a space, inside a word, at the end of a token."""
BELOW = ("none", "next", "gap")
LINES_TO_TYPE = 12
RESERVE = 56
MOST_CHARACTERS = 80
"""Of the text that is measured: the rest of the line."""
SAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place, and the text that is measured there."""

    kind: str
    below: str
    """Where the text below begins."""
    prefix: str
    suffix: str
    text: str


class Orders:
    """The prompts of one engine, in every order, and the bits that it gives to a text behind them."""

    def __init__(self, engine: LlamaEngine) -> None:
        self._engine, self._layout = engine, Layout(engine)
        self._measure = Measure(engine)
        self._end = min(engine.vocabulary.end_of_generation)

    def bits(self, order: str, cursor: Cursor) -> float:
        """Return the bits of a cursor's text, its beginning healed as the server does it. Raises Unfit."""
        prompt, line = self._prompt(order, cursor)
        kept, forced = roll_back(line, self._engine.vocabulary)
        return sum(self._measure.behind(Prompt([*prompt, *kept], forced), cursor.text)[0])

    def all_bits(self, orders: Sequence[str], cursor: Cursor) -> dict[str, float] | None:
        """Return the bits under each order, or None where one does not fit."""
        try:
            return {order: self.bits(order, cursor) for order in orders}
        except Unfit:
            return None

    def _prompt(self, order: str, cursor: Cursor) -> tuple[list[int], list[int]]:
        """Return the tokens before those of the cursor's line, and these."""
        name, _, lines_below = order.partition("/")
        tokenize, fim = self._engine.tokenize, self._engine.vocabulary.fim
        room = self._engine.context_size - RESERVE - MOST_CHARACTERS
        head = cursor.prefix.rfind("\n") + 1
        above, line = cursor.prefix[:head].splitlines(keepends=True), tokenize(cursor.prefix[head:])
        if name == "anchored":
            whole = self._layout.fresh(cursor.prefix, cursor.suffix, RESERVE + MOST_CHARACTERS)
            return whole[: len(whole) - len(line)], line
        if name == "ltr" or fim is None:
            return [self._end, *self._last(above, room - len(line))], line
        below = tokenize("".join(cursor.suffix[:8000].splitlines(keepends=True)[: int(lines_below or 32)]))[: room // 4]
        count = {"psm": 0, "line": 0, "spm": len(above)}.get(name)
        anchor = max(0, len(above) - (int(name) if count is None else count))
        near = self._last(above[anchor:], room - len(below) - len(line))
        far = self._last(above[:anchor], room - len(below) - len(line) - len(near))
        if name == "psm":
            return [fim.prefix, *far, *line, fim.suffix, *below, fim.middle], []
        return [fim.prefix, *far, fim.suffix, *below, fim.middle, *near], line

    def _last(self, lines: Sequence[str], room: int) -> list[int]:
        """Return the tokens of the last whole lines that fit."""
        low, high = 0, len(lines)
        while low < high:
            middle = (low + high) // 2
            text = "".join(lines[middle:])
            if len(text) > 8 * room or len(self._engine.tokenize(text)) > room:
                low = middle + 1
            else:
                high = middle
        return self._engine.tokenize("".join(lines[low:]))


def cursors(engine: LlamaEngine, path: Path, count: int, seed: int) -> Iterator[Cursor]:
    """Yield cursors in as many files of one package as of another, and of all kinds in turn."""
    packages: dict[str, list[str]] = {}
    for row in path.read_text(encoding="utf-8").splitlines():
        document = json.loads(row)
        packages.setdefault(document["package"], []).append(document["text"])
    rng, names, number = random.Random(seed), sorted(packages), 0
    while number < count:
        text = rng.choice(packages[names[number % len(names)]])
        worth = rows(text)
        if not worth:
            continue
        kind, below = KINDS[number % len(KINDS)], BELOW[number // len(KINDS) % len(BELOW)]
        there = place("", text, rng.choice(worth), KINDS.index(kind) % 3, rng)
        prefix, line = there.prefix, there.truth.partition("\n")[0]
        if kind == "token":
            ids = engine.tokenize(line)
            cut = len(
                b"".join(engine.vocabulary.pieces[i] for i in ids[: rng.randrange(len(ids))]).decode(errors="ignore")
            )
            prefix, line = prefix + line[:cut], line[cut:]
        if len(line.strip()) >= 3:
            number += 1
            after = there.truth.split("\n")[1:]
            after = after[rng.randint(1, LINES_TO_TYPE) :] if below == "gap" else after
            suffix = "\n" + "\n".join(after) if below != "none" else ""
            yield Cursor(kind, below, prefix, suffix, line[:MOST_CHARACTERS])


def report(measured: Sequence[tuple[Cursor, dict[str, float]]], reference: str) -> Table:
    """Show bits a character by kind of cursor and order, and how many fewer than the reference has, paired."""
    table = Table("", "cursors", "order", "bits/character", f"beside {reference}", "95 %")
    rng = np.random.default_rng(0)
    parts = {kind: [row for row in measured if row[0].kind == kind] for kind in KINDS}
    parts["inside"] = [row for row in measured if row[0].kind != "start"]
    parts |= {f"below: {name}": [row for row in measured if row[0].below == name] for name in BELOW}
    parts["all"] = list(measured)
    for name, part in parts.items():
        if not part:
            continue
        bits = {order: np.array([row[1][order] for row in part]) for order in part[0][1]}
        drawn = rng.integers(0, len(part), (SAMPLES, len(part)))
        characters = sum(len(cursor.text) for cursor, _ in part)
        for order, values in bits.items():
            change = values[drawn].sum(1) / bits[reference][drawn].sum(1) - 1
            low, high = np.quantile(change, (0.025, 0.975))
            cells = (f"{values.sum() / characters:.3f}", f"{values.sum() / bits[reference].sum() - 1:+.1%}")
            table.add_row(name, str(len(part)), order, *cells, f"{low:+.1%} to {high:+.1%}")
        table.add_section()
    return table


def main() -> None:
    """Measure one model, by default the bundled one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="", help="a GGUF file, or the name of a model")
    parser.add_argument("--orders", default="line,8,16,32,48,anchored,spm,psm,ltr")
    parser.add_argument("--context-size", type=int, default=2048)
    parser.add_argument("--count", type=int, default=400, help="cursors")
    parser.add_argument("--out", type=Path, help="what each cursor took, a line each; one begun goes on")
    options = parser.parse_args()
    model = store.checked(options.model)
    engine = LlamaEngine(EngineConfig(model.path, context_size=options.context_size, adapter=model.adapter))
    orders, names = Orders(engine), options.orders.split(",")
    begun = options.out is not None and options.out.exists()
    known = [json.loads(row) for row in options.out.read_text(encoding="utf-8").splitlines()] if begun else []
    measured = []
    for number, cursor in enumerate(cursors(engine, options.corpus, options.count, 0)):
        bits = known[number] if number < len(known) else orders.all_bits(names, cursor)
        if number >= len(known) and options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(bits) + "\n")
        if bits is not None:
            measured.append((cursor, bits))
    Console(width=100).print(report(measured, names[0]))


if __name__ == "__main__":
    main()
