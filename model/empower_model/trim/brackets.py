"""The rules of trimming that look at the rest of the cursor's line, quotes and brackets."""

from __future__ import annotations

import re

from empower_model.trim.scan import (
    PAIRS,
    Around,
    Bracket,
    Scan,
    close,
    indent,
    line_at,
    raw_scan,
    scan,
    unpaired,
)

Opener = tuple[str, int]
"""An open bracket and the indent of its line."""

Closer = tuple[str, int | None]
"""A closer below the text, and the indent of its line if it is the first thing there, or HERE."""
HERE = -1
"""For a closer on the cursor's line."""

DEPTH = 40
"""Brackets, open or to be closed, that are compared: more are no code, and would take long."""

_CLOSING = re.compile(r"""(?:[\s)\]}>"'`;:,]|</[\w.]*>)*""")
_LINE_START = re.compile(r"@\w|#(?![#{])|//|/\*|\*(?:[\s/]|\Z)|<!--|\"{3}|'{3}")
_PLAIN = ")]}\"'`;:, "
_WORD = re.compile(r"\w")
_COMMENT_SIGN = re.compile(r"#|//")
_REMARK = re.compile(r"//(?:\w| [A-Za-z][\w'-]* (?!(?:if|for|and|or|in|is|else|not)\b)[A-Za-z])")
_STATEMENT_END = re.compile(r"""[)\]}"'`]+\s*([:;{])""")


def one_line(text: str, around: Around) -> str:
    """Before other text on the line, a completion ends with the line: more would push that text down.

    Before a decorator, a comment or a docstring that begins the line, nothing fits, nor before what begins as the text.
    """
    first = text.partition("\n")[0].strip()
    begins = len(first) > 1 and around.rest.startswith(first)
    if not around.line.strip() and (begins or _LINE_START.match(around.rest)):
        return ""
    return text if _CLOSING.fullmatch(around.rest) else text.partition("\n")[0]


def overlap(text: str, around: Around) -> str:
    """Leave out what already stands after the cursor on its line."""
    first, newline, _ = text.partition("\n")
    rest = around.rest
    if first.strip() == rest.strip() and first.strip(")]} "):
        return ""  # `{` before `{`; closers may be wanted twice
    sizes = range(min(len(first), len(rest)), 0, -1)
    for size in (size for size in sizes if size == len(rest) or not newline):
        if first.endswith(rest[:size]) and _said_again(first[:-size], rest[:size], around):
            return first[:-size]
    end = _STATEMENT_END.fullmatch(rest)
    if end and not newline and first.endswith(end[1]):
        kept = first[:-1].rstrip()
        if end[1] == ";" or kept.endswith((")", "]", "}", '"', "'", "`")):
            return kept
    return text


def _said_again(kept: str, said: str, around: Around) -> bool:
    if not said.strip("()[]{} "):
        return False  # brackets alone are a question of balance
    if _WORD.search(said):
        return len(said) > 3 or said == around.rest
    if not kept and len(said) > 1 and not _is_run(kept, said, around):
        return True  # all of the text: `().` before `().name`
    if (said.strip(_PLAIN) and said != around.rest) or _is_run(kept, said, around):
        return False
    if said[0] in "\"'`" and not _open_strings(scan(around.line + kept), around.line + kept):
        return False  # nothing is open that it could close
    return _defects(around.line + kept + around.rest) <= _defects(around.line + kept + said + around.rest)


def _is_run(kept: str, said: str, around: Around) -> bool:
    """Whether the cursor is inside a run of the same character: `...`, `----`, three backticks."""
    paired = said[0] in _PLAIN and said[0] != "`"
    return (kept if paired else around.line + kept).endswith(said[0])


def _defects(line: str) -> int:
    """Brackets of a line that lack a partner, and strings left open."""
    scanned = scan(line)
    return sum(map(len, unpaired(scanned.brackets))) + _open_strings(scanned, line)


def _open_strings(scanned: Scan, line: str) -> int:
    long = (line[start:end] for start, end in scanned.skipped if line.startswith(('"""', "'''"), start))
    return len(scanned.quotes) + sum(len(string) < 6 or not string.endswith(string[:3]) for string in long)


def closed_string(text: str, around: Around) -> str:
    """End the text at a quote that closes the string around the cursor, where the editor has closed it already."""
    quote = around.rest[:1]
    line = _remark(around.line)
    inside = scan(line).quotes
    if not quote or not inside or inside[-1][1] != quote:
        return text
    first, newline, _ = text.partition("\n")
    escapes = first.endswith("\\")
    if not newline and not escapes and scan(line + first + around.rest).quotes == inside[:-1]:
        return text  # `a", "b` between two quotes makes two strings
    at = first.rfind(quote)
    while at >= 0 and scan(line + first[:at] + around.rest).quotes != inside[:-1]:
        at = first.rfind(quote, 0, at)
    return text if at < 0 else first[:at]


def string_before_string(text: str, around: Around) -> str:
    """End the text before a last string that would touch the one that begins behind the cursor: `"a""b"`."""
    quote = around.rest[:1]
    if not quote or quote not in "\"'`" or not text.endswith(quote) or around.rest.startswith(3 * quote):
        return text
    strings = scan(around.line + text + around.rest).skipped
    joint = len(around.line + text)
    own = next((start for start, end in strings if end == joint), 0) - len(around.line)
    return text[:own] if own >= 0 and any(start == joint for start, _ in strings) else text


def _remark(line: str) -> str:
    """Return what a line says in the comment that it ends in, if it does: there are strings in prose too."""
    skipped = scan(line).skipped
    start, end = skipped[-1] if skipped else (0, 0)
    return line[start + 2 :] if start < end == len(line) and line[start] in "#/-" else line


def swallows_rest(text: str, around: Around) -> str:
    """End the text before a comment that would take in the closers after the cursor on its line."""
    closers = around.rest and _CLOSING.fullmatch(around.rest)
    code = around.before + text
    start, end = next(reversed(scan(code).skipped), (0, 0)) if closers else (0, 0)
    if start < len(around.before) or end < len(code) or not _COMMENT_SIGN.match(code, start):
        return text
    behind = line_at(code, start)[: start - code.rfind("\n", 0, start) - 1].rstrip()
    divides = code[start] == "/" and behind and behind[-1] not in ",;{}"  # perhaps, in Python
    return text if divides and not _REMARK.match(code, start) else text[: start - len(around.before)]


def balance(text: str, around: Around) -> str:
    """End the text at a closer of what is not open, or of what is closed below already.

    The closers below the text say how many of the open brackets are spoken for: a closer may stand as long as
    no more of those are left without a partner than without any text, nor more of those on the cursor's line. A later
    opener makes good for it (`} else {`), but past the line only if nothing stands after the cursor on its line.
    """
    if not any(closer in text for closer in PAIRS):
        return text
    code, start, scanned, quoted = _read(text, around)
    stop = start + len(text)
    below = _closers_below(scanned, stop, code, around, quoted)
    left = unpaired([bracket for bracket in scanned.brackets if bracket[0] < start])[0]
    wanting = _wanting(left, below, code)
    cut: int | None = None
    ended: int | None = None  # the cut of the first line that ended unbalanced
    for at, char in scanned.brackets:
        if not start <= at < stop:
            continue
        if ended is None and cut is not None and "\n" in code[cut:at]:
            ended = cut
        if char not in PAIRS:
            left.append((at, char))
        elif not close(left, char) and not quoted and not _may_close_unseen(code, at, around):
            return text[: at - start]
        fits = all(now <= before for now, before in zip(_wanting(left, below, code), wanting, strict=True))
        cut = None if fits else at if cut is None else cut
    if ended is not None and (cut is not None or (around.rest and "\n" not in code[start:ended])):
        cut = ended
    return text if cut is None else text[: cut - start]


def _read(text: str, around: Around) -> tuple[str, int, Scan, bool]:
    """Return the code to look at, where the text begins in it, its scan, and whether that is in a string or comment.

    There only the line counts, with every bracket on it.
    """
    code = around.before + text + around.rest
    start = len(around.before)
    scanned = scan(code)
    if not _inside(scanned, start, code):
        return code, start, scanned, False
    code = around.line + text + around.rest
    return code, len(around.line), raw_scan(code), True


def _inside(scanned: Scan, at: int, code: str) -> bool:
    """Whether a cursor at `at` is inside a string or a comment (which also ends at a line's end)."""
    return any(start < at < end or (at == end and code[start] in "#/-") for start, end in scanned.skipped)


def _closers_below(scanned: Scan, stop: int, code: str, around: Around, quoted: bool) -> list[Closer]:
    opened, here = unpaired([bracket for bracket in scanned.brackets if bracket[0] >= stop])
    closers: list[Closer] = [(char, HERE) for _, char in here]
    if quoted or any(end == len(code) > stop for _, end in scanned.skipped):
        return closers  # the lines below may be in the same string
    lines = around.after.partition("\n")[2]
    for at, char in unpaired(scan(lines).brackets)[1]:
        line = line_at(lines, at)
        if close(opened, char):
            continue
        if line.lstrip().startswith(char):
            closers.append((char, indent(line)))
        elif not around.cut:  # else its opener may be above the window
            closers.append((char, None))
    return closers


def _wanting(left: list[Bracket], below: list[Closer], code: str) -> tuple[int, int]:
    """Return how many closers below find no open bracket, and how many of those stand on the cursor's line.

    One that begins its line must share its bracket's indent.
    """
    openers: list[Opener] = [(char, indent(line_at(code, at))) for at, char in left[-DEPTH:]]
    count = here = 0
    for closer, column in below[:DEPTH]:
        fitting = (
            depth
            for depth in range(len(openers) - 1, -1, -1)
            if openers[depth][0] == PAIRS[closer] and column in (None, HERE, openers[depth][1])
        )
        depth = next(fitting, None)
        if depth is None:
            count, here = count + 1, here + (column == HERE)
        else:
            del openers[depth:]
    return count, here


def _may_close_unseen(code: str, at: int, around: Around) -> bool:
    """Whether a closer without an opener may have one above the window, or none at all as in `a) first`."""
    head = code[code.rfind("\n", 0, at) + 1 : at].strip()
    if around.cut and (not head.strip(")]};, ") or "\n" not in around.before):
        return True
    return code[at] == ")" and len(head) < 4 and head.isalnum()
