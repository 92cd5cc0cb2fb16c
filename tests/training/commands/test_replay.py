"""`empower-lsp evaluate replay` on a small corpus with the bundled model: figures, resuming, and what it refuses."""

import importlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from empower_model.files import store
from empower_training.at_speed.experiment import FINISHED_FILE
from empower_training.commands import replay
from empower_training.commands.evaluate import evaluate
from empower_training.commands.replay import COLUMNS
from empower_training.commands.tables import Column, empty, show
from empower_training.corpus.corpus import Document
from empower_training.replay.experiment import RUN_FILE, TALLIES_FILE, Job, Setting, Worker, chosen_works, jobs, run
from empower_training.replay.intervals import EFFORT, interval
from empower_training.replay.policies import BASE, DEFAULT, cuts
from empower_training.replay.typist import Tally

ROOT = Path(__file__).parents[3]
SMALL = ("--files", "2", "--characters", "40", "--processes", "1")


TEXT = '''import os


def {name}s(folder, ending):
    """The {name}s in a folder whose names end so."""
    found = []
    for name in os.listdir(folder):
        if name.endswith(ending):
            found.append(os.path.join(folder, name))
    return found


def first_{name}(folder):
    """The first of them, or nothing."""
    found = {name}s(folder, ".{name}")
    if not found:
        return None
    return found[0]
'''
DOCUMENTS = [
    Document(package, f"{package}/{name}.py", TEXT.replace("{name}", name))
    for package, name in (("a", "page"), ("b", "image"), ("a", "track"), ("b", "letter"))
]


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    rows = [{"package": document.package, "path": document.path, "text": document.text} for document in DOCUMENTS]
    (tmp_path / "heldout.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(evaluate, ["replay", *map(str, arguments)])


def rows(*arguments: object) -> list[dict[str, Any]]:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    content: list[dict[str, Any]] = json.loads(result.stdout)
    return content


def timeless(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in row if "ms" not in key} for row in table]


def test_every_policy_has_a_row(corpus_folder: Path) -> None:
    (corpus_folder / "heldout.jsonl").rename(corpus_folder / "programs.jsonl")
    table = rows(corpus_folder, *SMALL, "--split", "programs")
    assert [row["policy"] for row in table] == ["no assistant", *cuts_names()]
    nobody = table[0]
    assert nobody["net_effort"] == [1, 1, 1]
    assert nobody["kept"] == [0, 0, 0]
    assert nobody["latency_ms"] == [None, None]
    base, ours = (next(row for row in table if row["policy"] == name) for name in (BASE, DEFAULT))
    assert base["shown_per_1000"][1] > ours["shown_per_1000"][1] > 0
    assert base["engine_ms_per_kept"][1] > 0
    assert ours["net_effort_minus_default"] == [0, 0, 0]
    assert sum(bin_["spans"] for bin_ in base["reliability"]) > 0
    assert 0 <= base["calibration_error"] <= 1


def cuts_names() -> list[str]:
    from empower_model.calibration import Calibration

    return list(cuts(Calibration()))


def test_the_table_names_the_policies(corpus_folder: Path) -> None:
    result = call(corpus_folder, *SMALL, "--policy", BASE, "--policy", DEFAULT, "--fallible", "0.5", "--whole")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "net effort" in lines[0]
    assert [line.split("  ")[0] for line in lines[1:4]] == ["no assistant", BASE, DEFAULT]


def test_it_goes_on_where_it_was_left(corpus_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = (corpus_folder, *SMALL, "--policy", DEFAULT, "--policy", "Base-10")
    whole = rows(*options, "--resume", folder)
    path = folder / TALLIES_FILE
    first, second = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(first + second[: len(second) // 2], encoding="utf-8")  # as if ended while it was written
    assert timeless(rows(*options, "--resume", folder)) == timeless(whole)
    assert path.read_text(encoding="utf-8").startswith(first)  # not done again: its times are the same to the digit
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_another_setting_needs_another_folder(corpus_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = (corpus_folder, *SMALL, "--policy", DEFAULT, "--resume", folder)
    rows(*options)
    before = (folder / RUN_FILE).read_text(encoding="utf-8")
    result = call(*options, "--seed", "7")
    assert result.exit_code == 1
    assert "other corpus, seed" in result.output
    assert (folder / RUN_FILE).read_text(encoding="utf-8") == before


def test_another_model_in_the_same_file_is_no_part_of_a_run(corpus_folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    options = (corpus_folder, *SMALL, "--policy", DEFAULT, "--model", model, "--resume", tmp_path / "run")
    first, second = (store.checked(name).path for name in ("empower-python", "empower-python-tuned"))
    shutil.copyfile(first, model)
    rows(*options)
    assert first.stat().st_size == second.stat().st_size
    shutil.copyfile(second, model)
    result = call(*options)
    assert result.exit_code == 1
    assert "other weights" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "run `empower-lsp lab corpus` first"),
        (("--policy", "vibes"), "There is no policy 'vibes'; there are: Base, "),
        (("--model", "nowhere.gguf"), "There is no model and no file nowhere.gguf"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(corpus_folder: Path, arguments: tuple[str, ...], says: str) -> None:
    result = call(corpus_folder if arguments else corpus_folder / "nowhere", *SMALL, *arguments)
    assert result.exit_code == 1
    assert says in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_files_come_from_all_packages_in_turn() -> None:
    files = chosen_works(DOCUMENTS, Setting(("m",), files=3))
    assert [of_file[0].source[0] for of_file in files] in (["a", "b", "a"], ["b", "a", "b"])
    assert len(chosen_works(DOCUMENTS, Setting(("m",), files=99))) == 4
    setting = Setting(("m", "n"), files=2)
    assert [job.model for job in jobs(chosen_works(DOCUMENTS, setting), setting)] == ["m", "m", "n", "n"]
    assert setting.chosen("n") == (BASE, DEFAULT)
    assert replace(setting, policies=("Base-10",)).chosen("m") == ("Base-10",)


def test_processes_change_nothing_but_the_time() -> None:
    setting = Setting(("",), policies=(DEFAULT, BASE), files=3, characters=60)
    waiting = jobs(chosen_works(DOCUMENTS, setting), setting)
    alone, together = ({finished.source: finished.tallies for finished in run(waiting, setting, n)} for n in (1, 2))

    def counts(tally: Tally) -> Tally:
        return replace(tally, engine_ms=0, latencies=())

    assert alone.keys() == together.keys()
    for source, tallies in alone.items():
        for name in tallies:
            assert list(map(counts, tallies[name])) == list(map(counts, together[source][name]))


def test_with_a_memory_what_another_file_says_is_written_for_the_person(corpus_folder: Path) -> None:
    options = (corpus_folder, *SMALL[:2], "--characters", "160", "--policy", DEFAULT, "--processes")
    without, alone, together = (rows(*options, *more)[1] for more in ((1,), (1, "--memory"), (2, "--memory")))
    assert alone["net_effort"][1] < without["net_effort"][1] - 0.2  # the two files of a package are nearly the same
    assert timeless([alone]) == timeless([together])


def test_by_package_all_figures_are_given_for_each_too(corpus_folder: Path, tmp_path: Path) -> None:
    options = (corpus_folder, *SMALL, "--policy", DEFAULT, "--resume", tmp_path / "run")
    plain, parted = rows(*options), rows(*options, "--by-package")
    assert [{key: row[key] for key in row if key != "packages"} for row in parted] == plain
    for row, whole in zip(parted, plain, strict=True):
        assert list(row["packages"]) == ["a", "b"]
        assert all(part.keys() == whole.keys() for part in row["packages"].values())
        assert sum(part["works"] for part in row["packages"].values()) == row["works"]
        for low, estimate, high in (part["net_effort"] for part in row["packages"].values()):
            assert low == estimate == high  # one file
    efforts = [parted[1]["packages"][package]["net_effort"][1] for package in "ab"]
    assert min(efforts) < parted[1]["net_effort"][1] < max(efforts)
    lines = call(*options, "--by-package").stdout.splitlines()
    part = ["no assistant", DEFAULT]
    assert [line.split("  ")[0].strip() for line in lines] == ["", *part, "", "a", *part, "", "b", *part]
    assert [line.rstrip() for line in lines[:3]] == [line.rstrip() for line in call(*options).stdout.splitlines()]


def test_a_model_without_weights_for_a_memory_has_those_for_any(corpus_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    shutil.copyfile(store.resolve(store.bundled(), tuned=False).path, copy)
    with_memory, without = (rows(corpus_folder, *SMALL, "--model", copy, *more) for more in (("--memory",), ()))
    assert timeless(with_memory) != timeless(without)


def test_a_model_that_knows_nothing_helps_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    gguf = importlib.import_module("random_gguf")
    setting = Setting((str(gguf.made(gguf.TINY, tmp_path)),), files=2, characters=60)
    worker = Worker(setting, threads=1)
    by_policy: dict[str, list[Tally]] = {}
    for of_file in chosen_works(DOCUMENTS, setting):
        for name, tallies in worker.work(Job(setting.models[0], of_file)).tallies.items():
            by_policy.setdefault(name, []).extend(tallies)
    worker.close()
    efforts = {name: interval(tallies, EFFORT).estimate for name, tallies in by_policy.items()}
    assert min(efforts.values()) > 0.98  # a word may be right by chance
    assert efforts[BASE] > 1.5  # it shows much, and all of that is read for nothing
    assert efforts[DEFAULT] == pytest.approx(1, abs=0.05)


AT_SPEED = (*SMALL, "--keys-per-second", "5")


def test_of_files_with_one_path_the_first_is_typed(corpus_folder: Path) -> None:
    split = corpus_folder / "heldout.jsonl"
    once = rows(corpus_folder, *SMALL, "--files", "9", "--policy", DEFAULT, "--memory")
    again = {"package": "z", "path": DOCUMENTS[0].path, "text": TEXT.replace("{name}", "other")}
    split.write_text(split.read_text(encoding="utf-8") + json.dumps(again) + "\n", encoding="utf-8")
    twice = rows(corpus_folder, *SMALL, "--files", "9", "--policy", DEFAULT, "--memory")
    assert [row["kept"] for row in twice] == [row["kept"] for row in once]


def test_at_a_speed_each_arm_has_a_row(corpus_folder: Path, tmp_path: Path) -> None:
    other = store.resolve("empower-python-tuned").path
    machines = ("--machine", "two-cores", "--machine", "100,50")
    table = rows(corpus_folder, *AT_SPEED, *machines, "--model", other, "--memory", "--resume", tmp_path / "run")
    arms = [(row["machine"], row["arm"]) for row in table]
    assert arms == [(where, arm) for where in machines[1::2] for arm in ("instant alone", "deep alone", "both")]
    assert all(row["works"] == table[0]["works"] > 0 for row in table)
    instant, deep, both = table[:3]
    assert instant["kept_minus_instant"] == [0, 0, 0]
    assert instant["first_deep_text_s"] is None
    assert deep["first_text_s"] == deep["first_deep_text_s"] > instant["first_text_s"]
    assert both["answered"][1] >= both["with_text"][1] > 0
    assert table[4]["first_deep_text_s"] > deep["first_deep_text_s"]  # on the slower machine


def test_at_a_speed_it_goes_on_where_it_was_left(corpus_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    whole = rows(corpus_folder, *AT_SPEED, "--resume", folder)
    finished = folder / FINISHED_FILE
    before = finished.read_text(encoding="utf-8")
    assert rows(corpus_folder, *AT_SPEED, "--resume", folder) == whole
    assert finished.read_text(encoding="utf-8") == before  # nothing was done again
    finished.write_text(before[: len(before) * 2 // 3], encoding="utf-8")  # as if ended while it was written
    assert rows(corpus_folder, *AT_SPEED, "--resume", folder) == whole
    rows(corpus_folder, *AT_SPEED, "--machine", "gpu", "--resume", folder)
    finished.unlink()  # the program has changed, what the model wrote has not
    spans = {path: path.read_bytes() for path in folder.glob("spans/*/*.jsonl")}
    assert len(spans) == 2
    assert rows(corpus_folder, *AT_SPEED, "--resume", folder) == whole
    assert {path: path.read_bytes() for path in folder.glob("spans/*/*.jsonl")} == spans


def test_at_a_speed_whoever_asks_for_more_confidence_is_shown_less(corpus_folder: Path) -> None:
    default, sure, reckless = rows(corpus_folder, *AT_SPEED, "--confidence", "0.9", "--confidence", "0.05")
    assert [row["arm"] for row in (default, sure, reckless)] == [
        *("instant alone", "instant alone, 0.9", "instant alone, 0.05")
    ]
    assert sure["shown_per_1000"][1] < default["shown_per_1000"][1] < reckless["shown_per_1000"][1]


def test_processes_change_nothing_at_a_speed(corpus_folder: Path) -> None:
    alone, together = (rows(corpus_folder, *AT_SPEED, "--processes", count) for count in ("1", "2"))
    assert alone == together


def test_the_table_at_a_speed(corpus_folder: Path) -> None:
    result = call(corpus_folder, *AT_SPEED)
    assert result.exit_code == 0, result.output
    machine, head, arm = result.stdout.splitlines()[:3]
    assert machine.strip() == "two-cores"
    assert "answered" in head
    assert arm.startswith("instant alone")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--machine", "gpu"), "give --keys-per-second too"),
        (("--confidence", "0.4"), "give --keys-per-second too"),
        (("--keys-per-second", "5", "--machine", "fast"), "'fast' is no machine: give one of two-cores"),
        (("--keys-per-second", "0"), "0.0 is not in the range x>0"),
    ],
)
def test_what_cannot_be_typed_at_a_speed_is_said(corpus_folder: Path, arguments: tuple[str, ...], says: str) -> None:
    result = call(corpus_folder, *SMALL, *arguments)
    assert result.exit_code != 0
    assert says in result.output


@pytest.mark.parametrize("columns", [COLUMNS, replay.AT_SPEED])
def test_in_a_file_no_heading_is_cut(columns: Sequence[Column], capsys: pytest.CaptureFixture[str]) -> None:
    table, long = empty(columns), "both, qwen2.5-coder-1.5b-instruct-q4_k_m"
    intervals = ("95 %", "minus default", "- instant")
    table.add_row(*("-0.123 to -0.123" if name in intervals else "1234.5" if name else long for name, _ in columns))
    show(table)
    headings, row = capsys.readouterr().out.splitlines()
    assert headings.split() == " ".join(heading for heading, _ in columns).split()
    assert long in row
