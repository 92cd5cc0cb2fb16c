"""Layout, window and healing, with an engine whose tokens can be read."""

import re

import numpy as np
import pytest

from empower_model.engine.seam import FakeEngine, FimTokens, Vocabulary
from empower_model.prompt.layout import ANCHOR, Layout
from empower_model.prompt.token_healing import healing, roll_back


def text_of(engine: FakeEngine, tokens: list[int]) -> str:
    marks = {257: b"<PRE>", 258: b"<SUF>", 259: b"<MID>"}
    return b"".join(marks.get(i) or engine.vocabulary.pieces[i] for i in tokens).decode()


def engine(context_size: int = 2048) -> FakeEngine:
    return FakeEngine(lambda _: [], context_size=context_size)


def test_the_current_line_stands_after_the_middle_mark() -> None:
    fake = engine()
    prompt = Layout(fake).prompt("import os\n\ndef f(x):\n    (", ")\n\nf(1)\n", 16)
    assert text_of(fake, prompt.tokens) == "<PRE>import os\n\ndef f(x):\n<SUF>)\n\nf(1)\n<MID>    "
    assert prompt.forced == b"("


def test_a_keystroke_only_appends() -> None:
    layout = Layout(engine())
    before = layout.prompt("a\nb\n    x = fo", "\n\nlast\n", 16).tokens
    after = layout.prompt("a\nb\n    x = foo.", "\n\nlast\n", 16).tokens
    assert after[: len(before)] == before


def test_without_fim_tokens_the_prompt_is_the_prefix() -> None:
    fake = FakeEngine(lambda _: [], vocabulary=Vocabulary(tuple(bytes([b]) for b in range(256)), frozenset(), bos=0))
    prompt = Layout(fake).prompt("a\nb = ", "\nc", 16)
    assert prompt.tokens == [0, *b"a\nb ="]
    assert prompt.forced == b" "


@pytest.mark.parametrize("lines", [0, 1, 31, 32, 33, 500, 5000])
def test_the_prompt_fits_and_keeps_what_is_near(lines: int) -> None:
    fake = engine(context_size=1024)
    prefix = "".join(f"line {i}\n" for i in range(lines))
    prompt = Layout(fake).prompt(prefix + "here", "\nbelow\n" * 300, 64)
    assert len(prompt.tokens) + 64 < 1024
    text = text_of(fake, prompt.tokens)
    above = re.findall(r"line (\d+)\n", text.split("<SUF>")[0])
    if lines:
        assert above[-1] == str(lines - 1)
        assert int(above[0]) % ANCHOR == 0


def test_the_window_stands_still_while_lines_are_added() -> None:
    fake = engine(context_size=1024)
    layout = Layout(fake)
    starts = set()
    for lines in range(320, 352):
        text = text_of(fake, layout.prompt("".join(f"line {i}\n" for i in range(lines)), "", 64).tokens)
        starts.add(text[: text.index("\n")])
    assert len(starts) <= 3  # moves when the block at its top no longer fits, not with every line


def test_one_endless_line_is_cut_to_its_end() -> None:
    fake = engine(context_size=512)
    prompt = Layout(fake).prompt("x" * 100_000 + "END", "y" * 100_000, 64)
    assert len(prompt.tokens) + 64 < 512
    prompt = Layout(fake).prompt("z" * 100_000 + "\nEND", "", 64)
    assert len(prompt.tokens) + 64 < 512


WORDS = Vocabulary((b" ret", b"u", b" return", b"   ", b"x", b"(", b'("', b"8", b" ", b"    y"), frozenset())


@pytest.mark.parametrize(
    ("tokens", "kept", "forced"),
    [
        ([], [], b""),
        ([3, 0, 1], [3], b" retu"),  # ` return` begins so; with the indentation nothing does
        ([4, 5], [4], b"("),
        ([4, 5, 5], [4, 5], b"("),
        ([0, 8], [0], b" "),
        ([3, 8], [], b"    "),  # spaces may belong to a longer run
        ([5, 7, 7, 7], [5, 7, 7], b"8"),
        ([4, 1], [4], b"u"),
    ],
)
def test_roll_back_to_where_a_token_may_have_begun(tokens: list[int], kept: list[int], forced: bytes) -> None:
    assert roll_back(tokens, WORDS) == (kept, forced)


def test_roll_back_is_bounded() -> None:
    kept, forced = roll_back([0] * 100, Vocabulary((b"8", b"8" * 20), frozenset()))
    assert (len(kept), forced) == (92, b"8" * 8)


def test_healing_rules_out_what_contradicts_the_typed_text() -> None:
    vocabulary = Vocabulary((b" ret", b"u", b" return", b"x", b"urn", b""), frozenset({5}), FimTokens(5, 5, 5))
    log_probs = np.log(np.array([0.1, 0.1, 0.3, 0.4, 0.05, 0.05], dtype=np.float32))
    transform = healing(b" retu", vocabulary)
    first = transform([], log_probs)
    # ` ret` and ` return` remain, 0.1 to 0.3: renormalised 1/4 and 3/4
    np.testing.assert_allclose(np.exp(first), [0.25, 0, 0.75, 0, 0, 0], atol=1e-6)
    second = transform([0], log_probs)
    np.testing.assert_allclose(np.exp(second), [0, 2 / 3, 0, 0, 1 / 3, 0], atol=1e-6)
    assert transform([2], log_probs) is log_probs  # the typed text is written: nothing is ruled out
    assert transform([0, 1], log_probs) is log_probs


def test_compatible_tokens() -> None:
    vocabulary = Vocabulary((b"a", b"ab", b"abc", b"b", b"", b"abd", b"\xc3", "é".encode()), frozenset())
    assert sorted(vocabulary.compatible(b"ab")) == [0, 1, 2, 5]
    assert sorted(vocabulary.compatible("é".encode())) == [6, 7]
    assert sorted(vocabulary.compatible(b"zz")) == []
