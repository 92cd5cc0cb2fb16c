"""The engine in a child process: its answers, its death, its rest."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from empower_lsp.workspace.files import Workspace
from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.errors import EngineCrashed, EngineError, ModelError, ModelFileInvalid
from empower_model.feed import Feed, Remembered
from empower_model.files.memory_files import DEFAULT_WEIGHTS, memory_sidecar
from empower_model.host.child import YIELDING, _weights
from empower_model.host.parent import CRASHES, EngineHost, HostEvent
from empower_model.memory.mixture import Weights
from empower_model.request import Completion, End, Limits, Partial, Request

REQUEST = Request("def add(first, second):\n    return fir", "\n\n\ndef sub(first, second):\n    pass\n")
ENDLESS = Limits(confidence=0.0, rule="budget", max_tokens=400, max_lines=100)
"""Everything the model writes."""


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held


@pytest.fixture
def events() -> list[HostEvent]:
    return []


@pytest.fixture
def host(weights: Path, events: list[HostEvent]) -> Iterator[EngineHost]:
    host = EngineHost(EngineConfig(weights), Calibration(), on_event=events.append)
    yield host
    host.close()


def kinds(events: list[HostEvent]) -> list[str]:
    return [event.kind for event in events]


def test_the_child_answers_as_the_engine_in_process_does(host: EngineHost, weights: Path) -> None:
    engine = LlamaEngine(EngineConfig(weights))
    ours = LocalCompleter(engine, Calibration()).complete(REQUEST)
    engine.close()
    parts: list[Partial] = []
    theirs = host.complete(REQUEST, parts.append)
    assert (theirs.text, theirs.end, theirs.evaluated_tokens) == (ours.text, ours.end, ours.evaluated_tokens)
    assert [t.id for t in theirs.tokens] == [t.id for t in ours.tokens]
    assert all(theirs.text.startswith(part.text[: len(theirs.text)]) for part in parts)
    assert all(theirs.text.startswith(part.completion.text) for part in parts)
    assert host.complete(REQUEST).evaluated_tokens == 1  # the state lives on in the child


def test_starting_loads_in_the_background(host: EngineHost, events: list[HostEvent]) -> None:
    host.start()
    assert eventually(lambda: kinds(events) == ["loading", "ready"])


def test_a_stop_crosses_the_process_border(host: EngineHost) -> None:
    host.complete(REQUEST)
    completions: list[Completion] = []
    long = Request("".join(f"value_{n} = compute({n})\n" for n in range(60)), "", ENDLESS)
    working = threading.Thread(target=lambda: completions.append(host.complete(long)))
    working.start()
    while working.is_alive():  # a stop before the work has begun is for nothing
        host.stop()
        time.sleep(0.005)
    assert completions[0].end is End.STOPPED
    assert host.complete(REQUEST).end is not End.STOPPED


def test_what_is_expected_is_ready_when_it_is_asked_for(host: EngineHost) -> None:
    host.expect(REQUEST)  # there is no child yet
    assert host.complete(REQUEST).evaluated_tokens > 20
    before = host.seconds
    elsewhere = Request("".join(f"value_{n} = compute({n})\n" for n in range(60)), "", Limits())
    host.expect(elsewhere)
    assert eventually(lambda: host.seconds > before + 0.01)  # looking whether there is something to do takes less
    assert host.complete(elsewhere).evaluated_tokens <= 4
    host.expect(None)
    host.close()
    host.expect(REQUEST)


def test_a_child_in_the_background_yields(weights: Path) -> None:
    niceness = []
    for background in (False, True):
        host = EngineHost(EngineConfig(weights), Calibration(), background=background)
        host.complete(REQUEST)
        niceness.append(psutil.Process(host.pid).nice())
        host.close()
    assert niceness == [psutil.Process().nice(), min(19, psutil.Process().nice() + YIELDING)]


def test_a_dead_child_costs_one_completion(host: EngineHost, events: list[HostEvent]) -> None:
    host.complete(REQUEST)

    def kill(_: Partial) -> None:
        if host.pid:
            os.kill(host.pid, signal.SIGKILL)

    with pytest.raises(EngineCrashed, match="exit code -9"):
        host.complete(Request("x = 1\n" * 40, "", ENDLESS), kill)
    assert host.complete(REQUEST).tokens
    assert kinds(events) == ["loading", "ready", "loading", "ready", "restarted"]


def test_a_child_that_died_while_idle_is_replaced(host: EngineHost) -> None:
    host.complete(REQUEST)
    assert host.pid
    child = psutil.Process(host.pid)
    child.kill()
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT  # its last thread too, and left for the host to wait for
    assert eventually(lambda: os.waitid(os.P_PID, child.pid, flags) is not None)
    assert host.complete(REQUEST).tokens


def test_a_model_that_always_crashes_is_given_up(host: EngineHost, events: list[HostEvent]) -> None:
    def kill(_: Partial) -> None:
        if host.pid:
            os.kill(host.pid, signal.SIGKILL)

    for _ in range(CRASHES):
        with pytest.raises(EngineCrashed, match="exit code"):
            host.complete(Request("x = 1\n" * 40, "", ENDLESS), kill)
    with pytest.raises(EngineCrashed, match="times in a row"):
        host.complete(REQUEST)
    assert host.pid is None
    assert kinds(events)[-1] == "failed"


def while_loading(host: EngineHost, times: int) -> threading.Thread:
    """Kill the first children as soon as they are there."""

    def kill() -> None:
        killed: set[int] = set()
        deadline = time.monotonic() + 60
        while len(killed) < times and time.monotonic() < deadline:
            if (pid := host.pid) and pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            time.sleep(0.001)

    killer = threading.Thread(target=kill)
    killer.start()
    return killer


@pytest.mark.parametrize("in_background", [True, False])
def test_an_engine_that_dies_while_loading_is_loaded_again(
    host: EngineHost, events: list[HostEvent], in_background: bool
) -> None:
    killer = while_loading(host, CRASHES - 1)
    if in_background:
        host.start()
        assert eventually(lambda: kinds(events)[-1:] == ["restarted"])
    assert host.complete(REQUEST).tokens
    killer.join()
    assert kinds(events) == ["loading", "ready", "restarted"]


def test_an_engine_that_always_dies_while_loading_is_given_up_with_a_cure(
    host: EngineHost, events: list[HostEvent]
) -> None:
    killer = while_loading(host, CRASHES)
    with pytest.raises(EngineCrashed, match=r"3 times in a row .* exit code -9; choose a smaller .* free some memory"):
        host.complete(REQUEST)
    killer.join()
    assert kinds(events) == ["loading", "failed"]
    assert host.pid is None


def test_a_process_that_cannot_be_started_is_told_and_raised(
    host: EngineHost, events: list[HostEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(multiprocessing.get_context("spawn").Process, "start", start)
    with pytest.raises(EngineError, match=r"cannot be started \(FileNotFoundError"):
        host.complete(REQUEST)
    host.start()
    assert eventually(lambda: kinds(events) == ["loading", "failed"] * 2)


def test_an_idle_child_is_let_go_and_comes_back(weights: Path, events: list[HostEvent]) -> None:
    host = EngineHost(EngineConfig(weights), Calibration(), idle_seconds=0.2, on_event=events.append)
    host.complete(REQUEST)
    pid = host.pid
    assert pid
    assert eventually(lambda: kinds(events)[-1] == "released")
    assert host.pid is None
    assert not psutil.pid_exists(pid)
    assert host.complete(REQUEST).tokens
    assert kinds(events)[-2:] == ["loading", "ready"]  # no word of a restart
    host.close()


def test_the_timer_counts_from_the_last_completion(weights: Path, events: list[HostEvent]) -> None:
    host = EngineHost(EngineConfig(weights), Calibration(), idle_seconds=0.5, on_event=events.append)
    host.complete(REQUEST)
    first = time.monotonic()
    while time.monotonic() - first < 1.0:  # twice the time of the first timer
        host.complete(REQUEST)
        time.sleep(0.02)
    last = time.monotonic()
    assert kinds(events) == ["loading", "ready"]
    assert eventually(lambda: kinds(events)[-1] == "released")
    assert time.monotonic() - last > 0.4
    host.close()


def test_a_document_of_any_length_is_answered_as_in_process(host: EngineHost, weights: Path) -> None:
    long = Request("".join(f"value_{n} = {n}\n" for n in range(20_000)) + REQUEST.prefix, REQUEST.suffix * 2000)
    engine = LlamaEngine(EngineConfig(weights))
    ours = LocalCompleter(engine, Calibration()).complete(long)
    engine.close()
    theirs = host.complete(long)
    assert (theirs.text, theirs.prompt_tokens) == (ours.text, ours.prompt_tokens)
    assert theirs.tokens == ours.tokens


def test_an_adapter_is_loaded_in_the_child(
    host: EngineHost, weights: Path, write_adapter: Callable[..., Path], matrices: Callable[..., Any], tmp_path: Path
) -> None:
    tensors = {
        name: values for n in range(6) for name, values in matrices(f"blk.{n}.ffn_down.weight", 768, 256).items()
    }
    config = EngineConfig(weights, adapter=write_adapter(tmp_path / "a.gguf", tensors))
    engine = LlamaEngine(config)
    ours = LocalCompleter(engine, Calibration()).complete(REQUEST)
    engine.close()
    tuned = EngineHost(config, Calibration())
    theirs = tuned.complete(REQUEST)
    tuned.close()
    assert theirs.tokens == ours.tokens
    assert theirs.tokens != host.complete(REQUEST).tokens


def test_an_adapter_that_would_end_the_process_is_told_and_raised(
    weights: Path,
    write_adapter: Callable[..., Path],
    matrices: Callable[..., Any],
    tmp_path: Path,
    events: list[HostEvent],
) -> None:
    path = write_adapter(tmp_path / "bad.gguf", matrices("token_embd.weight", 256, 8192))
    host = EngineHost(EngineConfig(weights, adapter=path), Calibration(), on_event=events.append)
    with pytest.raises(ModelFileInvalid, match=r"bad\.gguf changes token_embd\.weight"):
        host.complete(REQUEST)
    assert kinds(events) == ["loading", "failed"]
    host.close()


def test_a_broken_model_is_told_and_raised(tmp_path: Path, events: list[HostEvent]) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)
    host = EngineHost(EngineConfig(broken), Calibration(), on_event=events.append)
    for _ in range(2):
        with pytest.raises(ModelFileInvalid, match=r"broken\.gguf"):
            host.complete(REQUEST)
    assert kinds(events) == ["loading", "failed"] * 2
    host.close()


def test_closing_ends_the_work_and_the_child(weights: Path) -> None:
    host = EngineHost(EngineConfig(weights), Calibration())
    host.complete(REQUEST)
    pid = host.pid
    assert pid
    working = threading.Thread(target=lambda: host.complete(Request("import os\n", "", ENDLESS)))
    working.start()
    host.close()
    working.join(10)
    assert not working.is_alive()
    assert not psutil.pid_exists(pid)
    with pytest.raises(EngineError, match="closed"):
        host.complete(REQUEST)


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


ZEBRA = Request("def f():\n    return quantified_ze", "")


def knows(host: EngineHost) -> bool:
    try:
        return host.complete(ZEBRA).text.startswith("bra_margin")
    except EngineCrashed:  # its threads end one after the other
        return False


@pytest.mark.parametrize("end", ["killed", "released"])
def test_what_was_remembered_comes_back_with_the_child(weights: Path, tmp_path: Path, end: str) -> None:
    (tmp_path / "zebra.py").write_text("    return quantified_zebra_margin(1)\n" * 4)
    feed = Feed()
    feed.walk(Workspace((str(tmp_path),)), True)
    host = EngineHost(
        EngineConfig(weights),
        Calibration(),
        idle_seconds=0.3 if end == "released" else 0,
        memory=Remembered(memory_sidecar(weights), feed),
    )
    for _ in range(2):
        assert eventually(partial(knows, host))
        assert host.pid
        child = psutil.Process(host.pid)
        if end == "killed":
            child.kill()
        assert eventually(partial(ended, child))
    host.close()
    assert eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "empower-feed"])


def test_the_memory_brings_its_own_calibration(weights: Path) -> None:
    own_weights = Weights.load(memory_sidecar(weights))
    assert own_weights is not None
    own = Calibration(9.0, 2.0)
    etas = []
    for calibration in (None, own):
        host = EngineHost(
            EngineConfig(weights), Calibration(), memory=Remembered(memory_sidecar(weights), Feed(), calibration)
        )
        etas.append(host.complete(REQUEST).eta)
        host.close()
    asked = REQUEST.limits.confidence
    assert etas == [own_weights.calibration.budget(asked), own.budget(asked)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "it lacks 'midpoint'"),
        ('{"coefficients": [[NaN]], "midpoint": 1, "slope": 1}', "it holds NaN"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_of_a_broken_sidecar_it_is_told_and_the_weights_for_any_model_serve(
    weights: Path, tmp_path: Path, events: list[HostEvent], content: str, words: str
) -> None:
    (tmp_path / "model.memory.json").write_text(content)
    memory = Remembered(tmp_path / "model.memory.json", Feed())
    host = EngineHost(EngineConfig(weights), Calibration(), on_event=events.append, memory=memory)
    usual = Weights.load(DEFAULT_WEIGHTS)
    assert usual is not None
    assert host.complete(REQUEST).eta == usual.calibration.budget(REQUEST.limits.confidence)
    assert kinds(events) == ["loading", "warned", "ready"]
    assert words in events[1].message
    assert "Delete the file to do without the memory, or fit it again. Until then" in events[1].message
    host.close()


def test_of_a_broken_sidecar_where_there_is_no_other_it_is_told_and_raised(
    weights: Path, events: list[HostEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("empower_model.memory.Weights.load", broken)
    with pytest.raises(ModelError, match="broken"):
        _weights(DEFAULT_WEIGHTS, told.append)
    assert told == []


def broken(_: Path) -> None:
    raise ModelError("broken")


def test_any_time_to_be_idle_can_be_waited_for(weights: Path, events: list[HostEvent]) -> None:
    host = EngineHost(EngineConfig(weights), Calibration(), idle_seconds=6e10, on_event=events.append)
    assert host.complete(REQUEST).tokens
    time.sleep(0.1)
    assert host._idle is not None
    assert host._idle.is_alive()
    host.close()
