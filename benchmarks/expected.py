"""The bundled model's text as a draft for a larger model: what it saves, and whether it changes what is written.

    python benchmarks/expected.py CORPUS.jsonl --model FILE [--count 100] [--context-size 768]

At each cursor of code that no model has seen, the larger model writes with the draft and without, in turns, behind the
same evaluated prompt. Where the texts differ, the two best tokens at the first difference are compared.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from answers import Recorder
from figures import Figure, compare, show
from layouts import cursors

from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter
from empower_model.engine import EngineConfig
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.states import common
from empower_model.files import store
from empower_model.request import Completion, Request

NEAR = 0.05
"""Bits between the two best tokens within which either may be chosen: a batch rounds otherwise than single tokens."""
WARM = 20
"""Cursors before it counts: the engine learns what guesses cost, and how often they are right."""


def measure(corpus: Path, path: Path, count: int, context_size: int) -> list[Figure]:
    """Write at `count` cursors, with the bundled model's text as a draft and without."""
    bundled = store.resolve(store.bundled())
    small = LocalCompleter(LlamaEngine(EngineConfig(bundled.path)), bundled.calibration)
    engine = Recorder(EngineConfig(path, context_size=context_size))
    large = LocalCompleter(engine, Calibration())
    with_draft, without, drafted, gaps = [], [], 0, []
    for number, cursor in enumerate(cursors(engine, corpus, count + WARM, 1)):
        plain = Request(cursor.prefix, cursor.suffix)
        expected = Request(cursor.prefix, cursor.suffix, draft=small.complete(plain).text)
        large.complete(plain)  # the prompt is evaluated now
        pair = {}
        for request in (expected, plain) if number % 2 else (plain, expected):
            pair[bool(request.draft)] = large.complete(request)
        if number < WARM or len(pair) < 2 or not pair[False].tokens:
            continue
        drafted += 1
        with_draft.append(_writing(pair[True]))
        without.append(_writing(pair[False]))
        ids = [[token.id for token in pair[kind].tokens] for kind in (True, False)]
        if ids[0] != ids[1]:
            gaps.append(_gap(engine, ids))
    small.close()
    large.close()
    note = f"{drafted} of {count} cursors have a draft"
    return [
        compare("writing a completion, with the draft and without", "ms", with_draft, without, note=note),
        Figure("all of them together", "", sum(with_draft) / sum(without)),
        Figure(
            "other texts with the draft", "", len(gaps), note=f"of {drafted}; bits: {[round(gap, 3) for gap in gaps]}"
        ),
        Figure("of these, where one token was clearly better", "", sum(gap > NEAR for gap in gaps), target=0),
    ]


def _writing(completion: Completion) -> float:
    """Return the milliseconds that a completion took behind its prompt."""
    return completion.total_ms - completion.prompt_ms


def _gap(engine: Recorder, ids: Sequence[Sequence[int]]) -> float:
    """Return the bits between the two best tokens where two spans begin to differ, both behind the prompt read last."""
    same = common(ids[0], ids[1])
    engine.prefill([*engine.work.prompt, *ids[0][:same]])
    best = np.sort(engine.logits())[-2:]
    return float(best[1] - best[0]) / math.log(2)


def main() -> None:
    """Measure one model file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100, help="cursors")
    parser.add_argument("--context-size", type=int, default=768)
    options = parser.parse_args()
    show(measure(options.corpus, options.model, options.count, options.context_size))


if __name__ == "__main__":
    main()
