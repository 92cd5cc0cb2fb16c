"""A file read by the model: parts, bits, the walk by the rule, and cells that are still the file."""

from collections.abc import Iterator
from math import isfinite, isnan, nan
from pathlib import Path

import pytest

from empower_model.calibration import Calibration
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.errors import EmpowerError
from empower_model.files import store
from empower_model.request import Limits
from empower_training.report.text import HandedSpan, Read, coloured, measured, passages, source, walk

HALF_AT_ONE = Calibration(midpoint=1.0, slope=1.0)
"""p(U) = 1 / (1 + U)."""
BUDGET = Limits(confidence=0.5, rule="budget")
"""With that, one bit."""


@pytest.fixture(scope="module")
def engine() -> Iterator[LlamaEngine]:
    engine = LlamaEngine(EngineConfig(store.resolve(store.bundled()).path, threads=1, context_size=512))
    yield engine
    engine.close()


def read(*tokens: tuple[str, float]) -> list[Read]:
    return [Read(text, bits, bits) for text, bits in tokens]


def test_parts_begin_where_code_does_and_are_not_long() -> None:
    text = "\nimport os\n\n\ndef f():\n    a\n    b\n    c\n    d\n"
    assert list(passages(text, most=4)) == ["\nimport os\n\n\n", "def f():\n    a\n    b\n    c\n", "    d\n"]
    assert "".join(passages(text, most=2)) == text
    assert list(passages("")) == []


def test_the_walk_goes_as_far_as_the_budget_and_then_hands_a_token_back() -> None:
    tokens = read(("for", 5.0), (" name", 0.25), (" in", 0.5), (" names", 0.5), (":\n", 0.25), ("x", 9.0))
    # "for" is typed; " name in" has 0.75 bits and " names" would make it 1.25; that is typed, and ":" is too short
    [span] = walk(tokens, HALF_AT_ONE, BUDGET)
    assert (span.start, span.end) == (3, 11)
    assert span.probability == pytest.approx(1 / 1.75)


def test_what_is_kept_does_not_end_inside_a_name() -> None:
    tokens = read(("return", 0.0), (" self", 0.5), ("ish", 2.0))
    assert walk(tokens, HALF_AT_ONE, BUDGET) == [HandedSpan(0, 6, 1.0)]  # " self" would go on as "selfish"
    tokens[2] = Read("(", 2.0, 2.0)
    assert [span.end for span in walk(tokens, HALF_AT_ONE, BUDGET)] == [11]


def test_the_servers_limits_hold() -> None:
    tokens = read(*([(" word", 0.0)] * 5))
    spans = walk(tokens, HALF_AT_ONE, Limits(confidence=0.5, rule="budget", max_tokens=2))
    assert [(span.start, span.end) for span in spans] == [(0, 10), (15, 25)]  # one is typed in between


def test_what_was_not_measured_is_never_written_by_the_model() -> None:
    tokens = [*read((" word", 0.0)), Read(" " * 9 + "data", nan, nan), *read((" word", 0.0))]
    assert [(span.start, span.end) for span in walk(tokens, HALF_AT_ONE, BUDGET)] == [(0, 5), (18, 23)]
    page = coloured("x", "m", tokens, [])
    assert "not measured" in page.lines[0][1].tip


def test_cells_are_the_file_and_know_where_spans_end() -> None:
    tokens = read(("for", 5.0), (" name", 0.25), (" in:\n    ", 0.6), ("\n", 1.0), ("x", 9.0))
    page = coloured("a.py", "m", tokens, [HandedSpan(3, 12, 0.7)], left_out=7)
    assert ["".join(cell.text for cell in line) for line in page.lines] == ["for name in:", "    ", "x"]
    first, second, third = page.lines
    assert [(cell.text, cell.level, cell.written, cell.handed is not None) for cell in first] == [
        ("for", 4, False, False),  # 5 bits: 0.5, 1, 2 and 4 are reached
        (" name", 0, True, False),
        (" in:", 1, True, True),
        ("", 1, False, False),  # the line end behind the span
    ]
    assert [cell.breaks for cell in first] == [False, False, False, True]
    assert [cell.breaks for cell in second] == [False, True]
    assert third[0].tip == "9.00 bits of surprisal, 9.00 of entropy"
    assert (page.characters, page.written, page.spans, page.left_out) == (19, 9, 1, 7)


def test_the_bits_are_the_models(engine: LlamaEngine) -> None:
    text = "import os\n\n\ndef name(path: str) -> str:\n    return os.path.basename(path)  # π\n"
    tokens = measured(engine, passages(text))
    assert "".join(token.text for token in tokens) == text
    bits = {token.text: token.surprisal for token in tokens}
    assert bits[" return"] + 3 < bits[" name"]  # a name is a decision, what a function ends with hardly one
    spans = walk(tokens, Calibration(), Limits())
    assert spans
    lines = coloured("a.py", "m", tokens, spans).lines
    assert "\n".join("".join(cell.text for cell in line) for line in lines) == text.rstrip("\n")
    assert sum(cell.handed is not None for line in lines for cell in line) == len(spans)


def test_a_line_longer_than_the_context_is_shown_unmeasured(engine: LlamaEngine) -> None:
    long = "x = '" + "ab1 " * 600 + "'\n"
    tokens = measured(engine, ["import os\n" + long])
    assert tokens[-1].text == long
    assert isnan(tokens[-1].surprisal)
    assert isfinite(tokens[0].surprisal)
    assert "".join(token.text for token in tokens) == "import os\n" + long


def test_only_source_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    with pytest.raises(EmpowerError, match="cannot be read: No such file"):
        source(path)
    path.write_bytes(b"a\0b")
    with pytest.raises(EmpowerError, match=r"a.py is binary"):
        source(path)
    path.write_bytes(b"\n")
    with pytest.raises(EmpowerError, match=r"a.py is empty"):
        source(path)
    path.write_bytes(b"a\r\nb\xff")
    assert source(path) == "a\nb\N{REPLACEMENT CHARACTER}"
