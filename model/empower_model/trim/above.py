"""The rules of trimming that look at what stands above: lines, branches and imports again, and code nobody reaches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, takewhile

from empower_model.trim.lines import COMMENT, Line, is_branch, lines_of, nontrivial
from empower_model.trim.scan import PAIRS, Around, indent, line_at, scan, unpaired

_IMPORT = re.compile(r"\s*(?:import|from|#\s*include|use|using|require|require_once|extern crate)\b\s*\S")
_QUOTED = re.compile(r'\s*(?:[\w.]+ )?"[^"]+"')
_WORD = re.compile(r"\w+")
_AFTER_ELSE = frozenset(("else", "elif", "elseif", "elsif", "except", "catch", "rescue"))
_HEADER = re.compile(r"\s*\w+ .*[:{]\Z")
_JUMP = re.compile(r"\s+(?:return|raise|throw|break|continue)\b(?!\s*[:=.])")
_STATEMENT = re.compile(r"\s*(?!(?:async )?function\b)[\w@\"']")  # JavaScript reaches functions from above
_LABEL = re.compile(r"\s*\w+:")
_SENTENCE = re.compile(r"\s*\w+(?: [^\W\d_]+){3,}[.,:]?")


LONGEST_LOOP = 4
"""Lines that are looked at as one that is said again."""


def repeated_lines(text: str, around: Around) -> str:
    """Lines that repeat the ones right above them are a loop, and so is a third time the same line.

    A line that the person began ends only where it would close a loop: `import ` after `import sys`.
    """
    above = [(-1, line) for line in around.preceding[-2 * LONGEST_LOOP - 1 :]]
    own = lines_of(text, around)
    lines = above + own
    for n in range(len(above), len(lines)):
        at = lines[n][0]
        begun = at == 0 and bool(around.line.strip())
        for period in range(1, LONGEST_LOOP + 1):
            closes = _loops(lines, n, period) and not _loops(lines, n - 1, period)  # else it is the person's loop
            if closes or (not begun and _loops(lines, n + period - 1, period)):
                return text[:at]
    for (_, first), (at, second), (_, third) in _triples(above[-1:] + own):
        if first == second == third:
            return text[:at]
    return text


def _loops(lines: list[Line], last: int, period: int) -> bool:
    """Return whether the lines up to the one numbered `last` are so many lines, and the same once more."""
    start = last - 2 * period + 1
    if start < 0 or last >= len(lines):
        return False
    again = [line for _, line in lines[start + period : last + 1]]
    return again == [line for _, line in lines[start : start + period]] and any(map(nontrivial, again))


def _triples(lines: list[Line]) -> Iterator[tuple[Line, Line, Line]]:
    for (first, second), (_, third) in pairwise(pairwise(lines)):
        yield first, second, third


def again(text: str, around: Around) -> str:
    """End the text at what is there already and can be there once only: an import, a branch, an enclosing header."""
    own = lines_of(text, around)
    if not own:
        return text
    above = list(around.preceding)
    for at, line in own:
        imported = (_IMPORT.match(line) or (_QUOTED.fullmatch(line) and _in_imports(around))) and (
            _in_block(line, reversed(above)) or _in_block(line, around.following)
        )
        if imported or _branches_again(line, above) or _nests_again(line, above):
            return text[:at]
        above.append(line)
    return text


def _in_imports(around: Around) -> bool:
    """Return whether the cursor is in a list of imports as Go has them."""
    return bool(around.open) and line_at(around.before, around.open[-1][0]) == "import ("


def _in_block(line: str, others: Iterable[str]) -> bool:
    """Return whether a whole line, perhaps with more names, stands among others, as far as those are no less deep."""
    within = takewhile(lambda other: indent(other) >= indent(line), others)
    whole = not line.endswith(("(", "{", ",", "\\"))
    return whole and any(other == line or other.startswith(line + ",") for other in within)


def _branches_again(line: str, above: Sequence[str]) -> bool:
    """Return whether a branch was taken before in its chain, or comes after the `else` that ends it."""
    said = _unbraced(line)
    if not is_branch(said):
        return False
    column, word = indent(line), _first_word(said)
    for other in reversed(above):
        told = _unbraced(other)
        if indent(other) > column or (indent(other) == column and not told):
            continue
        if indent(other) < column or not is_branch(told):
            return False
        if told == said or (_first_word(told) == "else" and " if " not in told and word in _AFTER_ELSE):
            return True
    return False


def _unbraced(line: str) -> str:
    """Return a line without the brace that ends the block before it: `else {` of `} else {`."""
    return line.strip().removeprefix("}").strip()


def _first_word(line: str) -> str:
    word = _WORD.match(line)
    return word[0] if word else ""


def _nests_again(line: str, above: Sequence[str]) -> bool:
    """Return whether a header stands right within the same header: `if item is None:` in `if item is None:`."""
    if not _HEADER.fullmatch(line):
        return False
    for other in reversed(above):
        if indent(other) < indent(line):
            return other.strip() == line.strip()
    return False


def unreachable(text: str, around: Around) -> str:
    """Statements at the depth of a `return` that stands right above them are reached by nobody."""
    previous = around.preceding[-1] if around.preceding else ""
    for at, line in lines_of(text, around):
        begun = at == 0 and bool(around.line.strip())  # what the person began, they want
        if not begun and _ends_block(previous) and indent(line) == indent(previous) and _is_statement(line):
            start = len(around.before) + at
            if not any(a < start < b for a, b in scan(around.before + text).skipped):
                return text[:at]
        previous = line
    return text


def leaves_unreachable(text: str, around: Around) -> str:
    """End the text at a `return` right above statements of its depth: nobody would reach them."""
    following = "" if around.rest else next((line for line in around.following if not COMMENT.match(line)), "")
    at, line = next(reversed(lines_of(text, around)), (0, ""))
    begun = at == 0 and bool(around.line.strip())
    if begun or not _JUMP.match(line) or _SENTENCE.fullmatch(line) or indent(following) != indent(line):
        return text
    if not _is_statement(following) or _LABEL.fullmatch(following):
        return text
    start = len(around.before) + at
    return text if any(a < start < b for a, b in scan(around.before + text).skipped) else text[:at]


def _is_statement(line: str) -> bool:
    return _STATEMENT.match(line) is not None and not is_branch(line)


def _ends_block(line: str) -> bool:
    """Return whether a line is a whole statement after which its block does not go on."""
    if not _JUMP.match(line) or _SENTENCE.fullmatch(line) or line.endswith(("\\", ",")):
        return False
    return not any(char not in PAIRS for _, char in unpaired(scan(line).brackets)[0])
