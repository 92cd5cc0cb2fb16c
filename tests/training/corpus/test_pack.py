import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from empower_training.commands import build
from empower_training.corpus import pack


@pytest.fixture
def corpus_folder(tmp_path: Path, texts: list[str]) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, chosen in (("train", texts[2:4]), ("validation", texts[4:5])):
        rows = [json.dumps({"package": "p", "path": "p.py", "text": text}) + "\n" for text in chosen]
        (folder / f"{split}.jsonl").write_text("".join(rows), encoding="utf-8")
    return folder


def test_the_command_packs_what_training_needs(
    tmp_path: Path, corpus_folder: Path, tokenizer_folder: Path, texts: list[str]
) -> None:
    target = tmp_path / "new" / "pack.json.xz"
    result = CliRunner().invoke(build.pack, [str(corpus_folder), str(tokenizer_folder), str(target)])
    assert result.exit_code == 0
    assert "2 texts" in result.output
    packed = pack.read(target)
    assert packed.train == texts[2:4]
    assert packed.validation == texts[4:5]
    assert packed.tokenizer == (tokenizer_folder / "tokenizer.json").read_text(encoding="utf-8")
    assert target.stat().st_size < sum(map(len, texts[2:5])) + len(packed.tokenizer)


def test_too_large_a_pack_is_refused_and_nothing_is_left(
    tmp_path: Path, corpus_folder: Path, tokenizer_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "LARGEST", 1000)
    target = tmp_path / "packs" / "pack.json.xz"
    result = CliRunner().invoke(build.pack, [str(corpus_folder), str(tokenizer_folder), str(target)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: The pack would be")
    assert list(target.parent.iterdir()) == []


def test_a_corpus_that_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(build.pack, [str(tmp_path), str(tmp_path), str(tmp_path / "pack")])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


def test_half_a_pack_is_refused(tmp_path: Path) -> None:
    pack.write(pack.Pack(["x = 1\n" * 50], [], "{}"), tmp_path / "pack")
    whole = (tmp_path / "pack").read_bytes()
    for content in (whole[: len(whole) // 2], b"no pack", b""):
        (tmp_path / "half").write_bytes(content)
        with pytest.raises(ValueError, match="not a whole pack"):
            pack.read(tmp_path / "half")
