"""Layout and its anchors, with an engine whose tokens can be read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from empower_model.engine.seam import FakeEngine, Vocabulary
from empower_model.prompt.anchors import ANCHOR, NEAREST
from empower_model.prompt.layout import PLACES, Layout


def text_of(engine: FakeEngine, tokens: list[int]) -> str:
    marks = {257: b"<PRE>", 258: b"<SUF>", 259: b"<MID>"}
    return b"".join(marks.get(i) or engine.vocabulary.pieces[i] for i in tokens).decode()


def engine(context_size: int = 2048) -> FakeEngine:
    return FakeEngine(lambda _: [], context_size=context_size)


def numbered(count: int) -> str:
    return "".join(f"line {i}\n" for i in range(count))


def anchor(line: int) -> int:
    """Return the line at which an anchor is set for a cursor in a line, both counted from 0."""
    return (line - NEAREST) // ANCHOR * ANCHOR


class Typist:
    """Counts the tokens of each prompt that the prompt before does not begin with."""

    def __init__(self, context_size: int = 2048) -> None:
        self.layout = Layout(engine(context_size))
        self.last: list[int] = []

    def at(self, prefix: str, suffix: str) -> int:
        tokens = self.layout.prompt(prefix, suffix, 16).tokens
        common = next((i for i, pair in enumerate(zip(self.last, tokens, strict=False)) if pair[0] != pair[1]), None)
        common = min(len(self.last), len(tokens)) if common is None else common
        self.last = tokens
        return len(tokens) - common


def test_the_lines_above_the_cursor_stand_after_the_middle_mark() -> None:
    fake = engine()
    prompt = Layout(fake).prompt("import os\n\ndef f(x):\n    (", ")\n\nf(1)\n", 16)
    assert text_of(fake, prompt.tokens) == "<PRE><SUF>)\n\nf(1)\n<MID>import os\n\ndef f(x):\n    "
    assert prompt.forced == b"("


def test_what_is_far_stands_before_the_suffix() -> None:
    fake = engine()
    text = text_of(fake, Layout(fake).prompt(numbered(60) + "here", "\nbelow\n", 16).tokens)
    far, near = text.split("<SUF>\nbelow\n<MID>")
    assert far.endswith(f"line {anchor(60) - 1}\n")
    assert near.startswith(f"line {anchor(60)}\n")
    assert near.endswith("\nher")


@pytest.mark.parametrize("lines", [NEAREST + ANCHOR - 1, NEAREST + ANCHOR, 3 * ANCHOR])
def test_so_many_lines_are_near(lines: int) -> None:
    fake = engine()
    near = text_of(fake, Layout(fake).prompt(numbered(lines), "", 16).tokens).split("<MID>")[1]
    assert NEAREST <= near.count("\n") < NEAREST + ANCHOR


@pytest.mark.parametrize(
    ("typed", "most"),
    [
        (list("    value = compute"), 2),
        (["\n", "\n    ", "\n        return value\n"], 23),
    ],
)
def test_a_key_and_a_newline_only_append(typed: list[str], most: int) -> None:
    """One token a byte: what is evaluated is what was typed, and what healing had taken back."""
    typist, prefix = Typist(), numbered(80)
    typist.at(prefix, "\n\nlast\n")
    for key in typed:
        prefix += key
        assert typist.at(prefix, "\n\nlast\n") <= min(most, len(key) + 1)


def test_brackets_that_an_editor_closes_cost_no_more_than_keys() -> None:
    typist, prefix = Typist(), numbered(80)
    typist.at(prefix, "\nlast\n")
    for key, suffix in (
        ("f", "\nlast\n"),
        ("(", ")\nlast\n"),
        ('"', '")\nlast\n'),
        ("x", '")\nlast\n'),
        ('"', ")\nlast\n"),
        (")", "\nlast\n"),
    ):
        prefix += key
        assert typist.at(prefix, suffix) <= 2


def test_a_word_behind_the_cursor_is_no_closer() -> None:
    typist = Typist()
    typist.at("say(", '"hello")\nlast\n')
    assert typist.at('say("', 'hello")\nlast\n') > 10


def test_a_jump_and_back_finds_the_prompt_again() -> None:
    fake = engine()
    layout = Layout(fake)
    here, there = (numbered(80) + "he", "\nbelow\n"), (numbered(30) + "there", "\nelsewhere\n")
    before = layout.prompt(*here, 16).tokens
    layout.prompt(*there, 16)
    assert layout.prompt(here[0] + "r", here[1], 16).tokens[: len(before)] == before


def test_places_are_forgotten_in_the_order_of_their_last_use() -> None:
    layout = Layout(engine())
    documents = [(f"# {n}\n" + numbered(80), f"\nbelow {n}\n") for n in range(PLACES + 1)]
    for prefix, suffix in documents:
        layout.prompt(prefix, suffix, 16)
    typed = "".join(f"more {i}\n" for i in range(ANCHOR))
    kept, forgotten = documents[1], documents[0]
    for (prefix, suffix), stays in ((kept, True), (forgotten, False)):
        text = text_of(engine(), layout.prompt(prefix + typed, suffix, 16).tokens)
        assert (f"<MID>line {anchor(81) - 1}\n" in text) is stays


@pytest.mark.parametrize("context", [1024, 2048])
def test_an_edit_further_up_than_the_prompt_reaches_changes_nothing(context: int) -> None:
    layout = Layout(engine(context))
    before = layout.prompt(numbered(800), "", 16).tokens
    assert layout.prompt("import os\n" + numbered(800) + "x", "", 16).tokens[: len(before) - 1] == before[:-1]


@pytest.mark.parametrize(
    "change", [lambda text: "import os\n" + text, lambda text: text.replace("line 3\n", "line three\n")]
)
def test_an_edit_above_the_anchor_lays_out_anew(change: Callable[[str], str]) -> None:
    fake = engine()
    layout = Layout(fake)
    layout.prompt(numbered(80), "", 16)
    text = text_of(fake, layout.prompt(change(numbered(80)), "", 16).tokens)
    assert change("line 3\n") in text or text.startswith("<PRE>import os\n")


def test_the_anchor_stays_when_the_window_of_the_document_moves() -> None:
    layout = Layout(engine())
    document = numbered(400)
    before = layout.prompt(document, "", 16).tokens
    cut = document.index(f"line {ANCHOR}\n")
    assert layout.prompt(document[cut:] + "x", "", 16).tokens[: len(before) - 1] == before[:-1]
    assert layout.prompt(document + "xy", "", 16).tokens[: len(before) - 1] == before[:-1]


def test_the_next_anchor_is_laid_out_before_the_room_is_full() -> None:
    """Typed on at one place for long, with the time to prepare: no prompt begins anew."""
    typist, prefix = Typist(1024), numbered(200)
    typist.at(prefix, "\nbelow\n")
    moves = 0
    for number in range(400):
        for key in f"    {number} more\n":
            prefix += key
            evaluated = typist.at(prefix, "\nbelow\n")
            if ahead := typist.layout.ahead(prefix, "\nbelow\n", 16):
                typist.layout.move()
                typist.last, moves = ahead, moves + 1
            assert evaluated <= 4
    assert 3 <= moves <= 40


def test_a_long_line_has_anchors_of_its_own() -> None:
    typist, line = Typist(), "{" + '"key": 1234, ' * 1500
    typist.at(line, "\n")
    costs = []
    for key in '"more": [1, 2, 3], ' * 60:
        line += key
        costs.append(typist.at(line, "\n"))
    assert sorted(costs)[-4] <= 2
    assert sum(cost > 2 for cost in costs) <= 2


def test_without_fim_tokens_the_prompt_is_the_prefix() -> None:
    fake = FakeEngine(lambda _: [], vocabulary=Vocabulary(tuple(bytes([b]) for b in range(256)), frozenset(), bos=0))
    prompt = Layout(fake).prompt("a\nb = ", "\nc", 16)
    assert prompt.tokens == [0, *b"a\nb ="]
    assert prompt.forced == b" "


def test_nothing_typed_yet_is_no_error() -> None:
    bare = Vocabulary((*(bytes([b]) for b in range(256)), b""), frozenset({256}))
    assert Layout(FakeEngine(lambda _: [], vocabulary=bare)).prompt("", "", 16).tokens == [256]


@pytest.mark.parametrize("lines", [0, 1, 31, 32, 33, 500, 5000])
def test_the_prompt_fits_and_keeps_what_is_near(lines: int) -> None:
    fake = engine(context_size=1024)
    prompt = Layout(fake).prompt(numbered(lines) + "here", "\nbelow\n" * 300, 64)
    assert len(prompt.tokens) + 64 < 1024
    text = text_of(fake, prompt.tokens)
    above = re.findall(r"line (\d+)\n", text)
    assert [int(number) for number in above] == list(range(int(above[0]) if above else 0, lines))
    if above:
        assert int(above[0]) % ANCHOR == 0


def test_the_window_stands_still_while_lines_are_added() -> None:
    fake = engine(context_size=1024)
    layout = Layout(fake)
    starts = set()
    for lines in range(320, 352):
        text = text_of(fake, layout.prompt(numbered(lines), "", 64).tokens)
        starts.add(text[: text.index("\n")])
    assert len(starts) <= 3  # moves when the block at its top no longer fits, not with every line


@pytest.mark.parametrize("document", ["x" * 100_000 + "END", "z" * 100_000 + "\nEND", "語" * 100_000, "\n" * 100_000])
@pytest.mark.parametrize("context", [256, 512, 2048])
def test_what_is_too_long_is_cut_to_its_end(document: str, context: int) -> None:
    fake = engine(context_size=context)
    prompt = Layout(fake).prompt(document, "y" * 100_000, 64)
    assert len(prompt.tokens) + 64 < context
    pieces = b"".join(fake.vocabulary.pieces[token] for token in prompt.tokens)
    assert (pieces + prompt.forced).endswith(document.encode()[-3:])


@dataclass
class Slow:
    """Reads so many tokens a second: places have 128 at first, and then all that there is room for."""

    speed: float = 400.0
    forgetful: bool = False

    def unread(self, prompt: Sequence[int]) -> int:
        return len(prompt) if self.forgetful else 0


def test_on_a_slow_machine_a_place_begins_with_what_is_near_and_grows() -> None:
    fake = engine(1024)
    layout, whole = Layout(fake, Slow()), Layout(fake)
    prefix, below = numbered(200) + "he", "\n" + numbered(100)
    begun = layout.prompt(prefix, below, 16)
    assert len(begun.tokens) <= 128
    assert text_of(fake, begun.tokens).endswith("line 199\nh")
    ahead = layout.ahead(prefix + "re", below, 16)
    assert layout.prompt(prefix + "re", below, 16).tokens[: len(begun.tokens)] == begun.tokens  # it is not there yet
    layout.move()
    assert layout.prompt(prefix + "re", below, 16).tokens == ahead == whole.prompt(prefix + "re", below, 16).tokens
    assert layout.ahead(prefix + "re", below, 16) == []


def test_what_is_typed_while_a_place_grows_is_appended() -> None:
    layout = Layout(engine(1024), Slow())
    prefix, below = numbered(200), "\n" + numbered(100)
    layout.prompt(prefix, below, 16)
    before = layout.ahead(prefix, below, 16)
    for key in "value = compute(1)\nand = more":
        prefix += key
        layout.prompt(prefix, below, 16)
        after = layout.ahead(prefix, below, 16)
        assert after[: len(before) - 1] == before[:-1]
        before = after


def test_a_place_that_was_left_while_it_grew_goes_on_where_it_was() -> None:
    layout = Layout(engine(1024), Slow())
    here, there = (numbered(200), "\nbelow\n"), (numbered(120) + "x", "\nelsewhere\n")
    layout.prompt(*here, 16)
    before = layout.ahead(*here, 16)
    layout.prompt(*there, 16)
    assert layout.ahead(*here, 16) == []
    assert layout.ahead(*there, 16) != []
    layout.prompt(*here, 16)
    assert layout.ahead(*here, 16) == before


def test_a_fast_machine_and_none_lay_out_alike() -> None:
    fast, unknown = Layout(engine(), Slow(12_000)), Layout(engine())
    for lines in (3, 60, 500):
        at = (numbered(lines) + "he", "\nbelow\n", 16)
        assert fast.prompt(*at) == unknown.prompt(*at)
        assert fast.ahead(*at) == []


def test_a_place_whose_state_is_lost_begins_anew() -> None:
    reader = Slow()
    layout = Layout(engine(1024), reader)
    here, there = (numbered(200), "\nbelow\n", 16), (numbered(120) + "x", "\nelsewhere\n", 16)
    begun = layout.prompt(*here)
    grown = layout.ahead(*here)
    layout.move()
    layout.prompt(*there)
    assert layout.prompt(*here).tokens == grown
    layout.prompt(*there)
    reader.forgetful = True
    assert layout.prompt(*here) == begun
    assert layout.prompt(*here) == begun
    assert layout.ahead(*here) == grown
