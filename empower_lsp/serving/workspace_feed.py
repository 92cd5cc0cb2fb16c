"""Tells the memory of the workspace what a person writes and where, and nothing of files that must not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from empower_lsp.workspace import LARGEST, Workspace, file_name, is_file
from empower_model.feed import Feed


class WorkspaceFeed:
    """Knows the workspace as folders and settings have it, and feeds the memory with what is written there."""

    def __init__(self) -> None:
        self.feed = Feed()
        self._workspace = Workspace(())
        self._walked: Workspace | None = None
        """What the memory was last told to look through; None before the first time."""
        self._told = ""
        """URI of the document whose text, as it is now, the memory was told last; empty for none."""

    def look_through(self, roots: Sequence[str], deny_globs: tuple[str, ...], watched: bool) -> None:
        """Have the memory follow the workspace folders, which are URIs, and the deny list, where they are others.

        `watched` says whether the editor will tell of files that change.
        """
        folders = (file_name(root).rstrip("/") for root in roots)
        self._workspace = Workspace(tuple(filter(None, folders)), deny_globs)
        if self._workspace != self._walked:
            self._walked = self._workspace
            self.feed.walk(self._workspace, watched)

    def is_denied(self, uri: str) -> bool:
        """Return whether a document's file must not be read."""
        return self._workspace.denies(file_name(uri))

    def opened(self, uri: str, text: str) -> None:
        """Have the memory know a document that was opened where no folder has it."""
        if self._workspace.is_loose and not self.is_denied(uri):
            self.written_in(uri, text)

    def edited(self, uri: str, text: str) -> None:
        """Have the memory know what a document says that was written in just now."""
        self._told = ""
        if not self.is_denied(uri):
            self.written_in(uri, text)

    def written_in(self, uri: str, text: str) -> None:
        """Have the memory know where a person writes, unless it does; `is_denied` must have been asked."""
        if uri != self._told and is_file(uri):
            self._told = uri
            said = text.replace("\r\n", "\n") if len(text) <= LARGEST else ""  # too large to be of use, or to be sent
            self.feed.written(file_name(uri), said)

    def closed(self, uri: str) -> None:
        """Have the memory believe the file again, not the document."""
        if uri == self._told:
            self._told = ""
        self.feed.closed(file_name(uri))

    def changed(self, uris: Iterable[str]) -> None:
        """Have the memory look again at files and folders that may have changed; what is no file is left out."""
        self.feed.changed(file_name(uri).rstrip("/") for uri in uris if is_file(uri))
