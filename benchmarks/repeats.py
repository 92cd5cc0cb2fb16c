"""Judges a text at a cursor by what stands around it: what it doubles or repeats. Shares no code with `trim`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor in a file, and what stood there: None where nothing did."""

    kind: str
    name: str
    before: str
    after: str
    truth: str | None = None


def faults(place: Place, text: str) -> list[str]:
    """Return what is wrong with a text at a cursor."""
    head = place.before.rpartition("\n")[2]
    rest, _, under = place.after.partition("\n")
    full = head + text
    lines = [line.rstrip() for line in full.split("\n")]
    above = [line.rstrip() for line in place.before.split("\n")[:-1] if line.strip()]
    following = next((line.rstrip() for line in under.split("\n") if line.strip()), "")
    checks = {
        "joins a wrong word": _joined(place, text, rest),
        "says the rest of the line": _rest_again(text, rest),
        "says the line below": bool(following) and bool(lines[-1].strip()) and following.startswith(lines[-1]),
        "declares what stands below": _declared(lines[-1]) is not None
        and _declared(lines[-1]) == _declared(following)
        and _columns(lines[-1]) == _columns(following),
        "says the line above": _above_again(above, lines),
        "imports again": _imports_again(place, lines),
        "branches again": _branches_again(above, lines),
        "nests the same": _nests_same(above, lines),
        "code after the end of a block": _dead(place, above, lines),
        "begins the rest of the line": not head.strip()
        and len(text.strip()) > 1
        and rest.strip().startswith(text.strip()),
        "gives a key again": _key_again(above, lines, under),
        "takes an arm again": _arm_again(above, lines, under),
        "leaves what is below unreached": _cuts_off(lines, following, rest),
        "says prose of below": _prose_again(lines, under),
        "runs in one character": re.search(r"([^\w\s.()\[\]{}\"'`])\1{7,}\Z|(\w)\2{15,}\Z", text.rstrip()) is not None
        and not any(line.strip() == lines[-1].strip() for line in above),
    }
    return [name for name, wrong in checks.items() if wrong]


def _joined(place: Place, text: str, rest: str) -> bool:
    """Tell whether the text and the word behind it, joined, are no word of the file as it was."""
    tail = re.match(r"\w+", rest)
    if tail is None or not re.match(r"\w", text[-1:]):
        return False
    head = place.before.rpartition("\n")[2]
    ends = re.search(r"\w*\Z", head + text)
    word = (ends[0] if ends else "") + tail[0]
    return re.search(rf"\b{re.escape(word)}\b", place.before + " " + place.after) is None


def _rest_again(text: str, rest: str) -> bool:
    rest = rest.strip()
    last = text.rpartition("\n")[2].strip()
    if len(rest) >= 3 and rest in last:
        return True
    sizes = range(4, min(len(rest), len(last)) + 1)
    return any(last.endswith(rest[:size]) and re.search(r"\w{3}", rest[:size]) for size in sizes)


def _declared(line: str) -> str | None:
    match = re.match(r"\s*(?:async )?(def|class|function|func|fn) (\w+)", line)
    return match[2] if match else None


def _columns(line: str) -> int:
    return len(line[: len(line) - len(line.lstrip())].expandtabs(4))


def _above_again(above: list[str], lines: list[str]) -> bool:
    told = [*above[-1:], *[line for line in lines if line.strip()]]
    same = (line for line, other in pairwise(told) if line == other)
    return any(len(re.sub(r"\W", "", line)) > 5 for line in same)


def _imports_again(place: Place, lines: list[str]) -> bool:
    known = (place.before.rpartition("\n")[0] + "\n" + place.after.partition("\n")[2]).split("\n")
    imports = [line for line in lines if re.match(r"(?:import|from|#include|use|using) ?\S", line)]
    begun = [line for line in lines[-1:] if re.fullmatch(r"\s*from \S+ import", line)]
    last = place.before.rpartition("\n")[0].rpartition("\n")[2]
    if any(last.startswith(line) and last != line for line in begun):
        return True
    return any(line in known for line in imports if " " in line)


def _branches_again(above: list[str], lines: list[str]) -> bool:
    everything = above + [line for line in lines if line.strip()]
    for number in range(len(above), len(everything)):
        line = everything[number]
        word = re.match(r"\s*(?:\} )?(else|elif|except|finally|catch|case)\b(?!\s*=)", line)
        if word is None:
            continue
        for other in reversed(everything[:number]):
            if _columns(other) > _columns(line):
                continue
            past = re.match(r"\s*(?:\} )?(else|elif|except|finally|catch|case|if|try)\b", other)
            if _columns(other) < _columns(line) or past is None or past[1] in ("if", "try"):
                break
            ended = past[1] == "else" and word[1] in ("else", "elif", "except")
            if (ended and " if " not in other) or other.strip() == line.strip():
                return True
    return False


def _nests_same(above: list[str], lines: list[str]) -> bool:
    everything = above + [line for line in lines if line.strip()]
    pairs = list(pairwise(everything))[max(0, len(above) - 1) :]
    return any(
        upper.strip() == lower.strip() and _columns(upper) < _columns(lower) and re.match(r"\s*\w+ .*[:{]\Z", upper)
        for upper, lower in pairs
    )


def _dead(place: Place, above: list[str], lines: list[str]) -> bool:
    if not place.name.endswith(".py"):
        return False
    everything = above[-1:] + [line for line in lines if line.strip()]
    for upper, lower in pairwise(everything):
        jump = re.match(r"\s+(?:return|raise|break|continue)\b(?! *[=:])", upper)
        whole = (
            upper.count("(") <= upper.count(")")
            and upper.count("[") <= upper.count("]")
            and upper.count("{") <= upper.count("}")
        )
        if jump and whole and _columns(upper) == _columns(lower) and re.match(r"\s+[\w@]", lower):
            return not re.match(r"\s+(?:else|elif|except|finally|case)\b", lower)
    return False


def _key_again(above: list[str], lines: list[str], under: str) -> bool:
    """Tell whether a line of its own gives a name that a line of the same block between braces gives."""
    for number, line in enumerate(lines):
        name = re.match(r"\s*([\"']?[\w.$-]+[\"']?)(?: *:|=| *,?\Z)", line)
        if name is None or (number == 0 and not line.strip()):
            continue
        block = above + [each for each in lines[:number] if each.strip()]
        below = (
            [] if any(_columns(each) < _columns(line) for each in lines[number:] if each.strip()) else under.split("\n")
        )
        for others in (list(reversed(block)), below):
            for other in others:
                if other.strip() and _columns(other) < _columns(line):
                    break
                same = _columns(other) == _columns(line) and re.match(rf"\s*{re.escape(name[1])} *: *[^:=\s]", other)
                if same and name[1] not in ("default", "else", "case", "finally", "try"):
                    return True
    return False


def _cuts_off(lines: list[str], following: str, rest: str) -> bool:
    """Tell whether a `return` ends the text, and statements as deep stand right below it."""
    jump = re.match(r"\s+(?:return|raise|throw|break|continue)\b(?! *[=:.])", lines[-1])
    if jump is None or rest.strip() or _columns(lines[-1]) != _columns(following):
        return False
    return re.match(r"\s*(?!function\b|case\b|default\b|el|except|finally|catch)\w+(?!\w*:\Z)", following) is not None


def _arm_again(above: list[str], lines: list[str], under: str) -> bool:
    """Tell whether the pattern of an arm is that of another arm of the same block."""
    block = above[-30:] + [line for line in lines if line.strip()]
    for line in lines:
        arm = re.match(r"\s*([\w:]+(?:\([^()]*\))?) =>", line)
        if arm is None:
            continue
        for others in (list(reversed(block[: block.index(line.rstrip())])), under.split("\n")):
            for other in others:
                if other.strip() and _columns(other) < _columns(line):
                    break
                if _columns(other) == _columns(line) and other.strip().startswith(arm[0].strip()):
                    return True
    return False


def _prose_again(lines: list[str], under: str) -> bool:
    """Tell whether ten words in a row of a comment stand in the eight lines below too."""
    below = " ".join(re.findall(r"[a-z]+", " ".join(under.split("\n")[:9]).lower()))
    words = re.findall(
        r"[a-z]+", " ".join(line for line in lines if not re.search(r"[(){}=;]\s*\Z| = |\w\(", line)).lower()
    )
    return any(" ".join(words[at : at + 10]) in below for at in range(len(words) - 9))
