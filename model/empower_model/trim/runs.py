"""The rules of trimming that look for characters that go on and on."""

from __future__ import annotations

import re

from empower_model.trim.scan import Around

_LETTERS = re.compile(r"[^\W\d_]{2}")
_NO_RUN = frozenset(" \t\n()[]{}")
"""White space has a rule of its own, and brackets are a question of balance."""
LONGEST = 4
"""A shorter run may mean something, as `...` and `###` do; letters and digits mean something up to `LONGEST_WORD`."""
LONGEST_WORD = 16


def repeated_tail(text: str, around: Around) -> str:
    """Leave a loop out: the same characters three times and more at the end, over most of the text; once is enough.

    Short units need five times: `int, int, int` is code. Units without a word never count: `0x1, 0x1`.
    """
    end = len(text.rstrip())
    for size in range(2, end // 3 + 1):
        unit = text[end - size : end]
        start = end - size
        while start >= size and text.startswith(unit, start - size):
            start -= size
        times = (end - start) // size
        while start > 0 and text[start - 1] == text[start - 1 + size]:
            start -= 1  # the loop may begin within the unit
        if times >= (3 if size > 7 else 5) and 2 * (end - start) > end and _LETTERS.search(unit):
            return text[: start + size]
    return text


def one_character(text: str, around: Around) -> str:
    """Cut a run of one character at the end of the text: it has no end that could be known, but for rulers.

    A ruler is as long as one that stands near (`# -----`), or as the title above it.
    """
    code = around.line + text
    char, size = text[-1:], run_length(code)
    if not run_length(text) or size < (LONGEST_WORD if char.isalnum() else LONGEST):
        return text
    near = (around.before + text)[:-size]
    title = near.rstrip().rpartition("\n")[2].strip() if not near.rpartition("\n")[2].strip() else ""
    if char * size in re.findall(f"{re.escape(char)}+", near) or len(title) == size:
        return text
    return text.rstrip(char)


def run_length(text: str) -> int:
    """Return how often the last character of a text stands at its end; 0 for white space and brackets."""
    char = text[-1:]
    return 0 if not char or char in _NO_RUN else len(text) - len(text.rstrip(char))
