"""`empower-lsp report`, with the bundled model: what it writes, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from empower_lsp.log.store import Store, log_path
from empower_training.commands.report import report
from empower_training.replay.policies import DEFAULT, NOBODY

CODE = "import os\n\n\ndef name(path):\n    return os.path.basename(path)\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(report, [str(argument) for argument in arguments])


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "named.py"
    path.write_text(CODE)
    return path


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    rows = [
        {"model": model, "policy": policy, "works": 3, "net_effort": effort, "kept": [0, 0, 0], "latency_ms": [1, 2]}
        for model, policy, effort in (("", NOBODY, [1, 1, 1]), ("m", DEFAULT, [0.7, 0.8, 0.9]))
    ]
    path = tmp_path / "some.json"
    path.write_text(json.dumps(rows))
    return path


def test_a_page_with_the_replay_and_the_file(tmp_path: Path, code: Path, replay: Path) -> None:
    out = tmp_path / "page.html"
    result = run("--replay", replay, "--replay", replay, "--file", code, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"Wrote {out}, 0.1 MB.\n"
    html = out.read_text(encoding="utf-8")
    assert html.count("a text costs 0.80 of the effort") == 2
    assert "of named.py, in " in html
    assert "Nothing is logged here yet" in html
    assert not log_path().exists()  # looking makes no log


def test_without_a_file_one_of_this_programs_is_read(tmp_path: Path) -> None:
    Store(log_path()).close()  # an empty log is as none
    out = tmp_path / "page.html"
    assert run("--out", out).exit_code == 0
    html = out.read_text(encoding="utf-8")
    assert "of calibration.py, in " in html
    assert html.count("A simulated typist wrote 109 texts") == 2  # the replays that come along: with a memory, without
    assert "Nothing is logged here yet" in html


def test_of_a_long_file_the_beginning_is_shown(tmp_path: Path) -> None:
    path, out = tmp_path / "long.py", tmp_path / "page.html"
    path.write_text("x = 1\n" + "\n" * 450)
    assert run("--file", path, "--out", out).exit_code == 0
    assert "51 more lines are not shown" in out.read_text(encoding="utf-8")


def test_it_is_shown_where_that_is_wished(tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("click.launch", shown.append)
    out = tmp_path / "a page.html"
    run("--file", code, "--out", out)
    assert shown == []
    run("--file", code, "--out", out, "--open")
    assert shown == [out.as_uri()]


def test_what_cannot_be_done_is_said_in_one_line(tmp_path: Path, code: Path, replay: Path) -> None:
    for arguments, says in (
        (("--replay", code), "named.py is not a replay"),
        (("--file", tmp_path / "nowhere.py"), "nowhere.py cannot be read"),
        (("--file", code, "--model", "nowhere.gguf"), "There is no model and no file nowhere.gguf"),
        (("--file", code, "--out", tmp_path / "no" / "where.html"), "name another file with --out"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert says in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
