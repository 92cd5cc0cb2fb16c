"""What guessed tokens cost and bring, and whether they change what is written.

    python benchmarks/drafting.py [FILE ...] [--rounds N] [--cursors N] [--threads N]

Speed is measured with each model file (else the bundled model and random weights of half a billion parameters): what an
evaluation with guesses takes beside one without, and how long a text takes to write when a stated share of the guesses
is right, or when they are a memory's. What is written is forced, since random weights would write no text: it is from a
real file, and with the memory what the bundled model wrote with it. How often guesses are right, and that what is
written stays the same, is measured with the bundled model and a memory of the standard library: with guesses, and
beside that with what is cached of the prompt, which rounds otherwise too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path
from random import Random
from typing import TypeAlias

import numpy as np
import random_gguf
from figures import Figure, compare, show
from workload import Cursor, scattered, source

from empower_model.completing.completer import LocalCompleter
from empower_model.engine.drafting import LENGTHS, TRIES, Drafts, Guess, Pace
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import IMPOSSIBLE, Engine, EngineConfig, LogProbs, Token, Transform
from empower_model.files import store
from empower_model.files.memory_files import memory_sidecar
from empower_model.memory import mixture
from empower_model.memory.index import Memory, blocks
from empower_model.memory.mixture import Weights
from empower_model.memory.remembering import RememberingEngine
from empower_model.prompt.layout import Layout
from empower_model.request import Request

PROMPT = 400
"""Tokens before those that are written."""
TOKENS = 24
"""Written at a time."""
RATES = (1.0, 0.9, 0.7)
"""Shares of the guesses that are right."""
WARM = len(LENGTHS) * TRIES
"""Texts written before it counts, while lengths are tried."""
MODULES = 60
"""Of the standard library, in the memory."""

Span: TypeAlias = tuple[Cursor, str]
"""A place, and what was written there."""


class Fixed(Pace):
    """A pace that has guesses evaluated whatever that takes, so many at a time, and keeps the times."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.noted: list[tuple[int, float]] = []

    def note(self, length: int, seconds: float) -> None:
        self.noted.append((length, seconds * 1000))

    def worth(self, guesses: Iterable[Guess]) -> list[int]:
        return [guess.id for guess in islice(guesses, self.length)]


class Free(Pace):
    """A pace to which guesses seem to cost nothing, as they nearly do on a GPU; it keeps how many were evaluated."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[int] = []
        super().note(0, 1.0)

    def note(self, length: int, seconds: float) -> None:
        self.lengths.append(length)


def told(text: Sequence[int]) -> Transform:
    """Has exactly these tokens written."""

    def step(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
        out = np.full_like(log_probs, IMPOSSIBLE)
        out[text[len(ids)]] = 0
        return out

    return step


def right(text: Sequence[int], rate: float, seed: int) -> Drafts:
    """Drafts of a text, each right with this probability, and told so."""

    def guesses(ids: Sequence[int]) -> Iterator[Guess]:
        random = Random(f"{seed} {len(ids)}")
        for token in text[len(ids) :]:
            yield Guess(token if random.random() < rate else token + 1, rate)

    return guesses


def speed(path: Path, name: str, spans: Sequence[Span], rounds: int, threads: int) -> list[Figure]:
    """Measure what guesses cost and bring with one model file."""
    engine = LlamaEngine(EngineConfig(path, threads=threads))
    text = engine.tokenize(source())
    figures = [*prices(engine, text, name, rounds), *(writing(engine, text, name, rate, rounds) for rate in RATES)]
    figures.append(remembered(engine, name, spans))
    engine.close()
    return figures


def prices(engine: LlamaEngine, text: Sequence[int], name: str, rounds: int) -> list[Figure]:
    """Compare an evaluation with guesses with one without, each after the same prompt."""
    took: dict[int, list[float]] = {length: [] for length in (0, *LENGTHS)}
    random = Random(0)
    for turn in range(rounds + 1):
        for length in random.sample(sorted(took), len(took)):
            engine.pace = pace = Fixed(length)
            engine.prefill(text[:PROMPT])
            list(islice(engine.decode([told(text[PROMPT:])], right(text[PROMPT:], 1.0, 0)), 2))
            if turn:  # the first warms up
                took[length].append(pace.noted[0][1])
    return [
        compare(f"an evaluation of {1 + length} tokens beside one, {name}", "ms", took[length], took[0])
        for length in LENGTHS
    ]


def writing(engine: LlamaEngine, text: Sequence[int], name: str, rate: float, rounds: int) -> Figure:
    """Compare a text written with guesses of which a share is right with the same without."""
    engine.pace = Pace()
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(WARM + rounds):
        after = text[PROMPT + turn * TOKENS :][:TOKENS]
        for times, drafts in ((theirs, None), (ours, right(after, rate, turn))):
            times.append(milliseconds(engine, text[:PROMPT], after, drafts))
    return written(f"a token written, {rate:.0%} of the guesses right, {name}", engine.pace, ours, theirs)


def remembered(engine: LlamaEngine, name: str, spans: Sequence[Span]) -> Figure:
    """Spans written with the guesses of a memory, mixed in, beside the same without guesses."""
    mixed = remembering(engine, bundled_weights())
    layout = Layout(mixed)
    engine.pace = Pace()
    ours: list[float] = []
    theirs: list[float] = []
    for cursor, text in spans:
        mixed.look(cursor.request(TOKENS))
        prompt = layout.prompt(cursor.prefix, cursor.suffix, TOKENS)
        near = mixture.context(prompt.tokens, engine.vocabulary.fim)  # random weights have no use for more
        after = engine.tokenize(prompt.forced.decode() + text)
        for times, drafts in ((theirs, None), (ours, mixed.guesses)):
            times.append(milliseconds(mixed, near, after, drafts))
    return written(f"a token written, guesses of a memory, {name}", engine.pace, ours, theirs)


def bundled_spans(count: int) -> list[Span]:
    """Return what the bundled model with the memory writes at random cursors by default, of three tokens or more."""
    engine = LlamaEngine(EngineConfig(store.resolve(store.bundled(), tuned=False).path))
    weights = bundled_weights()
    mixed = remembering(engine, weights)
    completer = LocalCompleter(mixed, weights.calibration, look=mixed.look)
    spans: list[Span] = []
    for cursor in scattered(8 * count, seed=1):
        tokens = completer.complete(Request(cursor.prefix, cursor.suffix)).tokens
        text = b"".join(token.piece for token in tokens).decode(errors="ignore")
        if len(tokens) > 2 and text:
            spans.append((cursor, text))
    engine.close()
    return spans[:count]


def milliseconds(engine: Engine, prompt: Sequence[int], after: Sequence[int], drafts: Drafts | None) -> float:
    """Measure what a token of a text that is forced takes."""
    engine.prefill(prompt)
    began = time.perf_counter()
    count = len(list(islice(engine.decode([told(after)], drafts), len(after))))
    return (time.perf_counter() - began) * 1000 / count


def written(what: str, pace: Pace, ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Return the figure, with what the engine found to pay."""
    paying = [str(length) for length in LENGTHS if pace.price(length) < length + 1]
    note = f"lengths found to pay: {', '.join(paying) or 'none'}; {len(ours) - WARM} pairs"
    return compare(what, "ms", ours[WARM:], theirs[WARM:], note=note)


def library() -> list[str]:
    """Texts of the standard library, without the one that is written in."""
    folder = Path(argparse.__file__).parent
    paths = [path for path in sorted(folder.glob("*.py")) if path.name != "argparse.py"]
    return [path.read_text(encoding="utf-8") for path in Random(0).sample(paths, MODULES)]


def bundled_weights() -> Weights:
    """Return the bundled model's weights of a memory."""
    weights = Weights.load(memory_sidecar(store.resolve(store.bundled(), tuned=False).path))
    assert weights is not None
    return weights


def remembering(engine: LlamaEngine, weights: Weights) -> RememberingEngine:
    """Return the engine with a memory of the standard library."""
    memory = Memory()
    memory.update_all({str(at): blocks(text, engine.tokenize) for at, text in enumerate(library())})
    memory.settle()
    return RememberingEngine(engine, memory, weights)


def sameness(cursors: int) -> list[Figure]:
    """Whether guesses change what the bundled model writes, and how many of them are right."""
    path = store.resolve(store.bundled(), tuned=False).path
    weights = bundled_weights()
    engine = LlamaEngine(EngineConfig(path))
    mixed = remembering(engine, weights)
    alone, drafting = (
        LocalCompleter(mixed, weights.calibration, look=mixed.look, drafts=drafts) for drafts in (None, mixed.guesses)
    )
    engine.pace = pace = Free()
    plain, cached, guessed = (list[tuple[Token, ...]]() for _ in range(3))
    for cursor in scattered(cursors):
        for answers, completer, fresh in ((plain, alone, True), (cached, alone, False), (guessed, drafting, True)):
            if fresh:
                engine.prefill([1])
            before = len(pace.lengths)
            answers.append(completer.complete(cursor.request(TOKENS)).tokens)
            if completer is alone:
                del pace.lengths[before:]
    engine.close()
    written = sum(len(tokens) - 1 for tokens in guessed)  # the first needs no evaluation of its own
    made, used = sum(pace.lengths), written - len(pace.lengths)
    return [
        *differences("with guesses", guessed, plain),
        *differences("with a cached prompt", cached, plain),
        Figure("guesses of the memory that are right", "%", 100 * used / made, note=f"{used} of {made}"),
        Figure("evaluations a token, if guesses cost nothing", "", len(pace.lengths) / written),
    ]


def differences(name: str, ours: Sequence[Sequence[Token]], theirs: Sequence[Sequence[Token]]) -> list[Figure]:
    """How many completions have the same tokens, and how far their bits are apart as long as they do."""
    same, tokens, bits = 0, 0, [0.0]
    for own, other in zip(ours, theirs, strict=True):
        pairs = list(takewhile(lambda pair: pair[0].id == pair[1].id, zip(own, other, strict=False)))
        same += len(pairs) == len(own) == len(other)
        tokens += len(pairs)
        bits += [abs(a.surprisal - b.surprisal) for a, b in pairs]
        bits += [abs(a.entropy - b.entropy) for a, b in pairs]
    count = len(ours)
    note = f"{same} of {count}, of {TOKENS} tokens at most; {count - same} choices in {tokens + count - same} differ"
    return [
        Figure(f"completions of the same tokens, {name}", "%", 100 * same / count, note=note),
        Figure("  surprisal and entropy differ by at most", "bits", max(bits), note="while the tokens are the same"),
        Figure("  in 99 of 100 tokens by at most", "bits", float(np.quantile(bits, 0.99))),
    ]


def main() -> None:
    """Measure, and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cursors", type=int, default=100)
    parser.add_argument("--threads", type=int, default=0, help="for the speeds; 0: as the server would")
    given = parser.parse_args()
    small = store.resolve(store.bundled(), tuned=False).path
    files = {path.stem: path for path in given.files}
    files = files or {"bundled": small, "0.5B": random_gguf.made(random_gguf.QWEN_HALF_BILLION)}
    spans = bundled_spans(WARM + 2 * given.rounds)
    figures = sameness(given.cursors) if given.cursors else []
    for name, path in files.items():
        figures += speed(path, name, spans, given.rounds, given.threads)
    show(figures)


if __name__ == "__main__":
    main()
