"""The mixture with the memory, its arithmetic by hand, its place before healing, and its fit."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from empower_model.calibration import Calibration
from empower_model.engine.distribution import Distribution
from empower_model.engine.drafting import Drafts
from empower_model.engine.seam import FimTokens, StopFlag, Token, Transform, Vocabulary
from empower_model.errors import ModelError
from empower_model.files.memory_files import memory_sidecar
from empower_model.fitting import mixture_fitting
from empower_model.fitting.mixture_fitting import Observations, Witness
from empower_model.memory import mixture
from empower_model.memory.index import Memory, Scope
from empower_model.memory.mixture import FEATURES, SHAPE, Weights
from empower_model.memory.remembering import RememberingEngine
from empower_model.memory.segment import ORDERS
from empower_model.prompt.token_healing import healing

PIECES = (b"", b"a", b"b", b"c", b"d", b"ab")
END, A, B, C, D, AB = range(6)
CELLS = ORDERS * len(Scope)


def ids(*tokens: int) -> np.ndarray:
    return np.array(tokens, dtype=np.int32)


def uniform() -> np.ndarray:
    return np.full(6, -math.log(6), dtype=np.float32)


def trusting(share: float) -> Weights:
    """Every order takes this share of what is left."""
    coefficients = np.zeros(SHAPE)
    coefficients[:, :, 0] = math.log(share / (1 - share))
    return Weights(coefficients, Calibration())


@dataclass
class Uniform:
    """An engine whose every token is equally likely; it consults transforms."""

    stop: StopFlag = field(default_factory=StopFlag)
    context_size: int = 100
    prompts: list[list[int]] = field(default_factory=list)
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(PIECES, frozenset({END})))

    def tokenize(self, text: str) -> list[int]:
        return [PIECES.index(letter.encode()) for letter in text]

    def prefill(self, prompt: Sequence[int]) -> int:
        self.prompts.append(list(prompt))
        return len(prompt)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        return True

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        written: list[int] = []
        distribution = Distribution(6)
        while True:
            log_probs = uniform()
            for transform in transforms:
                log_probs = transform(written, log_probs)
            distribution.read(log_probs)
            best = distribution.best()
            yield Token(best, PIECES[best], distribution.surprisal(best), distribution.entropy)
            written.append(best)

    def close(self) -> None:
        pass


def test_each_order_takes_its_share_of_what_is_left() -> None:
    memory = Memory()
    memory.update("x", ids(A, B, C, A, D, B, D))
    step = mixture.transform(memory, [A, B], trusting(0.5), [END])
    p = np.exp(step([], uniform()))
    # order 2, after A B: C once; half. Order 1, after B: C and D once each; a quarter. The model: a quarter.
    # Of the five sixths that are not the end: the end stays as likely as the model has it.
    assert p == pytest.approx(
        [1 / 6, 1 / 24, 1 / 24, 1 / 24 + 5 / 6 * (1 / 2 + 1 / 8), 1 / 24 + 5 / 6 * 1 / 8, 1 / 24], rel=1e-5
    )
    assert p.sum() == pytest.approx(1)


def test_the_nearer_level_is_asked_first() -> None:
    memory = Memory()
    memory.update("x", ids(A, B))
    memory.update("y", ids(A, C), Scope.FILE)
    p = np.exp(mixture.transform(memory, [A], trusting(0.5))([], uniform()))
    assert p[C] == pytest.approx(1 / 2 + 1 / 24)
    assert p[B] == pytest.approx(1 / 4 + 1 / 24)


def test_the_context_goes_on_with_what_was_generated() -> None:
    memory = Memory()
    memory.update("x", ids(A, B, C, D))
    step = mixture.transform(memory, [A], trusting(0.9))
    assert [int(step(written, uniform()).argmax()) for written in ([], [B], [B, C])] == [B, C, D]


def test_where_the_memory_knows_nothing_the_model_is_left_alone() -> None:
    memory = Memory()
    memory.update("x", ids(A, B))
    untouched = uniform()
    assert mixture.transform(memory, [C], trusting(0.9))([], untouched) is untouched
    assert mixture.transform(memory, [], trusting(0.9))([], untouched) is untouched


def test_the_log_probabilities_handed_in_stay_as_they_are() -> None:
    memory = Memory()
    memory.update("x", ids(A, B))
    given = uniform()
    mixture.transform(memory, [A], trusting(0.9), [END])([], given)
    assert (given == uniform()).all()


def test_features_are_logarithms_of_counts_and_of_what_the_model_gives_the_followers() -> None:
    memory = Memory()
    memory.update("x", ids(A, B, A, B, A, C))
    continuations = memory.continuations([A])
    assert continuations is not None
    those = mixture.orders(continuations.counts, np.array([0.25, 0.5], dtype=np.float32))
    assert those.totals.tolist() == [3] + [0] * (CELLS - 1)
    assert those.features[0] == pytest.approx([1, math.log(3), math.log(2), math.log(0.75)])
    assert those.features[1] == pytest.approx([1, 0, 0, math.log(mixture.LEAST)])


def test_the_memory_alone_expects_what_it_adds_most_to() -> None:
    memory = Memory()
    memory.update("x", ids(A, B, C, A, D, B, D))
    continuations = memory.continuations([A, B])
    assert continuations is not None
    token, probability = mixture.likeliest(continuations, trusting(0.5).coefficients)
    assert token == C
    assert probability == pytest.approx(1 / 2 + 1 / 8)  # order 2, and half of order 1's quarter


def test_how_sure_the_memory_is_depends_on_what_the_model_is_taken_to_give_to_all_followers() -> None:
    memory = Memory()
    memory.update("x", ids(A, B, A, C))
    continuations = memory.continuations([A])
    assert continuations is not None
    coefficients = np.zeros(SHAPE)
    coefficients[:, :, 3] = 2.0  # odds of the square of that probability: 0.5 squared, to 1
    guess = mixture.likeliest(continuations, coefficients)
    assert guess is not None
    assert guess[0] == B
    assert guess[1] == pytest.approx(0.25 / 1.25 / 2)


def test_shares_sum_to_one() -> None:
    trusted = np.random.default_rng(0).random((20, CELLS))
    parts, model = mixture.shares(trusted)
    assert parts.sum(axis=1) + model == pytest.approx(1)
    parts, model = mixture.shares(np.array([0.5, 0.25]))
    assert (parts.tolist(), float(model)) == ([0.375, 0.25], 0.375)  # the last is asked first


def test_the_context_of_a_prompt_is_the_text_before_the_cursor() -> None:
    fim = FimTokens(prefix=100, suffix=101, middle=102)
    assert mixture.context([100, 1, 2, 3, 101, 50, 51, 102, 4, 5], fim) == [1, 2, 3, 4, 5]
    assert mixture.context([99, 100, *range(20), 101, 102, 4], fim) == [*range(13, 20), 4]
    assert mixture.context([100, 1, 101, 50, 102, *range(10, 30)], fim) == list(range(22, 30))
    assert mixture.context([100, 101, 102], fim) == []
    assert mixture.context([1, 2, 3], None) == [1, 2, 3]
    assert mixture.context(range(20), fim) == list(range(12, 20))


def test_an_engine_with_a_memory_writes_what_it_remembers_under_healing() -> None:
    memory = Memory()
    memory.update("x", ids(A, B, C, A, B, D))
    engine = RememberingEngine(Uniform(), memory, trusting(0.9))
    assert engine.prefill([D, C, A]) == 3
    free = [token.piece for token, _ in zip(engine.decode(), range(2), strict=False)]
    assert free == [b"b", b"d"]  # C A B was only ever followed by D
    token = next(iter(engine.decode([healing(b"c", engine.vocabulary)])))
    assert (token.piece, token.surprisal) == (b"c", 0.0)  # whatever the memory says
    engine.prefill([A])
    token = next(iter(engine.decode()))
    # the end keeps its sixth; of the rest the memory has nine tenths, all on b
    assert token.surprisal == pytest.approx(-math.log2(5 / 6 * 0.9 + 0.1 / 6), rel=1e-5)


def test_weights_come_back_from_their_sidecar(tmp_path: Path) -> None:
    path = memory_sidecar(tmp_path / "model.gguf")
    assert path.name == "model.memory.json"
    assert Weights.load(path) is None
    weights = Weights(np.random.default_rng(0).normal(size=SHAPE).round(4), Calibration(2.0, 3.0))
    weights.save(path, fitted_on="this")
    loaded = Weights.load(path)
    assert loaded is not None
    assert (loaded.coefficients == weights.coefficients).all()
    assert loaded.calibration == weights.calibration
    assert json.loads(path.read_text())["fitted_on"] == "this"
    path.write_text('{"midpoint": 1, "slope": 1, "coefficients": [[1]]}')
    with pytest.raises(ModelError, match=r"must be finite and of shape .* fit it again"):
        Weights.load(path)
    path.write_text("{}")
    with pytest.raises(ModelError, match="it lacks"):
        Weights.load(path)


def test_a_witness_notes_model_and_memory_at_each_token() -> None:
    memory = Memory()
    memory.update("x", ids(A, B, C, A, D, B, D))
    witness = Witness()
    assert witness.follow(Uniform(), memory, [A], [B, D, AB], skip=1) == 2
    seen = witness.observations()
    assert seen.model == pytest.approx([1 / 6, 1 / 6])
    first, second = 0, len(Scope)  # orders 1 and 2 of the project
    # D after A B: the pair was followed by C only, B by C and D; AB after D: D was followed by B, B D by the end
    assert np.flatnonzero(seen.seen[0]).tolist() == [first, second]
    assert seen.share[0, [first, second]].tolist() == [0.5, 0.0]
    assert np.flatnonzero(seen.seen[1]).tolist() == [first]
    assert seen.share[1, first] == 0.0


def observed(rng: np.random.Generator, share: float, count: int) -> Observations:
    """Tokens that come from order 1 of the project with this chance, else from the model."""
    seen = np.zeros((count, CELLS), dtype=np.bool_)
    seen[:, 0] = True
    features = np.zeros((count, CELLS, FEATURES))
    features[:, 0] = [1, math.log(3), 0, math.log(0.1)]
    features[:, :, 0] = 1
    shares = np.zeros((count, CELLS))
    shares[:, 0] = rng.random(count) < share
    return Observations(np.full(count, 1e-3), features, seen, shares)


def test_a_fit_finds_how_often_an_order_is_right() -> None:
    those = observed(np.random.default_rng(0), 0.7, 4000)
    right = those.share[:, 0].mean()
    fitted = mixture_fitting.fit(those)
    assert mixture.trust(those.features[0], fitted)[0] == pytest.approx(right, abs=0.01)
    best = np.log(mixture_fitting.probabilities(those, fitted)).sum()
    assert best > np.log(mixture_fitting.probabilities(those, trusting(0.5).coefficients)).sum()
    # orders and scopes that were never seen take after their neighbours
    assert (fitted[5, Scope.PROJECT] == fitted[0, Scope.PROJECT]).all()
    assert (fitted[:, Scope.FILE] == fitted[:, Scope.PROJECT]).all()


def test_a_fit_from_other_weights_moves_only_as_far_as_the_text_says() -> None:
    start = trusting(0.2).coefficients
    little = mixture_fitting.fit(observed(np.random.default_rng(0), 0.9, 25), start)
    much = mixture_fitting.fit(observed(np.random.default_rng(0), 0.9, 4000), start)
    those = observed(np.random.default_rng(0), 0.9, 1).features[0]
    low, high = mixture.trust(those, little)[0], mixture.trust(those, much)[0]
    assert 0.2 < low < high
    assert high == pytest.approx(0.9, abs=0.02)
    assert (much[1:] == start[1:]).all()  # nothing was seen of these


def test_levels_can_be_left_out() -> None:
    those = observed(np.random.default_rng(0), 0.9, 5)
    assert not those.only([Scope.FILE]).seen.any()
    assert those.only([Scope.PROJECT]).seen.sum() == 5
    assert mixture_fitting.probabilities(those.only([]), trusting(0.9).coefficients) == pytest.approx(those.model)
