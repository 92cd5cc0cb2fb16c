"""Fitting the mixture to text that is known: what the model and each order of the memory thought of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, takewhile
from operator import gt

import numpy as np
from numpy.typing import NDArray

from empower_model.engine import IMPOSSIBLE, Engine, LogProbs
from empower_model.memory import FEATURES, ORDERS, Coefficients, Continuations, Memory, Scope, Weights, mixture
from empower_model.prompt import ROLLBACK, Layout

MOST_TOKENS = 64
"""Of the text after a cursor so many are read."""
DOUBT = -2.0
"""Log-odds of the share of an order of which nothing is known."""
STRENGTH = 1.0
"""Weight of the prior: as many nats against moving a coefficient by the square root of two."""
FEW = 20
"""Observations under which an order's coefficients are taken from the order or scope next to it."""
HALVINGS = 20
"""After so many a step is too short to matter."""
CAUTION = 1.0
"""Log-odds by which a model that was not fitted is to trust the memory less than the bundled one. Of the bundled model
tuned on the very text until it took 0.78, then 0.58 bits a character, for 0.94, the memory took off 0.041 and 0.007
with it, 0.032 and -0.012 without; the bundled one itself lost nothing (0.8517 for 0.8519)."""

_CELLS = ORDERS * len(Scope)


@dataclass(frozen=True, slots=True)
class Observations:
    """Tokens of known text, and what was thought of each beforehand; n is their number."""

    model: NDArray[np.float64]
    """Shape (n,): the model's probability of the token."""
    features: NDArray[np.float64]
    """Shape (n, ORDERS * scopes, FEATURES), as `mixture.orders` lays them out."""
    seen: NDArray[np.bool_]
    """Shape (n, ORDERS * scopes): whether the context had occurred."""
    share: NDArray[np.float64]
    """Shape (n, ORDERS * scopes): the share of its occurrences after which the token came."""

    def only(self, scopes: Iterable[Scope]) -> Observations:
        """Return the observations as if the memory had no other scopes."""
        wanted = np.isin(np.arange(_CELLS) % len(Scope), [int(scope) for scope in scopes])
        return Observations(self.model, self.features, self.seen & wanted, self.share)

    def part(self, rows: NDArray[np.bool_]) -> Observations:
        """Return some of the observations: `rows`, shape (n,), says which."""
        return Observations(self.model[rows], self.features[rows], self.seen[rows], self.share[rows])


@dataclass
class Witness:
    """Notes what model and memory think of given text, token by token, while an engine is made to write it."""

    rows: list[tuple[float, NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]] = field(default_factory=list)

    def read(self, engine: Engine, layout: Layout, memory: Memory, around: tuple[str, str], ahead: str) -> list[int]:
        """Note how probable model and memory find each token of `ahead`, the known text between the two texts `around`.

        The prompt is the server's. Where healing takes back the token before the cursor, it has to be written again:
        between `retu` and a line end, with `rn x` ahead, the prompt ends before `retu`, and tokens of `return x` are
        written. Those that begin within `retu` are forced on model and memory alike, and are not noted.
        Returns the characters of each token that is noted. Raises EngineError.
        """
        pieces = engine.vocabulary.pieces
        prompt = layout.prompt(*around, MOST_TOKENS + ROLLBACK)
        truth = engine.tokenize(prompt.forced.decode(errors="ignore") + ahead)[:MOST_TOKENS]
        ends = accumulate((len(pieces[token]) for token in truth), initial=0)
        skip = sum(1 for _ in takewhile(partial(gt, len(prompt.forced)), ends))
        noted = self.follow(engine, memory, prompt.tokens, truth, skip)
        return [len(pieces[token].decode(errors="ignore")) for token in truth[skip : skip + noted]]

    def follow(self, engine: Engine, memory: Memory, prompt: Sequence[int], truth: Sequence[int], skip: int = 0) -> int:
        """Have `truth` written after `prompt`, and note its tokens but for the first `skip`; returns how many.

        The engine must consult transforms. Raises EngineError.
        """
        before = mixture.context(prompt, engine.vocabulary.fim)

        def note(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
            token = truth[len(ids)]
            if len(ids) >= skip:
                self._note(memory.continuations([*before, *ids[-ORDERS:]]), token, log_probs)
            forced = np.full_like(log_probs, IMPOSSIBLE)
            forced[token] = 0
            return forced

        noted = len(self.rows)
        engine.prefill(prompt)
        for _ in zip(range(len(truth)), engine.decode([note]), strict=False):
            pass
        return len(self.rows) - noted

    def _note(self, there: Continuations | None, token: int, log_probs: LogProbs) -> None:
        model = float(np.exp(log_probs[token]))
        if there is None:
            self.rows.append((model, np.zeros((_CELLS, FEATURES)), np.zeros(_CELLS, np.bool_), np.zeros(_CELLS)))
            return
        those = mixture.orders(there.counts, np.exp(log_probs[there.tokens]))
        hits = there.counts[:, :, there.tokens == token].sum(axis=2).ravel()
        share = (hits / np.maximum(those.totals, 1)).astype(np.float64)
        self.rows.append((model, those.features, those.totals > 0, share))

    def observations(self) -> Observations:
        """Return all that was noted."""
        model, features, seen, share = zip(*self.rows, strict=True)
        return Observations(np.array(model), np.array(features), np.array(seen), np.array(share))


def probabilities(those: Observations, coefficients: Coefficients) -> NDArray[np.float64]:
    """Return the mixture's probability of each observed token, shape (n,)."""
    parts, model = mixture.shares(mixture.trust(those.features, coefficients) * those.seen)
    mixed: NDArray[np.float64] = model * those.model + (parts * those.share).sum(axis=1)
    return mixed


def cautious(weights: Weights) -> Weights:
    """Return weights that trust every order less, for models of which nothing is known.

    The calibration is kept: on texts written so by the models above, its error was lower (0.025, 0.043, 0.048) than
    that of the plain one (0.040, 0.056, 0.064).
    """
    coefficients = weights.coefficients.copy()
    coefficients[:, :, 0] -= CAUTION
    return Weights(coefficients, weights.calibration)


def fit(those: Observations, start: Coefficients | None = None, rounds: int = 25) -> Coefficients:
    """Return the coefficients under which the observed text is most likely, drawn a little towards `start`.

    Expectation maximisation: which distribution a token came from is unknown; given a guess at it, each order's share
    is a logistic regression of "it stopped here" among the tokens that came this far, improved by one Newton step a
    round. With `start` the coefficients of another model or workspace, a few thousand tokens are enough.
    """
    theta = np.zeros((_CELLS, FEATURES)) if start is None else start.reshape(_CELLS, FEATURES).copy()
    if start is None:
        theta[:, 0] = DOUBT
    prior = theta.copy()
    enough = those.seen.sum(axis=0) >= FEW
    for _ in range(rounds):
        parts, _model = mixture.shares(mixture.trust(those.features, theta) * those.seen)
        stopped = parts * those.share / probabilities(those, theta).clip(1e-300)[:, None]
        came = 1 - np.cumsum(stopped[:, ::-1], axis=1)[:, ::-1] + stopped
        for cell in np.flatnonzero(enough):
            rows = those.seen[:, cell]
            x = those.features[rows, cell]
            theta[cell] = _improved(x, stopped[rows, cell], came[rows, cell], theta[cell], prior[cell])
    if start is None:
        _fill(theta.reshape(mixture.SHAPE), enough.reshape(mixture.SHAPE[:2]))
    return theta.reshape(mixture.SHAPE)


def _improved(
    x: NDArray[np.float64],
    stopped: NDArray[np.float64],
    came: NDArray[np.float64],
    theta: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the coefficients after a step of logistic regression: rows came `came`, positive `stopped` times.

    Newton's step, halved until it is no step back.
    """

    def likelihood(at: NDArray[np.float64]) -> float:
        odds = x @ at
        fit = stopped @ odds - came @ np.logaddexp(0, odds)
        return float(fit - STRENGTH / 2 * ((at - prior) ** 2).sum())

    p = np.exp(-np.logaddexp(0, -(x @ theta)))
    gradient = x.T @ (stopped - came * p) - STRENGTH * (theta - prior)
    curvature = (x.T * (came * p * (1 - p))) @ x + STRENGTH * np.eye(len(theta))
    step = np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)
    least = likelihood(theta)
    for _ in range(HALVINGS):
        if likelihood(theta + step) >= least:
            return theta + step
        step = step / 2
    return theta


def _fill(theta: Coefficients, enough: NDArray[np.bool_]) -> None:
    """Fill in where there was too little to fit: the next shorter order, for a scope without any the scope below."""
    for scope in Scope:
        known = enough[:, scope]
        if not known.any() and scope > 0:
            theta[:, scope] = theta[:, scope - 1]
        for order in range(1, ORDERS):
            if known.any() and not known[order]:
                theta[order, scope] = theta[order - 1, scope]
