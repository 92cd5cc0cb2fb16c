"""The README, and the pages that go on where it ends, say what the code says."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from empower_lsp.cli import COMMANDS, main
from empower_lsp.settings import options_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}


def test_the_options_table_is_the_declaration() -> None:
    assert options_table() in DOCS["options.md"]


def test_every_command_is_named() -> None:
    for command in COMMANDS:
        assert f"`empower-lsp {command}" in DOCS["commands.md"]


def test_it_is_read_in_some_minutes() -> None:
    assert len(README.splitlines()) < 200


@pytest.mark.parametrize("folder", ["empower_lsp", "model/empower_model", "training/empower_training"])
def test_the_file_tree_has_a_line_for_every_room_in_its_own_words(folder: str) -> None:
    _, tree = DOCS["files.md"].split(f"\n{folder}/ ")
    said = dict(re.findall(r"^  (\S+) +(.*)$", re.split(r"\n\S", tree)[0], re.M))
    said.pop("weights/", None)  # no package
    doors = (ROOT / folder).glob("*/__init__.py")
    modules = [path for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]
    assert said == {
        **{f"{path.parent.name}/": sentence(path) for path in doors},
        **{path.name: sentence(path) for path in modules},
    }


def sentence(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


def test_the_files_that_the_architecture_names_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:empower_lsp|model|training|tests|docs)/[\w/.]+)`", text))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    assert len(text.splitlines()) < 200


def test_linked_files_exist() -> None:
    for folder, text in ((ROOT, README), *((ROOT / "docs", page) for page in DOCS.values())):
        links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
        assert [link for link in links if not (folder / link).exists()] == []
    assert all(f"](docs/{name})" in README for name in DOCS)


def test_make_try_shows_something_sensible_and_how_to_go_on() -> None:
    dry = subprocess.run(["make", "--dry-run", "try"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    places = re.findall(r"empower-lsp complete --retype (\S+)", dry)
    assert len(places) == 2
    for place in places:
        text = completed(place)
        assert rest_of_line(place).startswith(text), f"wrong at {place}: choose another place"
        assert len(text) > len(completed(place, "--no-memory")) + 4, f"the memory does not show at {place}"
    assert "HOOKUP.txt" in dry


def completed(place: str, *options: str) -> str:
    result = CliRunner().invoke(main, ["complete", "--retype", "--json", *options, str(ROOT / place)])
    return str(json.loads(result.output)["text"])


def rest_of_line(place: str) -> str:
    name, line, column = place.split(":")
    assert name.startswith("examples/"), "our own sources change"
    return (ROOT / name).read_text(encoding="utf-8").splitlines()[int(line) - 1][int(column) - 1 :]


def test_make_test_runs_every_test() -> None:
    make = ["make", "--dry-run", "--no-print-directory", "test"]
    dry = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert dry.rstrip().endswith("-m pytest --numprocesses logical --dist loadfile --durations=10")
