"""The end of the statement, or of the block that it opens: how far a text goes for who asks to see the rest of it.

No grammar: brackets and indentation tell, in any language, and a bound tells where they do not.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Callable

from empower_model.completing.stopping import Cut, Verdict, Written
from empower_model.request import Limits
from empower_model.trim import balance, indent

SECONDS = 5.0
"""So long a person waits for the rest of a statement."""

_GOES_ON = re.compile(
    r"\s*(?:[)\]}]|(?:end|fi|done|esac|else|elif|elsif|elseif|except|finally|catch|rescue|ensure)\b)", re.IGNORECASE
)
_WORD = re.compile(r"\s*\w*")


def whole_statement(limits: Limits, before: str, clock: Callable[[], float] = time.perf_counter) -> Cut:
    """Return the rule that ends a span behind `before` with its statement, however unsure it is.

    Where that takes more than the limits or SECONDS allow, it ends with the last whole line.
    """
    until: float | None = None

    def cut(written: Written) -> Verdict:
        nonlocal until
        now, text, lengths = clock(), written.text, written.lengths
        until = now + SECONDS if until is None else until
        end = statement_end(before, text)
        if end is not None:
            return Verdict(bisect_right(lengths, end), ended=True)
        if len(lengths) < limits.max_tokens and text.count("\n") < limits.max_lines and now < until:
            return Verdict(len(lengths), ended=False)
        whole = text.rfind("\n") + 1
        return Verdict(bisect_right(lengths, whole) if text[:whole].strip() else len(lengths), ended=True)

    return cut


def statement_end(before: str, text: str) -> int | None:
    """Return how many characters of `text`, written behind `before`, end its first statement; None while it goes on.

    A statement goes on while a bracket is open, and as long as lines are indented deeper than its first one: of
    `if ready:\\n    start()\\nstop()` the first two lines are one. Behind a whole line, it is the next one that counts.
    """
    head = before.rpartition("\n")[2]
    lines = (head + text).split("\n")
    first = _first(head, text, lines)
    if first is None:
        return None
    base, depth, block, joined = indent(lines[first]), 0, False, False
    at = sum(len(line) + 1 for line in lines[:first]) - len(head)
    for number, line in enumerate(lines[first:], first):
        if number > first and depth == 0 and not joined and line.strip():
            if number == len(lines) - 1 and _WORD.fullmatch(line):
                return None  # it may become an `else`
            deeper = indent(line) > base
            if not deeper and not (block and _GOES_ON.match(line)):
                return at + len(line) - len(line.lstrip())
            block = block or deeper
        at += len(line) + 1
        found = balance(line)
        depth, joined = max(0, depth - found.closed) + found.opened, line.endswith("\\")
    return None


def _first(head: str, text: str, lines: list[str]) -> int | None:
    """Return the line that the statement begins with; None while there is none."""
    if text.partition("\n")[0].strip():
        return 0
    following = next((number for number, line in enumerate(lines) if number and line.strip()), None)
    if following is not None and head.strip() and indent(lines[following]) > indent(head):
        return 0
    return following
