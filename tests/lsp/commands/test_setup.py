"""`empower-lsp setup`: what it says of a machine, and that nothing is fetched unless somebody says yes."""

import json
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from empower_lsp.commands import setup as module
from empower_model.engine import Timings
from empower_model.engine.timing import Timing
from empower_model.files import store

SMALL, LARGER, HUGE = module.SUGGESTED
QUICK = Timings((Timing(2, 0.05, 0.1),), (Timing(1, 0.6, 0.7),))
"""A processor that reads 20,000 tokens a second with the bundled model."""


class Machine:
    """A machine, and what is asked of it."""

    def __init__(self) -> None:
        self.speeds = {store.bundled(): QUICK}
        self.free = 20_000_000_000
        self.measured: list[str] = []
        self.pulled: list[str] = []

    def measure(self, path: Path) -> Timings:
        name = next(entry.name for entry in store.catalogue().values() if entry.path == path)
        self.measured.append(name)
        return self.speeds[name]

    def pull(self, name: str) -> None:
        self.pulled.append(name)
        self.put(name)

    def put(self, name: str) -> None:
        """Put a file where the model would be, which begins like one."""
        entry = store.catalogue()[name]
        entry.path.parent.mkdir(parents=True)
        entry.path.write_bytes(store.resolve(store.bundled()).path.read_bytes()[:4096])


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(module, "_measured", machine.measure)
    monkeypatch.setattr(module, "pulled", machine.pull)
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=machine.free))
    return machine


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(module.setup, arguments, input=answer)


def test_where_nobody_can_answer_it_prints_and_ends(machine: Machine) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "cores" in lines[0]
    assert max(map(len, lines[2:7])) <= 80
    (row,) = [line for line in lines if line.startswith(f"   {SMALL}")]
    assert row.split()[1:] == ["665", "MB", "~306", "~0.5", "s", "~0.2", "s"]
    assert f"{SMALL} fits" in result.output
    assert "491 MB come from the Hugging Face hub" in result.output
    assert lines[-1] == "To have it: empower-lsp setup --yes"
    assert (machine.pulled, store.default_model()) == ([], store.bundled())


def test_json_has_what_an_editor_needs_to_offer_a_choice(machine: Machine) -> None:
    told = json.loads(run("--json").output)
    assert (told["fits"], told["disturbed"], machine.pulled) == (SMALL, False, [])
    assert [model["name"] for model in told["models"]] == [store.bundled(), *module.SUGGESTED]
    small = told["models"][1]
    assert (small["measured"], small["memory"], small["download"]) == (False, 665_000_000, 491_400_064)
    assert small["place"] == pytest.approx(0.5, abs=0.1)
    assert small["key"] == pytest.approx(0.2, abs=0.1)
    machine.free = 500_000_000
    assert json.loads(run("--json").output)["fits"] is None


def test_on_a_yes_it_is_pulled_used_and_measured(machine: Machine) -> None:
    machine.speeds[SMALL] = Timings((Timing(2, 4.0, 8.0),), (Timing(1, 40.0, 50.0),))
    result = run("--yes")
    assert result.exit_code == 0, result.output
    assert (machine.pulled, store.default_model()) == ([SMALL], SMALL)
    assert machine.measured == [store.bundled(), SMALL]
    assert result.output.splitlines()[-1] == f"In use: {SMALL}, measured: 0.5 s in a new place, 0.2 s behind a key."
    assert f"{SMALL} fits, and is in use." in run().output


def test_whoever_has_a_gpu_is_told_of_the_option(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_layers", lambda: -1)
    machine.speeds[SMALL] = Timings((Timing(2, 4.0, 8.0),), (Timing(1, 40.0, 50.0),))
    assert "its option `gpuLayers` is -1." in run("--yes").output.splitlines()[-1]
    assert json.loads(run("--json").output)["gpuLayers"] == -1


def test_what_is_here_is_measured_and_not_pulled(machine: Machine) -> None:
    machine.put(SMALL)
    machine.speeds[SMALL] = Timings((Timing(2, 1.0, 2.0),), (Timing(1, 10.0, 12.0),))
    result = run("--yes")
    assert machine.measured[:2] == [store.bundled(), SMALL]
    assert f"{LARGER} fits" in result.output  # reckoned from the small one, which is fast
    assert machine.pulled == [LARGER]


@pytest.mark.parametrize("lacking", ["speed", "memory"])
def test_a_machine_too_small_for_any_is_told_so(machine: Machine, lacking: str) -> None:
    if lacking == "memory":
        machine.free = 1_000_000_000
    else:
        machine.speeds[store.bundled()] = QUICK.scaled(4)
    result = run("--yes")
    assert "None of the larger ones fits this machine" in result.output
    assert (result.exit_code, machine.pulled, store.default_model()) == (0, [], store.bundled())


def test_a_machine_at_work_is_told_to_try_again(machine: Machine) -> None:
    machine.speeds[store.bundled()] = Timings(QUICK.prompts, QUICK.tokens, others=1.2)
    assert "measure again without them" in run().output
    machine.speeds[store.bundled()] = QUICK
    assert "measure again" not in run().output


@pytest.mark.parametrize(("answer", "pulled"), [("y\n", [SMALL]), ("n\n", []), ("\n", [])])
def test_a_person_is_asked_and_no_answer_is_no(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, answer: str, pulled: list[str]
) -> None:
    machine.speeds[SMALL] = QUICK.scaled(65)
    monkeypatch.setattr(module, "can_answer", lambda: True)
    result = run(answer=answer)
    assert result.exit_code == 0, result.output
    assert "Pull and use it? [y/N]" in result.output
    assert machine.pulled == pulled


def test_the_bundled_model_is_measured_really(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EACH", 0.3)
    result = run()
    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.output.splitlines() if line.startswith(f"*  {store.bundled()} ")]
    assert int(row.split()[4].replace(",", "")) > 100
    assert "Traceback" not in result.output
