"""Secrets by what they are called: the values of names such as `password`, wherever a language may put a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import ne
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]

PLAIN = frozenset(
    {
        *("dotenv", "env", "properties", "ini", "toml", "yaml", "shellscript", "dockerfile", "makefile", "plaintext"),
        *("markdown", "http", "terraform", "xml", "html", "git-commit", "restructuredtext", "bat", "powershell"),
    }
)
"""Languages in which a value stands without quotes."""

NAME = re.compile(
    r"(?P<sure>(?i:passw(?:or)?d|passwd|passphrase|pwd|secret|credential"
    r"|(?:api|app|access|auth|account|encryption|private|signing|master|client|service|license)[ _-]?key))"
    r"|(?P<perhaps>(?i:token)|(?<![A-Za-z])[Aa]uth(?![a-z])|(?<![A-Za-z])AUTH(?![A-Za-z])"
    r"|(?<![A-Za-z])pass(?![A-Za-z])|Pass(?![a-z])|(?<![A-Za-z])PASS(?![A-Za-z])|(?<![A-Za-z])pin(?![A-Za-z])"
    r"|(?i:_?auth_?token|cookie_?secret)|(?<![A-Za-z])(?i:key)(?=\s+(?:is\s|[0-9a-f]{32})))"
)
"""Names whose values are secrets for sure, and those that are only where the value looks like one."""

FARTHEST = 4_000
"""Characters that are looked at around a name, so that no text takes longer than its length deserves."""

_HINT = re.compile("pass|pwd|secret|credential|key|token|auth|pin")
"""What a line must hold, in lower case, for `NAME` to be tried, which takes ten times as long."""

_REST = r"[\w.-]{0,80}[\"'`\])*>]{0,3}"
_SIGN = re.compile(
    rf"{_REST}\s*(?::\s*&?[A-Za-z][\w.\[\] |<>]{{0,80}}?(?=\s*=[^=]))?"
    r"[ \t]*(?:=>|[=!]==?|[:?]?=|:(?!:)\**|(?<=\])(?=\s*\())[ \t]*"
)
_CALL = re.compile(
    r"\s*(?:new\s+)?(?:[\w.]*(?:Field|SecretStr|SecretBytes|Secret|bytes|str|String|set|list|tuple|frozenset|Arrays\.asList"
    r"|List\.of|vec!|byte|fromhex|unhexlify)\s*)?(?:\[\d*\]\s*(?:string|byte)|\w+\[\])?\s*(?=[(\[{])"
)
_DEFAULT = re.compile(r"\s*[\w.]+\((?:[^\"'\n]|[\"'][^\"'\n]*[\"']\s*,){0,300}?\bdefault\s*=\s*")
_LITERAL = re.compile(r"[bBrRuUfF@$]{0,2}(\"\"\"|'''|\"|'|`|\[\[)")
_BETWEEN = re.compile(r"(?:[\s\\+.,&({]|\[(?!\[\w)|#[^\n]*|//[^\n]*)*")
_ENDS = {'"""': '"""', "'''": "'''", "[[": "]]"}
_BEFORE_LITERAL = (
    re.compile(
        r"[\w.-]*[\"']\s*,\s*(?:[^\n]{0,200}?\bdefault\s*=\s*)?"
    ),  # getenv("PASSWORD", "..."), set("x-api-key", "...")
    re.compile(r"[\w.-]*[\"'\])]{0,3}\s*(?:or|\|\||\?\?)\s*"),
    re.compile(r"\w*\(\s*(?=[\"'][^\"'\n]*[\"']\s*\))"),  # setPassword("...")
    re.compile(r"[\"'],?\s*(?:value|default)[\"']?\s*[:=]\s*"),  # {"name": "PASSWORD", "value": "..."}
    re.compile(r"[\w.-]*[\"']\s*,?\s*[\"']?(?:value|default)[\"']?\s*[:=]\s*"),
    re.compile(r"[\w.-]*[\"']\s*\{[^{}]{0,400}?\bdefault\s*=\s*"),  # variable "password" { default = "..." }
    re.compile(r"\w*\s+(?=')"),  # PASSWORD '...'
)
_WORD = r"[^\s\"'`,;<>(){}\[\]$](?:(?!&\w+=)[^\s\"'`,;<>{}])*"
_UNQUOTED = re.compile(rf"[ \t]*[`\"']?({_WORD})")
_PHRASE = re.compile(r"[ \t]*([a-z]+(?:[ \t-][a-z]+){2,9})[ \t]*$", re.MULTILINE)
_SAID = re.compile(rf"[\w-]*[`\"']?[ \t]+(?:(?:is|was|to|be)[ \t]+)?[`\"']?({_WORD})")
_EXPANDED = re.compile(r"\w*:[-=]?([^\s{}$:?\"'+-][^\s{}$\"']*)\}")
_BELOW = re.compile(r"[\w.-]*[\"']?:[ \t]*(?:[|>][+-]?\d?)?[ \t]*\n\s*(?:-[ \t]+)?")
_PAIR = re.compile(r"[\w.-]*[\"']?\s*\n\s*value:[ \t]*")
_NEXT = re.compile(r"[\"']?[ \t]*\n[ \t]+(?:-[ \t]+)?(?=[\w\"'])")
_ELEMENT = re.compile(r"[\w.-]*[\"']?>\s*([^<>\s]+)\s*</")

_KEYWORDS = frozenset(
    (
        *("true", "false", "null", "none", "nil", "undefined", "inherit", "required", "optional", "string", "boolean"),
        *("number", "write", "read", "yes", "no", "on", "off", "password", "secret", "token", "default", "enabled"),
        *("disabled", "auto"),
    )
)
_DULL = re.compile(
    r"(?i)[\w.-]*\.(?:py|js|ts|json|ya?ml|txt|md|pem|crt|com|org|net|io|html?)$|v?\d+(?:[.-]\d+)+$|\d+(?:\.\d+)?[a-z%]{0,3}$|[./~]"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-|\w+://|(?:sha|md|utf|iso|rs|hs|es|ed|aes|base|x|p)-?\d+[\w-]{0,8}$"
)
"""What looks like a file, a version, a number, a path, a UUID, an address or the name of an algorithm."""


def assigned(text: str, language: str) -> Iterator[Span]:
    """Yield where the values of names such as `password` are."""
    plain = language in PLAIN
    for name in _names(text):
        sure, at = name["sure"] is not None, name.end()
        yield from (span for span in _quoted(text, at, sure) if span[0] < span[1])
        if plain or _in_string(text, at):
            yield from _unquoted(text, name, sure, language if plain else "")


def _names(text: str) -> Iterator[re.Match[str]]:
    """Yield what `NAME` matches, from left to right."""
    lower = text.lower()
    if len(lower) != len(text):  # as of a dotted capital I
        yield from NAME.finditer(text)
        return
    end = -1
    for hint in _HINT.finditer(lower):
        if hint.start() > end:
            start, end = text.rfind("\n", 0, hint.start()) + 1, text.find("\n", hint.end())
            end = len(text) if end < 0 else end
            yield from NAME.finditer(text, start, end)


def _quoted(text: str, at: int, sure: bool) -> Iterator[Span]:
    sign = _SIGN.match(text, at)
    if sign:
        start = sign.end()
        call = _CALL.match(text, start)
        given = _DEFAULT.match(text, start)
        begin = given.end() if given else call.end() if call else start
        for number, (span, alone) in enumerate(_literals(text, begin)):
            near = number == 0 and alone and "\n" not in text[begin : span[0]]
            if accepted(text[slice(*span)], sure, near):
                yield span
    for before in _BEFORE_LITERAL:
        match = before.match(text, at)
        if match:
            yield from (span for span, _ in _literals(text, match.end(), most=1) if accepted(text[slice(*span)], sure))


def _unquoted(text: str, name: re.Match[str], sure: bool, language: str) -> Iterator[Span]:
    at = name.end()
    sign = _SIGN.match(text, at)
    if sign:
        value = _UNQUOTED.match(text, sign.end())
        rest = text[value.end() : value.end() + FARTHEST] if value else ""
        whole = not rest.partition("\n")[0].strip(" \t\r\"'`,;|#")
        settings = language not in ("", "markdown", "plaintext", "xml", "html", "restructuredtext")
        plural = text[at : at + 1] in ("s", "S")
        if value and accepted(value[1], sure, bool(language) and whole and not plural and (sure or settings)):
            yield value.span(1)
        if name[0].lower() == "passphrase" and (phrase := _PHRASE.match(text, sign.end())):
            yield phrase.span(1)
        if value is None or value[1][0] in "[(":
            yield from _flow(text, sign.end(), sure)
    for rule in (_SAID, _EXPANDED, _ELEMENT):
        match = rule.match(text, at)
        if match and accepted(match[1], sure, sure and rule is not _SAID):
            yield match.span(1)
    for rule in (_BELOW, _PAIR):
        match = rule.match(text, at)
        while match:
            value = _UNQUOTED.match(text, match.end())
            if value is None or not accepted(value[1], sure, bool(rule is _PAIR and sure)):
                break
            yield value.span(1)
            match = _NEXT.match(text, value.end())


def _flow(text: str, at: int, sure: bool) -> Iterator[Span]:
    """Yield the values of a list without quotes, as YAML has it."""
    line = re.compile(r"[ \t]*\[([^\]\n\"']*)\]").match(text, at)
    if line:
        for value in re.compile(r"[^\s,]+").finditer(text, line.start(1), line.end(1)):
            if accepted(value[0], sure):
                yield value.span()


def _literals(text: str, at: int, most: int = 50) -> Iterator[tuple[Span, bool]]:
    """Yield the strings from a place on, put together or in brackets, and whether no bracket is before them.

    One that no quote closes goes to the end of its line. Ends before the keys of a mapping.
    """
    depth = 0
    for _ in range(most):
        between = _BETWEEN.match(text, at)
        gap = between[0] if between else ""
        depth += sum(gap.count(sign) for sign in "([{")
        if ("," in gap and not depth) or gap.count("\n") > 2:
            return
        opening = _LITERAL.match(text, at + len(gap))
        if opening is None or (_ and not gap):
            return
        start, quote = opening.end(), opening[1]
        if not _ and _closes(text, opening.start(1), quote):
            return
        end = _end(text, start, quote)
        after = end + len(_ENDS.get(quote, quote))
        if re.compile(r"\s*(?::(?!:)|=>)").match(text, after) and depth:
            return
        value = text[start:end]
        lead = len(value) - len(value.lstrip("\\\n \t"))
        yield (start + lead, start + max(lead, len(value.rstrip()))), not depth
        at = after


def _closes(text: str, at: int, quote: str) -> bool:
    """Return whether the quote at a place ends a string of its line rather than begins one."""
    begin = max(text.rfind("\n", max(0, at - FARTHEST), at) + 1, at - FARTHEST)
    return len(quote) == 1 and text.count(quote, begin, at) % 2 == 1


def _end(text: str, start: int, quote: str) -> int:
    """Return where a string ends: before its closing quote, or with the line."""
    closing = _ENDS.get(quote, quote)
    if closing != quote or len(quote) == 3:
        end = text.find(closing, start, start + FARTHEST)
        return end if end >= 0 else min(len(text), start + FARTHEST)
    at, last = start, min(len(text), start + FARTHEST)
    while at < last:
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == quote or (text[at] == "\n" and quote != "`"):
            return at
        at += 1
    return last


def _in_string(text: str, at: int) -> bool:
    """Return whether a place is inside a string of one line."""
    line = text[text.rfind("\n", max(0, at - FARTHEST), at) + 1 : at][-FARTHEST:]
    return any(line.count(quote) % 2 for quote in "\"'`")


def accepted(value: str, sure: bool, near: bool = False) -> bool:
    """Return whether a value of a name that is a secret's for sure, or perhaps, is one.

    `near` says that it stands where only a value can, so that any word counts.
    """
    word = value.strip()
    if not word or word.lower() in _KEYWORDS or word[0] in "$<%" or (word[0] + word[-1]) in ("{}", "<>", "[]", "**"):
        return False
    if sure and near:
        return True
    if " " in word or "{" in word or len(word) < 6 or _DULL.match(word) or "://" in word:
        return False
    return _is_mixed(word) or (near and len(word) >= 8 and any(c.isdigit() for c in word))


def _is_mixed(word: str) -> bool:
    """Return whether a word changes between letters and digits, or cases, more than words that mean something do."""
    if "(" in word:
        return False
    if not any(c.isdigit() for c in word):
        upper = [c.isupper() for c in word]
        return len(word) >= 16 and word.isalpha() and 3 * sum(map(ne, upper, upper[1:])) > len(word)
    kinds = ["0" if c.isdigit() else "a" if c.isalpha() else "" for c in word]
    letters = [kind for kind in kinds if kind]
    switches = sum(map(ne, letters, letters[1:]))
    cases = any(c.islower() for c in word) and any(c.isupper() for c in word)
    return switches >= 3 or (switches >= 1 and (cases or any(c in "!@#%^&*+~" for c in word)))
