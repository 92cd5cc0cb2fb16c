"""`empower-lsp lab memory` with the bundled model: what its table says of the memory."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from empower_training.commands.memory import memory

TEXT = '''import os


def {name}s(folder, ending):
    """The {name}s in a folder whose names end so."""
    found = []
    for name in os.listdir(folder):
        if name.endswith(ending):
            found.append(os.path.join(folder, name))
    return found
'''


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    for split, package in (("validation", "one"), ("heldout", "two"), ("programs", "three")):
        rows = [
            {"package": package, "path": f"{package}/{name}.py", "text": TEXT.replace("{name}", name)}
            for name in ("page", "image", "track")
        ]
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def test_each_kind_of_memory_has_its_row(corpus_folder: Path) -> None:
    arguments = [str(corpus_folder), "--fit", "12", "--count", "6", "--split", "programs"]
    result = CliRunner().invoke(memory, arguments, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    table = result.stdout[result.stdout.index("bits/character") : result.stdout.index("net gain")].splitlines()
    assert table[0].split() == ["bits/character", "all", "three"]
    rates = {line.split("  ")[0].strip(): float(line.split()[-1]) for line in table[1:5]}
    assert list(rates) == ["none", "file", "project", "both"]
    assert rates["project"] < rates["none"]  # the files are nearly the same
