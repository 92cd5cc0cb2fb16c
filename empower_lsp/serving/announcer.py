"""The seam through which a person is told of what changes, whatever the editor."""

from __future__ import annotations

from typing import Protocol


class Announcer(Protocol):
    """Shows messages, each text once, and the loading of a model as progress."""

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
