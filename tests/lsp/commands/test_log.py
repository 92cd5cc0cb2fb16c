"""`empower-lsp log ...`, as a person or a script sees it."""

import json
import os
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from empower_lsp.commands.log import log
from empower_lsp.log import level
from empower_lsp.log.level import Level
from empower_lsp.log.records import OutcomeRecord, completion_record, without_text
from empower_lsp.log.store import Store, log_path, opened
from empower_model.request import Completion, End, Limits, Request

DONE = Completion("return 1\n", (), 0, End.UNCERTAIN, 0.5, 1.5, 9, 3, 4.0, 20.0)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "data"


def run(*args: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(log, args, input=answer)


@pytest.fixture
def filled(data: Path) -> Path:
    now = time.time()
    request = Request("def f():\n    ", "", Limits(confidence=0))
    done = replace(DONE, eta=float("inf"))
    store = Store(log_path())
    for i in range(4):
        record = completion_record(
            done,
            request,
            identifier=str(i),
            path=f"src/f{i}.py",
            workspace="w-1",
            language="python",
            model="m",
            version="0",
            at=now - 86_400 * (3 - i),
        )
        store.write(record if i else without_text(record))
        store.write(OutcomeRecord(str(i), now, "shown", False))
    store.write(OutcomeRecord("3", now, "accepted", True, 9, 9))
    store.write(OutcomeRecord("3", now + 30, "changed", False, 4, 8, 0, "return\x1b[31m", 30.0))
    store.close()
    return log_path()


def test_path(data: Path) -> None:
    assert run("path").stdout == f"{data / 'log.sqlite3'}\n"
    assert not data.exists()


def test_status_before_there_is_anything(data: Path) -> None:
    told = run("status").stdout
    assert "(full)" in told
    assert "not there yet" in told
    assert json.loads(run("status", "--json").stdout)["level"] == "full"
    assert not data.exists()


def test_status(filled: Path) -> None:
    told = run("status").stdout
    assert "4 completions, 6 outcomes" in told
    content = json.loads(run("status", "--json").stdout)
    assert (content["completions"], content["outcomes"], content["path"]) == (4, 6, str(filled))
    assert content["size"] > 0


def test_on_and_off_are_remembered(data: Path) -> None:
    assert level.chosen() is Level.FULL
    assert run("off").exit_code == 0
    assert level.chosen() is Level.OFF
    assert "(off)" in run("status").stdout
    assert "without their text" in run("on", "--level", "metadata").stdout
    assert level.chosen() is Level.METADATA
    assert run("on").exit_code == 0
    assert level.chosen() is Level.FULL
    assert [part.name for part in data.iterdir()] == ["log.json"]


def test_a_choice_that_cannot_be_read_counts_as_off(data: Path) -> None:
    data.mkdir()
    for broken in ('{"level": "all"}', '{"level": 3}', "[]", "{"):
        (data / "log.json").write_text(broken)
        assert level.chosen() is Level.OFF
    assert not level.tell_once()


def test_a_person_is_told_once(data: Path) -> None:
    assert [level.tell_once() for _ in range(3)] == [True, False, False]
    assert level.chosen() is Level.FULL


def test_who_has_chosen_need_not_be_told(data: Path) -> None:
    level.choose(Level.METADATA)
    assert not level.tell_once()


def test_a_choice_that_cannot_be_kept_is_one_line(data: Path) -> None:
    data.write_text("a file where the folder should be")
    result = run("off")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The choice cannot be remembered")


@pytest.mark.parametrize("command", [("stats",), ("show",), ("export", "-"), ("purge", "--all")])
def test_without_a_log_there_is_one_line(command: tuple[str, ...], data: Path) -> None:
    result = run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: There is no log yet")
    assert not data.exists()


def test_stats(filled: Path) -> None:
    lines, known = (part.splitlines() for part in run("stats").stdout.split("\n\n"))
    for heading in ("shown", "accepted", "rate", "characters", "p50", "p95"):
        assert heading in lines[0]
    assert lines[-1].split() == ["all", "4", "4", "1", "25%", "4", "20", "ms", "20", "ms"]
    assert [line.split()[0] for line in lines[1:-1]] == ["by", "python", "by", "m"]
    assert known[0] == "Of 4 shown, 0 are known from the editor."
    assert json.loads(run("stats", "--json").stdout)["total"]["kept_characters"] == 4
    assert json.loads(run("stats", "--since", "36h", "--json").stdout)["total"]["completions"] == 2


def test_stats_of_an_editor_that_tells_what_it_shows_say_nothing_more(filled: Path) -> None:
    with opened(filled) as log:
        for i in range(4):
            log.write(OutcomeRecord(str(i), time.time(), "shown", True))
    assert "inferred" not in run("stats").stdout


def test_show(filled: Path) -> None:
    told = run("show", "2").stdout
    assert told.count("  | return 1") == 2
    assert told.index("src/f2.py") < told.index("src/f3.py")
    assert "accepted 9 of 9\n" in told
    assert "changed 4 of 8 after 30 s (inferred): return\N{REPLACEMENT CHARACTER}[31m" in told
    assert "\x1b" not in told
    assert "(9 characters, not kept)" in run("show").stdout
    assert len(run("show", "3", "--json").stdout.splitlines()) == 3


def test_no_text_of_a_completion_forges_a_line(filled: Path) -> None:
    forged = "\n2026-01-01 00:00:00  forged.py  1 ms"
    store = Store(log_path())
    [entry] = list(store.entries(last=1))
    odd = replace(entry.completion, id="odd", path=f"a{forged}", workspace=f"w{forged}", text=f"b{forged}")
    store.write(odd)
    store.write(OutcomeRecord("odd", time.time(), "changed", False, 4, 8, 0, f"c{forged}", 30.0))
    store.close()
    lines = run("show").stdout.splitlines()
    assert sum("forged.py" in line for line in lines) == 3
    assert len([line for line in lines if not line.startswith(" ")]) == 5


def test_export(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "log.jsonl"
    assert "Exported 4 completions" in run("export", str(target)).stdout
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["0", "1", "2", "3"]
    assert lines[3]["eta"] is None
    assert [outcome["kind"] for outcome in lines[3]["outcomes"]] == ["shown", "accepted", "changed"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert run("export", "-").stdout == target.read_text()
    assert run("export", str(tmp_path / "no" / "where")).stderr.startswith("Error: ")


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o600])
def test_an_export_onto_a_file_that_is_there_is_the_owners_too(filled: Path, tmp_path: Path, mode: int) -> None:
    target = tmp_path / "log.jsonl"
    target.write_text("longer than all of it\n" * 1000)
    target.chmod(mode)
    before = os.umask(0)
    try:
        assert "Exported 4 completions" in run("export", str(target)).stdout
        assert run("on").exit_code == 0
    finally:
        os.umask(before)
    assert len(target.read_text().splitlines()) == 4
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE((log_path().parent / "log.json").stat().st_mode) == 0o600


def test_purge_asks_first(filled: Path) -> None:
    asked = run("purge", "--all", answer="n\n")
    assert asked.exit_code == 1
    assert "Delete 4 completions for ever?" in asked.output
    assert json.loads(run("status", "--json").stdout)["completions"] == 4
    assert "Deleted 4 completions" in run("purge", "--all", answer="y\n").output
    assert b"return 1" not in filled.read_bytes()
    assert json.loads(run("status", "--json").stdout)["completions"] == 0
    assert run("stats").exit_code == 0
    assert run("show").stdout == ""


def test_purge_by_age_and_path(filled: Path) -> None:
    assert "Deleted 1 completions" in run("purge", "--older-than", "60h", "--yes").stdout
    assert "Deleted 1 completions" in run("purge", "--path", "f2.py", "--yes").stdout
    assert "Deleted 0 completions" in run("purge", "--path", "f3.py", "--older-than", "1d", "--yes").stdout
    assert [json.loads(line)["id"] for line in run("export", "-").stdout.splitlines()] == ["1", "3"]


@pytest.mark.parametrize(
    "args", [(), ("--all", "--path", "*"), ("--older-than", "soon"), ("--older-than", "3"), ("--older-than", "-1d")]
)
def test_purge_wants_to_know_what(filled: Path, args: tuple[str, ...]) -> None:
    assert run("purge", "--yes", *args).exit_code == 2
    assert json.loads(run("status", "--json").stdout)["completions"] == 4


def test_the_statistics_fit_80_columns_and_cut_no_name(filled: Path) -> None:
    model = "qwen2.5-coder-0.5b-instruct"
    store = Store(log_path())
    store.write(
        completion_record(
            DONE,
            Request("", "", Limits()),
            identifier="long",
            path="a.py",
            workspace="w-1",
            language="python",
            model=model,
            version="0",
            at=time.time(),
        )
    )
    store.close()
    lines = run("stats").stdout.splitlines()
    assert {len(line) for line in lines if line.endswith(("p95", " ms"))} == {80}
    assert model in lines


def test_a_broken_log_is_one_line_on_stderr(data: Path) -> None:
    data.mkdir()
    log_path().write_bytes(b"no database at all, but long enough to be one" * 100)
    result = run("stats")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The log cannot be used: file is not a database")
    assert "Traceback" not in result.output


def test_importing_the_commands_is_light() -> None:
    code = (
        "import sys, empower_lsp.commands.log\n"
        "print(*sorted({'detect_secrets', 'rich', 'platformdirs', 'sqlite3', 'pathspec'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
