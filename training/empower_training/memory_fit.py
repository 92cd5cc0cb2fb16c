"""The memory of a workspace on a corpus: weights fitted at cursors of some packages, judged at cursors of others.

At each cursor the memory holds the lines above and below it as the current file, and the other files of its package as
the project; files of the same name are left out, since a package often holds the same file twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate, takewhile
from operator import gt
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from empower_model import mixture_fitting
from empower_model.calibration import Calibration
from empower_model.completer import LocalCompleter
from empower_model.engine import Engine
from empower_model.memory import Level, Memory, blocks
from empower_model.memory_engine import RememberingEngine, around
from empower_model.memory_segment import Tokens
from empower_model.mixture import Weights
from empower_model.mixture_fitting import Observations, Witness
from empower_model.prompt import ROLLBACK, Layout
from empower_training import cursors
from empower_training.corpus import Document
from empower_training.cursors import Cursor, Score, Span

CHARACTERS = 260
"""Most characters that are read on from a cursor."""
MOST_TOKENS = 64

KINDS: dict[str, frozenset[Level]] = {
    "none": frozenset(),
    "file": frozenset({Level.FILE}),
    "project": frozenset({Level.PROJECT}),
    "both": frozenset({Level.FILE, Level.PROJECT}),
}
"""What the memory may hold, for comparison."""


Track = Callable[[str, Sequence[Cursor]], Iterable[Cursor]]
"""Passes on the cursors it is handed under a heading, and may show how far they are."""


def _untracked(_: str, places: Sequence[Cursor]) -> Iterable[Cursor]:
    return places


@dataclass(frozen=True, slots=True)
class Reading:
    """What was thought of the text after some cursors; one entry a token in each."""

    observed: Observations
    packages: tuple[str, ...]
    characters: tuple[int, ...]

    def rates(self, probabilities: NDArray[np.float64]) -> dict[str, float]:
        """Bits a character of each package, and of all under `all`."""
        bits, names, lengths = -np.log2(probabilities), np.array(self.packages), np.array(self.characters)
        rows = {"all": np.ones(len(bits), np.bool_), **{name: names == name for name in sorted(set(self.packages))}}
        return {name: float(bits[row].sum() / lengths[row].sum()) for name, row in rows.items()}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What kinds of memory are worth, by name of the kind."""

    rates: dict[str, dict[str, float]]
    """Bits a character, of each package and of all."""
    scores: dict[str, list[Score]]
    """Every rule's score."""


class Workspaces:
    """The packages of some documents, each as the memory of whoever writes one of its files."""

    def __init__(self, documents: Sequence[Document], engine: Engine) -> None:
        """Tokenises everything."""
        self._tokenize = lru_cache(maxsize=4096)(lambda text: tuple(engine.tokenize(text)))
        self._tokens = {(d.package, d.path): blocks(d.text, engine.tokenize) for d in documents}
        self._paths = {(d.package, d.text): d.path for d in documents}
        self._package = ""
        self._full, self._bare = Memory(), Memory()

    @contextmanager
    def at(self, cursor: Cursor, levels: Collection[Level]) -> Iterator[Memory]:
        """The memory at a cursor of these documents; only until the next one is asked for."""
        memory, same = self._bare, dict[str, Tokens]()
        if Level.PROJECT in levels:
            memory, same = self._of(cursor.package), self._namesakes(cursor)
            memory.update_all(dict.fromkeys(same))
        there = around(cursor.prefix, cursor.suffix) if Level.FILE in levels else {}
        memory.update_all({name: blocks(text, self._tokenize) for name, text in there.items()}, Level.FILE)
        yield memory
        memory.update_all({**same, **dict.fromkeys(there)})

    def _of(self, package: str) -> Memory:
        """The memory of a whole package; only the last one is kept."""
        if package != self._package:
            self._package, self._full = package, Memory()
            self._full.update_all({path: tokens for (owner, path), tokens in self._tokens.items() if owner == package})
            self._full.settle()
        return self._full

    def _namesakes(self, cursor: Cursor) -> dict[str, Tokens]:
        name = PurePosixPath(self._paths[cursor.package, cursor.prefix + cursor.truth]).name
        return {
            path: tokens
            for (owner, path), tokens in self._tokens.items()
            if owner == cursor.package and PurePosixPath(path).name == name
        }


def grouped(places: Iterable[Cursor]) -> list[Cursor]:
    """Cursors by package, so that each package is indexed once."""
    return sorted(places, key=lambda cursor: cursor.package)


def read(engine: Engine, workspaces: Workspaces, places: Iterable[Cursor]) -> Reading:
    """What model and memory think of the text after each cursor, up to what stands below already.

    Laid out as the server would. Tokens that write again what healing took back are left out: there both are bound.
    """
    layout, pieces = Layout(engine), engine.vocabulary.pieces
    witness = Witness()
    packages: list[str] = []
    characters: list[int] = []
    for cursor in places:
        prompt = layout.prompt(cursor.prefix, cursor.suffix, MOST_TOKENS + ROLLBACK)
        truth = engine.tokenize(prompt.forced.decode(errors="ignore") + ahead(cursor))[:MOST_TOKENS]
        ends = accumulate((len(pieces[token]) for token in truth), initial=0)
        skip = sum(1 for _ in takewhile(partial(gt, len(prompt.forced)), ends))
        with workspaces.at(cursor, KINDS["both"]) as memory:
            noted = witness.follow(engine, memory, prompt.tokens, truth, skip)
        packages += [cursor.package] * noted
        characters += [len(pieces[token].decode(errors="ignore")) for token in truth[skip : skip + noted]]
    return Reading(witness.observations(), tuple(packages), tuple(characters))


def ahead(cursor: Cursor) -> str:
    """What is still to be typed at a cursor, at most CHARACTERS, in whole lines where there is one."""
    gap = len(cursor.truth) - max(0, len(cursor.suffix) - 1)
    text = cursor.truth[: min(gap, CHARACTERS)]
    return text[: text.rfind("\n") + 1] or text


def write(
    engine: Engine, workspaces: Workspaces, places: Iterable[Cursor], weights: Mapping[str, Weights]
) -> dict[str, list[Span]]:
    """What is written at each cursor with each kind of memory, as `cursors.spans` does without one."""
    written: dict[str, list[Span]] = {kind: [] for kind in weights}
    for cursor in places:
        for kind, own in weights.items():
            with workspaces.at(cursor, KINDS[kind]) as memory:
                mixed = RememberingEngine(engine, memory, own) if KINDS[kind] else engine
                written[kind] += cursors.spans(LocalCompleter(mixed, own.calibration), [cursor])
    return written


def fit(
    engine: Engine, documents: Sequence[Document], count: int, seed: int, track: Track = _untracked
) -> dict[str, Weights]:
    """Weights for each kind of memory from `count` cursors of some documents, each with its calibration.

    `none` has the calibration of the model alone, and weights that are of no use. Raises ValueError when there is too
    little to fit.
    """
    workspaces = Workspaces(documents, engine)
    places = grouped(cursors.cursors(documents, count, seed))
    observed = read(engine, workspaces, track("reading", places)).observed
    weights = {
        kind: Weights(mixture_fitting.fit(observed.only(levels)), Calibration()) for kind, levels in KINDS.items()
    }
    written = write(engine, workspaces, track("fitting", places), weights)
    return {kind: Weights(own.coefficients, cursors.calibrate(written[kind])) for kind, own in weights.items()}


def judge(
    engine: Engine,
    documents: Sequence[Document],
    fitted: Mapping[str, Weights],
    count: int,
    seed: int,
    track: Track = _untracked,
) -> Judgement:
    """What each kind of memory is worth at `count` cursors of documents it was not fitted on."""
    workspaces = Workspaces(documents, engine)
    places = grouped(cursors.cursors(documents, count, seed))
    reading = read(engine, workspaces, track("reading", places))
    written = write(engine, workspaces, track("judging", places), fitted)
    rates, scores = {}, {}
    for kind, own in fitted.items():
        observed = reading.observed.only(KINDS[kind])
        rates[kind] = reading.rates(mixture_fitting.probabilities(observed, own.coefficients))
        rules = cursors.rules(own.calibration)
        scores[kind] = [cursors.score(name, rule, written[kind]) for name, rule in rules.items()]
    return Judgement(rates, scores)
