"""Weights of the memory, adapted to a project: a model that knows nothing, one that knows all, and one in a hurry."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from empower_model.calibration import Calibration
from empower_model.engine.distribution import Distribution
from empower_model.engine.drafting import Drafts
from empower_model.engine.seam import FimTokens, StopFlag, Token, Transform, Vocabulary
from empower_model.fitting.adaptation import READING, TooLittleText, adapted, beginnings
from empower_model.memory.mixture import SHAPE, Weights
from empower_model.request import Completion, End

END = 256
SIZE = 260
NAMES = ("alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa")


def text(verb: str) -> str:
    """Lines that say the same of other names."""
    return "".join(f"def {verb}_{name}(x):\n    value = call_{name}(x, {n})\n\n" for n, name in enumerate(NAMES))


FILES = {f"{verb}.py": text(verb) for verb in ("load", "store", "check", "send", "fetch", "merge", "split", "drop")}


@dataclass
class Letters:
    """An engine of single bytes that consults transforms; `knows` is what it knows of its text."""

    knows: str = ""
    known: str = ""
    stop: StopFlag = field(default_factory=StopFlag)
    context_size: int = 4000
    vocabulary: Vocabulary = field(
        default_factory=lambda: Vocabulary(
            (*(bytes([b]) for b in range(256)), b"", b"", b"", b""), frozenset({END}), FimTokens(257, 258, 259)
        )
    )

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def prefill(self, prompt: Sequence[int]) -> int:
        plain = [token for token in prompt if token < 256]
        self.known = bytes(plain[-12:]).decode()
        return len(prompt)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        return True

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        written: list[int] = []
        distribution = Distribution(SIZE)
        while True:
            log_probs = self._preference((self.known + bytes(written).decode())[-5:])
            for transform in transforms:
                log_probs = transform(written, log_probs)
            distribution.read(log_probs)
            token = distribution.best()
            yield Token(token, self.vocabulary.pieces[token], distribution.surprisal(token), distribution.entropy)
            written.append(token)

    def _preference(self, before: str) -> np.ndarray:
        weights = np.full(SIZE, 0.001)
        weights[[*b"abcdefghijklmnopqrstuvwxyz _=().,0123456789\n:"]] = 1.0
        for at in range(5, len(self.knows)):
            if self.knows[at - 5 : at] == before:
                weights[ord(self.knows[at])] += 2000.0
        return np.asarray(np.log(weights / weights.sum()), np.float32)

    def close(self) -> None:
        pass


def doubtful(odds: float) -> Weights:
    coefficients = np.zeros(SHAPE)
    coefficients[:, :, 0] = odds
    return Weights(coefficients, Calibration(2.0, 1.0))


def clock(step: float) -> Callable[[], float]:
    """Seconds that go by with every look at it."""
    seconds = 0.0

    def now() -> float:
        nonlocal seconds
        seconds += step
        return seconds

    return now


def test_a_model_that_knows_nothing_comes_to_trust_the_memory() -> None:
    adaptation = adapted(Letters(), FILES, doubtful(-6.0), 50.0, now=clock(1.0))
    alone, before, after = adaptation.rates
    assert after < before < alone
    assert adaptation.better
    assert adaptation.change.estimate == pytest.approx(after - before)
    assert adaptation.files == len(FILES)
    assert adaptation.weights.coefficients[:, :, 0].mean() > -6.0


def test_a_model_that_knows_the_text_comes_to_trust_the_memory_less() -> None:
    knowing = Letters(knows="".join(FILES.values()))
    adaptation = adapted(knowing, FILES, doubtful(2.0), 50.0, now=clock(1.0))
    assert adaptation.better
    assert adaptation.weights.coefficients[:, :, 0].mean() < 2.0


def test_weights_that_were_fitted_are_not_bettered_again() -> None:
    first = adapted(Letters(), FILES, doubtful(-6.0), 50.0, now=clock(1.0))
    again = adapted(Letters(), FILES, first.weights, 50.0, now=clock(1.0))
    assert abs(again.change.estimate) < 0.1 * abs(first.change.estimate)


def test_the_calibration_is_fitted_again_with_the_new_weights() -> None:
    adaptation = adapted(Letters(), FILES, doubtful(-6.0), 80.0, now=clock(1.0))
    assert adaptation.curve is not None
    assert adaptation.curve.loss[1] < adaptation.curve.loss[0]
    assert adaptation.weights.calibration == adaptation.curve.fitted != Calibration(2.0, 1.0)


def test_it_keeps_within_its_time() -> None:
    now = clock(1.0)
    adaptation = adapted(Letters(), FILES, doubtful(-6.0), 60.0, now=now)
    assert adaptation.places == pytest.approx(READING * 60, abs=1)
    assert now() < 65
    assert adaptation.curve is not None
    assert adaptation.curve.spans <= 25


def test_without_time_to_write_the_calibration_stays() -> None:
    adaptation = adapted(Letters(), FILES, doubtful(-6.0), 25.0, now=clock(1.0))
    assert adaptation.curve is None
    assert adaptation.weights.calibration == Calibration(2.0, 1.0)


@pytest.mark.parametrize("files", [{}, {"a.py": "x = 1\n"}, dict(list(FILES.items())[:4])])
def test_too_little_is_one_clear_sentence(files: dict[str, str]) -> None:
    with pytest.raises(TooLittleText, match="need 500 in 5"):
        adapted(Letters(), files, doubtful(-6.0), 100.0, now=clock(1.0))


def test_beginnings_are_right_until_the_text_says_something_else() -> None:
    tokens = tuple(
        Token(n, piece, bits, 0.0) for n, (piece, bits) in enumerate([(b"re", 1.0), (b"tu", 2.0), (b"x", 9.5)])
    )
    written = Completion("", tokens, 0, End.MAX_TOKENS, 0.0, 0.0, 0, 0, 0.0, 0.0)
    assert beginnings(written, "return") == [(1.0, True), (3.0, True)], "12.5 bits are too many to learn from"
    assert beginnings(written, "rest") == [(1.0, True), (3.0, False)]
