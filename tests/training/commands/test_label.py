"""From texts to labels and training examples through the command line."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tokenizers import Tokenizer

from empower_lsp.log.records import completion_record
from empower_lsp.log.store import Store
from empower_model.request import Completion, End, Request
from empower_training.commands.label import label, texts
from empower_training.pretrain.plan import Shape
from empower_training.pretrain.pretrain import new_model

SHAPE = Shape(width=64, layers=1, feed_forward=64, heads=1, key_value_heads=1, head_width=64, context=256)


@pytest.fixture(scope="module")
def base(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that knows nothing: every token of a vocabulary of 1024 costs 10 bits."""
    folder = tmp_path_factory.mktemp("base")
    made = new_model(tokenizer, SHAPE, seed=0)
    made.model.embed_tokens.weight.data.zero_()
    made.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("".join(f"value_{n} = call({n})\n" for n in range(40)), encoding="utf-8")
    (folder / "b.js").write_text("let value = 1; // " + "x" * 40 + "\n", encoding="utf-8")
    return folder


def call(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_labels_of_random_lines(tmp_path: Path, code: Path, base: Path) -> None:
    out = tmp_path / "labels.jsonl"
    result = call(label, "--from", code, "--base", base, "--eta", 35, "--count", 5, "--out", out)
    assert result.exit_code == 0, result.output
    assert "5 lines in the server's layout" in result.stdout
    shown = {words[0]: words[1:] for line in result.stdout.splitlines() if (words := line.split())}
    assert shown["4"][:4] == ["100.0%", "0.0", "0.0", "0.0"]  # 10 bits are over 4
    assert shown["35"][0] == "0.0%"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    written = rows(out)
    assert len(written) == 5
    for row in written:
        assert row["bits"] == pytest.approx([10.0] * len(row["tokens"]), rel=1e-4)
        assert row["spans"] == [min(3, len(row["tokens"]) - cut) for cut in row["cuts"]]


def test_labels_of_whole_texts(tmp_path: Path, code: Path, base: Path) -> None:
    collected, out = tmp_path / "texts.jsonl", tmp_path / "labels.jsonl"
    assert "2 texts of 2 files" in call(texts, "--from", code, "--out", collected).stdout
    result = call(
        label, "--from", collected, "--only", "*.py", "--base", base, "--layout", "ltr", "--eta", 10.5, "--out", out
    )
    assert result.exit_code == 0, result.output
    [row] = rows(out)
    assert row["name"] == "a.py"
    assert row["ends"][-1] == len((code / "a.py").read_text(encoding="utf-8"))
    assert set(row["spans"]) == {1}


def test_examples_for_training(tmp_path: Path, code: Path, base: Path) -> None:
    out = tmp_path / "examples.jsonl"
    result = call(label, "--from", code, "--base", base, "--examples", "sft-10", "--count", 7, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("7 examples (sft-10), 0% of them with an empty span")
    assert [set(row) for row in rows(out)] == [{"prompt", "target", "name"}] * 7
    empty = call(label, "--from", code, "--base", base, "--examples", "empower", "--count", 7, "--out", out)
    assert "100% of them with an empty span" in empty.stdout
    assert [row["target"] for row in rows(out)] == [[0]] * 7


def test_a_model_file_measures_what_is_served(tmp_path: Path, code: Path, qwen2: Path) -> None:
    out = tmp_path / "labels.jsonl"
    result = call(label, "--from", code, "--base", qwen2, "--count", 2, "--out", out)
    assert result.exit_code == 0, result.output
    bits = [bit for row in rows(out) for bit in row["bits"]]
    assert 11 < sum(bits) / len(bits) < 16  # random weights over 9,000 tokens


def test_texts_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path))
    out = tmp_path / "texts.jsonl"
    assert "There is no log yet" in call(texts, "--from-log", "--out", out).output
    store = Store(tmp_path / "log.sqlite3")
    assert "There is no text in the log" in call(texts, "--from-log", "--out", out).output
    done = Completion("", (), 0, End.UNCERTAIN, 0.5, 1.5, 9, 3, 4.0, 20.0)
    known: dict[str, Any] = {"path": "a.py", "workspace": "w", "language": "python", "model": "m", "version": "0"}
    store.write(completion_record(done, Request("x = 1\n" * 9, ""), identifier="1", at=5.0, **known))
    store.close()
    assert call(texts, "--from-log", "--out", out).exit_code == 0
    assert rows(out) == [{"name": "a.py", "text": "x = 1\n" * 9, "at": 5.0}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "nowhere", "--base", "base"], "There is no folder nowhere"),
        (["--from", "code", "--base", "nowhere"], "nowhere has no config.json"),
        (["--from", "code", "--base", "empty"], "empty cannot be loaded"),
        (["--from", "code", "--only", "*.c", "--base", "empty"], "no text in code"),
        (["--from", "code", "--only", "!", "--base", "empty"], "is not a glob"),
        (["--from", "code/a.py", "--base", "empty"], "holds no texts"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], words: str, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    for name in ("config.json", "tokenizer.json"):
        Path("empty", name).write_text("{}", encoding="utf-8")
    result = call(label, *arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert words in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["--from-log", "--from", "x"], ["--from", "x", "--examples", "sft-10"], ["--from", "x", "--eta", "-1"]],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: list[str]) -> None:
    assert call(label, *arguments).exit_code == 2


def test_the_commands_load_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'tokenizers', 'rich', 'datasketch'}"
    check = f"import sys, empower_training.commands.label; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
