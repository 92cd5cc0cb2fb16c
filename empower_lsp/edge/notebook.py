"""The cells of a notebook, as far as they are in one language, as one text: what stands in one helps to write another.

The conversation knows such a text as a document of its own, and nothing of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from empower_lsp.edge.convert import OpenDocument
from empower_lsp.outcome import difference
from empower_lsp.session import Answer, Query

BETWEEN = "\n\n"
"""Stands between two cells."""
CELL = "vscode-notebook-cell"
"""The scheme of the cells' URIs in VS Code; the notebook is what stands before the `#`."""
EVERY_NOTEBOOK = types.NotebookDocumentSyncOptions([types.NotebookDocumentFilterWithNotebook("*")])


@dataclass(frozen=True, slots=True)
class Change:
    """A text that is another one now: what it says, and what gave way to what in the one before, in code points."""

    uri: str
    text: str
    edit: tuple[int, int, str]


class Notebooks:
    """The notebooks that are open in a client. `document` returns an open cell by its URI."""

    def __init__(self, document: Callable[[str], OpenDocument | None]) -> None:
        self._document = document
        self._cells: dict[str, list[str]] = {}
        """By notebook: the URIs of its cells, in order."""
        self._notebook: dict[str, str] = {}
        """By cell: the URI of its notebook."""
        self._texts: dict[str, dict[str, str]] = {}
        """By notebook and by language: the text that was told last."""

    def of(self, cell: str) -> str | None:
        """Return the notebook that a document is a cell of."""
        return self._notebook.get(unquote(cell))

    def arrange(self, notebook: str, cells: list[str]) -> None:
        """Take note of a notebook's cells, in order; without any, of its end."""
        notebook = unquote(notebook)
        for cell in self._cells.pop(notebook, []):
            self._notebook.pop(cell, None)
        if cells:
            self._cells[notebook] = [unquote(cell) for cell in cells]
            self._notebook |= dict.fromkeys(self._cells[notebook], notebook)

    def opened(self, uri: str) -> None:
        """Take note of a document that was opened by itself; a cell, by its URI, comes last in its notebook."""
        if urlsplit(uri).scheme == CELL and self.of(uri) is None:
            notebook = unquote(uri).partition("#")[0]
            self.arrange(notebook, [*self._cells.get(notebook, []), uri])

    def closed(self, uri: str) -> None:
        """Take note of a document that was closed by itself."""
        if (notebook := self.of(uri)) is not None:
            self.arrange(notebook, [cell for cell in self._cells[notebook] if cell != unquote(uri)])

    def changes(self, notebook: str) -> Iterator[Change]:
        """Yield what has changed since this was asked last; what was not there then was opened, not changed."""
        told = self._texts.setdefault(unquote(notebook), {})
        for language in {cell.language_id or "" for cell in self._open(notebook)}:
            text = self._text(notebook, language)
            before, told[language] = told.get(language, text), text
            if text != before:
                yield Change(_uri(notebook, language), text, difference(before, text))

    def gone(self, notebook: str) -> Iterator[str]:
        """Yield the URIs of texts that are there no more since this was asked last."""
        told = self._texts.get(unquote(notebook), {})
        for language in told.keys() - {cell.language_id or "" for cell in self._open(notebook)}:
            del told[language]
            yield _uri(notebook, language)
        if not told:
            self._texts.pop(unquote(notebook), None)

    def text(self, uri: str) -> str | None:
        """Return what a text of a notebook says now; None where the URI is none of ours."""
        notebook, _, language = unquote(uri).rpartition("#")
        return self._text(notebook, language) if notebook in self._cells else None

    def around(self, query: Query) -> Query:
        """Return a question about a cell as one about the text it is in; as it is where it is in none."""
        if (notebook := self.of(query.uri)) is None:
            return query
        start, selected = self._start(notebook, query), query.selected
        return replace(
            query,
            uri=_uri(notebook, query.language),
            text=self._text(notebook, query.language),
            offset=start + query.offset,
            selected=replace(selected, start=start + selected.start) if selected is not None else None,
        )

    def within(self, query: Query, answer: Answer | None) -> Answer | None:
        """Return an answer to `around(query)` as one to `query`."""
        if answer is None or (notebook := self.of(query.uri)) is None:
            return answer
        start = self._start(notebook, query)
        own = [replace(each, start=each.start - start, end=each.end - start) for each in (answer, *answer.others)]
        return replace(own[0], others=tuple(own[1:]))

    def _start(self, notebook: str, query: Query) -> int:
        """Return where the cell of a question begins in its text."""
        start = 0
        for cell in self._open(notebook, query.language):
            if unquote(cell.uri) == unquote(query.uri):
                break
            start += len(cell.source) + len(BETWEEN)
        return start

    def _text(self, notebook: str, language: str) -> str:
        return BETWEEN.join(cell.source for cell in self._open(notebook, language))

    def _open(self, notebook: str, language: str | None = None) -> Iterator[OpenDocument]:
        for uri in self._cells.get(unquote(notebook), []):
            cell = self._document(uri)
            if cell is not None and language in (None, cell.language_id or ""):
                yield cell


def _uri(notebook: str, language: str) -> str:
    return f"{unquote(notebook)}#{language}"
