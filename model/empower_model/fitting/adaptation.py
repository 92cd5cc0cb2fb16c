"""Adapts the memory's weights to one model and one project: fitted at places in its files, judged by cross-validation.

At each place the memory holds the other files. First text that is known is read, to fit the weights near those in use;
then text is written with the new weights at other places, to fit the calibration again: other weights, other bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter
from empower_model.engine import Engine
from empower_model.errors import EmpowerError
from empower_model.fitting import mixture_fitting
from empower_model.fitting.bootstrap import Interval, clustered, held_out, share
from empower_model.fitting.fitting import (
    GREEDY,
    MOST_BITS,
    Vector,
    calibration_error,
    fit_near,
    log_losses,
    probabilities,
    reliability,
)
from empower_model.fitting.mixture_fitting import Observations, Witness
from empower_model.fitting.typing_places import Place, places, still_to_type
from empower_model.memory import Project, RememberingEngine, Weights
from empower_model.prompt import Layout
from empower_model.request import Completion, Request

LEAST_FILES = 5
"""Files with something in them: fewer cannot stand for those to come."""
LEAST_TOKENS = 500
"""Under so many, noise is fitted."""
MOST_PLACES = 300
"""More do not make the weights better by what they cost."""
READING = 0.6
"""Share of the time for reading; the rest is for writing."""
PRIOR_SPANS = 20
"""Written texts that the calibration in use counts for, as in `recalibration.PRIOR`."""


class TooLittleText(EmpowerError):
    """A project is too small, or the model too slow, to fit anything."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A calibration fitted with the new weights, beside the one in use."""

    fitted: Calibration
    spans: int
    """Texts that were written to fit it."""
    loss: tuple[float, float]
    """Bits a beginning of a text: of the one in use, and cross-validated of the fitted one."""
    error: tuple[float, float]
    """Expected calibration error, likewise."""
    error_change: Interval


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Weights fitted to a project, beside those in use."""

    weights: Weights
    """With the better one of both calibrations."""
    places: int
    files: int
    """Those that places were in."""
    tokens: int
    """That were read."""
    rates: tuple[float, float, float]
    """Bits a character: of the model alone, with the weights in use, and cross-validated with the fitted ones."""
    change: Interval
    """Of bits a character, from the weights in use to the fitted ones; whole files are resampled."""
    curve: Curve | None
    """None where the time was up before enough was written."""

    @property
    def better(self) -> bool:
        """Tell whether files that a fit has not seen take fewer bits with it, beyond doubt."""
        return self.change.high < 0


@dataclass(frozen=True, slots=True)
class _Read:
    """The probabilities that text at some places was given, as observed; n tokens."""

    observed: Observations
    files: tuple[str, ...]
    """Of each token, as are its characters."""
    characters: NDArray[np.float64]
    places: int


def adapted(
    engine: Engine,
    files: Mapping[str, str],
    start: Weights,
    seconds: float,
    *,
    seed: int = 0,
    now: Callable[[], float] = time.monotonic,
) -> Adaptation:
    """Return weights for a model in a project whose `files` say this, near those in use, within about so many seconds.

    Raises TooLittleText and EngineError.
    """
    began = now()
    project, where = Project(files, engine.tokenize), places(files, seed)
    read = _reading(engine, project, where, lambda: now() - began < READING * seconds)
    fitted = mixture_fitting.fit(read.observed, start.coefficients)
    before = -np.log2(mixture_fitting.probabilities(read.observed, start.coefficients))
    after = _cross_validated(read, start)
    characters = read.characters.sum()
    rates = tuple(float(bits.sum() / characters) for bits in (-np.log2(read.observed.model), before, after))
    weights = Weights(fitted, start.calibration)
    curve = _curve(engine, project, where, weights, lambda: now() - began < seconds)
    if curve is not None and curve.loss[1] <= curve.loss[0]:
        weights = Weights(fitted, curve.fitted)
    return Adaptation(
        weights=weights,
        places=read.places,
        files=len(set(read.files)),
        tokens=len(before),
        rates=(rates[0], rates[1], rates[2]),
        change=share(after - before, read.characters, read.files),
        curve=curve,
    )


def _reading(engine: Engine, project: Project, where: Iterator[Place], going_on: Callable[[], bool]) -> _Read:
    layout, witness = Layout(engine), Witness()
    files: list[str] = []
    characters: list[int] = []
    count = 0
    for place in where:
        with project.at(place.name, place.prefix, place.suffix) as memory:
            ahead = still_to_type(place.truth, place.suffix)
            noted = witness.read(engine, layout, memory, (place.prefix, place.suffix), ahead)
        files += [place.name] * len(noted)
        characters += noted
        count += 1
        if count == MOST_PLACES or not going_on():
            break
    there = f"In the time there was, {len(files)} tokens in {len(set(files))} files were read"
    if len(files) < LEAST_TOKENS or len(set(files)) < LEAST_FILES:
        raise TooLittleText(
            f"{there}; weights of the memory need {LEAST_TOKENS} in {LEAST_FILES}: name a larger folder, or give more "
            "--seconds."
        )
    return _Read(witness.observations(), tuple(files), np.array(characters, dtype=np.float64), count)


def _cross_validated(read: _Read, start: Weights) -> Vector:
    """Return the bits of each token under a fit to other files."""
    bits = np.empty(len(read.files))
    for out in held_out(read.files):
        held = mixture_fitting.fit(read.observed.part(~out), start.coefficients)
        bits[out] = -np.log2(mixture_fitting.probabilities(read.observed.part(out), held))
    return bits


def _curve(
    engine: Engine, project: Project, where: Iterator[Place], weights: Weights, going_on: Callable[[], bool]
) -> Curve | None:
    files: list[str] = []
    pairs: list[tuple[float, bool]] = []
    spans = 0
    while going_on() and spans < MOST_PLACES and (place := next(where, None)) is not None:
        with project.at(place.name, place.prefix, place.suffix) as memory:
            completer = LocalCompleter(RememberingEngine(engine, memory, weights), weights.calibration)
            of_place = beginnings(completer.complete(Request(place.prefix, place.suffix, GREEDY)), place.truth)
        spans += bool(of_place)
        pairs += of_place
        files += [place.name] * len(of_place)
    bits, right = np.array([total for total, _ in pairs]), np.array([said for _, said in pairs], dtype=np.bool_)
    if spans < PRIOR_SPANS or len(set(files)) < LEAST_FILES:
        return None
    return _fitted_curve(bits, right, files, weights.calibration, spans)


def beginnings(written: Completion, truth: str) -> list[tuple[float, bool]]:
    """Return of each beginning of what was written its bits, and whether the file says just that."""
    pieces = [token.piece for token in written.tokens]
    texts = [b"".join(pieces[: i + 1]).decode(errors="ignore") for i in range(len(pieces))]
    bits = accumulate(token.surprisal for token in written.tokens)
    return [
        (total, truth.startswith(text)) for total, text in zip(bits, texts, strict=True) if text and total <= MOST_BITS
    ]


def _fitted_curve(
    bits: Vector, right: NDArray[np.bool_], files: Sequence[str], own: Calibration, spans: int
) -> Curve | None:
    """Return the calibration of beginnings, which of one text are alike, so that the prior counts whole texts."""
    prior = PRIOR_SPANS * len(bits) / spans
    before, after = probabilities(own, bits), np.empty_like(bits)
    try:
        fitted = fit_near(own, prior, bits, right)
        for out in held_out(files):
            after[out] = probabilities(fit_near(own, prior, bits[~out], right[~out]), bits[out])
    except ValueError:  # texts of more bits were right more often: too few, by chance
        return None

    def error(predicted: Vector, some: NDArray[np.intp]) -> float:
        return calibration_error(reliability(predicted[some], right[some]))

    every = np.arange(len(bits))
    losses = tuple(float(log_losses(predicted, right).mean()) for predicted in (before, after))
    return Curve(
        fitted,
        spans,
        (losses[0], losses[1]),
        (error(before, every), error(after, every)),
        clustered(lambda some: error(after, some) - error(before, some), files),
    )
