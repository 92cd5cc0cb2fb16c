"""What tells accepted completions from rejected ones, and what a confidence would have hidden."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empower_lsp.personal import Decision, grouped
from empower_model.calibration import Calibration
from empower_model.errors import EmpowerError
from empower_model.fitting import (
    Interval,
    Vector,
    calibration_error,
    clustered,
    probabilities,
    reliability,
    share,
)
from empower_training.replay import show_score
from empower_training.replay.decision_lines import Line
from empower_training.replay.show_score import Evidence

CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
CHANCE = 0.5
"""The AUC of what tells nothing."""
SHOW_SCORE = "show score, fitted to other groups"
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Of the groups of probabilities in which acceptance is shown."""

Right = NDArray[np.bool_]
Share = Callable[[NDArray[Any], NDArray[Any]], Interval]
"""Of some completions among others, or weighted by something of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A completion that was seen, and what became of it."""

    surprisals: tuple[float, ...]
    entropies: tuple[float, ...]
    """Of each token, in bits; empty where they are not known."""
    characters: int
    accepted: bool
    """As a whole."""
    kept: float
    """Characters of it that were accepted, and still there when last looked at."""
    group: Hashable
    """Whose decisions are alike: a person's, or those of a day of one person."""
    line: str | None = None
    """The line of the cursor, up to it; None where it is not known."""
    behind: float | None = None
    """Entropy of the distribution behind the text, likewise."""
    recent: float = math.nan
    """What the person made of the texts before (`show_score.recent`), likewise."""

    @property
    def evidence(self) -> Evidence:
        """Return what was known of it before it was shown."""
        return Evidence(self.surprisals, self.entropies, self.characters, self.behind, self.line, self.recent)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Completions whose calibrated probability lies between two edges."""

    low: float
    high: float
    completions: int
    predicted: float
    accepted: Interval


@dataclass(frozen=True, slots=True)
class Hidden:
    """The part that would have been left if all below a confidence had been hidden; the rule may also shorten."""

    confidence: float
    shown: float
    """Share of the completions."""
    accepted: Interval
    """Share of those still shown."""
    accepted_lost: Interval
    """Share of the accepted completions that would have been hidden."""
    kept_lost: Interval
    """Share of the kept characters that would have been hidden."""


@dataclass(frozen=True, slots=True)
class Scores:
    """All figures of a set of decisions."""

    completions: int
    accepted: Interval
    groups: int
    auc: dict[str, Interval]
    """Of each score: how often it ranks an accepted completion above a rejected one; CHANCE without a clue."""
    show_score_minus: dict[str, Interval]
    """The AUC of the show score minus that of each other score, or of its opposite where that is the better one; empty
    where there is too little to fit one to."""
    error: float
    """Expected calibration error of the probability, for acceptance."""
    acceptance: tuple[Acceptance, ...]
    hidden: tuple[Hidden, ...]


def of_lines(lines: Sequence[Line]) -> list[Judged]:
    """Return lines whose bits are known, as completions that were judged.

    Grouped by person; without persons, or with a single one, each line is a group of its own.
    """
    several = len({line.person for line in lines}) > 1
    before = show_score.recent([line.accepted for line in lines], [line.person for line in lines])
    return [
        Judged(
            surprisals=line.bits,
            entropies=line.entropies,
            characters=len(line.completion),
            accepted=line.accepted,
            kept=len(line.completion) * line.accepted,
            group=(several and line.person) or number,
            line=line.prefix.rpartition("\n")[2],
            recent=before[number],
        )
        for number, line in enumerate(lines)
    ]


def of_decisions(decisions: Sequence[Decision]) -> list[Judged]:
    """Return the decisions of one person, from the log, grouped by day (see `grouped`)."""
    _, groups = grouped(decisions)
    before = show_score.recent([decision.right for decision in decisions], [0] * len(decisions))
    return [
        Judged(
            surprisals=tuple(token.surprisal for token in decision.tokens),
            entropies=tuple(token.entropy for token in decision.tokens),
            characters=decision.characters,
            accepted=decision.right,
            kept=decision.kept,
            group=group,
            line=decision.line,
            behind=decision.behind,
            recent=recently,
        )
        for decision, group, recently in zip(decisions, groups, before, strict=True)
    ]


def scores(judged: Sequence[Judged], calibration: Calibration, confidence: float, seed: int = 0) -> Scores:
    """Return all figures, with intervals over groups; `confidence` is that of the expected gain.

    Raises EmpowerError unless some were accepted and some were not.
    """
    accepted = np.array([completion.accepted for completion in judged], dtype=np.bool_)
    if not accepted.any() or accepted.all():
        raise EmpowerError(
            f"There are {int(accepted.sum())} accepted completions and {int((~accepted).sum())} others: "
            "both kinds are needed."
        )
    groups = [completion.group for completion in judged]
    kept = np.array([completion.kept for completion in judged])
    p = probabilities(calibration, [sum(completion.surprisals) for completion in judged])

    def of(what: NDArray[Any], among: NDArray[Any]) -> Interval:
        return share(what * among, among, groups, seed=seed)

    def ranked(score: Vector, against: Vector | None = None) -> Interval:
        def figure(some: NDArray[np.intp]) -> float:
            other = auc(against[some], accepted[some]) if against is not None else 0.0
            return auc(score[some], accepted[some]) - other

        return clustered(figure, groups, seed=seed)

    rankings = _rankings(judged, p, confidence)
    features = np.array([completion.evidence.features() for completion in judged])
    shown = show_score.cross_validated(features, accepted, groups)
    minus: dict[str, Interval] = {}
    if shown is not None:
        better = {name: score if auc(score, accepted) >= CHANCE else -score for name, score in rankings.items()}
        minus = {name: ranked(shown, score) for name, score in better.items()}
        rankings = {SHOW_SCORE: shown, **rankings}
    return Scores(
        completions=len(judged),
        accepted=of(accepted, np.ones_like(p)),
        groups=len(set(groups)),
        auc={name: ranked(score) for name, score in rankings.items()},
        show_score_minus=minus,
        error=calibration_error(reliability(p, accepted)),
        acceptance=tuple(_acceptance(p, accepted, edges, of) for edges in pairwise(EDGES)),
        hidden=tuple(_hidden(p, accepted, kept, at, of) for at in CONFIDENCES),
    )


def auc(score: Vector, accepted: Right) -> float:
    """Return the share of pairs of an accepted and a rejected completion whose accepted one has the higher score.

    A tie counts one half (Mann and Whitney, 1947). NaN without such pairs.
    """
    _, number, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[number]
    yes = int(accepted.sum())
    no = accepted.size - yes
    return float((ranks[accepted].sum() - yes * (yes + 1) / 2) / (yes * no)) if yes and no else math.nan


def _rankings(judged: Sequence[Judged], p: Vector, confidence: float) -> dict[str, Vector]:
    """Return what a completion could be shown or hidden by: the higher, the rather shown."""
    lengths = np.array([completion.characters for completion in judged], dtype=np.float64)
    rankings = {
        "mean surprisal": np.array([-sum(completion.surprisals) / len(completion.surprisals) for completion in judged]),
        "cumulative surprisal, or calibrated probability": np.array(
            [-sum(completion.surprisals) for completion in judged]
        ),
    }
    if all(completion.entropies for completion in judged):
        rankings["mean entropy"] = np.array(
            [-sum(completion.entropies) / len(completion.entropies) for completion in judged]
        )
        rankings["highest entropy"] = np.array([-max(completion.entropies) for completion in judged])
    rankings[f"expected gain at confidence {confidence:g}"] = (p - confidence) * lengths
    rankings["shortness"] = -lengths
    return rankings


def _acceptance(p: Vector, accepted: Right, edges: tuple[float, float], of: Share) -> Acceptance:
    low, high = edges
    among = (p >= low) & ((p < high) | (high == EDGES[-1]))
    predicted = float(p[among].mean()) if among.any() else math.nan
    return Acceptance(low, high, int(among.sum()), predicted, of(accepted, among))


def _hidden(p: Vector, accepted: Right, kept: Vector, confidence: float, of: Share) -> Hidden:
    shown = p >= confidence
    return Hidden(
        confidence=confidence,
        shown=float(shown.mean()),
        accepted=of(accepted, shown),
        accepted_lost=of(~shown, accepted),
        kept_lost=of(~shown, kept),
    )
