"""What a memory holds while one file of a corpus is written."""

from collections.abc import Mapping

import numpy as np

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.seam import FakeEngine
from empower_model.memory.index import Level
from empower_model.memory.mixture import SHAPE, Weights
from empower_model.request import Request
from empower_training.corpus.corpus import Document
from empower_training.replay.projects import Looking, Projects

DOCUMENTS = [
    Document(package, path, f"text of {path}")
    for package, path in (("a", "a/x.py"), ("a", "a/y.py"), ("a", "copy/x.py"), ("b", "b/x.py"), ("b", "b/z.py"))
]


def made() -> Projects:
    return Projects(FakeEngine(lambda _: []), Weights(np.zeros(SHAPE), Calibration()), DOCUMENTS)


def held(projects: Projects, level: Level) -> Mapping[str, str]:
    return {
        name: bytes(segment.text.document(name).tolist()).decode()
        for segment in projects.engine.memory.levels[level].segments
        for name in segment.text.spans
    }


def test_the_other_files_of_the_package_are_remembered_but_for_those_of_the_same_name() -> None:
    projects = made()
    for path, others in {
        "a/x.py": ["a/y.py"],
        "a/y.py": ["a/x.py", "copy/x.py"],
        "b/z.py": ["b/x.py"],
        "copy/x.py": ["a/y.py"],
    }.items():
        projects.open(path)
        assert held(projects, Level.PROJECT) == {other: f"text of {other}" for other in others}


def test_the_file_itself_is_seen_at_each_request() -> None:
    projects = made()
    completer = Looking(LocalCompleter(projects.engine, Calibration()), projects.engine)
    completer.complete(Request("above\nx = ", "\nbelow\n"))
    assert held(projects, Level.FILE) == {"above": "above\n", "below": "below\n"}
