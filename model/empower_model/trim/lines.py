"""The rules of trimming that look at whole lines: scope, and what stands below the cursor."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from empower_model.trim.scan import AFTER, Around, indent, line_at, scan

_BLANK_RUN = re.compile(r"\n[ \t]*\n[ \t]*(?=\n)")
_SPACE = re.compile(r"\s+")
_DECLARED = re.compile(r"\s*(?:(?:async|export|pub|static|local) )*(?:def|class|func|function|fn) (\w+)")
_PROSE = re.compile(r"[ \t]*(?:[#*/-]+ )?[^\W\d_]+(?:[ ,.:-]+[^\W\d_]+){3,}[.:]?")
_TRIVIAL = re.compile(
    r"\b(?:return|pass|break|continue|else|try|finally|end|fi|done|do|then|begin|default|raise|self|this"
    r"|None|True|False|null|nil|undefined|true|false|void|const|let|local|var)\b|\W|\d|_"
)
_BLOCK_OPENER = re.compile(r"(?:[:{(\[,>]|\b(?:then|do|else))\s*\Z")
COMMENT = re.compile(r"\s*(?:#(?!\s*(?:include|define|if|el|end|[\[!]))|//|/\*|\*)")
_BRACKET = re.compile(r"\s*(?:[)\]}]|</)")
_BRANCH = re.compile(
    r"\s*(?:(?:else|elif|elseif|elsif|except|finally|catch|rescue|ensure|case|default|when)\b|[^\s()]+\)\s*\Z)"
)
_MARK = re.compile(r"[ \t]*(?:[-*+]|\d+\.|#+|//+!?)")
_END = re.compile(r"\s*(?:end|fi|done|esac|until)\b")
ENDIF = re.compile(r"[ \t]*#[ \t]*endif\b")
_DIRECTIVE = re.compile(r"#\s*(?:if|ifdef|ifndef|el|end|define|undef|pragma)")

Line = tuple[int, str]
"""Where a line begins in the text, and the line: the first one with what stands before the cursor."""


def nontrivial(line: str) -> bool:
    """Whether a line says enough that seeing it twice is no coincidence; `return None` and `})` do not."""
    return len(_TRIVIAL.sub("", line)) > 7


def lines_of(text: str, around: Around) -> list[Line]:
    """Return the lines of the text that are not blank; the first only counts from the start of the document's line."""
    lines: list[Line] = []
    at = 0
    for number, line in enumerate(text.split("\n")):
        full = (around.line if number == 0 else "") + line
        if full.strip():
            lines.append((at, full.rstrip()))
        at += len(line) + 1
    return lines


def blank_run(text: str, around: Around) -> str:
    """Two blank lines are the end of a thought."""
    run = _BLANK_RUN.search(text)
    return text[: run.start()] if run else text


def lone_mark(text: str, around: Around) -> str:
    """Leave out a last line that is no more than the mark of an item, a title or a comment."""
    kept, newline, last = text.rstrip().rpartition("\n")
    return kept if newline and _MARK.fullmatch(last) else text


def scope(text: str, around: Around) -> str:
    """End the text at a line that is indented less than the block the completion began in.

    Closers (`}`, `end`) and branches (`else`) of an enclosing block may stay where they fit.
    """
    if "\n" not in text:
        return text
    floor = _floor(text, around)
    code = around.before + text
    for at, line in lines_of(text, around):
        start = len(around.before) + at
        if at == 0 or indent(line) >= floor or _may_dedent(line, floor, code[:start], around):
            continue
        if not any(a < start < b for a, b in scan(code).skipped):  # a string over several lines is free
            return text[:at]
    return text


def _floor(text: str, around: Around) -> int:
    """Return the indent of the block around the cursor; within `(` or `[`, of the line on which those began."""
    opener: int | None = None
    for at, char in reversed(around.open):
        if char == "{":
            break
        opener = at
    if opener is not None:
        return min(indent(line_at(around.before, opener)), indent(around.line or text))
    if around.line.strip() or (around.line and text.startswith("\n")):
        return indent(around.line)
    lines = lines_of(text, around)
    return indent(lines[0][1]) if lines else 0


def _may_dedent(line: str, floor: int, above: str, around: Around) -> bool:
    if _BRACKET.match(line) or _DIRECTIVE.match(line):
        return True  # whether a bracket fits is a question of balance
    if _END.match(line):
        below = around.following
        return not (below and indent(below[0]) >= floor) and _has_head(line, above)
    return is_branch(line) and _has_head(line, above)


def is_branch(line: str) -> bool:
    """Return whether a line is a further branch of the block above it: `else`, `except`, `case`."""
    return _BRANCH.match(line) is not None


def _has_head(line: str, above: str) -> bool:
    """Whether the nearest line above that is not deeper than `line` is exactly as deep: the `if` of its `else`."""
    column = indent(line)
    for other in reversed(above.split("\n")):
        if other.strip() and indent(other) <= column:
            return indent(other) == column
    return True


def below(text: str, around: Around) -> str:
    """End a text that runs into the lines below the cursor where they begin.

    Those may be indented otherwise in a list, as arguments are aligned, and where a bracket is all of the line.
    """
    following = around.following
    lines = lines_of(text, around)
    if not following or not lines:
        return text
    said = following[0].lstrip()
    same = [line for _, line in lines if said.startswith(line.lstrip())]
    listed = any(map(nontrivial, same)) and around.open and (around.open[-1][1] in "([" or said.endswith(","))
    if listed or (same and not said.strip("([{ ")):
        lines, following = [(at, line.lstrip()) for at, line in lines], [line.lstrip() for line in following]
    for number, (at, line) in enumerate(lines):
        whole = not around.cut and len(around.after) < AFTER  # else conditions cannot be counted
        ends = whole and number == len(lines) - 1 and ENDIF.match(line)
        if (number == 0 and at == 0 and around.rest) or ends:
            continue
        begun = at == 0 and bool(around.line.strip())
        if _runs_into([line for _, line in lines[number:]], following, begun):
            return text[:at]
    return text


def _runs_into(lines: list[str], following: list[str], begun: bool) -> bool:
    """Return whether lines are those below, or begin them; a line that the person has `begun` may begin alike."""
    pairs = list(zip(lines, following, strict=False))
    same = next((n for n, (ours, theirs) in enumerate(pairs) if not alike(ours, theirs)), len(pairs))
    if same == len(lines):
        return True
    if same == len(lines) - 1 and len(pairs) == len(lines):
        ours, theirs = pairs[-1]
        if theirs.startswith(ours) and (same or not begun or nontrivial(ours)):
            return True  # the line below begins with it: no news, however short
    if same < len(pairs) and _declares(*pairs[same]):
        return True
    exact = (ours for ours, theirs in pairs[:same] if ours == theirs)
    return any(nontrivial(line) and not _BLOCK_OPENER.search(line) for line in exact)


def _declares(ours: str, theirs: str) -> bool:
    """Return whether two lines declare the same name at the same depth: `def f(a):` above `def f(a, b):`.

    An overload may: one that has its whole body, `...` or none, on its line.
    """
    if ours.endswith(("...", ";")):
        return False
    mine, other = _DECLARED.match(ours), _DECLARED.match(theirs)
    return mine is not None and other is not None and mine[0] == other[0]


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
