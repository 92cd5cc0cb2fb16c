"""The server's session before somebody who types at a speed, with engines that write what is scripted."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from empower_lsp.session.session import PATIENCE
from empower_model.calibration import Calibration
from empower_model.engine.seam import FakeEngine
from empower_model.errors import EngineError
from empower_model.request import Limits
from empower_training.at_speed.machine import MACHINES, Costs, Machine
from empower_training.at_speed.simulation import Scene, Voice, simulate
from empower_training.at_speed.typist import TimedTally
from empower_training.replay.human import Careful
from empower_training.replay.spans import Spans
from empower_training.replay.work import Work

ABOVE = "".join(f"def before_{number}(value):\n    return value + {number}\n\n\n" for number in range(12))
LINES = [f"    number_{number} = compute(number_{number}, width)\n" for number in range(8)]
WORK = Work("a.py:1", ABOVE + "def typed(width):\n    ", "".join(LINES)[4:].rstrip(), "\n")
SLOW = MACHINES["two-cores"]


class Prophet(FakeEngine):
    """Writes the rest of the line that is typed, `right` or with a wrong end, in pieces of four characters."""

    def __init__(self, right: bool = True, silent: bool = False) -> None:
        super().__init__(self.written)
        self.right, self.silent = right, silent

    def written(self, prompt: str) -> Sequence[tuple[str, float, float]]:
        typed = prompt.rpartition("\n")[2].replace("\0", "")
        line = next((line for line in LINES if line.startswith(typed) and len(typed) > 4), "")
        rest = line[len(typed) :].rstrip("\n")
        if self.silent or not rest:
            return [("", 0.0, 0.0)]
        if not self.right:
            rest = rest[:-3] + "xyz"
        return [*((rest[at : at + 4], 0.01, 0.1) for at in range(0, len(rest), 4)), ("\n", 9.0, 9.0)]


def voice(right: bool = True, silent: bool = False) -> Voice:
    return Voice("fake", Spans(Prophet(right, silent)), Calibration())


def played(machine: Machine = SLOW, speed: float = 5, **voices: Voice) -> TimedTally:
    [tally] = simulate(Scene(machine, speed, Careful(), Limits()), [WORK], **voices)
    return tally


def test_the_same_run_twice_is_the_same_to_the_digit() -> None:
    first, again = (played(instant=voice(right=False), deep=voice()) for _ in range(2))
    assert first == again
    assert first.kept > 0


def test_a_prompt_that_is_read_slowly_comes_after_its_time() -> None:
    tokens = len(ABOVE) + 2  # a byte a token, more or less
    at_two_cores, at_a_gpu = played(deep=voice()), played(MACHINES["gpu"], deep=voice())
    assert at_two_cores.firsts[0] > tokens / SLOW.deep.prompt > 1.5
    assert at_a_gpu.firsts[0] < 1.0
    assert at_a_gpu.kept > at_two_cores.kept > 0
    assert at_a_gpu.effort < at_two_cores.effort


def test_a_prompt_that_grows_has_its_first_word_sooner() -> None:
    whole, growing = played(deep=voice()), played(deep=replace(voice(), growing=True))
    assert growing.firsts[0] < whole.firsts[0]


def test_nobody_waits_for_the_large_model_and_has_less_than_the_small_one_gives() -> None:
    never = replace(SLOW, deep=Costs(1, 1.0))
    alone, both, deep = (
        played(never, instant=voice()),
        played(never, instant=voice(), deep=voice()),
        played(never, deep=voice()),
    )
    assert deep.kept == deep.with_text == 0
    assert both.kept == alone.kept > 0
    assert both.firsts[0] <= alone.firsts[0] + PATIENCE
    assert both.deep_firsts == ()


def test_the_large_model_says_it_better_where_it_comes_in_time() -> None:
    small, both = (
        played(MACHINES["gpu"], instant=voice(right=False)),
        played(MACHINES["gpu"], instant=voice(right=False), deep=voice()),
    )
    assert both.accepted > small.accepted == 0
    assert both.deep_firsts[0] < 1.0


def test_keys_that_come_faster_leave_less_time_for_the_model() -> None:
    slowly, fast = (played(speed=speed, deep=voice()) for speed in (1, 10))
    assert slowly.kept > fast.kept


def test_a_key_is_answered_where_nothing_is_said() -> None:
    tally = played(instant=voice(silent=True))
    assert (tally.with_text, tally.answered) == (0, tally.keys)
    slow = played(deep=voice())
    assert slow.with_text <= slow.answered < slow.keys


def test_what_is_computed_is_charged() -> None:
    tally = played(deep=voice())
    assert tally.evaluated >= len(ABOVE)
    assert tally.processor_seconds > 2 * len(ABOVE) / SLOW.deep.prompt
    assert played().processor_seconds == 0


def test_an_engine_that_fails_ends_the_run() -> None:
    broken = voice()

    def fails(prompt: Sequence[int]) -> int:
        raise EngineError("It is broken.")

    broken.spans.engine.prefill = fails  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="broken"):
        played(deep=broken)
