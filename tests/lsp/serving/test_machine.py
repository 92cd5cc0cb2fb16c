"""Whether a large model may be loaded and may work: what the machine says is made up here, but for other windows."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from empower_lsp.serving import machine
from empower_lsp.serving.machine import AMPLE, BESIDE_WEIGHTS, SHORT, SPARE, MemoryShort, leave_memory, reason_to_rest
from empower_model.errors import ModelError


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    memory = SimpleNamespace(available=1 << 40)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(machine, "_held", lambda: 0)  # these tests have processes of their own
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (0.0, 0.0, 0.0))
    return memory


def test_a_model_that_does_not_fit_names_what_it_needs_and_what_there_is(tmp_path: Path, free: SimpleNamespace) -> None:
    weights = tmp_path / "big.gguf"
    weights.write_bytes(b"x")
    leave_memory(weights)
    free.available = BESIDE_WEIGHTS
    with pytest.raises(ModelError, match=r"big\.gguf needs 0\.4 GB of memory and 0\.4 GB are free"):
        leave_memory(weights)


def test_a_second_window_leaves_more(tmp_path: Path, free: SimpleNamespace) -> None:
    weights = tmp_path / "big.gguf"
    weights.write_bytes(b"x")
    free.available = SPARE
    window = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "empower-lsp", "--stdio"])
    try:
        with pytest.raises(ModelError, match="not loaded in this window"):
            leave_memory(weights)
    finally:
        window.kill()
        window.wait()


def test_what_an_engine_of_this_window_holds_is_free_for_the_one_that_takes_its_place(
    tmp_path: Path, free: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "big.gguf"
    weights.write_bytes(b"x")
    free.available = BESIDE_WEIGHTS - (64 << 20)
    with pytest.raises(MemoryShort):
        leave_memory(weights)
    monkeypatch.setattr(machine, "_held", lambda: 65 << 20)
    leave_memory(weights)


def test_what_an_engine_holds_is_what_its_process_has_written() -> None:
    before = machine._held()
    holds = "held = bytearray(b'x') * (100 << 20); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        assert 100 << 20 <= machine._held() - before < 130 << 20


def test_memory_that_is_short_is_a_reason_until_it_is_ample(free: SimpleNamespace) -> None:
    assert reason_to_rest("never", resting=False) == ""
    free.available = SHORT - 1
    assert "Memory is short" in reason_to_rest("never", resting=False)
    free.available = SHORT
    assert reason_to_rest("never", resting=False) == ""
    assert "Memory is short" in reason_to_rest("never", resting=True)
    free.available = AMPLE
    assert reason_to_rest("never", resting=True) == ""


@pytest.mark.parametrize(("rest", "rests"), [("never", False), ("load", False), ("battery", True), ("any", True)])
def test_on_battery_it_rests_where_that_is_wanted(
    rest: str, rests: bool, free: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: SimpleNamespace(power_plugged=False), raising=False)
    assert ("battery" in reason_to_rest(rest, resting=False)) is rests


@pytest.mark.parametrize(("rest", "rests"), [("never", False), ("load", True), ("battery", False), ("any", True)])
def test_under_load_it_rests_where_that_is_wanted(
    rest: str, rests: bool, free: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    assert ("busy" in reason_to_rest(rest, resting=False)) is rests
