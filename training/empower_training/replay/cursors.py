"""A quick look at a model file: greedy spans at random cursors of held-out code, judged by every rule.

The same generations serve all rules, so differences between rules are differences of where they stop. A whole
typing session with its latencies is another matter: this counts what single answers are worth.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from empower_model.calibration import Calibration
from empower_model.completing import MIN_CHARACTERS, Cut, Written, lexical_boundary
from empower_model.fitting import GREEDY, MOST_BITS, fit, place, rows
from empower_model.request import Completer, Request
from empower_training.corpus import Document
from empower_training.replay.policies import cuts
from empower_training.replay.typist import READ, TYPED

Rule = Callable[["JudgedSpan"], int]
"""How many tokens of a span to keep."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a document, and what stands there."""

    package: str
    path: str
    """Of the document."""
    prefix: str
    truth: str
    """What the document says next."""
    suffix: str
    """What is taken to stand below already; the lines between are still to be typed."""


@dataclass(frozen=True, slots=True)
class JudgedSpan:
    """A span that the model wrote at a cursor: for each token its bits, and characters written after it."""

    cursor: Cursor
    text: str
    surprisals: tuple[float, ...]
    entropies: tuple[float, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RuleScore:
    """The worth of a rule: shares of all cursors, lengths in characters, net gain in the costs above a cursor."""

    rule: str
    shown: float
    accepted: float
    """Share of the shown."""
    length: float
    kept: float
    gain: float


def cursors(documents: Iterable[Document], count: int, seed: int) -> Iterator[Cursor]:
    """Yield random cursors: in equal parts at the start of a line's code, behind punctuation or a space, inside a word.

    Half of them have text below, from up to 12 lines further down on; the others stand at the end of what is written.
    """
    rng = random.Random(seed)
    by_package: dict[str, list[Document]] = {}
    for document in documents:
        by_package.setdefault(document.package, []).append(document)
    packages = sorted(by_package)
    for i in range(count):
        package = packages[i % len(packages)]
        document = rng.choice(by_package[package])
        row = rng.choice(rows(document.text) or [0])
        there = place(document.path, document.text, row, i % 3, rng)
        yield Cursor(package, there.name, there.prefix, there.truth, there.suffix)


def spans(completer: Completer, places: Iterable[Cursor]) -> Iterator[JudgedSpan]:
    """Return what the model writes at each cursor when nothing but length ends it."""
    for cursor in places:
        completion = completer.complete(Request(cursor.prefix, cursor.suffix, GREEDY))
        pieces = [token.piece for token in completion.tokens]
        lengths = [len(b"".join(pieces[: i + 1]).decode(errors="ignore")) for i in range(len(pieces))]
        yield JudgedSpan(
            cursor,
            b"".join(pieces).decode(errors="ignore"),
            tuple(token.surprisal for token in completion.tokens),
            tuple(token.entropy for token in completion.tokens),
            tuple(lengths),
        )


def calibrate(judged: Sequence[JudgedSpan]) -> Calibration:
    """Return a model's calibration from its spans: bits of every beginning of a span, and whether it was right."""
    pairs = [
        (bits, span.cursor.truth.startswith(span.text[:length]))
        for span in judged
        for bits, length in zip(accumulate(span.surprisals), span.lengths, strict=True)
        if length and bits <= MOST_BITS
    ]
    bits, right = (np.array(column) for column in zip(*pairs, strict=True))
    return fit(bits, right.astype(np.bool_))


def rules(calibration: Calibration) -> dict[str, Rule]:
    """Return the rules that are compared, by name; as in the server, no span ends inside a name."""
    return {name: _rule(cut) for name, cut in cuts(calibration).items()}


def _rule(cut: Cut) -> Rule:
    def rule(span: JudgedSpan) -> int:
        keep = cut(Written(span.text, span.lengths, span.surprisals, span.entropies)).keep
        return lexical_boundary(span.text, span.lengths, keep)

    return rule


def score(name: str, rule: Rule, judged: Sequence[JudgedSpan]) -> RuleScore:
    """Judge a rule on spans: accepted is what the document says next to the letter."""
    lengths, kept = [], []
    for span in judged:
        keep = rule(span)
        text = span.text[: span.lengths[keep - 1] if keep else 0].rstrip()
        if len(text.strip()) >= MIN_CHARACTERS:
            lengths.append(len(text))
            kept.append(len(text) if span.cursor.truth.startswith(text) else 0)
    shown = len(lengths)
    return RuleScore(
        rule=name,
        shown=shown / len(judged),
        accepted=sum(n > 0 for n in kept) / shown if shown else 0.0,
        length=sum(lengths) / shown if shown else 0.0,
        kept=sum(kept) / len(judged),
        gain=(TYPED * sum(kept) - READ * sum(lengths)) / len(judged),
    )
