"""The project of whoever writes a file of a corpus: the package, one at a time."""

from collections.abc import Mapping

from empower_model.memory.index import Memory, Scope
from empower_training.corpus.corpus import Document
from empower_training.replay.projects import projects

DOCUMENTS = [
    Document(package, path, f"text of {path}")
    for package, path in (("a", "a/x.py"), ("a", "a/y.py"), ("a", "copy/x.py"), ("b", "b/x.py"), ("b", "b/z.py"))
]


def letters(text: str) -> list[int]:
    return list(text.encode())


def held(memory: Memory) -> Mapping[str, str]:
    return {
        name: bytes(segment.text.document(name).tolist()).decode()
        for segment in memory.scopes[Scope.PROJECT].segments
        for name in segment.text.spans
    }


def test_the_other_files_of_the_package_are_remembered_but_for_those_of_the_same_name() -> None:
    project = projects(DOCUMENTS, letters)
    for path, others in {
        "a/x.py": ["a/y.py"],
        "a/y.py": ["a/x.py", "copy/x.py"],
        "b/z.py": ["b/x.py"],
        "copy/x.py": ["a/y.py"],
    }.items():
        package = next(document.package for document in DOCUMENTS if document.path == path)
        assert held(project(package).open(path)) == {other: f"text of {other}" for other in others}


def test_a_package_is_tokenised_once_while_no_other_is_asked_for() -> None:
    seen: list[str] = []

    def counting(text: str) -> list[int]:
        seen.append(text)
        return letters(text)

    project = projects(DOCUMENTS, counting)
    for package in ("a", "a", "b", "a"):
        project(package)
    assert len(seen) == 3 + 2 + 3


def test_a_package_without_documents_is_an_empty_project() -> None:
    assert projects(DOCUMENTS, letters)("nowhere").size == 0
