"""Secrets are taken out of what is logged before it reaches the disk.

The rules are those of detect-secrets (Apache-2.0), applied to text in memory: its regular expressions, its keywords
for assignments and its entropy of quoted strings. Never called are its verifiers, which would ask the services whether
a key is valid, and left out is its rule for public IP addresses, which are no secret. `_OWN` adds what it lacks.
What is found is replaced by MARKER; the line around it stays.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TypeAlias

from empower_lsp.log.records import CompletionRecord, OutcomeRecord, Record, TokenRecord

MARKER = "‹redacted›"
REMEMBERED = 64
"""Completions whose surroundings are kept in memory to judge what was written in their place."""

SHORT = 8
"""Characters below which a value is redacted where it was found, but not wherever else it occurs."""

Span: TypeAlias = tuple[int, int]

_CONFIGURATION = frozenset(
    {"dotenv", "env", "properties", "ini", "toml", "yaml", "shellscript", "dockerfile", "makefile", "plaintext"}
)
"""Languages in which a value stands without quotes, so that a bare word after `password=` counts."""

_C = frozenset({"c", "cpp", "csharp", "objective-c"})

_WORDS = r"(?:passw(?:or)?d|passphrase|pwd|secret|credential|(?:access|api|auth|encryption|private|signing)_?key)"

_OWN = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        # Longer forms and other prefixes than the detector knows: it would leave a part standing, or all.
        (r"\b(?:[srp]k_(?:live|test)_|whsec_)[0-9A-Za-z]{10,}", 0),  # Stripe
        (r"\bgithub_pat_[0-9A-Za-z_]{22,}", 0),
        (r"\bxox[a-z]-[0-9A-Za-z-]{10,}|\bxapp-[0-9A-Za-z-]{10,}", 0),  # Slack
        (r"\bsk-(?:proj|ant|svcacct|or)-[0-9A-Za-z_-]{20,}", 0),  # OpenAI, Anthropic, OpenRouter
        (r"\bAIza[0-9A-Za-z_-]{35}", 0),  # Google
        (r"\b(?:npm|hf|dop_v1|shpat|pul)_[0-9A-Za-z]{30,}", 0),  # npm, Hugging Face, DigitalOcean, Shopify, Pulumi
        (r"\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]*)?", 0),  # a JWT to its end, or cut off
        # Quoted values with a type before them, with the other quote in them, or not yet closed where the cursor is.
        (_WORDS + r"\w*[\"'\]]{0,2}\s*(?::\s*[\w.\[\] |]+)?(?:=|:|:=|=>)\s*[a-zA-Z@]?(?P<q>[\"'`])((?:\\.|(?!(?P=q)).)+)", re.I),
        # `token` names much in code about languages: only values that look drawn at random.
        (r"token\w*[\"'\]]{0,2}\s*(?::\s*\w+\s*)?[=:]\s*[\"'`](?=[^\"'`]*\d)([^\s\"'`]{16,})", re.I),
        (r"\bauthorization[\"']?\s*[:=,]\s*[\"'`]?(?:basic|bearer|token)\s+([^\s\"'`{}]{8,})", re.I),
        # In connection strings and addresses.
        (r"[;?&](?:password|passwd|pwd|secret|sig|(?:access_?)?token|api_?key)=([^\s;&\"'`{}<>$%]{4,})", re.I),
        # Bare in a file of settings.
        (r"^[\w.\s-]*[=:]\s*([0-9a-f]{32,}|[0-9A-Za-z+/]{40,}={0,2})\s*$", 0),
        # Lines of key material, of which the window may hold neither the first line nor the last.
        (r"^[\s\"'`]*(?=[^\s\"'`]*\d)(?=[^\s\"'`]*[a-z])(?=[^\s\"'`]*[A-Z])([0-9A-Za-z+/]{60,}={0,2})(?:\\n)?[\s\"'`,;+\\]*$", 0),
    )
)

_KEY = r"[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_BLOCKS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"-----BEGIN {_KEY}[^(){{}}]{{0,8000}}?-----END {_KEY}",
        rf"-----BEGIN {_KEY}(?:\s*[0-9A-Za-z+/=]{{16,}})*",
        rf"(?<![0-9A-Za-z+/=])(?:[0-9A-Za-z+/=]{{16,}}\s+)*[0-9A-Za-z+/=]*\s*-----END {_KEY}",
    )
)


class Redactor:
    """Redacts records one after another; remembers the surroundings of the last completions. For one thread."""

    def __init__(self) -> None:
        self._around: OrderedDict[str, tuple[str, str, str]] = OrderedDict()

    def redact(self, record: Record) -> Record:
        """The record without secrets; one that spans the cursor is found too."""
        return self._completion(record) if isinstance(record, CompletionRecord) else self._outcome(record)

    def _completion(self, record: CompletionRecord) -> CompletionRecord:
        prefix, text, suffix = (part or "" for part in (record.prefix, record.text, record.suffix))
        self._around[record.id] = (prefix, suffix, record.language)
        if len(self._around) > REMEMBERED:
            self._around.popitem(last=False)
        written = "".join(token.piece for token in record.tokens)
        spans = _spans_of_parts([(prefix, text, suffix), (prefix, written, suffix)], record.language)
        return replace(
            record,
            prefix=_replaced(prefix, spans[prefix]),
            text=_replaced(text, spans[text]),
            suffix=_replaced(suffix, spans[suffix]),
            tokens=_tokens(record.tokens, spans[written]),
        )

    def _outcome(self, record: OutcomeRecord) -> OutcomeRecord:
        if not record.text:
            return record
        prefix, suffix, language = self._around.get(record.completion, ("", "", ""))
        spans = _spans_of_parts([(prefix, record.text, suffix)], language)
        return replace(record, text=_replaced(record.text, spans[record.text]))


def redact(text: str, language: str = "") -> str:
    """The text without secrets."""
    return _replaced(text, secrets(text, language))


def secrets(text: str, language: str = "") -> list[Span]:
    """Where in the text the secrets are, from left to right and apart from each other."""
    rules = _rules("configuration" if language in _CONFIGURATION else "c" if language in _C else "code")
    found: list[Span] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        found += [(start + offset, end + offset) for start, end in _in_line(line, rules)]
        offset += len(line)
    if "PRIVATE KEY" in text:
        found += [match.span() for block in _BLOCKS for match in block.finditer(text)]
    return _merged(found)


@dataclass(frozen=True, eq=False)
class _Rules:
    """The detector's rules as they are applied to a line; compared by identity, for the cache."""

    patterns: tuple[re.Pattern[str], ...]
    keyword: re.Pattern[str]
    """What a line must contain for `assignments` to be tried."""
    assignments: tuple[tuple[re.Pattern[str], int], ...]
    """With the group that is the secret."""
    random: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]
    """Quoted strings, and whether one looks drawn at random."""


@cache
def _rules(kind: str) -> _Rules:
    """The rules for `code`, `c` or `configuration`; loads the detector, which takes some tenths of a second."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins import high_entropy_strings, ip_public, keyword
    from detect_secrets.plugins.base import RegexBasedDetector

    logging.captureWarnings(False)  # detect-secrets turns it on for the whole process when it is imported
    plugins: Iterable[type] = get_mapping_from_secret_type_to_class().values()
    patterns = [
        pattern
        for plugin in plugins
        if issubclass(plugin, RegexBasedDetector) and plugin is not ip_public.IPPublicDetector
        for pattern in plugin.denylist
    ]
    assignments = dict(keyword.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP | keyword.COMMON_C_DENYLIST_REGEX_TO_GROUP)
    assignments |= keyword.C_PLUS_PLUS_REGEX_TO_GROUP if kind == "c" else {}
    assignments |= keyword.CONFIG_DENYLIST_REGEX_TO_GROUP if kind == "configuration" else {}
    return _Rules(
        (*patterns, *_OWN),
        re.compile(keyword.DENYLIST_REGEX, re.IGNORECASE),
        tuple(assignments.items()),
        tuple(
            (plugin.regex, _randomness(plugin, *least))
            for plugin, *least in (
                (high_entropy_strings.HexHighEntropyString(), 16, "0"),
                (high_entropy_strings.Base64HighEntropyString(), 20, "0aA"),
            )
        ),
    )
