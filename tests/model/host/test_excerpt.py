"""What of a document is sent to the engine: prompt and trimming must not tell it from the whole."""

import random

import pytest

from empower_model.engine.seam import FakeEngine
from empower_model.host.excerpt import window
from empower_model.prompt.layout import Layout
from empower_model.request import Limits, Request
from empower_model.trim.scan import Around
from empower_model.trim.trimming import reindent, trim

LINES = (
    "def add(first, second):",
    "    return first + second",
    "\tif x == 'it''s':",
    "",
    "x = [" + "1, " * 40 + "]",
    "a form\x0cfeed and a line separator\u2028 in one line",
    "界 " * 30,
    "y" * 3000,
)


def agree(document: str, cursor: int, context: int) -> None:
    whole = Request(document[:cursor], document[cursor:], Limits(max_tokens=7))
    part = window(whole, context)
    assert part.limits == whole.limits
    layout = Layout(FakeEngine(lambda _: [], context_size=max(64, context)))
    assert layout.prompt(part.prefix, part.suffix, 16) == layout.prompt(whole.prefix, whole.suffix, 16)
    assert Around.cursor(part.prefix, part.suffix) == Around.cursor(whole.prefix, whole.suffix)
    for text in ("first + second)\n    return 1\n", "    \tif x:\n\t\tpass\n", document[cursor : cursor + 200]):
        assert trim(text, part.prefix, part.suffix) == trim(text, whole.prefix, whole.suffix)
        assert reindent(text, part.prefix) == reindent(text, whole.prefix)


@pytest.mark.parametrize("seed", range(60))
def test_prompt_and_trimming_are_those_of_the_whole_document(seed: int) -> None:
    chance = random.Random(seed)
    weights = [8, 8, 4, 4, 2, 1, 2, chance.choice([0, 0.2])]
    document = "\n".join(chance.choices(LINES, weights, k=chance.choice([3, 60, 700])))
    agree(document, chance.randrange(len(document) + 1), chance.choice([1, 64, 200, 700, 20_000]))


@pytest.mark.parametrize(
    ("above", "line", "below"),
    [
        ("x = 1\n" * 1000, "y" * 3000, ""),  # a current line longer than what is read of it
        ("", "y" * 2600, "\n" + "z" * 3000 + "\nend\n"),
        ("x = 1\n", "y = ", "\n" + ("z" * 3000 + "\n") * 4),  # long lines below
        ("x = 12345\n" * (10 * 32 + 250), "", ""),  # the last 2500 characters begin with a block of lines
        ("x = 12345\n" * (10 * 32 + 250) + "z", "", ""),
    ],
)
def test_the_bounds_hold_to_the_character(above: str, line: str, below: str) -> None:
    for context in (1, 600, 40_000):
        agree(above + line + below, len(above + line), context)


@pytest.mark.parametrize("document", ["x = 1\n" * 200_000, "x" * 1_000_000, "\n" * 1_000_000])
def test_what_is_sent_does_not_grow_with_the_document(document: str) -> None:
    half = len(document) // 2
    part = window(Request(document[:half], document[half:]), 2048)
    # The context's characters, up to a block of lines more, the current line, and the text below.
    assert len(part.prefix) <= 2048 * 8 + 32 * 6 + 2501
    assert len(part.suffix) <= 8000


def test_a_short_document_is_sent_whole() -> None:
    request = Request("def add(a, b):\n    return a", "\n\nx = 1\n")
    assert window(request, 2048) == request
