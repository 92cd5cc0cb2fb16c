"""Training examples at random cut points: the server's own prompt, and a span with end-of-text that is to follow.

An Empower target is what the paper's rule keeps (`labelling.py`); the baselines take a number of tokens instead. The
cut points depend on the seed and the texts alone, so that all methods learn at the same places.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate, islice
from typing import Any

from tokenizers import Tokenizer

from empower_training.corpus import Stream
from empower_training.labels.labelling import Measure, label
from empower_training.labels.strips import Page, Strip
from empower_training.labels.texts import Text

BELOW = 0.5
"""Share of lines with text below; the others stand at the end of what is written. As in `replay/cursors.py`."""
LINES = 12
"""The text below begins at most so many lines further down; those between are still to be typed."""
TOGETHER_LINES = 12
"""Lines that are typed where several cut points are taken together."""
LONGEST = 30
"""Tokens of the longest random target (arXiv 2510.13709)."""
MISSES = 1000
"""Random places in a row that bring nothing new, after which the texts count as exhausted."""


class Method(StrEnum):
    """Kind of target that an example has; all but the first are the baselines of arXiv 2510.13709."""

    EMPOWER = "empower"
    SFT_10 = "sft-10"
    SFT_20 = "sft-20"
    SFT_RAND = "sft-rand"
    """1 to LONGEST tokens, each number as likely as another."""
    TEXT = "text"
    """Not of the paper: all of the text, in rows as in pre-training. It learns the words, and not where to stop."""


@dataclass(frozen=True, slots=True)
class Example:
    """A piece to learn: after these tokens come those."""

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    """Ends with the end-of-text token; may be nothing else, since to abstain is to be learned too."""
    name: str
    """Of the text."""


def examples(
    model: Any,
    tokenizer: Tokenizer,
    texts: Sequence[Text],
    *,
    method: Method,
    eta: float,
    seed: int,
    count: int,
    context: int,
    together: int = 1,
    measure: Measure = label,
    report: Callable[[int], None] = lambda done: None,
) -> list[Example]:
    """Return `count` examples at different cut points, in random order; fewer where the texts do not have as many.

    `model` is the causal language model of transformers that measures the Empower targets, without an adapter; the
    baselines do not look at it, nor at `eta`, in bits. Prompt and target are at most `context` tokens. Up to
    `together` cut points are taken close to each other, which then share an evaluation, in `measure` as in training.
    `report` is told how many examples are done. Raises ValueError as `Page` and `spans` do.
    """
    if method is Method.TEXT:
        return rows(tokenizer, texts, seed=seed, count=count, context=context)
    page = Page(tokenizer, context)
    labelled = lru_cache(maxsize=None)(lambda strip: measure(model, strip, context).spans(eta))
    lengths = random.Random(f"{seed}-lengths")
    made: list[Example] = []
    for strip, cut in islice(cut_points(page, texts, seed, together), count):
        match method:
            case Method.EMPOWER:
                length = int(labelled(strip)[strip.cuts.index(cut)])
            case Method.SFT_10:
                length = 10
            case Method.SFT_20:
                length = 20
            case _:
                length = lengths.randint(1, LONGEST)
        target = strip.ids[cut : cut + length]
        made.append(Example((*strip.prompt, *strip.ids[:cut]), (*target, page.end), strip.name))
        report(len(made))
    return made


def rows(tokenizer: Tokenizer, texts: Sequence[Text], *, seed: int, count: int, context: int) -> list[Example]:
    """Return the texts once, in rows of `context` tokens that are learned whole, half of them laid out for filling in.

    At most `count` rows. Raises ValueError where the tokeniser lacks the control tokens of our own.
    """
    stream = Stream([text.text for text in texts], tokenizer, seed)
    made: list[Example] = []
    while stream.epoch == 0 and len(made) < count:
        [row] = stream.rows(1, context).tolist()
        made.append(Example((row[0],), tuple(row[1:]), "rows"))
    return made


def cut_points(page: Page, texts: Sequence[Text], seed: int, together: int = 1) -> Iterator[tuple[Strip, int]]:
    """Return different random cut points, as strips and one of their cuts, until the texts seem to have no more.

    Each character of the texts is as likely as another to name the line, and each cut point of the line is. If more
    are taken `together`, a line comes once, and they lie in it and in the TOGETHER_LINES that are typed from there on.
    """
    if together == 1:
        return _different(page, texts, seed, lambda rng, strip: rng.choice(strip.cuts))
    rng = random.Random(f"{seed}-cuts")
    return (
        (strip, cut)
        for strip in lines(page, texts, seed, TOGETHER_LINES)
        for cut in rng.sample(strip.cuts, min(together, len(strip.cuts)))
    )


def lines(page: Page, texts: Sequence[Text], seed: int, length: int = 1) -> Iterator[Strip]:
    """Return different random lines, drawn as for `cut_points`, until the texts seem to have no more.

    Each is laid out with cut points in so many lines from there on.
    """
    return (strip for strip, _ in _different(page, texts, seed, lambda rng, strip: 0, length))


def _different(
    page: Page,
    texts: Sequence[Text],
    seed: int,
    choose: Callable[[random.Random, Strip], int],
    length: int = 1,
) -> Iterator[tuple[Strip, int]]:
    rng = random.Random(seed)
    limits = list(accumulate(len(text.text) for text in texts))
    strip_of = lru_cache(maxsize=1024)(lambda index, start: _strip(page, texts[index], start, seed, length))
    seen: set[tuple[int, int, int]] = set()
    misses = 0
    while limits and limits[-1] and misses < MISSES:
        misses += 1
        at = rng.randrange(limits[-1])
        index = bisect.bisect_right(limits, at)
        offset = at - limits[index] + len(texts[index].text)
        start = texts[index].text.rfind("\n", 0, offset) + 1
        strip = strip_of(index, start)
        if strip.cuts and (place := (index, start, choose(rng, strip))) not in seen:
            seen.add(place)
            misses = 0
            yield strip, place[-1]


def _strip(page: Page, text: Text, start: int, seed: int, length: int) -> Strip:
    """Lay out some lines with the text below them, or without, which is decided once for each line."""
    stop = len(text.text)
    rng = random.Random(f"{seed}-{text.name}-{start}")
    if page.encoding.vocabulary.fim and rng.random() < BELOW:
        stop = start - 1
        for _ in range(rng.randint(1, LINES)):
            end = text.text.find("\n", stop + 1)
            stop = len(text.text) if end < 0 else end
    return page.line(text.name, text.text, start, stop, text.text[stop:], length)
