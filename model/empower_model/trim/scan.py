"""Reads the text around a cursor as far as trimming needs it: brackets, strings and comments, without a grammar.

The scanner knows no language. Where it cannot tell (an apostrophe, an unclosed quote, `//` in Python), it errs
on the side that trims nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

BEFORE = 2500
AFTER = 1500
"""Characters looked at on either side of the cursor: a screenful or two, whatever the size of the document."""

Bracket = tuple[int, str]
"""A bracket and its offset."""

PAIRS = {")": "(", "]": "[", "}": "{"}

# Every alternative begins with a literal character: the search then skips from one candidate to the next.
_TOKEN = re.compile(
    r'''
      (?P<skip>
        """ [^"\\]* (?: (?: \\. | "(?!"") ) [^"\\]* )* (?: """ | \Z )   # may be left open: the cursor is inside
      | \'\'\' [^'\\]* (?: (?: \\. | '(?!'') ) [^'\\]* )* (?: \'\'\' | \Z )
      | /\* (?: .*? \*/ | (?=[\s*]) .* )
      | <!-- .*? -->
      | --\[\[ .*? \]\]
      | \#(?<!\S\#)(?=[\s!])(?!\s*(?:include\s*["<]|define\s+[A-Z_]|(?:el)?if\s+!?defined\b)) [^\n]*   # not in C
      | //(?<!\S//) [^\n]*
      | --(?<!\S--)(?=\s) [^\n]*
      | "(?<=r\#") .*? (?: "\# | \Z ) | "(?<=\Wr")(?=\n) [^"]* (?: " | \Z )   # a raw string in Rust, over lines
      | " [^"\\\n]* (?: \\. [^"\\\n]* )* "
      | '(?<=[&<]')\w+ (?!') | '[a-z]\w*(?=>) | '(?:_|static)(?=[ >,);{])   # a lifetime there
      | '(?: (?<!\w') | (?<=\W[bfruBFRUL]') | (?<=\W[rRbBfF]{2}') ) [^'\\\n]* (?: \\. [^'\\\n]* )* '
      | ` [^`\\\n]* (?: \\. [^`\\\n]* )* `
      | \\ .
      | :(?<!\S:)-?\)                                      # a smiley
      )
    | (?P<bracket> [()\[\]{}] )
    | (?P<quote> " | '(?<!\w') | ` )
    ''',
    re.VERBOSE | re.DOTALL,
)
_LABEL = re.compile(r"[ \t]*(?:[-*>] )?(?:\d{1,2}|[a-zA-Z])")
_CASE = re.compile(r"(?:;;|\bin)[ \t]*\n[^()\n]+\Z")


class Scan(NamedTuple):
    """What a text contains, by offset."""

    brackets: list[Bracket]
    skipped: list[tuple[int, int]]
    """Strings and comments, as half-open ranges; brackets in them are not in `brackets`."""
    quotes: list[tuple[int, str]]
    """Quotes without a partner on their line."""


@lru_cache(maxsize=64)  # most rules look at the same text, and the rule that ends a span at many short ones
def scan(code: str) -> Scan:
    """Brackets, strings and comments of `code`, which begins outside of all three. Not to be changed."""
    scanned = Scan([], [], [])
    for match in _TOKEN.finditer(code):
        at, token = match.start(), match.group()
        if match.lastgroup == "skip":
            scanned.skipped.append((at, match.end()))
        elif match.lastgroup == "quote":
            scanned.quotes.append((at, token))
        elif token != ")" or not is_label(code, at):
            scanned.brackets.append((at, token))
    return scanned


def raw_scan(code: str) -> Scan:
    """Every bracket of `code`, for places inside a string or a comment."""
    return Scan([(at, char) for at, char in enumerate(code) if char in "()[]{}"], [], [])


def is_label(code: str, at: int) -> bool:
    """Whether the `)` at `at` ends a label, as in `1) first` or in a shell's `case`, and closes nothing."""
    start = code.rfind("\n", 0, at) + 1
    if "(" in code[start:at]:
        return False
    if code[at + 1 : at + 2] == " " and code[at + 2 : at + 3].isalnum() and _LABEL.fullmatch(code, start, at):
        return True
    return _CASE.search(code, code.rfind("\n", 0, max(start - 1, 0)) + 1, at) is not None


def unpaired(brackets: list[Bracket]) -> tuple[list[Bracket], list[Bracket]]:
    """Return the brackets left open, and the closers that found nothing to close."""
    left: list[Bracket] = []
    stray: list[Bracket] = []
    for at, char in brackets:
        if char not in PAIRS:
            left.append((at, char))
        elif not close(left, char):
            stray.append((at, char))
    return left, stray


class Balance(NamedTuple):
    """How many brackets a text leaves open, and how many it closes that stand before it."""

    opened: int
    closed: int


def balance(code: str) -> Balance:
    """Count the brackets of `code` that have no partner in it, outside of strings and comments."""
    left, stray = unpaired(scan(code).brackets)
    return Balance(len(left), len(stray))


def close(left: list[Bracket], closer: str) -> bool:
    """Take the innermost bracket that `closer` fits, and all inside it, off `left`; False if there is none."""
    for depth in range(len(left) - 1, -1, -1):
        if left[depth][1] == PAIRS[closer]:
            del left[depth:]
            return True
    return False


def indent(line: str) -> int:
    """Columns of white space a line begins with; a tab counts four."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(4))


def line_at(code: str, at: int) -> str:
    """Return the line of `code` that contains the offset `at`, without its line end."""
    end = code.find("\n", at)
    return code[code.rfind("\n", 0, at) + 1 : end if end >= 0 else len(code)]


@dataclass(frozen=True)
class Around:
    """The text around a cursor, as far as it is looked at."""

    before: str
    """Begins at the start of a line."""
    after: str
    cut: bool
    """Whether the document begins before `before`."""

    @classmethod
    def cursor(cls, prefix: str, suffix: str) -> Around:
        """Cut the window around a cursor between `prefix` and `suffix`."""
        before = prefix[-BEFORE:]
        cut = len(prefix) > BEFORE
        if cut:
            before = before[before.find("\n") + 1 :]
        return cls(before, suffix[:AFTER], cut)

    @cached_property
    def line(self) -> str:
        """The cursor's line up to the cursor."""
        return self.before.rpartition("\n")[2]

    @cached_property
    def rest(self) -> str:
        """The cursor's line from the cursor on, without white space at its end."""
        return self.after.partition("\n")[0].rstrip()

    @cached_property
    def following(self) -> list[str]:
        """The lines below the cursor's, blank ones left out."""
        return [line.rstrip() for line in self.after.partition("\n")[2].split("\n") if line.strip()]

    @cached_property
    def preceding(self) -> list[str]:
        """The lines above the cursor's, blank ones left out."""
        return [line.rstrip() for line in self.before.rpartition("\n")[0].split("\n") if line.strip()]

    @cached_property
    def open(self) -> list[Bracket]:
        """Brackets open at the cursor, outermost first, by offset in `before`."""
        return unpaired(scan(self.before).brackets)[0]
