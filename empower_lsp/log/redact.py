"""Secrets are taken out of what is logged before it reaches the disk; the room `secrets` says what a secret is.

What is found is replaced by MARKER; the line around it stays. A completion is judged together with the text around its
cursor, so that a secret of which the person typed one half and the model wrote the other is found in both.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from empower_lsp.log.records import CompletionRecord, OutcomeRecord, Record, TokenRecord
from empower_lsp.secrets import SHORT, Span, merged, secrets

MARKER = "‹redacted›"
REMEMBERED = 500
"""Completions whose surroundings are kept in memory to judge what was written in their place."""


class Redactor:
    """Redacts records one after another; remembers the surroundings of the last completions. For one thread."""

    def __init__(self) -> None:
        self._around: OrderedDict[str, tuple[str, str, str, str]] = OrderedDict()

    def redact(self, record: Record) -> Record:
        """Return the record without secrets; one that spans the cursor is found too."""
        return self._completion(record) if isinstance(record, CompletionRecord) else self._outcome(record)

    def _completion(self, record: CompletionRecord) -> CompletionRecord:
        prefix, text, suffix = (part or "" for part in (record.prefix, record.text, record.suffix))
        self._around[record.id] = (prefix, text, suffix, record.language)
        if len(self._around) > REMEMBERED:
            self._around.popitem(last=False)
        written = "".join(token.piece for token in record.tokens)
        first, middle, last, generated = _judged(prefix, (text, written), suffix, record.language)
        return replace(
            record,
            prefix=_replaced(prefix, first),
            text=_replaced(text, middle),
            suffix=_replaced(suffix, last),
            tokens=_tokens(record.tokens, generated),
        )

    def _outcome(self, record: OutcomeRecord) -> OutcomeRecord:
        if record.completion in self._around:
            self._around.move_to_end(record.completion)
        elif record.text:  # without what stood around, nobody can say whether it is a secret
            return replace(record, text=None)
        if not record.text:
            return record
        prefix, offered, suffix, language = self._around[record.completion]
        offset = record.offset or 0
        before = prefix[:offset] if offset < 0 else prefix + offered[:offset]
        _, middle, _, _ = _judged(before, (record.text, offered[max(0, offset) :]), suffix, language)
        return replace(record, text=_replaced(record.text, middle))


def redact(text: str, language: str = "") -> str:
    """Return the text without secrets."""
    return _replaced(text, secrets(text, language))


def _judged(before: str, middles: tuple[str, str], after: str, language: str) -> tuple[list[Span], ...]:
    """Find the secrets in a window as a whole, and return what of them is in each of its parts.

    Two texts may stand in its middle, one at a time: what is found in one counts in the other as far as they agree,
    so that the quote that only one of them has closes both. The parts are `before`, the first middle, `after`, the
    second middle. What is found anywhere is found everywhere.
    """
    parts = (before, middles[0], after, middles[1])
    in_parts: tuple[list[Span], ...] = ([], [], [], [])
    values: set[str] = set()
    pairs = enumerate(zip(*middles, strict=False))
    same = next((at for at, (here, there) in pairs if here != there), min(map(len, middles)))
    for own, other in ((1, 3), (3, 1)):
        whole = before + parts[own] + after
        for start, end in secrets(whole, language):
            if end - start >= SHORT:
                values.add(whole[start:end])
            offset = 0
            for part in (0, own, 2):
                span = max(0, start - offset), min(len(parts[part]), end - offset)
                in_parts[part].append(span)
                if part == own:
                    in_parts[other].append((span[0], min(span[1], same)))
                offset += len(parts[part])
    for text, spans in zip(parts, in_parts, strict=True):
        spans += [match.span() for value in values for match in re.finditer(re.escape(value), text)]
    return tuple(merged(span for span in spans if span[0] < span[1]) for spans in in_parts)


def _replaced(text: str, spans: Sequence[Span]) -> str:
    return "".join(_pieces(text, spans))


def _pieces(text: str, spans: Sequence[Span]) -> Iterator[str]:
    at = 0
    for start, end in spans:
        yield text[at:start]
        yield MARKER
        at = end
    yield text[at:]


def _tokens(tokens: Sequence[TokenRecord], spans: Sequence[Span]) -> tuple[TokenRecord, ...]:
    """Return the tokens with the marker in the place of those that a secret touches."""
    redacted: list[TokenRecord] = []
    at = 0
    for token in tokens:
        end = at + len(token.piece)
        touched = any(start < end and at < stop for start, stop in spans)
        redacted.append(replace(token, piece=MARKER) if touched else token)
        at = end
    return tuple(redacted)
