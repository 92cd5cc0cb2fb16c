"""Drafting: when guesses are worth it, by hand, and that they change nothing of what the bundled model writes."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import pytest

from empower_model.calibration import Calibration
from empower_model.completing import stopping
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.drafting import LENGTHS, TRIES, Guess, Pace
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import IMPOSSIBLE, EngineConfig, LogProbs, Token, Transform
from empower_model.files.memory_files import memory_sidecar
from empower_model.memory.index import Memory, blocks
from empower_model.memory.mixture import Weights
from empower_model.memory.remembering import RememberingEngine
from empower_model.request import Limits, Request

SOURCE = Path(stopping.__file__).read_text(encoding="utf-8")
NEAR = 0.15
"""Bits by which a batch may differ from single tokens: none here, but other processors' kernels round otherwise."""


def guesses(*probabilities: float) -> list[Guess]:
    return [Guess(100 + at, probability) for at, probability in enumerate(probabilities)]


def measured(**prices: float) -> Pace:
    """Return a pace that found an evaluation with so many guesses (`at1`, `at3`, `at7`) to take so many single ones."""
    pace = Pace()
    pace.note(0, 0.01)
    for name, price in prices.items():
        for _ in range(TRIES):
            pace.note(int(name[2:]), price * 0.01)
    return pace


# When guesses are worth it


def test_nothing_is_tried_before_a_token_alone_was_timed() -> None:
    pace = Pace()
    pace.note(3, 1.0)
    assert pace.worth(guesses(1, 1, 1)) == []
    pace.note(0, 0.01)
    assert pace.worth(guesses(1, 1, 1)) == [100, 101, 102]


def test_a_length_is_tried_a_few_times_and_then_has_its_price() -> None:
    pace = Pace()
    for _ in range(TRIES):
        pace.note(0, 0.01)
        assert pace.worth(guesses(0.9)) == [100]
        pace.note(1, 0.03)
    assert pace.price(1) == pytest.approx(3)
    assert pace.worth(guesses(0.9)) == []


def test_the_price_is_beside_the_latest_token_alone_and_one_slow_evaluation_does_not_count() -> None:
    pace = Pace()
    for alone, several in ((0.01, 0.02), (0.1, 0.2), (0.01, 5.0)):
        pace.note(0, alone)
        pace.note(3, several)
    assert pace.price(3) == pytest.approx(2)


def test_as_many_guesses_go_along_as_give_most_tokens_for_the_time() -> None:
    cheap, dear = measured(at1=1.1, at3=1.3, at7=3.0), measured(at1=1.9, at3=3.9, at7=7.9)
    # all sure: 2 / 1.1, 4 / 1.3, 8 / 3 tokens for the time of one; the second is the most
    assert cheap.worth(guesses(*[1] * 9)) == [100, 101, 102]
    # one guess of three is sure enough: 1.9 / 1.1
    assert cheap.worth(guesses(0.9, 0.5)) == [100]
    # 1.9 tokens for 1.9 are no gain, and neither is 1 + 0.9 + 0.81 + 0.73 for 3.9
    assert dear.worth(guesses(0.9, 0.9, 0.9)) == []
    assert dear.worth(guesses(1, 1, 1)) == [100]  # 2 / 1.9 against 4 / 3.9


def test_two_guesses_are_as_one_since_kernels_work_in_rows() -> None:
    assert measured(at1=1.1, at3=1.2, at7=1.3).worth(guesses(1, 1)) == [100]


def test_where_no_length_can_pay_nobody_is_asked_to_guess() -> None:
    looked_up: list[int] = []

    def asked() -> Iterator[Guess]:
        looked_up.append(1)
        yield from guesses(1.0)

    assert measured(at1=2.5, at3=4.5, at7=8.5).worth(asked()) == []
    assert looked_up == []


def test_no_guess_is_looked_up_behind_one_that_will_hardly_be_reached() -> None:
    seen: list[int] = []

    def told() -> Iterator[Guess]:
        for guess in guesses(0.8, 0.8, 0.7, 1.0):  # 0.8 * 0.8 * 0.7 = 0.448
            seen.append(guess.id)
            yield guess

    assert measured(at1=1, at3=1, at7=1).worth(told()) == [100]
    assert seen == [100, 101, 102]


# What is written does not depend on it


class Always(Pace):
    """A pace for which guesses cost nothing; it counts what is evaluated."""

    def __init__(self) -> None:
        super().__init__()
        self.evaluated: list[int] = []

    def note(self, length: int, seconds: float) -> None:
        self.evaluated.append(1 + length)

    def worth(self, guesses: Iterable[Guess]) -> list[int]:
        return [guess.id for guess in islice(guesses, max(LENGTHS))]


@pytest.fixture(scope="module")
def loaded(weights: Path) -> Iterator[LlamaEngine]:
    engine = LlamaEngine(EngineConfig(weights, threads=1))
    yield engine
    engine.close()


@pytest.fixture
def engine(loaded: LlamaEngine) -> LlamaEngine:
    loaded.stop.clear()
    loaded.pace = Always()
    return loaded


def evaluated(engine: LlamaEngine) -> list[int]:
    assert isinstance(engine.pace, Always)
    return engine.pace.evaluated


def told(text: Sequence[int]) -> Transform:
    """Has exactly these tokens written."""

    def step(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
        assert list(ids) == list(text[: len(ids)])
        out = np.full_like(log_probs, IMPOSSIBLE)
        out[text[len(ids)]] = 0
        return out

    return step


@pytest.mark.parametrize(
    ("wrong", "batches"),
    [
        ((), [8, 8, 5]),  # token 0 with 1 to 7, which tell token 8; 8 with 9 to 15; 16 with 17 to 20
        ((1, 2, 3), [8, 8, 8, 8, 8, 2]),  # 0, 1 and 2 gain nothing; 3 with 4 to 10; 11 with 12 to 18; 19 with 20
        (range(21), [8] * 14 + [7, 6, 5, 4, 3, 2]),  # 0 to 13 have seven behind them
    ],
)
def test_what_is_written_is_what_the_transforms_say_whatever_is_guessed(
    engine: LlamaEngine, wrong: Sequence[int], batches: list[int]
) -> None:
    text = engine.tokenize(SOURCE)[300:321]

    def next_of(ids: Sequence[int]) -> Iterator[Guess]:
        for at in range(len(ids), len(text)):
            yield Guess(text[at] + (at in wrong), 1.0)

    engine.prefill(engine.tokenize(SOURCE)[:300])
    assert [token.id for token in islice(engine.decode([told(text)], next_of), 21)] == text
    assert evaluated(engine) == batches


def test_each_token_sees_its_own_row_of_logits(engine: LlamaEngine) -> None:
    text = engine.tokenize(SOURCE)[300:330]

    def rows(guessing: bool) -> list[LogProbs]:
        seen: list[LogProbs] = []

        def look(ids: Sequence[int], log_probs: LogProbs) -> LogProbs:
            seen.append(log_probs.copy())
            return log_probs

        drafts = (lambda ids: (Guess(text[at], 1) for at in range(len(ids), 30))) if guessing else None
        engine.prefill([1])
        engine.prefill(engine.tokenize(SOURCE)[:300])
        list(islice(engine.decode([look, told(text)], drafts), 30))
        return seen

    for ours, theirs in zip(rows(True), rows(False), strict=True):
        assert abs(np.exp(ours) - np.exp(theirs)).max() < 0.05
        assert ours.argmax() == theirs.argmax() or np.sort(theirs)[-1] - np.sort(theirs)[-2] < NEAR


def alike(ours: Sequence[Token], theirs: Sequence[Token]) -> bool:
    """Whether these are the same tokens, up to where two were as good as equally probable."""
    same = len(list(takewhile(lambda pair: pair[0].id == pair[1].id, zip(ours, theirs, strict=False))))
    for own, their in zip(ours[:same], theirs[:same], strict=True):
        assert own.surprisal == pytest.approx(their.surprisal, abs=NEAR)
        assert own.entropy == pytest.approx(their.entropy, abs=NEAR)
    if same == len(ours) == len(theirs):
        return True
    assert same < min(len(ours), len(theirs))
    assert ours[same].surprisal == pytest.approx(theirs[same].surprisal, abs=NEAR)
    return False


def test_completions_are_the_same_with_and_without(engine: LlamaEngine, weights: Path) -> None:
    fitted = Weights.load(memory_sidecar(weights))
    assert fitted is not None
    memory = Memory()
    others = sorted(Path(stopping.__file__).parent.glob("*.py"))
    memory.update_all({path.name: blocks(path.read_text(encoding="utf-8"), engine.tokenize) for path in others})
    memory.settle()
    remembering = RememberingEngine(engine, memory, fitted)
    completers = [
        LocalCompleter(remembering, Calibration(), look=remembering.look, drafts=drafts)
        for drafts in (None, remembering.guesses)
    ]
    limits = Limits(confidence=0.0, rule="budget", max_tokens=16, max_lines=9)
    same = 0
    places = range(200, len(SOURCE), len(SOURCE) // 16)
    for place in places:
        written = []
        for completer in completers:
            engine.prefill([1])
            written.append(completer.complete(Request(SOURCE[:place], "", limits)).tokens)
        same += alike(*written)
    assert same >= len(places) - 2
    many = [size for size in evaluated(engine) if size > 1]
    assert len(many) > len(places)  # it was indeed drafted


# Its bounds


def test_a_stop_ends_generation_within_one_token(engine: LlamaEngine) -> None:
    text = engine.tokenize(SOURCE)[300:330]
    engine.prefill(engine.tokenize(SOURCE)[:300])
    written = []
    for token in engine.decode([told(text)], lambda ids: (Guess(text[at], 1) for at in range(len(ids), 30))):
        written.append(token.id)
        if len(written) == 3:
            engine.stop.set()
    assert written == text[:3]


def test_what_was_guessed_and_not_written_does_not_stay(engine: LlamaEngine) -> None:
    text = engine.tokenize(SOURCE)[:303]
    engine.prefill([1])
    engine.prefill(text)
    expected = engine.logits()
    engine.prefill(text[:300])
    list(islice(engine.decode([told(text[300:])], lambda ids: iter(guesses(*[1] * 7))), 3))
    assert evaluated(engine) == [8, 8]
    assert engine.prefill(text) == 1
    np.testing.assert_allclose(engine.logits(), expected, atol=0.2)


@pytest.mark.parametrize("right", [True, False])
def test_guesses_end_at_the_end_of_the_context(weights: Path, right: bool) -> None:
    small = LlamaEngine(EngineConfig(weights, context_size=64))
    small.pace = pace = Always()
    text = small.tokenize(SOURCE)[:80]
    small.prefill(text[:58])

    def drafts(ids: Sequence[int]) -> Iterator[Guess]:
        return (Guess(text[58 + at] + (not right), 1) for at in range(len(ids), 22))

    assert [token.id for token in small.decode([told(text[58:])], drafts)] == text[58:65]
    assert pace.evaluated == ([6] if right else [6, 5, 4, 3, 2, 1])
    small.close()


def test_nothing_is_drafted_for_a_small_model(weights: Path) -> None:
    engine = LlamaEngine(EngineConfig(weights))

    def asked(ids: Sequence[int]) -> Iterator[Guess]:
        raise AssertionError("it was looked up")

    engine.prefill(engine.tokenize(SOURCE)[:100])
    assert len(list(islice(engine.decode(drafts=asked), 4))) == 4
    engine.close()
