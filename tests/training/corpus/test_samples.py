import random
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer

from empower_model.prompt.anchors import ANCHOR, NEAREST
from empower_model.prompt.layout import LINES_BELOW, Layout
from empower_training.corpus.encoding import Encoding
from empower_training.corpus.samples import (
    Hole,
    Stream,
    anchored,
    block_end,
    cut,
    encoder,
    lay_out,
    line_starts,
    marks,
    truncate,
)


def test_cut_restores_the_text_and_begins_a_line(texts: list[str]) -> None:
    rng = random.Random(1)
    for _ in range(300):
        text = rng.choice(texts)
        hole = cut(text, rng)
        assert hole.above + hole.middle + hole.below == text
        assert hole.above == "" or hole.above.endswith("\n")
        assert hole.middle.strip()
        assert len(hole.middle) <= 400


@pytest.mark.parametrize("text", ["x", "\n", "a = 1\n", "\n\n  y\n", "   "])
def test_cut_of_little_text(text: str) -> None:
    hole = cut(text, random.Random(0))
    assert hole.above + hole.middle + hole.below == text


def test_cuts_end_both_within_and_at_the_end_of_lines(texts: list[str]) -> None:
    rng = random.Random(2)
    holes = [cut(texts[0], rng) for _ in range(400)]
    at_line_end = sum(hole.below[:1] in ("", "\n") for hole in holes) / len(holes)
    assert 0.5 < at_line_end < 0.75


def test_only_a_middle_that_ends_a_line_loses_its_suffix(texts: list[str]) -> None:
    rng = random.Random(3)
    for _ in range(300):
        hole = cut(texts[1], rng)
        kept = truncate(hole, rng)
        assert hole.above.endswith(kept.above)
        assert kept.middle == hole.middle
        assert hole.below.startswith(kept.below)
        if hole.below[:1] not in ("", "\n"):
            assert kept.below


def test_block_end_is_that_of_the_statement() -> None:
    lines = ["def f(\n", "    x\n", "):\n", "    y = 1\n", "\n", "    return y\n", "\n", "g()\n"]
    assert block_end(lines, 0) == 6
    assert block_end(lines, 3) == 4
    assert block_end(lines, 7) == 8


def test_anchors_stand_up_to_48_lines_above_the_middle(texts: list[str]) -> None:
    rng = random.Random(4)
    counts = []
    for _ in range(400):
        hole = cut(texts[0], rng)
        there = anchored(hole, rng, 100_000)
        assert there.above + there.near == hole.above
        assert there.above == "" or there.above.endswith("\n")
        assert (there.middle, there.below) == (hole.middle, hole.below)
        counts.append(there.near.count("\n"))
    assert max(counts) == 48
    assert 0.1 < counts.count(0) / len(counts) < 0.25
    assert len(set(counts)) > 40


def test_near_lines_leave_room(texts: list[str]) -> None:
    rng = random.Random(5)
    assert all(len(anchored(cut(texts[0], rng), rng, 500).near) <= 500 for _ in range(200))


def test_layout_is_the_servers(tokenizer: Tokenizer, texts: list[str]) -> None:
    control, encoding = marks(tokenizer), Encoding(tokenizer, 8192)
    hole = cut(texts[2][:2000], random.Random(5))
    lines = hole.above.splitlines(keepends=True)
    anchor = max(0, (len(lines) - NEAREST) // ANCHOR * ANCHOR)
    hole = Hole("".join(lines[:anchor]), hole.middle, hole.below, "".join(lines[anchor:]))
    below = "".join(hole.below.splitlines(keepends=True)[:LINES_BELOW])
    ids = lay_out(replace(hole, below=below), encoding.tokenize, control, 10_000)
    prompt = Layout(encoding).fresh(hole.above + hole.near, hole.below, 16)
    assert ids == [*prompt, *encoding.tokenize(hole.middle), control.end]
    assert ids.index(control.middle) + 1 + len(encoding.tokenize(hole.near)) == len(prompt)


@pytest.mark.parametrize("room", [64, 100, 333])
def test_layout_fits_its_room(tokenizer: Tokenizer, texts: list[str], room: int) -> None:
    control, encode = marks(tokenizer), encoder(tokenizer)
    rng = random.Random(room)
    for _ in range(30):
        hole = anchored(cut(texts[0], rng), rng, room)
        ids = lay_out(hole, encode, control, room)
        assert len(ids) <= room
        assert ids[0] == control.prefix
        fits = len(encode(hole.near)) + len(encode(hole.middle)) <= room - 4
        assert (ids[-1] == control.end) == fits  # an end behind a piece of a middle would teach to end anywhere
        assert ids.index(control.suffix) < ids.index(control.middle)


def test_line_starts() -> None:
    assert line_starts("a\n\nb\n") == [0, 2, 3]


def test_rows_are_full_and_differ_between_epochs(tokenizer: Tokenizer, texts: list[str]) -> None:
    stream = Stream([texts[2]], tokenizer, seed=0)
    first = stream.rows(8, 256)
    assert first.shape == (8, 256)
    while stream.epoch < 2:
        stream.rows(1, 256)
    assert not np.array_equal(stream.rows(8, 256), first)


def test_plain_rows_spell_the_documents(tokenizer: Tokenizer, texts: list[str]) -> None:
    stream = Stream([texts[2]], tokenizer, fim=0.0)
    row = stream.rows(1, 512)[0].tolist()
    assert texts[2].startswith(tokenizer.decode(row[:60]))


def test_a_restored_stream_goes_on_exactly(tokenizer: Tokenizer, texts: list[str]) -> None:
    stream = Stream(texts, tokenizer, seed=3)
    stream.rows(40, 128)
    state = stream.state()
    expected = stream.rows(40, 128)
    other = Stream(texts, tokenizer, seed=3)
    other.restore(state)
    assert np.array_equal(other.rows(40, 128), expected)
