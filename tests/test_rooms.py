"""The rooms: each says what it is for and has a door, and whoever comes from another room comes through it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "empower_lsp": ROOT / "empower_lsp",
    "empower_model": ROOT / "model" / "empower_model",
    "empower_training": ROOT / "training" / "empower_training",
}
SIDE_DOORS = {
    "empower_model.engine.llama",
    "empower_model.engine.llama_file",
    "empower_model.engine.distribution",
    "empower_model.engine.requantising",
}
"""Behind these are numpy and llama.cpp, which the server's own process does without."""
ROOMS = sorted(
    (package, folder.name)
    for package, root in PACKAGES.items()
    for folder in root.iterdir()
    if (folder / "__init__.py").exists()
)
MOST_FILES = 17
"""Modules in a room: with more, it is a warehouse."""


def _imported(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                yield node.module, alias.name


def _sources() -> Iterator[tuple[str, Path]]:
    """Each module's package and room, dotted, and its file."""
    for package, root in PACKAGES.items():
        for path in root.rglob("*.py"):
            yield ".".join((package, *path.relative_to(root).parts[:-1])), path


def test_other_rooms_are_entered_by_their_doors() -> None:
    through_the_wall = [
        f"{path.relative_to(ROOT)}: {module}"
        for here, path in _sources()
        for module, _ in _imported(path)
        if module.count(".") == 2 and module.rpartition(".")[0] != here and module not in SIDE_DOORS
    ]
    assert through_the_wall == []


def test_no_command_imports_another() -> None:
    """Only a group knows commands, to register them; what commands share stands in modules that are no commands."""
    shared = {"errors", "one_memory", "options", "progress", "pulling", "requantising", "tables", "waits"}
    groups = {"evaluate"}
    between = [
        f"{path.relative_to(ROOT)}: {module}"
        for here, path in _sources()
        if here.endswith(".commands") and path.stem not in {"__init__", *groups}
        for module, name in _imported(path)
        if (module == here and name not in {*shared, "errors_as_exit"})
        or (module.startswith(f"{here}.") and module.rpartition(".")[2] not in shared)
    ]
    assert between == []


@pytest.mark.parametrize(("package", "room"), ROOMS)
def test_a_door_says_what_the_room_is_for_and_holds_what_others_take(package: str, room: str) -> None:
    folder = PACKAGES[package] / room
    sentence = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    assert sentence is not None
    assert sentence.split("\n")[0].endswith(".")
    door = f"{package}.{room}"
    offered = {name for _, name in _imported(folder / "__init__.py")}
    taken = {name for here, path in _sources() if here != door for module, name in _imported(path) if module == door}
    assert taken <= offered
    assert len(list(folder.glob("*.py"))) <= MOST_FILES
