"""What the memory of a project holds at a place in one of its files."""

from empower_model.memory.index import Memory, Scope
from empower_model.memory.project import Project

FILES = {"load.py": "alpha one\n", "sub/load.py": "beta two\n", "store.py": "gamma three\nand four\n"}


def letters(text: str) -> list[int]:
    return list(text.encode())


def held(memory: Memory, scope: Scope) -> dict[str, str]:
    return {
        name: bytes(segment.text.document(name).tolist()).decode()
        for segment in memory.scopes[scope].segments
        for name in segment.text.spans
    }


def test_the_other_files_are_known_but_for_namesakes() -> None:
    project = Project(FILES, letters)
    assert project.size == sum(map(len, FILES.values()))
    with project.at("store.py", "gamma three\nand", "") as memory:
        assert held(memory, Scope.PROJECT) == {name: FILES[name] for name in ("load.py", "sub/load.py")}
        assert held(memory, Scope.FILE) == {"above": "gamma three\n"}, "not the line of the cursor, nor what follows"
    with project.at("load.py", "", "\nbelow") as memory:
        assert held(memory, Scope.PROJECT) == {"store.py": FILES["store.py"]}
        assert held(memory, Scope.FILE) == {"below": "below"}
    assert project.size == sum(map(len, FILES.values())), "what was left out is back"


def test_levels_can_be_left_out() -> None:
    project = Project(FILES, letters)
    with project.at("store.py", "a\nb", "", {Scope.FILE}) as memory:
        assert (held(memory, Scope.PROJECT), held(memory, Scope.FILE)) == ({}, {"above": "a\n"})
    with project.at("store.py", "a\nb", "", {Scope.PROJECT}) as memory:
        assert (set(held(memory, Scope.PROJECT)), held(memory, Scope.FILE)) == ({"load.py", "sub/load.py"}, {})
    with project.at("store.py", "a\nb", "", ()) as memory:
        assert memory.size == 0


def test_a_file_that_is_not_of_the_project_leaves_nothing_out_but_its_namesakes() -> None:
    with Project(FILES, letters).at("elsewhere/store.py", "", "") as memory:
        assert set(held(memory, Scope.PROJECT)) == {"load.py", "sub/load.py"}
