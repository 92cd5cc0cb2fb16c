"""The packages of a corpus as projects: what somebody has before them who writes one of their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from empower_model.memory import Project
from empower_training.corpus import Document


def projects(documents: Sequence[Document], tokenize: Callable[[str], Sequence[int]]) -> Callable[[str], Project]:
    """Return a function from the name of a package to the project of its documents, by their paths.

    Only the package that was asked for last is kept tokenised: ask for one after the other. A package without
    documents is an empty project.
    """

    @lru_cache(maxsize=1)
    def project(package: str) -> Project:
        return Project(
            {document.path: document.text for document in documents if document.package == package}, tokenize
        )

    return project
