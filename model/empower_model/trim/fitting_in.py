"""The rules of trimming that look at where a text comes to stand: a comment, a branch, the body of a header."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile

from empower_model.trim.lines import COMMENT, ENDIF, lines_of, nontrivial
from empower_model.trim.scan import Around, indent

_STAR = re.compile(r"[ \t]*\*(?!\w)")
_BRANCH = re.compile(r"\s*(?:else|elif|except|finally|catch)\b *(?:if\b.*|[({:].*|\w+.*:|\Z)")
_HEAD = re.compile(
    r"\s*(?:\}|\)|end\b|let\b|then\b|else\b|el|for\b|while\b|try\b|except\b|finally\b|catch\b|with\b|do\b|when\b|case\b|begin\b"
    r"|switch\b|loop\b|async\b|[@\]])|.*(?:\b(?:if|unless|match|select)|#\s*if\w*)\b"
)
_TYPE = re.compile(r"\s*(?:\w+[ *]+)+")
_FENCE = re.compile(r"[ \t]*(?:(?:\*|#|//[/!]?)[ \t]*)?(?:`{3,}|~{3,})[ \t]*([\w{].*)?")
_CONDITION = re.compile(r"[ \t]*#[ \t]*(?:if|ifdef|ifndef)\b")
_LETTERS = re.compile(r"[^\W\d_]")


def in_comment(text: str, around: Around) -> str:
    """End the text at a line that leaves a block comment whose lines, that begin with `*`, stand above and below."""
    above, _, line = around.before.rpartition("\n")
    lines, below = above.split("\n")[::-1], around.after.partition("\n")[2].partition("\n")[0]
    stars = len(list(takewhile(_STAR.match, lines)))
    opened = "/*" in lines[stars] if stars < len(lines) else around.cut  # else a list of Markdown
    if not stars or "*/" in lines[0] or not opened or not _STAR.match(below) or around.rest or line.strip():
        return text
    return next((text[:at] for at, own in lines_of(text, around) if not _STAR.match(own)), text)


def closed_fence(text: str, around: Around) -> str:
    """End the text at a fence that closes a block of code in Markdown, where one below closes that already."""
    own = [(at, fence[1]) for at, line in lines_of(text, around) if (fence := _FENCE.fullmatch(line))]
    if len(own) % 2 == 0 or own[-1][1] or (own[-1][0] == 0 and around.line.strip()):
        return text
    above = next(filter(None, map(_FENCE.fullmatch, reversed(around.preceding))), None)
    below = next(filter(None, map(_FENCE.fullmatch, around.following)), None)
    opened, closed = above is not None and above[1], below is not None and not below[1]
    return text[: own[-1][0]] if opened and closed else text


def closed_condition(text: str, around: Around) -> str:
    """End the text at an `#endif` of a condition that one below ends already."""
    lines = lines_of(text, around)
    own = [at for at, line in lines if ENDIF.match(line) and (at or not around.line.strip())]
    if not own or any(_CONDITION.match(line) for _, line in lines):
        return text
    opened = _left(reversed(around.preceding), _CONDITION, ENDIF)
    ended = _left(around.following, ENDIF, _CONDITION)
    return text[: own[0]] if ended >= opened + around.cut else text  # above the window there may be a header's guard


def _left(lines: Iterable[str], wanted: re.Pattern[str], partner: re.Pattern[str]) -> int:
    """Return how many lines are `wanted` and have no partner between themselves and the first of the lines."""
    left = depth = 0
    for line in lines:
        if partner.match(line):
            depth += 1
        elif wanted.match(line):
            left, depth = (left, depth - 1) if depth else (left + 1, 0)
    return left


def branch_of_nothing(text: str, around: Around) -> str:
    """End the text at an `else` right behind a statement of its depth: what it is a branch of is less deep."""
    above = [line for line in around.preceding if not COMMENT.match(line)]
    for at, line in lines_of(text, around):
        begun = at == 0 and bool(around.line.strip())
        if not begun and _BRANCH.fullmatch(line):
            head = next((other for other in reversed(above) if indent(other) <= indent(line)), "")
            if head and indent(head) == indent(line) and not _HEAD.match(head):
                return text[:at]
        if not COMMENT.match(line):
            above.append(line)
    return text


def body_again(text: str, around: Around) -> str:
    """Leave out what stands below, as the body of the text's last line or behind a type: `int` above `main(void)`."""
    own = lines_of(text, around)
    body = around.following[0] if around.following and not around.rest else ""
    said, bare = body.strip(), text.rstrip()
    if not own or len(_LETTERS.findall(said)) < 5 or not bare.endswith(said) or bare == said:
        return text
    line = own[-1][1].rstrip()
    kept = line[: -len(said)]
    deeper = indent(body) > indent(line) and kept.rstrip().endswith((")", ":", "else", "then", "=>"))
    return bare[: -len(said)].rstrip() if deeper or (nontrivial(said) and _TYPE.fullmatch(kept)) else text


def second_docstring(text: str, around: Around) -> str:
    """End the text at a docstring that would stand right above another one."""
    below = around.following[0] if around.following and not around.rest else ""
    quotes = below.lstrip()[:3]
    lines = lines_of(text, around) if quotes in ('"""', "'''") else []
    start = next((n for n, (_, line) in enumerate(lines) if line.lstrip().startswith(quotes)), None)
    if start is None or indent(lines[start][1]) != indent(below):
        return text
    written = "\n".join(line for _, line in lines[start:])
    ended = written.count(quotes) > 1 and not written.rstrip().endswith(quotes)
    return text if ended or _is_open(around, quotes) else text[: lines[start][0]]


def _is_open(around: Around, quotes: str) -> bool:
    return around.before.count(quotes) % 2 == 1
