"""The records of the log: a completion as it was computed, and each thing that became of it."""

from __future__ import annotations

import codecs
import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from empower_lsp.outcome import Outcome
    from empower_model.engine import Token
    from empower_model.request import Completion, Request

PREFIX_WINDOW = 4096
SUFFIX_WINDOW = 1024
"""Characters kept before and after the cursor: about what a context of 2048 tokens shows the model of a file."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One generated token; bits are rounded to four places."""

    piece: str
    """Its text: a character of several tokens stands at the last of them; empty where text is not kept."""
    surprisal: float
    entropy: float


@dataclass(frozen=True, slots=True)
class CompletionRecord:
    """A completion; the texts are None where text is not kept."""

    id: str
    at: float
    """Seconds since 1970, UTC."""
    path: str
    """Relative to the workspace folder."""
    workspace: str
    """The folder's name and a hash of where it lies, which tells two of the same name apart."""
    language: str
    prefix: str | None
    suffix: str | None
    """Whole lines around the cursor, PREFIX_WINDOW and SUFFIX_WINDOW characters of them at most."""
    text: str | None
    """What was offered."""
    characters: int
    """Length of the text."""
    tokens: tuple[TokenRecord, ...]
    """All that were generated, those after the end of the text included."""
    kept: int
    """How many of the tokens the rule kept."""
    end: str
    """Why it ends there: a value of `empower_model.request.End`."""
    probability: float
    """Calibrated, that the whole text is what the human would type."""
    eta: float
    """Budget in bits; infinite when the confidence asked for is 0."""
    confidence: float
    rule: str
    """What ended it: an option of the server, or `statement` where a person asked for the rest of one; then the
    probability is that of what was written behind the text on the screen."""
    model: str
    adapter: str
    """Empty without one."""
    prompt_tokens: int
    evaluated_tokens: int
    prompt_ms: float
    total_ms: float
    version: str
    """Of the server."""
    memory: bool = False
    """Whether the model had a memory of the workspace, with which its bits mean something else."""
    tier: str = ""
    """`deep` for the model that was chosen, `instant` for the bundled one that answers until that can; empty for what
    was logged before there were two."""


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """One thing that became of a completion."""

    completion: str
    """The completion's id."""
    at: float
    """Seconds since 1970, UTC."""
    kind: str
    """A value of `empower_lsp.outcome.Kind`."""
    explicit: bool
    """Whether the editor said so; otherwise it was inferred from changes of the document."""
    characters: int = 0
    """Accepted of it; of a look back at an accepted text, the non-whitespace characters still there."""
    of: int = 0
    """What `characters` is out of."""
    typed: int = 0
    """Typed along it by hand."""
    text: str | None = None
    """What stands in its place behind the first `offset` characters of the completion's text, where it is known; None
    where text is not kept."""
    age: float = 0.0
    """Of a look back: seconds since the acceptance."""
    offset: int | None = None
    """How much of the completion's text stands there before `text`: all of it where that was left as it was offered.
    Below 0 where `text` begins so far before the cursor; None where it is not known."""
    whole: bool | None = None
    """Whether nothing else stands in its place, and its lines have the same text around it as when the completion was
    asked for; False of a beginning, None where nobody looked, as of what was logged before this was."""


Record: TypeAlias = CompletionRecord | OutcomeRecord


def completion_record(
    completion: Completion,
    request: Request,
    *,
    identifier: str,
    path: str,
    workspace: str,
    language: str,
    model: str,
    version: str,
    adapter: str = "",
    memory: bool = False,
    tier: str = "",
    at: float | None = None,
) -> CompletionRecord:
    """Return what the log keeps of a completion; `at` is now where it is not given."""
    return CompletionRecord(
        id=identifier,
        at=time.time() if at is None else at,
        path=path,
        workspace=workspace,
        language=language,
        prefix=_last_lines(request.prefix),
        suffix=_first_lines(request.suffix),
        text=completion.text,
        characters=len(completion.text),
        tokens=token_records(completion.tokens),
        kept=completion.kept,
        end=completion.end.value,
        probability=completion.probability,
        eta=completion.eta,
        confidence=request.limits.confidence,
        rule=request.limits.rule,
        model=model,
        adapter=adapter,
        prompt_tokens=completion.prompt_tokens,
        evaluated_tokens=completion.evaluated_tokens,
        prompt_ms=completion.prompt_ms,
        total_ms=completion.total_ms,
        version=version,
        memory=memory,
        tier=tier,
    )


def outcome_record(outcome: Outcome, at: float) -> OutcomeRecord:
    """Return what the log keeps of an outcome that happened `at`, in seconds since 1970."""
    return OutcomeRecord(
        completion=outcome.id,
        at=at,
        kind=outcome.kind.value,
        explicit=outcome.explicit,
        characters=outcome.characters,
        of=outcome.of,
        typed=outcome.typed,
        text=outcome.text,
        age=outcome.age,
        offset=outcome.offset,
        whole=outcome.whole,
    )


def token_records(tokens: Iterable[Token]) -> tuple[TokenRecord, ...]:
    """Return the tokens with their bytes as text; the pieces put together are the text that was generated."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return tuple(TokenRecord(decoder.decode(t.piece), round(t.surprisal, 4), round(t.entropy, 4)) for t in tokens)


def without_text(record: Record) -> Record:
    """Return the record as the level `metadata` keeps it."""
    if isinstance(record, OutcomeRecord):
        return replace(record, text=None)
    bits = tuple(replace(token, piece="") for token in record.tokens)
    return replace(record, prefix=None, suffix=None, text=None, tokens=bits)


def place(uri: str, roots: Sequence[str]) -> tuple[str, str]:
    """Return a document's path within the innermost workspace folder, and that folder's name; all are given as URIs.

    Of a document outside them only the file's name is kept: where it lies is not the log's business.
    """
    path, folders = _path(uri), [_path(root).rstrip("/") for root in roots]
    root = max((f for f in folders if f and path.startswith(f + "/")), key=len, default="")
    if not root:
        return PurePosixPath(path).name, ""
    digest = hashlib.sha256(root.encode("utf-8", "replace")).hexdigest()[:8]
    return path[len(root) + 1 :], f"{PurePosixPath(root).name}-{digest}"


def _path(uri: str) -> str:
    return unquote(urlsplit(uri).path)


def _last_lines(prefix: str) -> str:
    """Return whole lines, so that a secret is not cut where the detector would no longer know it."""
    if len(prefix) <= PREFIX_WINDOW:
        return prefix
    window = prefix[-PREFIX_WINDOW:]
    return window[window.find("\n") + 1 :]


def _first_lines(suffix: str) -> str:
    if len(suffix) <= SUFFIX_WINDOW:
        return suffix
    window = suffix[:SUFFIX_WINDOW]
    end = window.rfind("\n")
    return window if end < 0 else window[: end + 1]
