"""The seam through which a person is told of what changes, whatever the editor."""

from __future__ import annotations

from typing import Protocol


class Announcer(Protocol):
    """Shows messages, each text once, and as progress that a model is loaded or reads a prompt."""

    def tell(self, text: str) -> None:
        """Show a piece of information, unless the same text was shown before."""
        ...

    def warn(self, text: str) -> None:
        """Show a warning, unless the same text was shown before."""
        ...

    def fail(self, text: str) -> None:
        """Show an error, unless the same text was shown before."""
        ...

    def forget(self) -> None:
        """Let everything be said again, after a deliberate change."""
        ...

    def begin(self, title: str) -> None:
        """Open a progress, unless one is open."""
        ...

    def end(self) -> None:
        """Close the progress that is open, if any."""
        ...

    def reading(self, read: int, of: int) -> None:
        """Tell that so many tokens of a prompt are evaluated, and of how many."""
        ...

    def better(self, uri: str) -> None:
        """Tell that who asks again in a document, at the same cursor, gets a better text."""
        ...


class Quiet:
    """An announcer for what works beside: only what is wrong is said."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def tell(self, text: str) -> None:
        """Pass it on."""
        self._announcer.tell(text)

    def warn(self, text: str) -> None:
        """Pass it on."""
        self._announcer.warn(text)

    def fail(self, text: str) -> None:
        """Pass it on as a warning: the other one goes on."""
        self._announcer.warn(text)

    def forget(self) -> None:
        """Do nothing: the other one is told."""

    def begin(self, title: str) -> None:
        """Do nothing: it takes a moment."""

    def end(self) -> None:
        """Do nothing: nothing was begun."""

    def reading(self, read: int, of: int) -> None:
        """Do nothing: it takes a moment."""

    def better(self, uri: str) -> None:
        """Pass it on."""
        self._announcer.better(uri)
