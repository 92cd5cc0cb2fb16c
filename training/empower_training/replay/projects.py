"""The memory of whoever writes a file of a corpus: the other files of its package.

Files of the same name are left out, since a package often holds the same file twice; the file itself comes with each
request, as in the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from empower_model.engine import Engine
from empower_model.memory import Level, Memory, RememberingEngine, Tokens, Weights, blocks
from empower_model.request import Completer, Completion, Request
from empower_training.corpus import Document


class Projects:
    """An engine with a memory that can be set to the project of any document; only one package is kept tokenised."""

    def __init__(self, engine: Engine, weights: Weights, documents: Sequence[Document]) -> None:
        """`documents` are all there are, of any package."""
        self.engine = RememberingEngine(engine, Memory(), weights)
        self._documents = documents
        self._packages = {document.path: document.package for document in documents}
        self._package: str | None = None
        self._tokens: dict[str, Tokens] = {}

    def open(self, path: str) -> None:
        """Have the memory be that of whoever writes this document; one that is not there belongs to no package."""
        project, name = self.engine.memory.levels[Level.PROJECT], PurePosixPath(path).name
        if (package := self._packages.get(path, "")) != self._package:
            project.update(dict.fromkeys(self._tokens))
            self._package = package
            mine = (one for one in self._documents if one.package == self._package)
            self._tokens = {one.path: blocks(one.text, self.engine.tokenize) for one in mine}
        wanted = {other for other in self._tokens if PurePosixPath(other).name != name}
        project.update(dict.fromkeys(project.names - wanted))
        project.update({other: self._tokens[other] for other in sorted(wanted - project.names)})
        project.settle()


class Looking:
    """Another completer, whose engine with a memory sees each request first."""

    def __init__(self, completer: Completer, engine: RememberingEngine) -> None:
        self._completer = completer
        self._engine = engine

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Completion:
        """As the other one does."""
        self._engine.look(request)
        return self._completer.complete(request, on_text)

    def stop(self) -> None:
        """End the completion at work within one token."""
        self._completer.stop()

    def close(self) -> None:
        """Nothing of its own to free."""
        self._completer.close()
