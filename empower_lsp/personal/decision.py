"""Decisions of a person about completions that they saw, read from the log: the raw material of a calibration.

Only a completion that was seen counts, whatever became of it. To count unseen ones would flatter the model. Say that
two completions are gone within 0.1 s of being answered, too soon to be read. One says `total` and the person types
`total`: the log has it as typed through, a hit. The other says `count` and the person types `total`: the log has it as
superseded, since nobody can reject what they have not seen. Of such pairs only the hits would be left.
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
from empower_model.request import STATEMENT, Limits

REGRETTED = 0.5
"""An accepted text of which less than this share is left when it is first looked at was accepted by mistake."""

_LOOKS = (Kind.KEPT, Kind.CHANGED)
_TAKEN = (Kind.ACCEPTED, Kind.PARTIALLY_ACCEPTED)


@dataclass(frozen=True, slots=True)
class Decision:
    """A completion that was seen, and what the person decided on it."""

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
        """Return the tokens that wrote what was seen; all that were kept where the log has no text."""
        kept = self.completion.tokens[: self.completion.kept]
        ends = list(accumulate(len(token.piece) for token in kept))
        unseen = self.completion.characters - self.characters
        return kept[bisect_right(ends, unseen) :] if unseen > 0 and ends and ends[-1] > unseen else kept

    @property
    def behind(self) -> float | None:
        """Return the entropy, in bits, of the distribution behind the text; None where nothing was written there."""
        rest = self.completion.tokens[self.completion.kept :]
        return rest[0].entropy if rest else None

    @property
    def line(self) -> str | None:
        """Return the line of the cursor, up to where what was seen began; None where the log has no text."""
        record = self.completion
        if record.prefix is None or record.text is None:
            return None
        before = record.prefix + record.text[: record.characters - self.characters]
        return before.rpartition("\n")[2]

    @property
    def bits(self) -> float:
        """Return the surprisal of what was seen, as one text."""
        return sum(token.surprisal for token in self.tokens)

    @property
    def right(self) -> bool:
        """Return whether all of it is what the person wanted: accepted to its end, or typed.

        A beginning that was accepted, word by word, makes the text as a whole no more right than a rejection does;
        one that was deleted again at once was accepted by mistake.
        """
        return self.reached >= self.characters and not (self.looks and self.looks[0] < REGRETTED)

    @property
    def kept(self) -> float:
        """Return the characters accepted that were still there when last looked at."""
        return self.accepted * (self.looks[-1] if self.looks else 1.0)

    @property
    def memory(self) -> bool:
        """Return whether the model had a memory of the workspace."""
        return self.completion.memory

    @property
    def day(self) -> str:
        """Return the date on which it was computed, by the clock of this machine: `2026-11-22`."""
        return time.strftime("%Y-%m-%d", time.localtime(self.completion.at))

    @property
    def file(self) -> str:
        """Return the file it was computed for, with its workspace."""
        return f"{self.completion.workspace}/{self.completion.path}"


def decisions(entries: Iterable[Entry], model: str | None = None, adapter: str = "") -> list[Decision]:
    """Return the decisions among entries of a log, in their order; with a `model`, only those on it and its adapter.

    Whether there was a memory is no matter; `Decision.memory` tells.
    """
    wanted = (
        entry
        for entry in entries
        if model is None or (entry.completion.model, entry.completion.adapter) == (model, adapter)
    )
    return [decision for decision in map(_decision, wanted) if decision is not None]


def grouped(decisions: Sequence[Decision], least: int = 5) -> tuple[str, list[str]]:
    """Sort decisions into at least `least` groups; return what kind of groups, and each decision's, in their order.

    Decisions of one day, or in one file, are alike, so that whoever resamples must take them together. The groups are
    days; where there are fewer days than `least`, files; where there are fewer of those too, `least` stretches of time
    with equally many decisions. Three decisions on two days, with `least` 2, give
    `("days", ["2026-11-21", "2026-11-22", "2026-11-22"])`.
    """
    days, files = [decision.day for decision in decisions], [decision.file for decision in decisions]
    for unit, groups in (("days", days), ("files", files)):
        if len(set(groups)) >= least:
            return unit, groups
    order = sorted(range(len(decisions)), key=lambda i: decisions[i].completion.at)
    stretch = {i: str(place * least // len(decisions)) for place, i in enumerate(order)}
    return "stretches of time", [stretch[i] for i in range(len(decisions))]


def still_shown(completion: CompletionRecord, calibration: Calibration) -> bool:
    """Return whether a completion that was offered would be offered too with another calibration, though maybe cut.

    The rule that it was made with is asked again, at the same confidence, which of its tokens to keep; it is offered
    when something worth showing is left. Where the log has no text, it is offered when its probability under the other
    calibration is above the confidence; under the rule `peak`, which asks for no confidence, always.
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
    final = next((outcome for outcome in entry.outcomes if outcome.kind in FINAL), None)
    seen = any(outcome.kind == Kind.SHOWN or outcome.kind in _TAKEN for outcome in entry.outcomes)
    if final is None or not seen or final.kind == Kind.SUPERSEDED or not entry.completion.kept:
        return None
    if entry.completion.rule == STATEMENT:  # what a person asked to see says nothing of what to show unasked
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
        looks=tuple(_share(look) for look in entry.outcomes if look.kind in _LOOKS and look.of),
    )


def _share(look: OutcomeRecord) -> float:
    return look.characters / look.of
