"""All benchmarks, as one table of ratios that were measured side by side.

    python benchmarks/run.py [--quick] [--only PART ...] [--json FILE]

Timings on a shared machine scatter; what is compared takes turns, so that both see the same load.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import answers
import labelling
import process
import random_gguf
import stopping
import waiting
from figures import Figure, save, show
from rich.console import Console

from empower_model.files import store


def parts(quick: bool) -> dict[str, Callable[[], list[Figure]]]:
    """Return the benchmarks by name, in the order in which they run."""
    small = store.resolve(store.bundled(), tuned=False).path
    n = 1 if quick else 3

    def large() -> Path:
        return random_gguf.made(random_gguf.QWEN_HALF_BILLION)

    return {
        "measuring": lambda: [answers.measuring(random_gguf.QWEN_HALF_BILLION.vocabulary, 300 * n)],
        "typing": lambda: [answers.type_through(4 * n), answers.keystrokes(small, 20 * n)],
        "process": lambda: process.starting(3 * n),
        "logging": lambda: [process.logging(4 * n)],
        "hosting": lambda: answers.hosting(small, tokens=8, rounds=8 * n),
        "small": lambda: answers.overhead(small, "bundled", 1.25, tokens=16, rounds=8 * n, fresh_until=120),
        "large": lambda: answers.overhead(large(), "0.5B", 1.05, tokens=16, rounds=n, fresh_until=40),
        "stopping": lambda: stopping.stopping(large(), "0.5B", rounds=6 * n),
        "memory": lambda: [process.memory(small, "bundled"), process.memory(large(), "0.5B")],
        "labelling": lambda: labelling.labelling(small, tokens=1024, rounds=4 * n, short=256),
        "waiting": lambda: waiting.waiting(small, tokens=890, rounds=n),
    }


def main() -> None:
    """Run what is asked for, show it, and exit with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the repetitions")
    parser.add_argument("--only", nargs="+", metavar="PART", help=f"of {', '.join(parts(True))}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    chosen = parts(given.quick)
    if unknown := set(given.only or ()) - set(chosen):
        parser.error(f"no part is named {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    console = Console(stderr=True)
    for name, part in chosen.items():
        if not given.only or name in given.only:
            with console.status(name):
                figures += part()
    show(figures)
    if given.json:
        save(figures, given.json)
    sys.exit(any(figure.passed is False for figure in figures))


if __name__ == "__main__":
    main()
