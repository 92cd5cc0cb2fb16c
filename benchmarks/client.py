"""The real server under a benchmark: one document, and the cursor that a workload moves in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from workload import Cursor

from empower_training.day.editor import Editor


class Client(Editor):
    """The server; `started` is when it was spawned."""

    def __init__(self, options: Mapping[str, object], data: Path) -> None:
        self.started = time.perf_counter()
        super().__init__(options, data)
        self.uri = "file:///benchmark/example.py"

    def begin(self, cursor: Cursor) -> None:
        """Send the handshake's second half, and the document."""
        self.initialized()
        self.open(self.uri, cursor.prefix + cursor.suffix)

    def type(self, text: str, cursor: Cursor) -> None:
        """Insert a text at a cursor."""
        at = len(cursor.prefix)
        self.replace(self.uri, at, at, text)

    def answer(self, cursor: Cursor) -> str:
        """Return the inline completion at a cursor; empty when there is none."""
        item = self.complete(self.uri, len(cursor.prefix))
        return str(item["insertText"]) if item else ""

    def engine(self) -> psutil.Process:
        """Return the child process with the model: the largest of the server's children."""
        children = psutil.Process(self.pid).children(recursive=True)
        return max(children, key=lambda child: child.memory_info().rss)
