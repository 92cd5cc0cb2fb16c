"""Bits of a given text agree with those of the server's own completion, where that writes the same."""

from collections.abc import Iterator

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.files import store
from empower_model.request import Limits, Request
from empower_training.replay.forced_bits import Measure, Unfit

CURSORS = [
    ("import os\n\n\ndef read(path):\n    with ope", "\n"),
    ("class Node:\n    def __init__(self, value):\n        self.", ""),
    ("for i in ran", "\n    print(i)\n"),
    ("def main():\n    retu", ""),
    ("x = [1, 2, 3]\nfor n in x:\n    ", "\n"),
    ("import sys\n\nif __name__ ", ""),
]
GREEDY = Limits(confidence=1e-9, rule="budget", max_tokens=6)


@pytest.fixture(scope="module")
def engine() -> Iterator[LlamaEngine]:
    engine = LlamaEngine(EngineConfig(store.resolve(store.bundled()).path, threads=1, context_size=512))
    yield engine
    engine.close()


def test_a_greedy_completion_has_the_bits_it_was_written_with(engine: LlamaEngine) -> None:
    completer, compared = LocalCompleter(engine, Calibration(1e6, 1.0)), 0
    for prefix, suffix in CURSORS:
        tokens = completer.complete(Request(prefix, suffix, GREEDY)).tokens
        written = [token.id for token in tokens]
        text = b"".join(token.piece for token in tokens).decode()
        surprisals, entropies = Measure(engine).bits(prefix, suffix, text)
        if len(surprisals) == len(written):  # else the same text is made of other tokens
            compared += 1
            assert surprisals == pytest.approx([token.surprisal for token in tokens], abs=1e-2)
            assert entropies == pytest.approx([token.entropy for token in tokens], abs=1e-2)
    assert compared >= 4


def test_what_nobody_would_write_has_more_bits(engine: LlamaEngine) -> None:
    measure = Measure(engine)
    likely, _ = measure.bits("import os\nimport sys\n\n\ndef main():\n    retu", "", "rn None")
    unlikely, _ = measure.bits("import os\nimport sys\n\n\ndef main():\n    retu", "", "zzz qqq")
    assert sum(likely) + 10 < sum(unlikely)


def test_the_order_of_measuring_does_not_matter(engine: LlamaEngine) -> None:
    texts = [("a = ", "", "1"), ("def f(x):\n    return ", "\n", "x + 1"), ("a = ", "", "1")]
    measure = Measure(engine)
    first, _, again = (measure.bits(*text) for text in texts)
    assert first[0] == pytest.approx(again[0], abs=1e-3)
    assert sum(first[0]) > 0


def test_what_does_not_fit_is_refused(engine: LlamaEngine) -> None:
    measure = Measure(engine)
    with pytest.raises(Unfit, match="does not fit a context of 512"):
        measure.bits("", "", "word " * 600)
    with pytest.raises(Unfit, match="0 characters"):
        measure.bits("x", "", "")
    surprisals, _ = measure.bits("line = 1\n" * 2000 + "x = ", "\n" * 500, "line")
    assert surprisals
