"""Virtual time: who has a turn when, and that nobody is waited for who never comes."""

import asyncio
import threading
import time

import pytest

from empower_training.at_speed.clock import Clock, OneWorker, Stuck
from empower_training.at_speed.loop import VirtualLoop


def test_processes_have_their_turns_in_the_order_of_time() -> None:
    clock = Clock()
    seen: list[tuple[str, float]] = []

    def steps(name: str, seconds: float) -> None:
        for _ in range(3):
            clock.wait(clock.now + seconds)
            seen.append((name, clock.now))

    first = clock.start(lambda: steps("a", 2.0), "a")
    second = clock.start(lambda: steps("b", 3.0), "b")
    clock.finish(first)
    clock.finish(second)
    # b was due at 6 since 3, and a only since 4: but a was begun first
    assert seen == [("a", 2.0), ("b", 3.0), ("a", 4.0), ("a", 6.0), ("b", 6.0), ("b", 9.0)]


def test_a_process_that_waits_for_nobody_knows_what_is_woken() -> None:
    clock = Clock()
    woken: list[float] = []

    def sleeper() -> None:
        clock.wait()
        woken.append(clock.now)

    sleeping = clock.start(sleeper, "sleeper")

    def waker() -> None:
        clock.wait(5.0)
        clock.wake(sleeping)

    clock.start(waker, "waker")
    clock.finish(sleeping)
    assert woken == [5.0]


def test_what_never_comes_is_said() -> None:
    clock = Clock()
    process = clock.start(clock.wait, "the sleeper")
    with pytest.raises(Stuck, match="the sleeper"):
        clock.finish(process)
    clock.close()


def test_an_error_comes_out_where_the_turn_was_given() -> None:
    clock = Clock()

    def fails() -> None:
        raise ValueError("here")

    clock.start(fails, "fails")
    with pytest.raises(ValueError, match="here"):
        clock.advance()


def test_a_clock_that_is_closed_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    clock = Clock()
    for number in range(3):
        clock.start(clock.wait, f"p{number}")
    clock.advance()
    clock.close()
    for _ in range(100):
        if threading.active_count() == before:
            break
        time.sleep(0.01)
    assert threading.active_count() == before


def test_one_worker_does_its_tasks_one_after_the_other() -> None:
    clock = Clock()
    worker = OneWorker(clock, "worker")

    def task(seconds: float) -> float:
        clock.wait(clock.now + seconds)
        return clock.now

    longer, shorter = worker.submit(task, 1.5), worker.submit(task, 0.5)
    broken = worker.submit(int, "x")
    worker.shutdown()
    assert (longer.result(), shorter.result()) == (1.5, 2.0)
    assert isinstance(broken.exception(), ValueError)
    with pytest.raises(RuntimeError):
        worker.submit(task, 1.0)


def test_an_hour_on_the_loop_takes_no_time_and_hears_processes() -> None:
    clock = Clock()
    loop = VirtualLoop(clock)
    heard: list[tuple[str, float]] = []

    def process() -> None:
        for minute in (10, 30):
            clock.wait(minute * 60.0)
            loop.call_soon_threadsafe(lambda: heard.append(("process", loop.time())))

    async def main() -> None:
        clock.start(process, "process")
        await asyncio.sleep(1200)
        heard.append(("loop", loop.time()))
        await asyncio.sleep(2400)

    started = time.perf_counter()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert time.perf_counter() - started < 10
    assert heard == [("process", 600.0), ("loop", 1200.0), ("process", 1800.0)]
    assert clock.now == 3600.0


def test_a_loop_that_waits_for_nothing_says_so() -> None:
    clock = Clock()

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    loop = VirtualLoop(clock)
    task = loop.create_task(main())
    with pytest.raises(Stuck):
        loop.run_until_complete(task)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
