"""Fits a completion into the text around the cursor: the leading part of it that repeats and breaks nothing.

Every rule is a function from a text to a leading part of it, for one reason. They only ever shorten, so they are
applied until none has anything left to say, which also makes trimming idempotent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from empower_model.trim.above import again, leaves_unreachable, repeated_lines, unreachable
from empower_model.trim.brackets import (
    balance,
    closed_string,
    one_line,
    overlap,
    string_before_string,
    swallows_rest,
)
from empower_model.trim.fitting_in import (
    body_again,
    branch_of_nothing,
    closed_condition,
    closed_fence,
    in_comment,
    second_docstring,
)
from empower_model.trim.lines import below, blank_run, lone_mark, scope
from empower_model.trim.runs import one_character, repeated_tail
from empower_model.trim.scan import Around
from empower_model.trim.there import (
    arm_again,
    assigned_again,
    constant_again,
    key_again,
    line_above_again,
    lines_again,
    phrase_again,
    table_rule_again,
)

Rule = Callable[[str, Around], str]

_LEADING = re.compile(r"\n([ \t]+)(?=\S)")


def trailing_space(text: str, around: Around) -> str:
    """White space at the end is cut, but for blanks that part the text from what follows on the line."""
    bare = text.rstrip()
    spaced = text[len(bare) :]
    apart = around.rest[:1] not in ("", " ", "\t", *")]\"'`,;:")
    return text if bare and apart and spaced.strip(" ") == "" else bare


RULES: tuple[Rule, ...] = (
    one_line,
    overlap,
    swallows_rest,
    closed_string,
    string_before_string,
    balance,
    blank_run,
    scope,
    below,
    in_comment,
    closed_fence,
    closed_condition,
    branch_of_nothing,
    body_again,
    second_docstring,
    again,
    key_again,
    arm_again,
    lines_again,
    line_above_again,
    assigned_again,
    constant_again,
    phrase_again,
    table_rule_again,
    unreachable,
    leaves_unreachable,
    repeated_lines,
    repeated_tail,
    one_character,
    lone_mark,
    trailing_space,
)


def trim(text: str, prefix: str, suffix: str) -> str:
    """Return the leading part of `text` that fits between `prefix` and `suffix`, possibly empty.

    All three have `\\n` line ends. Nothing is ever added or changed, and white space at the start stays.
    """
    around = Around.cursor(prefix, suffix)
    while True:
        kept = text
        for rule in RULES:
            kept = rule(kept, around) if kept else kept
        if kept == text:
            return text
        text = kept


def reindent(text: str, prefix: str) -> str:
    """`text` with its new lines indented as `prefix` is: by tabs, or by the number of spaces that it uses.

    Changes nothing where both agree, or where `prefix` has no indented line. Blanks that align a line after its
    tabs stay.
    """
    around = Around.cursor(prefix, "")
    code = (line for line in around.before.split("\n") if not line.startswith(" *"))  # that is no indentation
    document = [line[: len(line) - len(line.lstrip())] for line in code]
    document = [space for space in document if space]
    if not document:
        return text
    tabs = 2 * sum(space[0] == "\t" for space in document) > len(document)
    own = _LEADING.findall("\n" + text if not around.line else text)
    if tabs and any(space[0] == " " for space in own):
        depth = len(around.line) - len(around.line.lstrip("\t"))
        width = _width([len(space) for space in own if not space.strip(" ")], depth)
        return _replace(text, " " * width, "\t", not around.line)
    if not tabs and any(space[0] == "\t" for space in own):
        return _replace(text, "\t", " " * _step(document), not around.line)
    return text


def _width(columns: list[int], depth: int) -> int:
    """Blanks to a level, in a text that goes on at `depth` levels: the usual widths, the likeliest first."""
    fitting = [n for n in (4, 2, 8, 3) if all(column % n == 0 for column in columns)]
    near = (n for n in fitting if columns and columns[0] // n in (depth, depth + 1))
    return next(near, fitting[0] if fitting else 4)


def _step(document: list[str]) -> int:
    """Blanks to a level: the commonest way in which one line of the document is deeper than the last."""
    columns = [0, *(len(space) for space in document if space[0] == " ")]
    steps = Counter(deep - shallow for shallow, deep in pairwise(columns) if deep - shallow > 1)
    return steps.most_common(1)[0][0] if steps else 4


def _replace(text: str, unit: str, by: str, from_start: bool) -> str:
    """Put `by` for every `unit` that the new lines of `text` begin with."""
    lines = text.split("\n")
    for number in range(0 if from_start else 1, len(lines)):
        rest, levels = lines[number], 0
        while rest.startswith(unit):
            rest, levels = rest[len(unit) :], levels + 1
        lines[number] = by * levels + rest
    return "\n".join(lines)
