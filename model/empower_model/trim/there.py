"""The rules of trimming that look for what the block around the cursor has already, not only on the next line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from empower_model.trim.lines import COMMENT, Line, lines_of, nontrivial
from empower_model.trim.scan import Around, indent, scan, unpaired

NEAR = 12
"""Lines below that are looked at."""
SKIPPED = 3
"""Lines that may stand between the cursor and lines that the text says again."""
PHRASE = 10
"""Words in a row that prose says by chance once only."""

_KEY = re.compile(r"""\s*(["']?)([\w.$-]+)\1(?:(?:\s*(:)(?![:=])|(=)(?![=> ]))\s*(?=\S)|,\Z)""")
_KEY_BEGUN = re.compile(r"""\s*(["']?)([\w.$-]+)\1(?:(?:\s*(:)(?![:=])|(=)(?![=> ])).*|,?)""")
_ARM = re.compile(r"\s*(case\b.+?(?=:(?:\s|\Z))|\S.*?(?= =>))")
_MAPPING = re.compile(r"""\s*(?:- )?(["']?)[\w.$/-]+\1:(?: \S.*)?|\s*- \S.*""")
_RULE = re.compile(r"(?=.*-)\|?(?: *:?-+:? *\|)*(?: *:?-+:?)?")
_OPENER = re.compile(r"[{(\[]\Z")
_CLOSER = re.compile(r"\A\s*[)\]}]")
_CONSTANT = re.compile(r"\s*(?:export )?const (\w+)( ?=.*)?")
_ANNOTATED = re.compile(r"\s*\w+: [\w.\[\], |\"']+ =")
_ASSIGNED = re.compile(r"\s*([\w.$, *\[\]\"']*\w\]?) ?:?=(?![=>~])")
_WORDS = re.compile(r"\w+")
_CONDITIONAL = re.compile(r"\s*#\s*(?:\[cfg|if|el|end)")
_FROM = re.compile(r"(\s*from \S+ import) ?\(?")
_BEGINS = re.compile(r"[:{(\[]\Z")
_ATTRIBUTE = re.compile(r"\s*(?:@\w|#\s*\[)")
_WORD = re.compile(r"\w")
_NO_LETTER = re.compile(r"\W|\d|_")
_LETTERS = re.compile(r"[^\W\d_]{3}")
_MARK = re.compile(r"[ \t]*(?:[#*;-]+|//+!?|/\*+)?[ \t]*")
_PROSE_WORD = re.compile(r"""[("'`]*(?:[^\W\d_](?:[^\W_]|['-])+|[aI])[)"'`]*[,.:;!?]*""")
_PART = re.compile(r"[^\W_]+")


def key_again(text: str, around: Around) -> str:
    """End the text at a key, a field or a named argument that its brackets hold already, above or below.

    `defaultWidth: "wide",` between `{` and `defaultWidth: "any",`, also where only the name is written yet, or no more
    than a name belongs there. What the person began, they want.
    """
    own = lines_of(text, around)
    for number, (at, line) in enumerate(own):
        key = _KEY_BEGUN.fullmatch(line)
        if key is None or (at == 0 and (around.rest or key.end(2) <= len(around.line))):
            continue
        sign = key[3] or key[4]
        if sign is None and not line.endswith(",") and number < len(own) - 1:
            continue  # a name alone may be one of another kind of lines
        others = _same_block(number, own, around)
        if any(_is_same_key(key, sign, other) for other in others) and not _is_one_of_two(number, own, around):
            bracket = _bracket_around(at, text, around)
            annotated = not bracket and (_ANNOTATED.match(line) or (sign == ":" and _in_mapping(around)))
            if bracket == "(" or (bracket == "{" and sign != "=") or annotated:
                return text[:at]
    return text


def _in_mapping(around: Around) -> bool:
    """Return whether the lines right above the cursor are those of a mapping or a list in YAML."""
    above = [line for line in around.preceding if not COMMENT.match(line)][-3:]
    return len(above) == 3 and all(map(_MAPPING.fullmatch, above))


def _is_same_key(key: re.Match[str], sign: str | None, other: str) -> bool:
    """Return whether a line gives the same key a value, by the same sign if both have one."""
    theirs = _KEY.match(other)
    if theirs is None or theirs.group(1, 2) != key.group(1, 2):
        return False
    given = theirs[3] or theirs[4]
    return sign in (None, given) if given else sign is None and nontrivial(other)


def _is_one_of_two(number: int, own: Sequence[Line], around: Around) -> bool:
    """Return whether a condition of the preprocessor, or an attribute, stands above a line."""
    return _CONDITIONAL.match(own[number - 1][1] if number else ("", *around.preceding)[-1]) is not None


def arm_again(text: str, around: Around) -> str:
    """End the text at an arm of a `match` or `switch` that has one for the same already: `Some(x) =>`, `case 'a':`."""
    own = lines_of(text, around)
    for number, (at, line) in enumerate(own):
        arm = _ARM.match(line)
        if arm is None or arm[1].count("(") != arm[1].count(")") or (at == 0 and arm.end() <= len(around.line)):
            continue
        others = (_ARM.match(other) for other in _same_block(number, own, around))
        if any(other and other[1] == arm[1] for other in others) and _bracket_around(at, text, around) == "{":
            return text[:at]
    return text


def _same_block(number: int, own: Sequence[Line], around: Around) -> Iterator[str]:
    """Yield the lines that are as deep as a line of the text and in its block: those above, and those below."""
    line = own[number][1]
    above = [*around.preceding, *(each for _, each in own[:number])]
    yield from _as_deep(line, reversed(above), _OPENER, _CLOSER)
    if _stays_in(line, [each for _, each in own[number + 1 :]]):
        yield from _as_deep(line, around.following, _CLOSER, _OPENER)


def _as_deep(line: str, others: Iterable[str], outer: re.Pattern[str], inner: re.Pattern[str]) -> Iterator[str]:
    """Yield lines as deep as one, nearest first, up to a line that is less deep, or the `outer` bracket around it.

    `inner` is the bracket that one of a block of its own comes with first: a closer, on the way up.
    """
    column, depth = indent(line), 0
    for other in others:
        if indent(other) < column or _CONDITIONAL.match(other):
            return
        if indent(other) == column:
            if outer.search(other):
                depth -= 1
            if depth < 0:
                return
            depth += inner.search(other) is not None
            yield other


def _stays_in(line: str, others: Sequence[str]) -> bool:
    """Return whether lines that follow one do not end its block."""
    return all(indent(other) >= indent(line) and not other.lstrip().startswith((")", "]", "}")) for other in others)


def _bracket_around(at: int, text: str, around: Around) -> str:
    """Return the bracket that is open where a line of the text begins; empty in a string or comment too."""
    scanned = scan(around.before + text)
    start = len(around.before) + at
    if any(a < start < b for a, b in scanned.skipped):
        return ""
    left = unpaired([bracket for bracket in scanned.brackets if bracket[0] < start])[0]
    return left[-1][1] if left else ""


def lines_again(text: str, around: Around) -> str:
    """End the text at the first line below that is no comment, where only comments stand between.

    The same where all that is left stands a few lines below, or is how the first line begins that is neither comment
    nor attribute.
    """
    own = lines_of(text, around)
    code = [line for line in around.following if not COMMENT.match(line)]
    told = code[0] if code and not _BEGINS.search(code[0]) and not _ATTRIBUTE.match(code[0]) else ""
    declared = next((line for line in code if not _ATTRIBUTE.match(line)), "")
    for number, (at, line) in enumerate(own):
        lines = [each for _, each in own[number:]]
        begun = at == 0 and (around.rest or around.line.strip())
        if begun or not _stays_in(line, lines[1:]):
            continue
        says = len(_NO_LETTER.sub("", line)) > 5 and not any(other.startswith(line) for other in around.preceding)
        begins = len(lines) == 1 and says and declared.startswith(line)
        begins = begins and sum(other.startswith(line) for other in code) == 1
        begins = begins and not _is_one_of_two(number, own, around)
        if begins or (line == told and nontrivial(told)) or _all_stand_there(lines, around):
            return text[:at]
    return text


def assigned_again(text: str, around: Around) -> str:
    """End the text at a last line that assigns what the line below assigns anew, without a look at what it was."""
    own = lines_of(text, around)
    if not own or around.rest or not around.following:
        return text
    at, line = own[-1]
    mine, other = _ASSIGNED.match(line), _ASSIGNED.match(around.following[0])
    begun = at == 0 and bool(around.line.strip())
    if begun or not mine or not other or mine[0] != other[0]:
        return text
    if any((each := _ASSIGNED.match(near)) and each[0] == mine[0] for near in _near(around)):
        return text  # one after the other, for what they do beside
    name = _WORDS.findall(other[1])[-1:]
    read = name and re.search(rf"\b{re.escape(name[0])}\b", around.following[0][other.end() :])
    return text if read or _bracket_around(at, text, around) in ("(", "[") else text[:at]


def constant_again(text: str, around: Around) -> str:
    """End the text at a constant that its block has already: `const total` below `const total = 1;`."""
    own = lines_of(text, around)
    for number, (at, line) in enumerate(own):
        mine = _CONSTANT.fullmatch(line)
        if mine and not (at == 0 and (around.rest or len(around.line) >= mine.end(1))):
            others = (_CONSTANT.fullmatch(other) for other in _same_block(number, own, around))
            if any(other and other[2] and other[1] == mine[1] for other in others):
                return text[:at]
    return text


def _near(around: Around) -> list[str]:
    """Return the lines above and below, but the first below."""
    return [*around.preceding[-NEAR:], *around.following[1:NEAR]]


def line_above_again(text: str, around: Around) -> str:
    """End the text at a last line with all the words of the line above, or with all but the names of an import.

    `from os import` below `from os import path`. What the person began so, they want.
    """
    own = lines_of(text, around)
    if not own or (len(own) == 1 and around.rest):
        return text
    at, line = own[-1]
    above = own[-2][1] if len(own) > 1 else ("", *around.preceding)[-1]
    if nontrivial(line) and _LETTERS.search(line) and above.startswith(line) and not _WORD.search(above, len(line)):
        return text[:at]
    imports = _FROM.fullmatch(line)
    said = imports is not None and above.startswith(imports[1] + " ")
    return text[:at] if imports and said and (at or len(around.line) < imports.end(1)) else text


def table_rule_again(text: str, around: Around) -> str:
    """End the text at the rule below a table's head, where one stands right above: `| --- |`."""
    above = ("", *around.preceding)[-1]
    for at, line in lines_of(text, around):
        if all("|" in each and _RULE.fullmatch(each.strip()) for each in (line, above)):
            return text[:at]
        above = line
    return text


def _all_stand_there(lines: Sequence[str], around: Around) -> bool:
    """Return whether lines, the last perhaps not whole, stand below one after the other, a few lines further down.

    Three lines of which two say something, or a header and the whole first line of its body: fewer are a habit of much
    code.
    """
    headed = len(lines) == 2 and _BEGINS.search(lines[0]) and indent(lines[1]) > indent(lines[0])
    if not (headed or len(lines) > 2) or sum(map(nontrivial, lines)) < 2:
        return False
    for start in range(1, SKIPPED + 1):
        there = around.following[start : start + len(lines)]
        if not _stays_in(lines[0], around.following[:start]):
            break
        begins = there[-1:] == lines[-1:] if headed else there and there[-1].startswith(lines[-1])
        if len(there) == len(lines) and there[:-1] == lines[:-1] and begins:
            return True
    return False


def phrase_again(text: str, around: Around) -> str:
    """End prose at a line that begins to say what the prose below says, however its lines are broken."""
    phrases = _phrases(takewhile(_is_prose, around.following[:NEAR]))
    if phrases:
        phrases -= _phrases(around.preceding[-NEAR:])  # what stands above too is a habit
    own = lines_of(text, around)
    if not phrases or not all(_is_prose(line) or COMMENT.match(line) for _, line in own):
        return text  # code ends what the prose below would repeat
    words: list[str] = []
    starts: list[int] = []
    for at, line in own:
        parts = _parts(line)
        words += parts
        starts += [at] * len(parts)
        for n in range(max(0, len(words) - len(parts) - PHRASE + 1), len(words) - PHRASE + 1):
            if tuple(words[n : n + PHRASE]) in phrases:
                return text[: starts[n]]
    return text


def _phrases(lines: Iterable[str]) -> set[tuple[str, ...]]:
    words = _parts("\n".join(lines))
    return {tuple(words[n : n + PHRASE]) for n in range(len(words) - PHRASE + 1)}


def _is_prose(line: str) -> bool:
    words = _MARK.sub("", line, count=1).split()
    alike = sum(_PROSE_WORD.fullmatch(word) is not None for word in words)
    return alike >= 3 and alike >= 0.8 * len(words)


def _parts(text: str) -> list[str]:
    return [word.lower() for word in _PART.findall(text)]
