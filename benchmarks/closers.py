"""Whether a prompt that keeps the text below is as good as a fresh one: cursors where a closer has come or gone.

An editor inserts a closing bracket or quote behind the cursor, or a person types over one. The layout keeps the text
below as it was then, so that nothing is evaluated again. At each such cursor of some files the model writes twice, from
the kept prompt and from a fresh one; what the file says next judges both.
"""

from __future__ import annotations

import argparse
import random
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from empower_model.completing import LocalCompleter
from empower_model.engine import EngineConfig
from empower_model.engine.llama import LlamaEngine
from empower_model.files import store
from empower_model.request import Request

PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"'}


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor just before a key, the cursor after it, and what the file says there next."""

    kind: str
    before: Request
    after: Request
    truth: str


def places(text: str, rng: random.Random, count: int) -> Iterator[Place]:
    """Yield cursors at brackets and quotes of single lines; the lines up to 8 below are still to be written."""
    lines = text.splitlines(keepends=True)
    for number in rng.sample(range(8, len(lines) - 16), min(count, len(lines) - 24)):
        line = lines[number].rstrip("\n")
        opening = [at for at, sign in enumerate(line) if sign in PAIRS and line.find(PAIRS[sign], at + 1) > at + 1]
        if not opening:
            continue
        at = rng.choice(opening)
        closer = PAIRS[line[at]]
        end = line.find(closer, at + 1)
        above, below = "".join(lines[:number]), "\n" + "".join(lines[number + rng.randint(1, 8) :])
        rest = "".join(lines[number : number + 8])
        for kind, cut, first, then in (
            ("a closer is inserted", at, "", closer),
            ("a closer is typed over", end, closer, ""),
        ):
            yield Place(
                kind,
                Request(above + line[:cut], first + below),
                Request(above + line[: cut + 1], then + below),
                rest[cut + 1 :],
            )


def main() -> None:
    """Compare with one model, by default the bundled one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="a GGUF file, or the name of a model")
    parser.add_argument("--count", type=int, default=300, help="cursors")
    options = parser.parse_args()
    model = store.checked(options.model)
    engine = LlamaEngine(EngineConfig(model.path, adapter=model.adapter))
    rng = random.Random(0)
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    table = Table("", "cursors", "same text", "shown", "right", "characters right")
    by_kind: dict[str, list[tuple[str, str, str]]] = {}
    while sum(map(len, by_kind.values())) < options.count:
        text = rng.choice(files).read_text(encoding="utf-8", errors="replace")
        for place in places(text, rng, 4) if text.count("\n") > 60 else ():
            kept, fresh = (LocalCompleter(engine, model.calibration) for _ in range(2))
            kept.complete(place.before)
            texts = (kept.complete(place.after).text, fresh.complete(place.after).text)
            by_kind.setdefault(place.kind, []).append((*texts, place.truth))
    for kind, rows in by_kind.items():
        same = sum(kept == fresh for kept, fresh, _ in rows) / len(rows)
        for name, column in (("kept", 0), ("fresh", 1)):
            shown = [row for row in rows if row[column]]
            right = [len(row[column]) for row in shown if row[2].startswith(row[column].rstrip())]
            cells = (
                f"{len(shown) / len(rows):.1%}",
                f"{len(right) / max(1, len(shown)):.1%}",
                f"{sum(right) / len(rows):.2f}",
            )
            table.add_row(f"{kind}, {name}", str(len(rows)), f"{same:.1%}", *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
