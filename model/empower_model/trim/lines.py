"""The rules of trimming that look at whole lines: scope, what stands below the cursor, and loops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise

from empower_model.trim.scan import Around, indent, line_at, scan

_BLANK_RUN = re.compile(r"\n[ \t]*\n[ \t]*(?=\n)")
_SPACE = re.compile(r"\s+")
_PROSE = re.compile(r"[ \t]*(?:[#*/-]+ )?[^\W\d_]+(?:[ ,.:-]+[^\W\d_]+){3,}[.:]?")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_TRIVIAL = re.compile(
    r"\b(?:return|pass|break|continue|else|try|finally|end|fi|done|do|then|begin|default|raise|self|this"
    r"|None|True|False|null|nil|undefined|true|false|void|const|let|local|var)\b|\W|\d|_"
)
_BLOCK_OPENER = re.compile(r"(?:[:{(\[,>]|\b(?:then|do|else))\s*\Z")
_BRACKET = re.compile(r"\s*(?:[)\]}]|</)")
_BRANCH = re.compile(
    r"\s*(?:(?:else|elif|elseif|elsif|except|finally|catch|rescue|ensure|case|default|when)\b|[^\s()]+\)\s*\Z)"
)
_END = re.compile(r"\s*(?:end|fi|done|esac|until)\b")
_DIRECTIVE = re.compile(r"#\s*(?:if|ifdef|ifndef|el|end|define|undef|pragma)")

Line = tuple[int, str]
"""Where a line begins in the text, and the line: the first one with what stands before the cursor."""


def nontrivial(line: str) -> bool:
    """Whether a line says enough that seeing it twice is no coincidence; `return None` and `})` do not."""
    return len(_TRIVIAL.sub("", line)) > 7


def _lines(text: str, around: Around) -> list[Line]:
    """The lines of the text that are not blank; the first only counts from the start of the document's line."""
    found: list[Line] = []
    at = 0
    for number, line in enumerate(text.split("\n")):
        full = (around.line if number == 0 else "") + line
        if full.strip():
            found.append((at, full.rstrip()))
        at += len(line) + 1
    return found


def blank_run(text: str, around: Around) -> str:
    """Two blank lines are the end of a thought."""
    run = _BLANK_RUN.search(text)
    return text[: run.start()] if run else text


def scope(text: str, around: Around) -> str:
    """A line that is indented less than the block the completion began in ends it.

    Closers (`}`, `end`) and branches (`else`) of an enclosing block may stay where they fit.
    """
    if "\n" not in text:
        return text
    floor = _floor(text, around)
    code = around.before + text
    for at, line in _lines(text, around):
        start = len(around.before) + at
        if at == 0 or indent(line) >= floor or _may_dedent(line, floor, code[:start], around):
            continue
        if not any(a < start < b for a, b in scan(code).skipped):  # a string over several lines is free
            return text[:at]
    return text


def _floor(text: str, around: Around) -> int:
    """The indent of the block around the cursor; within `(` or `[`, of the line on which those began."""
    opener: int | None = None
    for at, char in reversed(around.open):
        if char == "{":
            break
        opener = at
    if opener is not None:
        return min(indent(line_at(around.before, opener)), indent(around.line or text))
    if around.line.strip() or (around.line and text.startswith("\n")):
        return indent(around.line)
    lines = _lines(text, around)
    return indent(lines[0][1]) if lines else 0


def _may_dedent(line: str, floor: int, above: str, around: Around) -> bool:
    if _BRACKET.match(line) or _DIRECTIVE.match(line):
        return True  # whether a bracket fits is a question of balance
    if _END.match(line):
        below = around.following
        return not (below and indent(below[0]) >= floor) and _has_head(line, above)
    return bool(_BRANCH.match(line)) and _has_head(line, above)


def _has_head(line: str, above: str) -> bool:
    """Whether the nearest line above that is not deeper than `line` is exactly as deep: the `if` of its `else`."""
    column = indent(line)
    for other in reversed(above.split("\n")):
        if other.strip() and indent(other) <= column:
            return indent(other) == column
    return True


def below(text: str, around: Around) -> str:
    """A text that runs into the lines below the cursor ends where they begin."""
    following = around.following
    lines = _lines(text, around)
    if not following or not lines:
        return text
    for number, (at, line) in enumerate(lines):
        if number == 0 and at == 0 and around.rest:
            continue
        if _runs_into([line for _, line in lines[number:]], following):
            return text[:at]
    return text


def _runs_into(lines: list[str], following: list[str]) -> bool:
    pairs = list(zip(lines, following, strict=False))
    same = next((n for n, (ours, theirs) in enumerate(pairs) if not alike(ours, theirs)), len(pairs))
    if same == len(lines):
        return True
    if same == len(lines) - 1 and len(pairs) == len(lines):
        ours, theirs = pairs[-1]
        if theirs.startswith(ours) and (same or nontrivial(ours)):
            return True  # generation ended within the line
    exact = (ours for ours, theirs in pairs[:same] if ours == theirs)
    return any(nontrivial(line) and not _BLOCK_OPENER.search(line) for line in exact)


def alike(ours: str, theirs: str) -> bool:
    """Whether two lines say the same: equal, or different only in spacing, quotes or the comma at the end.

    Prose may also differ in a few letters; code may not: `check(1)` and `check(2)` are two lines.
    """
    if ours == theirs:
        return True
    if not nontrivial(ours) or indent(ours) != indent(theirs):
        return False
    if _squeezed(ours) == _squeezed(theirs):
        return True
    return bool(_PROSE.fullmatch(ours)) and abs(len(ours) - len(theirs)) < 9 and _ratio(ours, theirs) >= 0.9


def _squeezed(line: str) -> str:
    return _SPACE.sub("", line).rstrip(",;").replace('"', "'")


def _ratio(ours: str, theirs: str) -> float:
    return SequenceMatcher(None, ours.strip(), theirs.strip(), False).ratio()


def repeated_lines(text: str, around: Around) -> str:
    """Lines that repeat the ones right above them are a loop, and so is a third time the same line."""
    above = [(-1, line) for line in around.preceding[-4:]]
    own = _lines(text, around)
    lines = above + own
    for n in range(len(above), len(lines)):
        at = lines[n][0]
        if at == 0 and around.line.strip():
            continue  # the human began this line
        for period in range(1, 5):
            once, again = lines[max(n - period, 0) : n], lines[n : n + period]
            if len(once) == len(again) and _same(once, again) and any(nontrivial(line) for _, line in again):
                return text[:at]
    for (_, first), (at, second), (_, third) in _triples(own):
        if first == second == third:
            return text[:at]
    return text


def _same(once: list[Line], again: list[Line]) -> bool:
    return all(one[1] == other[1] for one, other in zip(once, again, strict=True))


def _triples(lines: list[Line]) -> Iterator[tuple[Line, Line, Line]]:
    for (first, second), (_, third) in pairwise(pairwise(lines)):
        yield first, second, third


def repeated_tail(text: str, around: Around) -> str:
    """The same characters three times and more at the end, over most of the text, are a loop; once is enough.

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
