"""A file as a model reads it: the bits of each token, and where the server's rule would hand back control.

The walk is that of arXiv 2510.13709: were the model to write just what stands there, the rule would let it go on from
a cursor until the bits of the span are too many. There the person writes one token, and the model is asked again. What
the model would really write is another matter, which the replay measures.
"""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

from empower_model.calibration import Calibration
from empower_model.completing import MIN_CHARACTERS, Written, chosen_cut, lexical_boundary
from empower_model.errors import EmpowerError
from empower_model.request import Limits
from empower_model.trim import trim
from empower_training.replay import Measure, Unfit

if TYPE_CHECKING:
    from empower_model.engine.llama import LlamaEngine

MOST_LINES = 400
"""Of a longer file only the beginning is read, at about 70 lines a second with the bundled model."""
LEVELS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Bits of surprisal from which a token is a shade darker."""


@dataclass(frozen=True, slots=True)
class Read:
    """A token of the file; its bits are NaN where they could not be measured."""

    text: str
    """A character of several tokens stands at the last of them."""
    surprisal: float
    entropy: float


@dataclass(frozen=True, slots=True)
class HandedSpan:
    """Characters that the rule would let the model write."""

    start: int
    end: int
    probability: float
    """Calibrated, that the whole span is what the person would type."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Characters of one line that look the same."""

    text: str
    surprisal: float
    entropy: float
    level: int
    """How many of LEVELS the surprisal reaches."""
    written: bool
    """Whether the rule lets the model write it."""
    handed: HandedSpan | None
    """The span that ends with it."""
    breaks: bool
    """Whether the token also ends the line."""

    @property
    def tip(self) -> str:
        """Say the bits of the cell's token in words."""
        if not isfinite(self.surprisal):
            return "not measured: the line is too long"
        return f"{self.surprisal:.2f} bits of surprisal, {self.entropy:.2f} of entropy"


@dataclass(frozen=True, slots=True)
class Coloured:
    """A file, ready to be shown."""

    name: str
    model: str
    lines: tuple[tuple[Cell, ...], ...]
    left_out: int
    """Lines behind the last that is shown."""
    characters: int
    written: int
    """Characters that the rule lets the model write."""
    spans: int


def source(path: Path) -> str:
    """Read the text of a file, with `\n` line ends. Raises EmpowerError for one that is none, or empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EmpowerError(f"{path} cannot be read: {error.strerror}.") from error
    if b"\0" in data or not data.strip():
        raise EmpowerError(f"{path} is {'binary' if data.strip() else 'empty'}: give --file a source file.")
    return data.decode(errors="replace").replace("\r\n", "\n")


def passages(text: str, most: int = Limits().max_lines) -> Iterator[str]:
    """Yield the text in parts of at most so many lines, each but the first from a line that is not blank.

    Within a part the model reads on as it writes on within a completion. A blank line is never where one begins: the
    model has not seen such a thing, and would be surprised by every one.
    """
    part: list[str] = []
    for line in text.splitlines(keepends=True):
        blank_before = bool(part) and not part[-1].strip()
        if line.strip() and (len(part) >= most or (blank_before and any(map(str.strip, part)))):
            yield "".join(part)
            part = []
        part.append(line)
    if part:
        yield "".join(part)


def measured(engine: LlamaEngine, parts: Iterable[str]) -> list[Read]:
    """Measure the tokens of all parts, each given the parts before in the server's layout, and nothing below."""
    measure, above, read = Measure(engine), "", list[Read]()
    for part in parts:
        lines = [part]
        if len(engine.tokenize(part)) > engine.context_size // 4:
            lines = part.splitlines(keepends=True)
        for line in lines:
            read += _measured(engine, measure, above, line)
            above += line
    return read


def _measured(engine: LlamaEngine, measure: Measure, above: str, text: str) -> list[Read]:
    try:
        surprisals, entropies = measure.bits(above, "", text)
    except Unfit:
        return [Read(text, nan, nan)]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = [decoder.decode(engine.vocabulary.pieces[token]) for token in engine.tokenize(text)]
    again = max(0, len(surprisals) - len(pieces))  # tokens of the text above, such as its newline, that healing repeats
    return [Read(*read) for read in zip(pieces, surprisals[again:], entropies[again:], strict=True)]


def walk(read: Sequence[Read], calibration: Calibration, limits: Limits) -> list[HandedSpan]:
    """Return the spans handed, first to last; behind each, or where none is worth it, the person writes a token."""
    text = "".join(piece.text for piece in read)
    ends = list(accumulate(len(piece.text) for piece in read))
    spans, token = list[HandedSpan](), 0
    while token < len(read):
        span = _span(read, token, text[: ends[token] - len(read[token].text)], calibration, limits)
        if span is None:
            token += 1
            continue
        spans.append(span)
        last = bisect_left(ends, span.end)
        token = last + 1 if ends[last] > span.end else last + 2  # what trimming left of a token is typed, or the next
    return spans


def _span(read: Sequence[Read], first: int, prefix: str, calibration: Calibration, limits: Limits) -> HandedSpan | None:
    """Return what the rule keeps of the text behind a token, trimmed as the server does; None for too little."""
    cut, text, keep, lengths, some = chosen_cut(limits, calibration), "", 0, list[int](), list[Read]()
    for token in read[first : first + limits.max_tokens]:
        if not isfinite(token.surprisal):
            break
        some.append(token)
        text += token.text
        lengths.append(len(text))
        surprisals = [each.surprisal for each in some]
        verdict = cut(Written(text, lengths, surprisals, [each.entropy for each in some]))
        keep = verdict.keep
        if verdict.ended or text.count("\n") >= limits.max_lines:
            break
    keep = lexical_boundary(text, lengths, keep)
    shown = trim(text[: lengths[keep - 1] if keep else 0], prefix, "")
    if len(shown.strip()) < MIN_CHARACTERS:
        return None
    bits = sum(token.surprisal for token in some[: bisect_left(lengths, len(shown)) + 1])
    return HandedSpan(len(prefix), len(prefix) + len(shown), calibration.probability(bits))


def coloured(name: str, model: str, read: Sequence[Read], spans: Sequence[HandedSpan], left_out: int = 0) -> Coloured:
    """Colour a file line by line, in cells."""
    lines: list[list[Cell]] = [[]]
    at, waiting = 0, list(spans)
    for token in read:
        for text, start in _parts(token.text, at, spans):
            while waiting and waiting[0].end <= start:
                waiting.pop(0)
            span = waiting[0] if waiting and waiting[0].start <= start else None
            bare = text.removesuffix("\n")
            level = sum(token.surprisal >= bits for bits in LEVELS)
            handed = span if span is not None and span.end == start + len(text) else None
            breaks = bare != text
            lines[-1].append(Cell(bare, token.surprisal, token.entropy, level, span is not None, handed, breaks))
            if breaks:
                lines.append([])
        at += len(token.text)
    shown = tuple(map(tuple, lines if lines[-1] else lines[:-1]))
    return Coloured(name, model, shown, left_out, at, sum(span.end - span.start for span in spans), len(spans))


def _parts(text: str, at: int, spans: Sequence[HandedSpan]) -> Iterator[tuple[str, int]]:
    """Yield a token that begins at `at` in parts that end with a line or a span, and where each begins."""
    inside = {span.end - at for span in spans if at < span.end < at + len(text)}
    breaks = {place + 1 for place, character in enumerate(text) if character == "\n"}
    cuts = [0, *sorted((inside | breaks) - {0, len(text)}), len(text)]
    for start, end in pairwise(cuts):
        if start < end:
            yield text[start:end], at + start
