"""`empower-lsp evaluate log`, on a log and on a file, with bits and without."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from empower_lsp.log.records import CompletionRecord, OutcomeRecord, TokenRecord
from empower_lsp.log.store import Store, log_path
from empower_model.calibration import Calibration
from empower_model.files import calibration_file, own_weights, store
from empower_model.memory import memory_in_use
from empower_training.commands.log import log

KNOWN = "cumulative surprisal, or calibrated probability"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def run(*args: str) -> Result:
    return CliRunner().invoke(log, args)


def content(*args: str) -> dict[str, Any]:
    result = run("--json", *args)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Decisions of four people, who accept what has few bits."""
    choice = random.Random(0)
    lines = []
    for i in range(80):
        bits = [choice.random(), choice.random()]
        accepted = sum(bits) + choice.random() < 1.5
        lines.append({"prefix": "", "completion": "abcd", "accepted": accepted, "person": f"p{i % 4}", "bits": bits})
    path = tmp_path / "decisions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_file_with_bits(file: Path) -> None:
    figures = content("--jsonl", str(file))
    assert (figures["completions"], figures["groups"], figures["left_out"]) == (80, 4, 0)
    assert figures["auc"][KNOWN]["low"] > 0.6
    assert "mean entropy" not in figures["auc"]
    told = run("--jsonl", str(file)).stdout
    assert "80 decisions" in told
    assert "over 4 groups" in told
    for heading in ("AUC of acceptance", "hidden below", "kept characters lost", "calibration error"):
        assert heading in told


def test_the_seed_decides_and_the_confidence_is_that_of_the_gain(file: Path) -> None:
    arguments = ("--jsonl", str(file))
    assert content(*arguments) == content(*arguments)
    assert content(*arguments) != content(*arguments, "--seed", "1")
    assert "expected gain at confidence 0.5" in content(*arguments, "--confidence", "0.5")["auc"]


def test_bits_that_are_missing_are_measured(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    prefix = "import os\n\n\ndef main():\n    retu"
    lines = [
        {"prefix": prefix, "completion": "rn None", "accepted": True},
        {"prefix": prefix, "completion": "zzz qqq", "accepted": False},
        {"prefix": prefix, "completion": "", "accepted": False},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    figures = content("--jsonl", str(path))
    assert (figures["completions"], figures["left_out"]) == (2, 1)
    assert figures["auc"][KNOWN]["estimate"] == 1.0
    assert figures["auc"]["mean entropy"]["estimate"] is not None
    assert "1 could not be measured" in run("--jsonl", str(path)).stdout


def fill(memory: bool = False) -> None:
    """Return a log of twenty completions, of which those of few bits were accepted; two are of another model."""
    entries = Store(log_path())
    for i in range(20):
        bits = i / 10
        tokens = (TokenRecord("return", bits, bits + 1),)
        name = store.bundled() if i < 18 else "another"
        entries.write(
            CompletionRecord(
                str(i), 1.7e9 + 86_400 * i, "a.py", "w", "python", "", "", "return", 6, tokens, 1, "uncertain", 0.5,
                2.0, 0.2, "gain", name, "", 9, 3, 4.0, 20.0, "0", memory and i > 0,
            )
        )  # fmt: skip
        entries.write(OutcomeRecord(str(i), 1.7e9, "shown", False))
        accepted = i < 9
        entries.write(OutcomeRecord(str(i), 1.7e9, "accepted" if accepted else "dismissed", True, 6 * accepted, 6))
    entries.close()


def test_the_log_of_this_machine() -> None:
    fill()
    figures = content()
    assert (figures["completions"], figures["groups"]) == (18, 18)
    assert figures["accepted"]["estimate"] == 0.5
    assert figures["auc"][KNOWN]["estimate"] == 1.0
    assert figures["hidden"][0]["kept_lost"]["estimate"] == 0.0


def test_bits_with_a_memory_are_read_with_its_calibration() -> None:
    path = calibration_file(store.checked(""), memory=True)
    path.parent.mkdir(parents=True)
    Calibration(0.7, 1.0).save(path)
    fill(memory=True)
    figures = content()
    assert figures["completions"] == 17  # the first had none
    lowest = figures["acceptance"][0]
    assert lowest["completions"] == 0  # 1 / (1 + 1.7 / 0.7) is 0.29
    assert figures["acceptance"][1]["predicted"] == pytest.approx(
        sum(1 / (1 + i / 7) for i in range(11, 18)) / 7, abs=1e-9
    )


def test_bits_with_other_weights_of_the_memory_are_left_out() -> None:
    chosen = store.checked("")
    path = own_weights(chosen)
    path.parent.mkdir(parents=True)
    memory_in_use(chosen).save(path, saved_at=1.7e9 + 86_400 * 7.5)
    fill(memory=True)
    assert content()["completions"] == 10


def test_without_a_log() -> None:
    result = run()
    assert result.exit_code == 1
    assert "There is no log yet" in result.stderr
    assert not log_path().exists()


def test_a_log_without_both_kinds() -> None:
    Store(log_path()).close()
    result = run()
    assert result.exit_code == 1
    assert "both kinds are needed" in result.stderr


def test_a_bad_line_is_one_sentence(file: Path) -> None:
    file.write_text('{"prefix": 1}\n')
    result = run("--jsonl", str(file))
    assert result.exit_code == 1
    assert "line 1: `prefix` must be there" in result.stderr
    assert result.stderr.count("\n") == 1
