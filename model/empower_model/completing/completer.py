"""The use case: what to insert at a cursor, and why it ends where it ends."""

from __future__ import annotations

import bisect
import codecs
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from empower_model.calibration import Calibration
from empower_model.completing import alternatives, stopping
from empower_model.completing.draft import Draft, Trust
from empower_model.completing.statement import whole_statement
from empower_model.completing.stopping import Cut, Verdict, Written
from empower_model.engine import Drafts, Engine, Token, Transform
from empower_model.errors import EngineStopped
from empower_model.prompt import ROLLBACK, Layout, Prompt, Reader, healing
from empower_model.request import STATEMENT, Completion, End, Limits, OnPartial, Partial, Request
from empower_model.trim import LONGEST_WORD, joined, reindent, run_length, trim

OnGrown = Callable[[Callable[[], Partial]], None]
PEAK_FLOOR = 2.5
"""Bits of entropy under which a local maximum is no decision (tuned on a pilot model)."""
MIN_CHARACTERS = 3
"""A shorter completion costs more to read than to type."""
RUN_TOKENS = 8
"""So many tokens in a row that say one character alone, and it is not worth waiting for another."""


def chosen_cut(limits: Limits, calibration: Calibration, prefix: str = "") -> Cut:
    """Return the rule that the limits name, with their confidence, for a span behind `prefix`."""
    confidence = limits.confidence
    match limits.rule:
        case statement if statement == STATEMENT:
            return whole_statement(limits, prefix)
        case "peak":
            return lambda written: stopping.peak(written.entropies, PEAK_FLOOR)
        case "budget":
            eta = calibration.budget(confidence)
            return lambda written: stopping.budget(written.surprisals, eta)
        case _:
            return lambda written: stopping.gain(written, calibration, confidence)


class LocalCompleter:
    """Answers requests with an engine in this process.

    `cut` ends the spans; without one, the rule that a request's limits name does. `look` is shown each request before
    it is answered: an engine with a memory wants to see the whole of it. `drafts` is handed to the engine, which may
    ask it what probably comes next. With a `reader`, prompts grow (`Layout`).
    """

    def __init__(
        self,
        engine: Engine,
        calibration: Calibration,
        cut: Cut | None = None,
        look: Callable[[Request], None] | None = None,
        drafts: Drafts | None = None,
        reader: Reader | None = None,
    ) -> None:
        self._engine = engine
        self._calibration = calibration
        self._cut = cut
        self._look = look
        self._drafts = drafts
        self._trust = Trust()
        self._layout = Layout(engine, reader)
        self._due: _Due | None = None
        """What `prepare` works at."""

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        """Block until the completion is there; `on_partial` is told after each token how far it is.

        Raises EngineError when the engine fails. When stopped, the completion is empty and its end STOPPED.
        """
        self._engine.stop.clear()
        if on_partial is None:
            return self.answer(request)
        return self.answer(request, lambda partial: on_partial(partial()))

    def answer(self, request: Request, on_grown: OnGrown | None = None) -> Completion:
        """Complete for a caller that has armed the stop flag itself and may have set it since.

        `on_grown` is told after each token, and may ask how far it is: what can be shown takes some work to make.
        """
        started = time.perf_counter()
        if self._look is not None:
            self._look(request)
        due = self._due = _Due(request)
        prompt = self._layout.prompt(request.prefix, request.suffix, _reserve(request))
        first = self._written(request, prompt, started, on_grown=on_grown)
        due.read = first.evaluated_tokens > 0
        if not request.alternatives or not first.text:
            return first

        def unlike(texts: Sequence[bytes]) -> Completion:
            other = alternatives.unlike(texts, prompt.forced, self._engine.vocabulary)
            return self._written(request, prompt, time.perf_counter(), other=other)

        return replace(first, alternatives=alternatives.further(first, request.alternatives, unlike, started))

    def expect(self, request: Request | None) -> None:
        """Have `prepare` work at what a request will probably need; None for nothing until the next one."""
        self._due = _Due(request) if request is not None else None

    def prepare(self, most: int) -> bool:
        """Use a time when nobody waits: evaluate at most `most` tokens of what will be needed.

        That is the prompt of what is expected, or of what was asked as far as that was stopped, and then the prompt
        that will take over from it. Returns whether there may be more to do now. Raises EngineError when the engine
        fails.
        """
        if (due := self._due) is None:
            return False
        lay_out = self._layout.ahead if due.read else self._prompt_of
        tokens = lay_out(due.request.prefix, due.request.suffix, _reserve(due.request))
        if not tokens:
            return False
        try:
            if not self._engine.prepare(tokens, most):
                return True
        except EngineStopped:
            return False
        if not due.read:
            due.read = True
            return True
        self._layout.move()
        return False

    def _prompt_of(self, prefix: str, suffix: str, reserve: int) -> list[int]:
        return self._layout.prompt(prefix, suffix, reserve).tokens

    def _written(
        self,
        request: Request,
        prompt: Prompt,
        started: float,
        other: Transform | None = None,
        on_grown: OnGrown | None = None,
    ) -> Completion:
        evaluated, prefilled = 0, started
        limits = request.limits
        draft = Draft.of(request.draft, prompt.forced, self._engine) if request.draft and other is None else None
        drafts = draft.guesses(self._trust, self._drafts) if draft is not None else self._drafts
        cut = self._cut or chosen_cut(limits, self._calibration, request.prefix)
        span = _Span(limits, cut, other, drafts)

        def completion(text: str, kept: int, end: End) -> Completion:
            return Completion(
                text=text,
                tokens=tuple(span.tokens),
                kept=kept,
                end=end,
                probability=self._calibration.probability(sum(t.surprisal for t in span.tokens[:kept])),
                eta=self._calibration.budget(limits.confidence),
                prompt_tokens=len(prompt.tokens),
                evaluated_tokens=evaluated,
                prompt_ms=(prefilled - started) * 1000,
                total_ms=(time.perf_counter() - started) * 1000,
            )

        def partial() -> Partial:
            return Partial(span.text, completion(*span.so_far(request), End.UNFINISHED))

        def grown() -> None:
            if on_grown is not None:
                on_grown(partial)

        try:
            evaluated = self._engine.prefill(prompt.tokens)
            prefilled = time.perf_counter()
            span.write(self._engine, prompt.forced, grown)
        except EngineStopped:
            span.end = End.STOPPED
        if draft is not None:
            self._trust.note(draft.tokens, [token.id for token in span.tokens])
        text, kept = span.fitted(request)
        return completion(text, kept, span.end)

    def stop(self) -> None:
        """End the completion at work within one token; without one, nothing happens."""
        self._engine.stop.set()

    def close(self) -> None:
        """Free the model."""
        self._engine.close()


@dataclass(slots=True)
class _Due:
    """A request whose prompt, and what takes over from it, is to be evaluated."""

    request: Request
    read: bool = False
    """Whether its own prompt is evaluated."""


def _reserve(request: Request) -> int:
    """Tokens of the context that a prompt leaves free: what may be written, and written again."""
    return request.limits.max_tokens + ROLLBACK


@dataclass(slots=True)
class _Span:
    """The span being written: its tokens, its text, and the rule's last word on it."""

    limits: Limits
    cut: Cut
    other: Transform | None = None
    """Rules out the starts of earlier completions, for an alternative; None for the first completion.

    Since the person has asked for another start, an improbable one is no reason to end: its tokens, up to the first
    that writes something, count as certain when the rule judges the span. After `return` was ruled out, `raise` may
    follow however unlikely it was; how far the text then goes on, the rule decides."""
    drafts: Drafts | None = None
    tokens: list[Token] = field(default_factory=list)
    text: str = ""
    lengths: list[int] = field(default_factory=list)
    """Characters of text after each token."""
    keep: int = 0
    end: End = End.MAX_TOKENS

    def write(self, engine: Engine, forced: bytes, grown: Callable[[], None]) -> None:
        """Generate until something ends the span; what only repeats the forced bytes adds no text."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        transforms = [healing(forced, engine.vocabulary)] if forced else []
        transforms += [self.other] if self.other else []
        for token in engine.decode(transforms, self.drafts):
            if token.id in engine.vocabulary.end_of_generation or not token.piece:
                self.end = End.END_OF_TEXT
                return
            piece = token.piece[len(forced) :]
            forced = forced[len(token.piece) :]
            self.tokens.append(token.beyond(len(token.piece) - len(piece)))
            self.text += decoder.decode(piece)
            self.lengths.append(len(self.text))
            if self._ended():
                return
            grown()
        if engine.stop.is_set():
            self.end = End.STOPPED

    def _ended(self) -> bool:
        verdict = self._verdict()
        self.keep = verdict.keep
        if verdict.ended:
            self.end = End.ASKED if self.limits.rule == STATEMENT else End.UNCERTAIN
        elif self.text.count("\n") >= self.limits.max_lines:
            self.end = End.MAX_LINES
        elif self._runs_on():
            self.end = End.TRIMMED
        else:
            return len(self.tokens) >= self.limits.max_tokens
        return True

    def _runs_on(self) -> bool:
        """Return whether the last tokens say one character again and again, which trimming cuts: a ruler has few."""
        if len(self.lengths) <= RUN_TOKENS:
            return False
        written = len(self.text) - self.lengths[-RUN_TOKENS - 1]
        return run_length(self.text) >= max(written, LONGEST_WORD)

    def _verdict(self) -> Verdict:
        given = bisect.bisect_right(self.lengths, 0) + 1 if self.other else 0
        surprisals = [token.surprisal if i >= given else 0.0 for i, token in enumerate(self.tokens)]
        entropies = [token.entropy if i >= given else 0.0 for i, token in enumerate(self.tokens)]
        return self.cut(Written(self.text, self.lengths, surprisals, entropies))

    def fitted(self, request: Request) -> tuple[str, int]:
        """Return the text to show, made to fit its surroundings, and how many tokens it takes."""
        if self.end is End.STOPPED:
            return "", 0
        text, keep, trimmed = self._fitted(request, stopping.lexical_boundary(self.text, self.lengths, self.keep))
        if trimmed:
            self.end = End.TRIMMED
        return text, keep

    def so_far(self, request: Request) -> tuple[str, int]:
        """Return the text that may be shown while the span is being written, and how many tokens it takes.

        It is how the whole will begin, since the rule keeps no less later on (`peak` may: one token less). A name at
        its end is left out, which may still go on.
        """
        going_on = self.text + "_", [*self.lengths, len(self.text) + 1]
        text, keep, _ = self._fitted(request, stopping.lexical_boundary(*going_on, self.keep))
        return text, keep

    def _fitted(self, request: Request, keep: int) -> tuple[str, int, bool]:
        """Return what is shown of so many tokens, how many it takes, and whether it was cut."""
        raw = self.text[: self.lengths[keep - 1] if keep else 0].split("\ufffd")[0]
        text = trim(joined(raw, request.prefix, request.suffix), request.prefix, request.suffix)
        trimmed = len(text) < len(raw.rstrip())
        keep = min(keep, bisect.bisect_left(self.lengths, len(text)) + 1) if text else 0
        if len(text.strip()) < (MIN_CHARACTERS if self.limits.rule != STATEMENT else 1):
            return "", keep, trimmed
        return reindent(text, request.prefix), keep, trimmed
