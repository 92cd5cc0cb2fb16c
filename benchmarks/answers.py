"""From a request to its answer, beside bare llama.cpp evaluating and choosing exactly the same tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from bare import Bare, Weights
from figures import Figure, alone, compare
from workload import Cursor, exactly, scattered, typed_lines, typing

from empower_lsp.session.query import Query
from empower_lsp.session.session import Session
from empower_lsp.session.tier import Tier
from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.distribution import Distribution
from empower_model.engine.drafting import Drafts
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig, Token, Transform
from empower_model.host.parent import EngineHost
from empower_model.prompt.layout import PLACES
from empower_model.request import Completion, End, OnPartial, Request

URI = "file:///example.py"
REST_SECONDS = 0.1
"""Longer than a piece of what the child prepares while nobody waits."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one request made the engine do, for the reference to repeat."""

    prompt: list[int]
    new: int
    """Prompt tokens evaluated anew."""
    generated: list[int]
    """Tokens chosen: those healing writes again and an end-of-generation token included."""


class Recorder(LlamaEngine):
    """An engine that remembers its last work."""

    def prefill(self, prompt: Sequence[int]) -> int:
        new = super().prefill(prompt)
        self.work = Work(list(prompt), new, [])
        return new

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        for token in super().decode(transforms, drafts):
            self.work.generated.append(token.id)
            yield token


class Server:
    """The session over the engine's child process, as the language server runs them."""

    def __init__(self, path: Path, tokens: int) -> None:
        self.host = EngineHost(EngineConfig(path), Calibration(), idle_seconds=0)
        self.session = Session(Tier(self.host))
        self._limits = exactly(tokens)

    async def answer(self, cursor: Cursor) -> Completion:
        """One request; nothing shown before is remembered, so that the engine has to work."""
        self.session.close_document(URI)
        text = cursor.prefix + cursor.suffix
        by_hand = Query(URI, text, len(cursor.prefix), "python", by_hand=True)  # inside a word too
        await self.session.complete(by_hand, self._limits)
        assert self.session.last is not None
        return self.session.last.completion

    async def timed(self, cursor: Cursor) -> tuple[float, int]:
        """Return the seconds that one request takes, and how many tokens of its prompt were evaluated."""
        started = time.perf_counter()
        completion = await self.answer(cursor)
        return time.perf_counter() - started, completion.evaluated_tokens

    async def rest(self) -> None:
        """Wait until the child prepares nothing more: the reference is to have the processor for itself."""
        before = -1.0
        while (now := self.host.seconds) > before:
            before = now
            await asyncio.sleep(REST_SECONDS)


def overhead(path: Path, name: str, target: float, *, tokens: int, rounds: int, fresh_until: int) -> list[Figure]:
    """Request to answer over bare llama.cpp: at fresh cursors, and key by key along a line."""
    return asyncio.run(_overhead(path, name, target, tokens, rounds, fresh_until))


async def _overhead(path: Path, name: str, target: float, tokens: int, rounds: int, fresh_until: int) -> list[Figure]:
    fresh = scattered(PLACES + 4, first=20, last=fresh_until)  # more than are remembered
    keys = typing(200)[4:28:2]
    server, engine = Server(path, tokens), Recorder(EngineConfig(path))
    bare = Bare(Weights(path))
    bare.set_threads(engine.writing_threads, engine.threads)
    figures = []
    for kind, cursors in (("a keystroke", keys), ("a fresh cursor", fresh)):
        works = await _works(server, engine, cursors, tokens)
        ours, reference, others = [], [], 0
        for turn in range(rounds if kind == "a keystroke" else max(2, rounds // 4)):
            for i, (cursor, work) in enumerate(zip(cursors, works, strict=True)):
                mine, evaluated, theirs = await _both(turn + i, server, cursor, bare, work)
                if evaluated != work.new:
                    others += 1
                    continue
                ours.append(mine * 1000)
                reference.append(theirs * 1000)
        new, out = (round(median(counts)) for counts in ([w.new for w in works], [len(w.generated) for w in works]))
        note = f"{new} prompt tokens evaluated, {out} generated; {len(ours)} pairs"
        note += f", {others} left out: cached otherwise" if others else ""
        figures.append(compare(f"request to answer, {name}, {kind}", "ms", ours, reference, target, note))
    server.session.close()
    bare.close()
    engine.close()
    return figures


async def _works(server: Server, engine: Recorder, cursors: Sequence[Cursor], tokens: int) -> list[Work]:
    """Return what each request of a pass makes the engine do; twice over, so that every pass finds the cache alike."""
    local = LocalCompleter(engine, Calibration())
    works: list[Work] = []
    for turn in range(2):
        for cursor in cursors:
            told = await server.answer(cursor)
            await server.rest()
            done = local.complete(cursor.request(tokens))
            if (told.text, told.prompt_tokens) != (done.text, done.prompt_tokens):
                raise RuntimeError("the engine answers another way in its own process")
            if turn:
                works.append(replace(engine.work, new=told.evaluated_tokens))
    return works


async def _both(turn: int, server: Server, cursor: Cursor, bare: Bare, work: Work) -> tuple[float, int, float]:
    """Seconds that ours takes, the tokens it evaluated, and the reference's seconds; either goes first in turn.

    Both after a rest, as a person's keys leave it: a processor that has rested begins slower.
    """
    bare.prefill(work.prompt, len(work.prompt))  # so that its cache has what ours has of this place
    await server.rest()
    if ours_first := turn % 2 == 0:
        mine, evaluated = await server.timed(cursor)
        await server.rest()
    started = time.perf_counter()
    bare.answer(work.prompt, work.new, work.generated)
    theirs = time.perf_counter() - started
    if not ours_first:
        await server.rest()
        mine, evaluated = await server.timed(cursor)
    return mine, evaluated, theirs


def keystrokes(path: Path, lines: int) -> Figure:
    """Prompt tokens that a keystroke inside a line evaluates anew: the most over many lines, each key answered."""
    completer = LocalCompleter(LlamaEngine(EngineConfig(path)), Calibration())
    counts: list[int] = []
    for cursors in typed_lines(lines):
        answers = [completer.complete(Request(cursor.prefix, cursor.suffix)) for cursor in cursors]
        counts += [answer.evaluated_tokens for answer in answers[1:]]
    completer.close()
    note = f"the most of {len(counts)} keystrokes in {lines} lines; mean {np.mean(counts):.2f}"
    what = "a keystroke inside a line evaluates anew"
    return Figure(what, "tokens", max(counts), low=min(counts), high=max(counts), target=4, note=note)


class _Scripted:
    """A completer whose one completion is known, and that counts how often it is asked."""

    def __init__(self, text: str) -> None:
        self.asked = 0
        self._done = Completion(text, (), 0, End.UNCERTAIN, 1.0, 1.0, 1, 1, 0.0, 0.0)

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        self.asked += 1
        return self._done

    def expect(self, request: Request | None) -> None:
        pass

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


def type_through(rounds: int) -> Figure:
    """Compare a keystroke along a shown completion, answered by the session, with one of the engine."""
    return asyncio.run(_type_through(rounds))


async def _type_through(rounds: int) -> Figure:
    text = "formatter.add_arguments(action_group._group_actions)"
    completer = _Scripted(text)
    session = Session(Tier(completer))
    cursor = typing(2000)[0]
    times = []
    for _ in range(rounds):
        session.close_document(URI)
        for typed in range(len(text)):
            before = cursor.prefix + text[:typed]
            query = Query(URI, before + cursor.suffix, len(before), "python")
            started = time.perf_counter()
            answer = await session.complete(query, exactly(16))
            times.append((time.perf_counter() - started) * 1000)
            assert answer is not None
            assert answer.text == text[typed:]
            if typed == 0:
                times.pop()
    asked = completer.asked
    session.close()
    assert asked == rounds, "the engine was asked"
    return alone(
        "a key typed along what is shown, session", "ms", times, 5, f"{len(times)} keys, the engine never asked"
    )


def measuring(size: int, repeats: int) -> Figure:
    """Surprisal and entropy of one token, beside the bare argmax."""
    random = np.random.default_rng(0)
    rows = random.normal(0, 3, (8, size)).astype(np.float32)
    distribution = Distribution(size)
    times = []
    for i in range(repeats):
        row = rows[i % len(rows)]
        started = time.perf_counter()
        distribution.read(row)
        distribution.surprisal(distribution.best())
        times.append((time.perf_counter() - started) * 1000)
    return alone(f"surprisal and entropy of a token, vocabulary of {size:,}", "ms", times, 1.5)


def hosting(path: Path, *, tokens: int, rounds: int) -> list[Figure]:
    """Measure what the child process adds to one completion, without and with the text told as it grows."""
    host = EngineHost(EngineConfig(path), Calibration(), idle_seconds=0)
    local = LocalCompleter(LlamaEngine(EngineConfig(path)), Calibration())
    requests = [cursor.request(tokens) for cursor in typing(200)[4:28:2]]
    figures = []
    for kind, on_partial in (("", None), (", text told as it grows", lambda _: None)):
        for completer in (host, local):
            for request in (*requests, *requests):
                completer.complete(request, on_partial)
        pairs: list[tuple[float, float]] = []
        for turn in range(rounds):
            for i, request in enumerate(requests):
                order: Sequence[EngineHost | LocalCompleter] = (host, local) if (turn + i) % 2 else (local, host)
                taken = {completer: _timed(completer, request, on_partial) for completer in order}
                pairs.append((taken[host], taken[local]))
        added = [hosted - inside for hosted, inside in pairs]
        note = f"median of {len(pairs)} differences, {tokens} tokens each"
        figures.append(alone(f"the child process adds to a completion{kind}", "ms", added, 0.5, note))
    host.close()
    local.close()
    return figures


def _timed(completer: EngineHost | LocalCompleter, request: Request, on_partial: OnPartial | None) -> float:
    started = time.perf_counter()
    completer.complete(request, on_partial)
    return (time.perf_counter() - started) * 1000
