"""The rules that end a span where the human's uncertainty peaks: pure functions over measured tokens.

Surprisal s_j = -log2 p(token j) and entropy h_j of the distribution token j was drawn from are in bits;
U_i = s_1 + ... + s_i is the surprisal of the first i tokens together. A rule is asked after every token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from empower_model.calibration import Calibration
from empower_model.trim import balance

NEARLY = 0.7
"""The share of the best gain for which a span may go on to where a line, or a part of it, is whole."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a rule: how many of the tokens so far to keep, and whether no further token can change that."""

    keep: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A span as far as it is written; the three sequences have an entry a token."""

    text: str
    lengths: Sequence[int]
    """Characters of `text` that stand after each token."""
    surprisals: Sequence[float]
    entropies: Sequence[float]


class Cut(Protocol):
    """The rule that ends a span: asked after every token, until its verdict is that the span has ended."""

    def __call__(self, written: Written, /) -> Verdict:
        """Return what to keep of the span so far."""
        ...


def budget(surprisals: Sequence[float], eta: float) -> Verdict:
    """Keep the longest span whose cumulative surprisal stays within eta bits.

    Logit Threshold Empowerment, arXiv 2510.13709: i* = max {i : U_i <= eta}.
    """
    keep = 0
    for total in accumulate(surprisals):
        if total > eta:
            return Verdict(keep, ended=True)
        keep += 1
    return Verdict(keep, ended=False)


def peak(entropies: Sequence[float], floor: float) -> Verdict:
    """End before the first token whose entropy is a local maximum of at least `floor` bits.

    A maximum is only known once the next token is there.
    """
    for j in range(len(entropies) - 1):
        rises = j == 0 or entropies[j] > entropies[j - 1]
        if entropies[j] >= floor and rises and entropies[j] >= entropies[j + 1]:
            return Verdict(j, ended=True)
    return Verdict(len(entropies), ended=False)


def gain(written: Written, calibration: Calibration, confidence: float) -> Verdict:
    """Keep the i that maximises (p_i - confidence) * L_i; nothing where that is never positive.

    p_i is the calibrated probability that the first i tokens are what the human would type and L_i their length in
    characters. Typing costs 0.5 a character and reading c, so showing i tokens is worth 0.5 p_i L_i - c L_i:
    proportional to the above with confidence = c / 0.5 (costs of arXiv 2510.13709, where c = 0.1 makes the confidence
    0.2; a session of typing is cheapest above that, since what is not shown now can be shown a key later, when more is
    known). p falls with every token, so below the confidence no longer span can win. An i inside a name does not
    compete: `lexical_boundary` would move it back, and the whole name may be worth showing where nothing else is.
    A longer span that gains nearly as much and ends where a person would pause takes the place of the best one.
    """
    gains: list[tuple[float, int]] = []
    count, ended = len(written.lengths), False
    for i, (total, length) in enumerate(zip(accumulate(written.surprisals), written.lengths, strict=True), start=1):
        p = calibration.probability(total)
        if p <= confidence:
            ended = True
            break
        if i == count or not _inside_name(written.text, length):
            gains.append(((p - confidence) * length, i))
    return Verdict(_to_a_pause(written, gains), ended)


def _to_a_pause(written: Written, gains: Sequence[tuple[float, int]]) -> int:
    """Return how many tokens to keep: as many as gain most, or more that gain nearly that and are more of a whole."""
    most, best = max(gains, key=lambda gain: gain[0], default=(0.0, 0))
    if not most:
        return 0
    later = [each for each in gains if each[1] >= best and each[0] >= NEARLY * most]
    return max(later, key=lambda each: (_wholeness(written, each[1]), each[0]))[1] if len(later) > 1 else best


def _wholeness(written: Written, count: int) -> int:
    """Return 2 where tokens end with a line, 1 where with a part of one, 0 within brackets or behind an operator."""
    text, at = written.text, written.lengths[count - 1]
    head = text[:at].rstrip()
    if not head or balance(head).opened:
        return 0
    whole = head[-1].isalnum() or head[-1] in "_)]}:;\"'`"
    return whole + (whole and "\n" in (text[at - 1 : at], text[at : at + 1]))


def lexical_boundary(text: str, lengths: Sequence[int], keep: int) -> int:
    """Move `keep` back so that the span does not end inside a name that the text goes on with.

    `text` is what all tokens wrote, and the first i of them wrote its first `lengths[i-1]` characters.
    """
    while 0 < keep < len(lengths) and _inside_name(text, lengths[keep - 1]):
        keep -= 1
    return keep


def _inside_name(text: str, at: int) -> bool:
    around = text[max(0, at - 1) : at + 1]
    return len(around) == 2 and all(character.isalnum() or character == "_" for character in around)
