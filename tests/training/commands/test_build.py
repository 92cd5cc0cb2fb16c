import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from empower_training.commands import build
from empower_training.commands.tune import tune
from empower_training.corpus.corpus import SPLITS


@pytest.fixture
def corpus_folder(tmp_path: Path, texts: list[str]) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in SPLITS:
        rows = [json.dumps({"package": "p", "path": f"{i}.py", "text": text}) for i, text in enumerate(texts[2:5])]
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_from_corpus_to_a_model_file(tmp_path: Path, corpus_folder: Path) -> None:
    def call(command: object, *arguments: object) -> str:
        result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)  # type: ignore[arg-type]
        assert result.exit_code == 0, result.output
        return result.stdout

    tokenizer, run, file = tmp_path / "tokenizer", tmp_path / "run", tmp_path / "model.gguf"
    call(build.tokenizer, corpus_folder, tokenizer, "--size", 512)
    size = ("--layers", 1, "--width", 64, "--feed-forward", 64)
    call(build.pretrain, corpus_folder, run, "--tokenizer", tokenizer, "--steps", 1, "--decay", 0, *size)
    on = tmp_path / "on"
    ended = json.loads(call(build.pretrain, corpus_folder, on, "--from", run, "--steps", 1, "--decay", 1, *size))
    assert (ended["steps"], ended["plan"]["long_from"], ended["plan"]["small_batch"]) == (2, 0, 0)
    tuned = tmp_path / "tuned"
    said = json.loads(call(tune, run / "final", corpus_folder, tuned, "--examples", 200, "--eta", 40))
    assert said["count"] == 200
    assert said["targets"] > 400
    call(build.export, tuned / "final", file, "--type", "f32")
    assert file.read_bytes()[:4] == b"GGUF"
    again = json.loads(call(build.pretrain, corpus_folder, tmp_path / "again", "--from", file, "--steps", 1, *size))
    assert again["steps"] == 1
    figures = json.loads(
        call(build.heldout, run / "final", corpus_folder, "--characters", 2000, "--holes", 4, "--json")
    )
    assert [row["package"] for row in figures] == ["p", "all"]
    assert "p " in call(build.heldout, run / "final", corpus_folder, "--characters", 2000, "--holes", 4)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (build.tokenizer, ["nowhere", "out"]),
        (build.pretrain, ["nowhere", "out", "--tokenizer", "nowhere"]),
        (build.export, ["nowhere", "out.gguf"]),
        (build.heldout, ["nowhere", "nowhere"]),
        (tune, ["nowhere", "nowhere", "out"]),
        (build.corpus, ["out", "--download"]),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    command: object, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert result.output.startswith("Error: ")


@pytest.mark.parametrize("begin", [[], ["--tokenizer", "t", "--from", "m"]])
def test_a_run_begins_anew_or_with_a_model(begin: list[str], tmp_path: Path, corpus_folder: Path) -> None:
    result = CliRunner().invoke(build.pretrain, [str(corpus_folder), str(tmp_path / "out"), *begin])
    assert result.exit_code == 1
    assert "either --tokenizer" in result.output


def test_the_commands_load_nothing_heavy() -> None:
    heavy = {"torch", "transformers", "tokenizers"}
    check = f"import sys, empower_training.commands.build; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
