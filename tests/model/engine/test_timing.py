"""How fast a model is: which threads are chosen, what is kept, and what an engine makes of it."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from empower_model.engine import timing
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.llama_file import machine, physical_cores
from empower_model.engine.seam import EngineConfig
from empower_model.engine.timing import Timing, Timings

COSTS = {1: ((2.0, 2.0), (10.0, 11.0)), 2: ((1.0, 2.5), (7.0, 30.0))}
"""Milliseconds a token, quiet and beside a busy process: of a prompt, and of one written; by threads."""
FOUND = Timings((Timing(1, 2.0, 2.0), Timing(2, 1.0, 2.5)), (Timing(1, 10.0, 11.0), Timing(2, 7.0, 30.0)))


class Timed:
    """An engine on a machine of its own, whose clock only it moves."""

    context_size = 512

    def __init__(self) -> None:
        self.now, self.busy, self.threads, self.state = 0.0, False, 0, 0

    def tokenize(self, text: str) -> list[int]:
        return list(range(400))

    def set_threads(self, prompt: int, writing: int) -> None:
        assert prompt == writing
        self.threads = prompt

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        assert len(prompt) == most
        self._spend(0, most)
        self.state = most
        return True

    def prefill(self, prompt: Sequence[int]) -> int:
        self._spend(1, len(prompt) - self.state)
        self.state = len(prompt)
        return 1

    def logits(self) -> None:
        pass

    def _spend(self, what: int, tokens: int) -> None:
        self.now += COSTS[self.threads][what][self.busy] * tokens / 1000


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Timed:
    engine = Timed()

    @contextmanager
    def busy(seconds: float) -> Iterator[None]:
        engine.busy = True
        yield
        engine.busy = False

    monkeypatch.setattr(timing, "_busy", busy)
    monkeypatch.setattr(time, "perf_counter", lambda: engine.now)
    monkeypatch.setattr(psutil, "cpu_percent", lambda: 0.0)
    return engine


def test_every_number_of_threads_is_timed_quiet_and_beside_a_busy_process(timed: Timed) -> None:
    timings = timing.measure(timed, 2, seconds=4.0)
    rounded = [
        Timing(cost.threads, round(cost.quiet, 6), round(cost.busy, 6)) for cost in (*timings.prompts, *timings.tokens)
    ]
    assert rounded == [*FOUND.prompts, *FOUND.tokens]
    assert timed.now < 4 * 1.5


def test_a_slow_model_is_measured_once(timed: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COSTS, 2, ((50.0, 100.0), (500.0, 900.0)))
    monkeypatch.setitem(COSTS, 1, ((90.0, 90.0), (800.0, 800.0)))
    timings = timing.measure(timed, 2, seconds=2.0)
    assert [round(cost.quiet) for cost in timings.tokens] == [800, 500]
    assert timed.now < 45


def test_threads_that_wait_for_each_other_lose_where_others_work() -> None:
    assert (FOUND.prompt.threads, FOUND.token.threads) == (2, 1)
    assert FOUND.seconds(evaluated=1000, written=10) == pytest.approx(1.1)


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 5, 6]), (16, [1, 2, 4, 8, 15, 16])])
def test_powers_of_two_all_cores_and_all_but_one_are_tried(cores: int, counts: list[int]) -> None:
    assert timing._counts(cores) == counts


def test_the_others_share_of_the_processor_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = iter([0.0, 100.0])
    monkeypatch.setattr(psutil, "cpu_percent", lambda: next(busy))
    others = timing._watch()()
    assert others > timing.OTHERS
    assert Timings((), (), others).disturbed
    assert not FOUND.disturbed


def test_the_busy_process_is_gone_afterwards() -> None:
    before = set(psutil.Process().children())
    with timing._busy(60.0):
        (process,) = set(psutil.Process().children()) - before
        assert process.is_running()
    assert not process.is_running()


def test_what_was_measured_is_kept_for_that_file_and_that_machine(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    timing.save(FOUND, path, "this one")
    assert timing.load(path, "this one") == FOUND
    assert timing.load(path, "another") is None
    path.write_bytes(b"GGUF and more")
    assert timing.load(path, "this one") is None
    assert timing.load(tmp_path / "none.gguf", "this one") is None


@pytest.mark.parametrize(
    "broken", ["", "{}", '{"prompts": [], "tokens": []}', "[1]", '{"prompts": [3], "tokens": [4]}']
)
def test_broken_timings_count_as_none(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    timing.save(FOUND, path, "this one")
    (kept,) = (tmp_path / "data" / "timings").iterdir()
    assert json.loads(kept.read_text())["model"] == str(path)
    kept.write_text(broken)
    assert timing.load(path, "this one") is None


def test_an_engine_heeds_what_it_is_told_then_what_was_measured_then_a_guess(weights: Path) -> None:
    def threads(told: int = 0) -> tuple[int, int]:
        engine = LlamaEngine(EngineConfig(weights, threads=told, context_size=64))
        engine.close()
        return engine.threads, engine.writing_threads

    assert threads() == (physical_cores(), 1)
    timing.save(Timings((Timing(3, 1.0, 1.0),), (Timing(2, 1.0, 1.0),)), weights, machine())
    assert threads() == (3, 2)
    assert threads(told=1) == (1, 1)


def test_a_real_engine_is_measured_and_goes_on_with_the_best(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda: 0.0)
    engine = LlamaEngine(EngineConfig(weights))
    timings = engine.measured(seconds=0.4)
    assert all(cost.quiet > 0 and cost.busy > 0 for cost in (*timings.prompts, *timings.tokens))
    assert timing.load(weights, machine()) == timings
    assert (engine.threads, engine.writing_threads) == (timings.prompt.threads, timings.token.threads)
    engine.close()


def test_a_disturbed_measurement_is_not_kept(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "OTHERS", -1.0)
    engine = LlamaEngine(EngineConfig(weights))
    assert engine.measured(seconds=0.2).disturbed
    assert timing.load(weights, machine()) is None
    assert (engine.threads, engine.writing_threads) == (physical_cores(), 1)
    engine.close()
