"""What holds of trimming whatever a model writes and wherever it writes it."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from empower_model.trim import inside_word, joined, reindent, trim

WORDS = st.sampled_from(
    [
        "def",
        "class",
        "if",
        "else:",
        "return",
        "import",
        "self",
        "x",
        "name",
        "value",
        "path",
        "total",
        "None",
        "é",
        "界",
    ]
)
SIGNS = st.sampled_from(
    [" ", "  ", "    ", "\t", "\n", "\n\n", "\n    ", "\n\t", *"()[]{}.,:;=+-*#'\"`\\/", '"""', "//", "=> ", "\u2028"]
)
CODE = st.lists(st.one_of(WORDS, SIGNS), max_size=25).map("".join)
LINES = st.lists(WORDS.filter(str.isalpha), min_size=2, max_size=5).map(" ".join)


@given(CODE, CODE, CODE)
def test_the_leading_part_is_kept_and_would_be_kept_again(text: str, prefix: str, suffix: str) -> None:
    kept = trim(text, prefix, suffix)
    assert text.startswith(kept)
    assert trim(kept, prefix, suffix) == kept


@given(CODE, CODE, CODE)
def test_it_reads_a_screenful_only(text: str, prefix: str, suffix: str) -> None:
    far = "above = below(1)\n" * 400
    kept = trim(text, far + prefix, suffix)
    assert trim(text, far + far + prefix, suffix) == kept
    assert trim(text, far + prefix, suffix + "\n" * 1600) == trim(text, far + prefix, suffix + "\n" * 1600 + far)


@given(CODE, LINES, st.integers(1, 30), CODE)
def test_the_rest_of_the_line_is_not_doubled(prefix: str, line: str, cut: int, below: str) -> None:
    """Neither alone nor behind other words, where a word of some length stands behind the cursor."""
    cut = min(cut, len(line) - 1)
    head, rest = line[:cut], line[cut:].rstrip()
    assume(re.search(r"\w{4}", rest) is not None)
    above = prefix + "\n" + head
    for text in (rest, "other " + rest):
        assert rest not in trim(text, above, rest + "\n" + below).rpartition("\n")[2]


@given(CODE, LINES, CODE)
def test_the_line_below_is_not_written_above_it(prefix: str, line: str, below: str) -> None:
    for text in (line, line[: len(line) // 2], line + "\n"):
        assert trim(text, prefix + "\n", "\n" + line + "\n" + below) == ""


@given(CODE, LINES, LINES, CODE)
def test_what_runs_into_the_lines_below_ends_before_them(prefix: str, own: str, line: str, below: str) -> None:
    assume(own not in line and line not in own and len(line) > 20)
    kept = trim(f"{own}\n{line}", prefix + "\n", f"\n{line}\n{below}")
    assert line not in kept


@given(CODE, CODE, CODE)
def test_a_text_in_a_word_makes_one_word_with_it(text: str, prefix: str, suffix: str) -> None:
    kept = joined(text, prefix, suffix)
    assert text.startswith(kept)
    if not inside_word(suffix):
        assert kept == text
    elif prefix[-1:].isalnum() and kept:
        assert re.fullmatch(r"\w+", kept)


@given(CODE, CODE)
def test_only_the_white_space_that_lines_begin_with_is_changed(text: str, prefix: str) -> None:
    once = reindent(text, prefix)
    assert [line.lstrip(" \t") for line in once.split("\n")] == [line.lstrip(" \t") for line in text.split("\n")]
    assert reindent(once, prefix) == once
