"""The memory of a workspace on a corpus: weights fitted at cursors of some packages, judged at cursors of others.

At each cursor the memory holds the lines above and below it as the current file, and the other files of its package as
the project; files of the same name are left out, since a package often holds the same file twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter
from empower_model.engine import Engine
from empower_model.fitting import Observations, Witness, mixture_fitting, still_to_type
from empower_model.memory import RememberingEngine, Scope, Weights
from empower_model.prompt import Layout
from empower_training.corpus import Document
from empower_training.replay import cursors
from empower_training.replay.cursors import Cursor, JudgedSpan, RuleScore
from empower_training.replay.projects import projects

KINDS: dict[str, frozenset[Scope]] = {
    "none": frozenset(),
    "file": frozenset({Scope.FILE}),
    "project": frozenset({Scope.PROJECT}),
    "both": frozenset({Scope.FILE, Scope.PROJECT}),
}
"""What the memory may hold, for comparison."""


Track = Callable[[str, Sequence[Cursor]], Iterable[Cursor]]
"""Passes on the cursors it is handed under a heading, and may show how far they are."""


def _untracked(_: str, places: Sequence[Cursor]) -> Iterable[Cursor]:
    return places


@dataclass(frozen=True, slots=True)
class Reading:
    """The probabilities that the text after some cursors was given, as observed; one entry a token in each."""

    observed: Observations
    packages: tuple[str, ...]
    characters: tuple[int, ...]

    def rates(self, probabilities: NDArray[np.float64]) -> dict[str, float]:
        """Return the bits a character of each package, and of all under `all`."""
        bits, names, lengths = -np.log2(probabilities), np.array(self.packages), np.array(self.characters)
        rows = {"all": np.ones(len(bits), np.bool_), **{name: names == name for name in sorted(set(self.packages))}}
        return {name: float(bits[row].sum() / lengths[row].sum()) for name, row in rows.items()}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The worth of each kind of memory, by name of the kind."""

    rates: dict[str, dict[str, float]]
    """Bits a character of each package, and of all under `all`."""
    scores: dict[str, list[RuleScore]]
    """Every rule's score."""


def grouped(places: Iterable[Cursor]) -> list[Cursor]:
    """Return the cursors by package, so that each package is indexed once."""
    return sorted(places, key=lambda cursor: cursor.package)


def read(engine: Engine, documents: Sequence[Document], places: Iterable[Cursor]) -> Reading:
    """Return what model and memory think of the text after each cursor in `documents`, up to what stands below already.

    Cursors in one package are to follow each other (`grouped`), as for `write`.
    """
    layout, witness, project = Layout(engine), Witness(), projects(documents, engine.tokenize)
    packages: list[str] = []
    characters: list[int] = []
    for cursor in places:
        with project(cursor.package).at(cursor.path, cursor.prefix, cursor.suffix, KINDS["both"]) as memory:
            noted = witness.read(engine, layout, memory, (cursor.prefix, cursor.suffix), ahead(cursor))
        packages += [cursor.package] * len(noted)
        characters += noted
    return Reading(witness.observations(), tuple(packages), tuple(characters))


def ahead(cursor: Cursor) -> str:
    """Return what is still to be typed at a cursor."""
    return still_to_type(cursor.truth, cursor.suffix)


def write(
    engine: Engine, documents: Sequence[Document], places: Iterable[Cursor], weights: Mapping[str, Weights]
) -> dict[str, list[JudgedSpan]]:
    """Return what is written at each cursor with each kind of memory, as `cursors.spans` does without one."""
    project = projects(documents, engine.tokenize)
    written: dict[str, list[JudgedSpan]] = {kind: [] for kind in weights}
    for cursor in places:
        for kind, own in weights.items():
            with project(cursor.package).at(cursor.path, cursor.prefix, cursor.suffix, KINDS[kind]) as memory:
                mixed = RememberingEngine(engine, memory, own) if KINDS[kind] else engine
                written[kind] += cursors.spans(LocalCompleter(mixed, own.calibration), [cursor])
    return written


def fit(
    engine: Engine, documents: Sequence[Document], count: int, seed: int, track: Track = _untracked
) -> dict[str, Weights]:
    """Return weights for each kind of memory from `count` cursors of some documents, each with its calibration.

    `none` has the calibration of the model alone, and weights that are of no use. Raises ValueError when there is too
    little to fit.
    """
    places = grouped(cursors.cursors(documents, count, seed))
    observed = read(engine, documents, track("reading", places)).observed
    weights = {
        kind: Weights(mixture_fitting.fit(observed.only(scopes)), Calibration()) for kind, scopes in KINDS.items()
    }
    written = write(engine, documents, track("fitting", places), weights)
    return {kind: Weights(own.coefficients, cursors.calibrate(written[kind])) for kind, own in weights.items()}


def judge(
    engine: Engine,
    documents: Sequence[Document],
    fitted: Mapping[str, Weights],
    count: int,
    seed: int,
    track: Track = _untracked,
) -> Comparison:
    """Return what each kind of memory is worth at `count` cursors of documents it was not fitted on."""
    places = grouped(cursors.cursors(documents, count, seed))
    reading = read(engine, documents, track("reading", places))
    written = write(engine, documents, track("judging", places), fitted)
    rates, scores = {}, {}
    for kind, own in fitted.items():
        observed = reading.observed.only(KINDS[kind])
        rates[kind] = reading.rates(mixture_fitting.probabilities(observed, own.coefficients))
        rules = cursors.rules(own.calibration)
        scores[kind] = [cursors.score(name, rule, written[kind]) for name, rule in rules.items()]
    return Comparison(rates, scores)
