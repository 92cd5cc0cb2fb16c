"""Finds the secrets in a text.

The base is detect-secrets (Apache-2.0), applied to text in memory: its regular expressions, its keywords for
assignments and its entropy of quoted strings. Never called are its verifiers, which would ask the services whether a
key is valid, and left out is its rule for public IP addresses, which are no secret. What it lacks is in `forms.py`, as
data, and in `assigned.py`. What looks drawn at random counts by its surroundings: a line that speaks of checksums or
commits is harmless.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

from empower_lsp.secrets.assigned import PLAIN, Span, assigned
from empower_lsp.secrets.forms import BLOCKS, COMPILED, HARMLESS, IMAGE

if TYPE_CHECKING:
    from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin

SHORT = 8
"""Characters below which a value counts where it stands, but not wherever else it occurs."""

LONG_LINE, OVERLAP = 1000, 300
"""Characters: some of the rules take time that grows with the cube of a line's length, so a longer one is cut."""

_NO_VALUES = frozenset({"inherit", "true", "false", "null", "none", "required"})
"""What settings say of secrets, and is none."""

_C = frozenset({"c", "cpp", "csharp", "objective-c"})

_TYPED = r"\w*[\"'\]]{0,2}\s*(?::\s*[\w.\[\] |]+)?"
"""What may stand between a name and the sign of an assignment: the rest of it, a closing quote, a type."""

_TOKEN = re.compile(rf"(?i:token){_TYPED}[=:]\s*[\"'`](?=[^\"'`]*\d)([^\s\"'`]{{16,}})")
"""`token` names much in code about languages: only values that look drawn at random."""

_RANDOM = (
    # Bare in a file of settings, or on a line of its own.
    re.compile(r"^[\w.\s/-]*[=:]\s*[\"']?([0-9a-f]{32,}|(?=[A-Za-z+/]*\d)[0-9A-Za-z+/]{38,}={0,2})[\"']?\s*$"),
    re.compile(r"^\s*([0-9a-f]{64}|[0-9a-f]{32})\s*$"),
    re.compile(r"\b0x([0-9a-f]{64})\b"),
    # Key material, of which the window may hold neither the first line nor the last.
    re.compile(
        r"(?<![0-9A-Za-z+/.-])(?=[A-Za-z+/]*\d)(?=[0-9A-Z+/]*[a-z])(?=[0-9a-z+/]*[A-Z])[0-9A-Za-z+/]{60,}={0,2}"
    ),
)
"""What looks drawn at random without quotes around it."""

_OPEN = re.compile(r"(?P<quote>[\"'`])(?P<value>[0-9A-Za-z+/_-]{16,}={0,2})\s*$")
"""A string that no quote closes, where the cursor is."""

_ASSIGNED = re.compile(
    r"(?P<head>(?i:passw(?:or)?d|passphrase|pwd|secret|credential|(?:access|api|auth|encryption|private|signing)_?key)"
    rf"{_TYPED}(?:=>?|:=?)\s*[a-zA-Z@]?)(?P<quote>[\"'`])(?P<value>(?:\\.|(?!(?P=quote)).)+)(?P<close>(?P=quote)?)"
)
"""Quoted values with a type before them, with the other quote in them, or not yet closed where the cursor is."""

BEGUN = 6
"""Characters by which a secret is known again."""
LONG_PART = 16
_DIGIT = re.compile(r"\d")

_TRIGGER = re.compile(
    r"(?i:passw|pwd|passphrase|secret|credential|key|token|pass\b|\bauth)|://|[0-9A-Za-z+/=_.-]{16}|contrase"
)
"""What a line must hold for the rules that take a line to be tried."""

_RUN = re.compile(r"[0-9A-Za-z+/=_-]{16}")
"""The least that can look drawn at random."""

_PUBLIC = re.compile(r"-----BEGIN (?![A-Z0-9 ]*PRIVATE)([A-Z0-9 ]+)-----[^-]*(?:-----END \1-----)?")
"""Certificates, public keys and signatures."""

_MIME = re.compile(r"\s*[0-9A-Za-z+/]{76}\s*$")
"""A line of what is encoded for a mail, images mostly; the lines of keys are shorter."""

_BEGUN = re.compile(rf"(?:^|[^0-9A-Za-z+/])(?:{'|'.join(map(re.escape, IMAGE))})[0-9A-Za-z+/]|;base64,")
_GOES_ON = re.compile(r"\s*[\"']?[0-9A-Za-z+/=]{16,}[\"'\\,)+\s]*$")
"""Base64 of an image or the like: its first line, and those after it."""

_ELEMENT = re.compile(r"[^\w\"']*[\"'][0-9a-f]{32,64}[\"'][,\s]*$")
"""One of many: of ids and checksums there are lists."""

_KEY_OF_MAPPING = re.compile(r"[\"']\s*:\s*[\"'\[{\d]")

_KUBERNETES = re.compile(r"^[ ]*kind:[ ]*Secret\b", re.MULTILINE)
_DATA = re.compile(r"^([ ]*)(?:data|stringData):[ ]*\n((?:\1[ ]+[^\n]*(?:\n|$)|[ ]*\n)+)", re.MULTILINE)
_DATUM = re.compile(r"^[ ]+[\w.-]+:[ ]*[\"']?([^\s\"'|>{$][^\s\"']*)", re.MULTILINE)


def secrets(text: str, language: str = "") -> list[Span]:
    """Find the secrets in a text, from left to right and apart from each other."""
    rules = _rules("configuration" if language in PLAIN else "c" if language in _C else "code")
    spans = [span for span in assigned(text, language) if not _is_reference(text[slice(*span)])]
    lower = text.lower()
    for needed, pattern in COMPILED:
        if needed in lower:
            spans += [_value(match) for match in pattern.finditer(text)]
    spans = [span for span in spans if not _is_reference(text[slice(*span)])]
    spans += _in_lines(text, rules)
    if "PRIVATE KEY" in text:
        spans += [match.span() for block in BLOCKS for match in block.finditer(text)]
    if "ecret" in text and _KUBERNETES.search(text):
        spans += [m.span(1) for data in _DATA.finditer(text) for m in _DATUM.finditer(text, *data.span(2))]
    return merged([*spans, *_begun_again(text, spans)])


def _begun_again(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Yield where a text begins one of its secrets once more, as far as it says the same: `a8Fk2L` of `a8Fk2LmQ9xZr`.

    A part that might be a word counts only where it is long.
    """
    for start, end in spans:
        value = text[start:end]
        at = text.find(value[:BEGUN]) if len(value) > BEGUN else -1
        while at >= 0:
            other = text[at : at + len(value)]
            same = next((n for n in range(len(other)) if other[n] != value[n]), len(other))
            if at != start and (_DIGIT.search(value, 0, same) or same >= LONG_PART):
                yield at, at + same
            at = text.find(value[:BEGUN], at + same)


def _in_lines(text: str, rules: _SecretRules) -> Iterator[Span]:
    """Yield what the rules find that take one line, in lines that have something for them."""
    public = [match.span() for match in _PUBLIC.finditer(text)] if "-----BEGIN" in text else []
    offset, above, encoded = 0, "", False
    for line in text.splitlines(keepends=True):
        encoded = bool(_BEGUN.search(line)) or (encoded and bool(_GOES_ON.match(line)))
        if _TRIGGER.search(line):
            harmless = encoded or any(start <= offset < end for start, end in public)
            harmless = harmless or (bool(_RUN.search(line)) and _is_harmless(line, above))
            for start in range(0, max(1, len(line) - OVERLAP), LONG_LINE - OVERLAP):
                part = line[start : start + LONG_LINE]
                for first, last in _in_line(part, rules, harmless):
                    yield offset + start + first, offset + start + last
        offset, above = offset + len(line), line[:LONG_LINE]


def _is_harmless(line: str, above: str) -> bool:
    """Return whether what looks drawn at random in a line is a checksum, an id, or data."""
    if HARMLESS.search(line) or HARMLESS.search(above) or _MIME.match(line) or _MIME.match(above):
        return True
    return bool(_ELEMENT.match(line)) and above.rstrip()[-1:] not in ("(", "=", "\\", "+", ":")


def prepare() -> None:
    """Load the detector, which takes some tenths of a second."""
    _rules("code")


@dataclass(frozen=True, eq=False)
class _SecretRules:
    """The detector's rules as they are applied to a line; compared by identity, for the cache."""

    patterns: tuple[re.Pattern[str], ...]
    keyword: re.Pattern[str]
    """What a line must contain for `assignments` to be tried."""
    assignments: tuple[tuple[re.Pattern[str], int], ...]
    """With the group that is the secret."""
    random: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]
    """Quoted strings, and whether one looks drawn at random."""


@cache
def _rules(kind: str) -> _SecretRules:
    """Load the rules for `code`, `c` or `configuration`, and the detector, which takes some tenths of a second."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins import high_entropy_strings, ip_public, keyword
    from detect_secrets.plugins.base import RegexBasedDetector

    logging.captureWarnings(False)  # detect-secrets turns it on for the whole process when it is imported
    plugins: Iterable[Any] = get_mapping_from_secret_type_to_class().values()
    patterns = [
        pattern
        for plugin in plugins
        if issubclass(plugin, RegexBasedDetector) and plugin is not ip_public.IPPublicDetector
        for pattern in cast("Iterable[re.Pattern[str]]", plugin.denylist)
    ]
    assignments = dict(keyword.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP | keyword.COMMON_C_DENYLIST_REGEX_TO_GROUP)
    assignments |= keyword.C_PLUS_PLUS_REGEX_TO_GROUP if kind == "c" else {}
    assignments |= keyword.CONFIG_DENYLIST_REGEX_TO_GROUP if kind == "configuration" else {}
    forms = (
        (high_entropy_strings.HexHighEntropyString(), (16, "0")),
        (high_entropy_strings.Base64HighEntropyString(), (20, "0aA")),
    )
    return _SecretRules(
        (*patterns, _TOKEN),
        re.compile(keyword.DENYLIST_REGEX, re.IGNORECASE),
        tuple(assignments.items()),
        tuple((plugin.regex, _randomness(plugin, *form)) for plugin, form in forms),
    )


def _randomness(plugin: HighEntropyStringsPlugin, least: int, needed: str) -> Callable[[str], bool]:
    """Return whether a string looks drawn at random: the detector's entropy, for strings long enough to tell.

    A random string has digits, and letters of both cases where its alphabet has them; long names and paths do not.
    What is encoded in base64 has `=` at its end only.
    """
    from detect_secrets.filters.heuristic import is_sequential_string

    def is_random(value: str) -> bool:
        if len(value) < least or not all(any(_alike(c, kind) for c in value) for kind in needed):
            return False
        if "=" in value.rstrip("="):
            return False
        entropy: float = plugin.calculate_shannon_entropy(value)
        return entropy > plugin.entropy_limit and not is_sequential_string(value)

    return is_random


def _alike(character: str, kind: str) -> bool:
    return character.isdigit() if kind == "0" else character.isupper() if kind == "A" else character.islower()


@lru_cache(maxsize=8192)
def _in_line(line: str, rules: _SecretRules, harmless: bool) -> tuple[Span, ...]:
    """Find the secrets in a line; remembered, since one window after another has nearly the same lines.

    In a `harmless` one what looks drawn at random is a checksum or the like.
    """
    spans = [_value(match) for pattern in rules.patterns for match in pattern.finditer(line)]
    if not harmless:
        random = [_value(match) for pattern in _RANDOM for match in pattern.finditer(line)]
        random += [
            match.span(2)
            for pattern, is_random in rules.random
            for match in pattern.finditer(line)
            if is_random(match[2])
        ]
        if (opened := _OPEN.search(line)) and _is_opened(opened):
            random += [opened.span("value") for _, is_random in rules.random if is_random(opened["value"])]
        spans += [
            (first, last)
            for first, last in random
            if not line[first:last].startswith(IMAGE) and not _KEY_OF_MAPPING.match(line, last)
        ]
    spans += [match.span("value") for match in _ASSIGNED.finditer(line) if _is_literal(match)]
    if rules.keyword.search(line):
        spans += [match.span(group) for pattern, group in rules.assignments for match in pattern.finditer(line)]
    values = (_stripped(line, span) for span in spans)
    return tuple(span for span in values if not _is_reference(line[slice(*span)]))


def _value(match: re.Match[str]) -> Span:
    """Return the secret in a match: its longest group, or all of it where the groups are but parts of a prefix."""
    spans = [match.span(group) for group in range(1, (match.re.groups or 0) + 1)]
    start, end = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
    return (start, end) if end - start >= SHORT or end == match.end() > start else match.span()


def _is_literal(match: re.Match[str]) -> bool:
    """Return whether the quote opens a string, which is in doubt where none closes it."""
    return bool(match["close"]) or _is_opened(match)


def _is_opened(match: re.Match[str]) -> bool:
    """Return whether the quote is the first of two, by those before it in its line."""
    return match.string.count(match["quote"], 0, match.start("quote")) % 2 == 0


def _is_reference(value: str) -> bool:
    """Return whether a value only says where the secret comes from: `${NAME}`, `{name}`, `<name>`, `$NAME`."""
    return (
        value.startswith("$")
        or (value[:1] + value[-1:]) in ("{}", "<>")
        or value[-1:] == "("
        or value.partition(" #")[0].strip() in _NO_VALUES
    )


def _stripped(line: str, span: Span) -> Span:
    """Return the span without the blanks, quotes and signs that some rules take along."""
    start, end = span
    value = line[start:end]
    return start + len(value) - len(value.lstrip(" \t\r\n\"'`=:")), end - len(value) + len(value.rstrip(" \t\r\n\"'`"))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans from left to right, those that touch joined, empty ones left out."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif start < end:
            result.append((start, end))
    return result
