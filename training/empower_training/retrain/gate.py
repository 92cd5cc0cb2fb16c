"""The gate: a new model types later work beside the one in use, and only what costs less effort is promoted."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from empower_model.calibration import Calibration
from empower_model.completing import assemble
from empower_model.engine import EngineConfig
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.llama_file import physical_cores
from empower_model.errors import EmpowerError
from empower_model.files import Model
from empower_model.fitting import SHARE, Interval
from empower_model.memory import Project, WeightedMemory, Weights, fitted_memory, memory_in_use
from empower_model.request import Limits
from empower_training.corpus import Document
from empower_training.labels import Text
from empower_training.replay import (
    EFFORT,
    KEPT,
    Careful,
    Tally,
    Work,
    cursors,
    difference,
    luck,
    replay,
    total,
    works,
)

PER_TEXT = 4
CHARACTERS, IN_ALL = 800, 16_000
"""Most characters typed of a text, and about how many of all: a key takes some ten milliseconds of each model."""
FEWEST = 100
"""Characters typed of a text at least: of many texts some are chosen."""
FITTED = 4_000
"""Characters typed to choose between two calibrations."""
CHANCE = (1 - SHARE) / 2
"""A model that is no better passes this often at most."""
LEAST_FILES = 6
"""With five, chance alone makes all of them better in one case of 32."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The worth of two models on the same work, typed by the same person."""

    before: Tally
    after: Tally
    effort: Interval
    """Net effort after minus before, with its paired interval: below 0 helps."""
    kept: Interval
    """The same of the share of kept characters."""
    luck: float
    """How probably the effort would fall so far if neither were better, as an interval of few files does not tell."""

    @property
    def passed(self) -> bool:
        """Tell whether the effort has fallen beyond doubt."""
        return self.effort.high < 0 and self.luck <= CHANCE

    @property
    def reason(self) -> str:
        """Say why it did not pass, as a sentence; empty if it did."""
        if self.passed:
            return ""
        worse = "rose" if self.effort.estimate >= 0 else "fell, but not beyond doubt"
        return (
            f"Net effort {worse}: {self.effort.estimate:+.3f}, between {self.effort.low:+.3f} and "
            f"{self.effort.high:+.3f} with 95 % confidence, and with {self.luck:.0%} probability by chance."
        )


@dataclass(frozen=True, slots=True)
class Known:
    """The texts and weights of the memory beside a model."""

    texts: tuple[Text, ...]
    """Of the project; a work has those of other names."""
    weights: Weights


def later_works(texts: Sequence[Text], seed: int = 0) -> list[Work]:
    """Return the works that are typed to judge: bodies of the texts. Raises EmpowerError when there are too few."""
    chosen = _bodies(texts, seed, IN_ALL)
    files = {work.source for work in chosen}
    if len(files) < LEAST_FILES:
        raise EmpowerError(
            f"There are {len(files)} files of later work to judge a new model on, and {LEAST_FILES} are needed: "
            "come back when more is written, or give more code with --from."
        )
    return chosen


def _bodies(texts: Sequence[Text], seed: int, in_all: int) -> list[Work]:
    if len(texts) > in_all // FEWEST:  # each body has a line at least
        texts = random.Random(seed).sample(texts, in_all // FEWEST)
    most = min(CHARACTERS, in_all // max(1, len(texts)))
    return works([(text.name, text.text) for text in texts], seed=seed, per_text=PER_TEXT, characters=most)


def _project(texts: Sequence[Text]) -> dict[str, str]:
    """Return the files of a memory: the log has several texts of one that was seen at places far apart."""
    files: dict[str, str] = {}
    for text in texts:
        files[text.name] = "\n".join((files[text.name], text.text)) if text.name in files else text.text
    return files


def typed(model: Model, chosen: Sequence[Work], threads: int = 0, known: Known | None = None) -> list[Tally]:
    """Have a careful person type the works with this model, and a memory if one is given; return the tallies.

    Raises ModelError and EngineError.
    """
    engine = LlamaEngine(EngineConfig(model.path, threads, adapter=model.adapter))
    try:
        if known is None:
            return replay(assemble(engine, model.calibration), Limits(), chosen, Careful())
        project = Project(_project(known.texts), engine.tokenize)
        remembered = WeightedMemory(project.memory, known.weights)
        completer = assemble(engine, known.weights.calibration, remembered)
        tallies: list[Tally] = []
        for work in chosen:
            project.open(work.source)
            tallies += replay(completer, Limits(), [work], Careful())
        return tallies
    finally:
        engine.close()


def judge(
    current: Model, candidate: Model, chosen: Sequence[Work], seed: int = 0, *, project: Sequence[Text] = ()
) -> Judgement:
    """Judge both models on the same works, each in a process of its own.

    With a `project`, as they are used: with a memory of these texts, of which none may be one that is typed. The
    candidate has the weights and the calibration that it would have once promoted. Raises ModelError and EngineError.
    """
    threads = max(1, physical_cores() // 2)
    known: tuple[Known | None, ...] = (None, None)
    if project:
        known = Known(tuple(project), memory_in_use(current)), Known(tuple(project), fitted_memory(candidate))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        before, after = pool.map(typed, (current, candidate), (chosen, chosen), (threads, threads), known)
    return Judgement(
        total(before, "before"),
        total(after, "after"),
        difference(after, before, EFFORT, seed=seed),
        difference(after, before, KEPT, seed=seed),
        luck(after, before, EFFORT, seed=seed),
    )


def calibrated(model: Model, texts: Sequence[Text], count: int, seed: int = 0) -> Calibration:
    """Return the calibration that a tuned model is to be read with, from texts that it was not trained on.

    One is fitted at random cursors; it is taken only if the texts cost less effort with it than with the one that the
    model came with, since few texts give a poor fit. Raises ModelError and EngineError.
    """
    if not texts:  # all that was written earlier is in one file, which is learned from
        return model.calibration
    documents = [Document("", text.name, text.text) for text in texts]
    chosen = _bodies(texts, seed, FITTED)
    engine = LlamaEngine(EngineConfig(model.path, adapter=model.adapter))
    try:
        completer = assemble(engine, model.calibration)
        fitted = cursors.calibrate(list(cursors.spans(completer, cursors.cursors(documents, count, seed))))
        efforts = [
            sum(tally.cost for tally in replay(assemble(engine, calibration), Limits(), chosen, Careful()))
            for calibration in (model.calibration, fitted)
        ]
    except ValueError:  # no finite fit
        return model.calibration
    finally:
        engine.close()
    return fitted if efforts[1] < efforts[0] else model.calibration
