"""Rounds and what they are worth, with the arithmetic written out."""

import math

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.seam import FakeEngine, Vocabulary
from empower_model.errors import PromptTooLong
from empower_model.request import Limits
from empower_training.assist.assist import ROUNDS, Episode, Reply, assistant, compare, nobody, play, ratio, score
from empower_training.assist.problems import Case, Problem

PROBLEM = Problem("p", "P", "SECRET STATEMENT", (Case("", ""),), starter="# go\n")
ACCEPT, REJECT, FINISH = Reply.ACCEPT, Reply.REJECT, Reply.FINISH


class Scripted:
    """A human with its verdicts and its typing written down."""

    def __init__(self, *script: tuple[Reply, str]) -> None:
        self.unclear = 0
        self.script = list(script)
        self.heard: list[tuple[str, str]] = []

    def judge(self, text: str, proposal: str) -> Reply:
        self.heard.append((text, proposal))
        return self.script[0][0]

    def delete(self, text: str) -> int:
        return 0

    def write(self, text: str) -> str:
        return self.script.pop(0)[1]


def episode(passed: bool, read: int, written: int, shown: int = 1, accepted: int = 0, kept: int = 0) -> Episode:
    return Episode("p", "", passed, True, 1, shown, accepted, read, kept, written)


def test_a_session_round_by_round() -> None:
    human = Scripted((ACCEPT, "b"), (REJECT, "cc"), (ACCEPT, ""), (FINISH, ""))
    proposals = iter(["aaa", "wrong", "", "late"])
    tested: list[tuple[str, Problem]] = []

    def passes(text: str, problem: Problem) -> bool:
        tested.append((text, problem))
        return True

    played = play(PROBLEM, human, lambda _: next(proposals), passes)
    assert human.heard == [("# go\n", "aaa"), ("# go\naaab", "wrong"), ("# go\naaabcc", ""), ("# go\naaabcc", "late")]
    assert tested == [("# go\naaabcc", PROBLEM)]
    # read: 3 + 5 + 0 + 4; the starter was written by nobody
    assert played == Episode("p", "# go\naaabcc", True, True, rounds=4, shown=3, accepted=1, read=12, kept=3, written=3)


def test_rounds_run_out() -> None:
    human = Scripted(*[(REJECT, "x")] * (ROUNDS + 9))
    played = play(PROBLEM, human, nobody, lambda text, _: text == "# go\n" + 50 * "x")
    assert (played.rounds, played.finished, played.passed, played.written, played.shown) == (50, False, True, 50, 0)


def test_the_discounted_pass_rate_is_that_of_the_paper() -> None:
    # 0.1 * 200 + 0.5 * 100 = 70
    assert episode(True, read=200, written=100).discounted == pytest.approx(0.999**70)
    assert episode(False, read=200, written=100).discounted == 0
    assert episode(True, read=0, written=0).discounted == 1


def test_a_score_of_three_problems() -> None:
    ours = [
        episode(True, read=10, written=100, shown=2, accepted=1, kept=4),
        episode(False, read=30, written=50, shown=3, accepted=2, kept=16),
        episode(True, read=0, written=80, shown=0),
    ]
    alone = [episode(True, read=0, written=104, shown=0), episode(False, 0, 66, 0), episode(True, 0, 80, 0)]
    figures = score("name", ours, alone)
    assert figures.passed.estimate == pytest.approx(2 / 3)
    assert figures.passed.low == 0
    assert figures.passed.high == 1
    assert figures.accepted is not None
    assert figures.accepted.estimate == 3 / 5
    assert figures.discounted.estimate == pytest.approx((0.999**51 + 0.999**40) / 3)
    assert figures.gain.estimate == pytest.approx((0.999**51 - 0.999**52) / 3)
    assert figures.shown == 5 / 3
    assert figures.length == 40 / 5
    assert figures.kept == 20 / (20 + 230)
    assert score("nobody", alone, alone).accepted is None


def test_an_interval_is_that_of_resampled_problems() -> None:
    parts = [1.0] * 40 + [0.0] * 60
    share = ratio(parts, [1.0] * 100, seed=1)
    error = 1.96 * math.sqrt(0.4 * 0.6 / 100)
    assert share.estimate == 0.4
    assert share.low == pytest.approx(0.4 - error, abs=0.02)
    assert share.high == pytest.approx(0.4 + error, abs=0.02)
    assert ratio(parts, [1.0] * 100, seed=1) == share
    # resampled together: where parts are half of the wholes, so is every resample
    paired = ratio([1.0, 2.0, 4.0], [2.0, 4.0, 8.0], seed=1)
    assert (paired.low, paired.high) == (0.5, 0.5)


def test_all_assistants_get_the_same_problems_and_fresh_humans() -> None:
    met: list[Scripted] = []

    def meet(problem: Problem) -> Scripted:
        met.append(Scripted((ACCEPT, "x"), (FINISH, "")))
        return met[-1]

    done: list[None] = []
    second = Problem("q", "Q", "", (Case("", ""),))
    by_assistant = compare(
        iter([PROBLEM, second]),
        {"nobody": nobody, "eager": lambda _: "yes"},
        meet,
        lambda text, _: "yes" in text,
        lambda: done.append(None),
    )
    assert [(played.problem, played.text, played.passed) for played in by_assistant["nobody"]] == [
        ("p", "# go\nx", False),
        ("q", "x", False),
    ]
    assert [(played.problem, played.text, played.passed) for played in by_assistant["eager"]] == [
        ("p", "# go\nyesx", True),
        ("q", "yesx", True),
    ]
    assert len(met) == len(done) == 4


def test_the_assistant_never_sees_the_problem() -> None:
    engine = FakeEngine(lambda _: [("value", 0.01, 0.1), (" = 1", 0.01, 0.1), ("", 0.0, 0.0)])
    propose = assistant(LocalCompleter(engine, Calibration()), Limits())
    played = play(PROBLEM, Scripted((ACCEPT, "\n"), (FINISH, "")), propose, lambda *_: True)
    assert played.text == "# go\nvalue = 1\n"
    assert len(engine.prompts) == 2
    assert not any("SECRET" in prompt for prompt in engine.prompts)
    assert "# go" in engine.prompts[0]


def test_a_model_without_a_prompt_for_an_empty_page_proposes_nothing_there() -> None:
    class Strict(FakeEngine):
        def prefill(self, prompt: object) -> int:
            raise PromptTooLong("0 tokens")

    engine = Strict(lambda _: [], vocabulary=Vocabulary(tuple(bytes([b]) for b in range(256)), frozenset()))
    propose = assistant(LocalCompleter(engine, Calibration()), Limits())
    assert propose("") == ""
    with pytest.raises(PromptTooLong):
        propose("x")
