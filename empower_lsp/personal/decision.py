"""What a person decided about the completions they saw, read from the log: the raw material of a calibration.

Only what was shown is judged. A completion that was superseded before it can have been seen says nothing, and neither
does one that was typed through unseen: its like that would have been wrong counts as superseded, and to keep only the
right ones would flatter the model.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from empower_lsp.log import CompletionRecord, Entry, OutcomeRecord, TokenRecord
from empower_lsp.outcome import FINAL, Kind
from empower_model.calibration import Calibration
from empower_model.completing import MIN_CHARACTERS, Written, chosen_cut, lexical_boundary
from empower_model.request import Limits

REGRETTED = 0.5
"""An accepted text of which less than this share is left when it is first looked at was accepted by mistake."""

_LOOKS = (Kind.KEPT, Kind.CHANGED)
_TAKEN = (Kind.ACCEPTED, Kind.PARTIALLY_ACCEPTED)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one completion that was seen."""

    completion: CompletionRecord
    kind: Kind
    """Final, and not superseded."""
    explicit: bool
    """Whether the editor said so; else it was inferred."""
    characters: int
    """Of the text that was seen: what had been typed along before it came is left out."""
    reached: int
    """How many of them were accepted or typed, from the first on."""
    accepted: int
    """How many of them were accepted."""
    looks: tuple[float, ...]
    """The share of an accepted text that was left, at each look back at it."""

    @property
    def tokens(self) -> tuple[TokenRecord, ...]:
        """The tokens that wrote what was seen; all that were kept where the log has no text."""
        kept = self.completion.tokens[: self.completion.kept]
        ends = list(accumulate(len(token.piece) for token in kept))
        unseen = self.completion.characters - self.characters
        return kept[bisect_right(ends, unseen) :] if unseen > 0 and ends and ends[-1] > unseen else kept

    @property
    def bits(self) -> float:
        """The surprisal of what was seen, as one text."""
        return sum(token.surprisal for token in self.tokens)

    @property
    def right(self) -> bool:
        """Whether all of it is what the person wanted: accepted to its end, or typed.

        A beginning that was accepted, word by word, makes the text as a whole no more right than a rejection does;
        one that was deleted again at once was accepted by mistake.
        """
        return self.reached >= self.characters and not (self.looks and self.looks[0] < REGRETTED)

    @property
    def kept(self) -> float:
        """Characters accepted that were still there when last looked at."""
        return self.accepted * (self.looks[-1] if self.looks else 1.0)

    @property
    def memory(self) -> bool:
        """Whether the model had a memory of the workspace."""
        return self.completion.memory

    @property
    def day(self) -> str:
        """The date on which it was computed, by the clock of this machine: `2026-11-22`."""
        return time.strftime("%Y-%m-%d", time.localtime(self.completion.at))

    @property
    def file(self) -> str:
        """The file it was computed for, with its workspace."""
        return f"{self.completion.workspace}/{self.completion.path}"


def decisions(entries: Iterable[Entry], model: str | None = None, adapter: str = "") -> list[Decision]:
    """The decisions among entries of a log, in their order; only those on a model and its adapter if one is named.

    Whether there was a memory is no matter; `Decision.memory` tells.
    """
    wanted = (
        entry
        for entry in entries
        if model is None or (entry.completion.model, entry.completion.adapter) == (model, adapter)
    )
    return [decision for decision in map(_decision, wanted) if decision is not None]


def grouped(decisions: Sequence[Decision], least: int = 5) -> tuple[str, list[str]]:
    """What the groups are of which there are at least so many, and the group of each decision, whose like are alike.

    Days; files, where there are too few days; else as many stretches of time, of equally many decisions.
    """
    for unit, groups in (("days", [one.day for one in decisions]), ("files", [one.file for one in decisions])):
        if len(set(groups)) >= least:
            return unit, groups
    order = sorted(range(len(decisions)), key=lambda i: decisions[i].completion.at)
    stretch = {i: str(place * least // len(decisions)) for place, i in enumerate(order)}
    return "stretches of time", [stretch[i] for i in range(len(decisions))]


def still_shown(completion: CompletionRecord, calibration: Calibration) -> bool:
    """Whether a completion that was offered would be with another calibration, possibly shorter or longer.

    Asks the rule it was made with, at its confidence. What the log has no text of counts by its probability.
    """
    if completion.text is None:
        bits = sum(token.surprisal for token in completion.tokens[: completion.kept])
        return completion.rule == "peak" or calibration.probability(bits) > completion.confidence
    text = "".join(token.piece for token in completion.tokens)
    lengths = list(accumulate(len(token.piece) for token in completion.tokens))
    surprisals = [token.surprisal for token in completion.tokens]
    cut = chosen_cut(Limits(completion.confidence, completion.rule), calibration)
    keep = cut(Written(text, lengths, surprisals, [token.entropy for token in completion.tokens])).keep
    keep = lexical_boundary(text, lengths, keep)
    return len(text[: lengths[keep - 1] if keep else 0].strip()) >= MIN_CHARACTERS


def _decision(entry: Entry) -> Decision | None:
    final = next((one for one in entry.outcomes if one.kind in FINAL), None)
    seen = any(one.kind == Kind.SHOWN or one.kind in _TAKEN for one in entry.outcomes)
    if final is None or not seen or final.kind == Kind.SUPERSEDED or not entry.completion.kept:
        return None
    # Of an editor with \r\n line ends, or a menu's item, more than the text was offered.
    characters = min(final.of, entry.completion.characters) or entry.completion.characters
    left = 0 if final.kind in (Kind.ACCEPTED, Kind.TYPED_THROUGH) else final.of - final.characters - final.typed
    return Decision(
        completion=entry.completion,
        kind=Kind(final.kind),
        explicit=final.explicit,
        characters=characters,
        reached=max(0, min(characters, characters - left)),
        accepted=min(final.characters, characters),
        looks=tuple(_share(one) for one in entry.outcomes if one.kind in _LOOKS and one.of),
    )


def _share(look: OutcomeRecord) -> float:
    return look.characters / look.of
