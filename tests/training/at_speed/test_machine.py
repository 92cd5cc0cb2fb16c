"""What computing costs, with the arithmetic written out."""

import pytest

from empower_model.errors import EmpowerError
from empower_training.at_speed.clock import Clock
from empower_training.at_speed.machine import MACHINES, Costs, Machine, Processors, Stop


def test_the_last_token_of_an_evaluation_takes_as_long_as_one_that_is_written() -> None:
    costs = Costs(350, 0.017)
    assert costs.evaluation(1) == 0.017
    assert costs.evaluation(36) == pytest.approx(35 / 350 + 0.017)
    assert costs.evaluation(0) == 0
    assert Costs(10, 0.001).evaluation(2) == pytest.approx(0.2)  # no token is faster than the prompt's


def test_a_machine_is_named_or_said_in_numbers() -> None:
    assert Machine.parse("busy") is MACHINES["busy"]
    machine = Machine.parse("1200,10")
    assert (machine.deep, machine.instant) == (Costs(1200, 0.010), MACHINES["two-cores"].instant)
    assert Machine.parse("350,17,12000,0.6").instant == Costs(12_000, 0.0006)
    for wrong in ("", "fast", "350", "350,0", "350,17,1", "nan,1", "inf,1"):
        with pytest.raises(EmpowerError, match="two-cores, busy, laptop, gpu"):
            Machine.parse(wrong)


def test_two_models_at_once_slow_each_other_down() -> None:
    clock = Clock()
    processors = Processors(clock)
    ended: dict[str, float] = {}

    def work(name: str, begin: float, seconds: float, beside: float) -> None:
        clock.wait(begin)
        assert processors.work(seconds, beside, None) == pytest.approx(seconds)
        ended[name] = clock.now

    deep = clock.start(lambda: work("deep", 0.0, 1.0, 0.5), "deep")
    clock.start(lambda: work("instant", 0.2, 0.14, 0.7), "instant")
    clock.finish(deep)
    # alone for 0.2 s, beside the other for 0.14 / 0.7 = 0.2 s, in which half of it is done, then alone for 0.7 s
    assert ended == {"instant": pytest.approx(0.4), "deep": pytest.approx(1.1)}


def test_a_stop_is_heard_at_once() -> None:
    clock = Clock()
    processors, stop = Processors(clock), Stop()
    done: list[float] = []

    def stopper() -> None:
        clock.wait(0.3)
        stop.set()

    work = clock.start(lambda: done.append(processors.work(1.0, 0.5, stop)), "work")
    clock.start(stopper, "stopper")
    clock.finish(work)
    assert clock.now == 0.3
    assert done == [pytest.approx(0.3)]
