"""What an engine writes at cursors, each token computed once however many ask for it, and kept in a file if wanted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from empower_model.engine import Engine, LogProbs, Token, Transform

Clock = Callable[[], float]
"""Seconds."""


@dataclass(slots=True, eq=False)
class Span:
    """The tokens that the model writes at one cursor, as far as anybody asked."""

    cursor: str
    prompt: tuple[int, ...]
    transforms: Sequence[Transform] = ()
    tokens: list[Token] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    """What each token took when it was written."""
    ended: bool = False

    @property
    def name(self) -> str:
        """Return what the span is called in a file: a digest of cursor and prompt."""
        return blake2b(repr((self.cursor, self.prompt)).encode(errors="surrogatepass"), digest_size=16).hexdigest()


class Spans:
    """The spans of one engine; not thread-safe.

    With a `path` they are kept there, a line of JSON each, and what the file holds is not computed again. It must be of
    this engine, and of the same memory beside it.
    """

    def __init__(self, engine: Engine, clock: Clock = time.perf_counter, path: Path | None = None) -> None:
        self.engine = engine
        self._clock = clock
        self._path = path
        self._spans: dict[tuple[str, tuple[int, ...]], Span] = {}
        self._kept = self._read()
        """Spans of the file that nobody has asked for yet."""
        self._grown: set[Span] = set()
        """Spans that the file lacks, or has less of."""
        self._live: tuple[Span, Iterator[Token]] | None = None

    def span(self, cursor: str, prompt: tuple[int, ...], transforms: Sequence[Transform]) -> Span:
        """Return the span behind a prompt, and at a cursor: what stands there tells equal prompts apart."""
        span = self._spans.get((cursor, prompt))
        if span is None:
            span = self._spans[cursor, prompt] = Span(cursor, prompt)
            if (kept := self._kept.pop(span.name, None)) is not None:
                span.tokens, span.milliseconds, span.ended = kept.tokens, kept.milliseconds, kept.ended
        span.transforms = transforms
        return span

    def token(self, span: Span, number: int) -> Token | None:
        """Return the token of that number, written now if nobody asked for it before; None behind the end."""
        if number == len(span.tokens) and not span.ended:
            stream = self._stream(span)
            started = self._clock()
            token = next(stream, None)
            took = (self._clock() - started) * 1000
            self._grown.add(span)
            if token is None:
                span.ended = True
            else:
                span.tokens.append(token)
                span.milliseconds.append(took)
        return span.tokens[number] if number < len(span.tokens) else None

    def clear(self) -> None:
        """Forget all spans, and bring the engine to a state that does not depend on what came before."""
        self._spans.clear()
        self._still()
        self.engine.prefill(self.engine.tokenize("\n")[:1])

    def save(self) -> None:
        """Write to the file what it lacks."""
        if self._path is not None and self._grown:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lines = sorted(_line(span) for span in self._grown)
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(lines))
            self._grown.clear()

    def _stream(self, span: Span) -> Iterator[Token]:
        """Return the engine behind what is known of the span: still there, or brought there."""
        if self._live is None or self._live[0] is not span:
            self._still()
            written = [token.id for token in span.tokens]
            self.engine.prefill([*span.prompt, *written])
            self._live = span, self.engine.decode([_behind(written, transform) for transform in span.transforms])
        return self._live[1]

    def _still(self) -> None:
        live, self._live = self._live, None
        close = getattr(live[1], "close", None) if live is not None else None
        if close is not None:
            close()

    def _read(self) -> dict[str, Span]:
        """Return the spans of the file by name, the last line of each; a line that is torn is none."""
        spans: dict[str, Span] = {}
        if self._path is None or not self._path.exists():
            return spans
        pieces = self.engine.vocabulary.pieces
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                content = json.loads(line)
            except ValueError:
                continue
            tokens = [
                Token(int(token_id), pieces[token_id], bits, entropy) for token_id, bits, entropy in content["tokens"]
            ]
            spans[content["name"]] = Span("", (), (), tokens, content["milliseconds"], content["ended"])
        return spans


def _line(span: Span) -> str:
    """Return a line, with the line end before it, so that one that was torn spoils no other."""
    tokens = [(token.id, token.surprisal, token.entropy) for token in span.tokens]
    times = [round(ms, 3) for ms in span.milliseconds]
    return "\n" + json.dumps({"name": span.name, "tokens": tokens, "milliseconds": times, "ended": span.ended})


def _behind(written: Sequence[int], transform: Transform) -> Transform:
    """Return the transform as it goes on when some tokens are in the prompt already."""

    def go_on(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
        return transform([*written, *ids], log_probs)

    return go_on
