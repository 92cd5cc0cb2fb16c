"""The journal of one editor: none until the settings are known, then as they say; the first ever is announced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from empower_lsp.log import Journal
    from empower_lsp.session import Answer, Query
    from empower_lsp.settings import Settings

LOGGED = (
    "Your completions are logged, on this machine only; `empower-lsp log off` stops that. The log is for your "
    "statistics and for retraining. Secrets are redacted, and `empower-lsp log status` says what it holds."
)
"""Editors cut long messages off: the first sentence says what matters."""


class NoJournal:
    """Stands in for a `Journal` before the settings are known and after the end, and forgets all that it is told."""

    def answered(self, query: Query, answer: Answer, roots: Sequence[str]) -> None:
        """Forget that items were returned."""

    def shown(self, identifier: str) -> None:
        """Forget that a completion is shown."""

    def accepted(self, identifier: str) -> None:
        """Forget that a completion was accepted."""

    def partially_accepted(self, identifier: str, left: int) -> None:
        """Forget that a completion was accepted in part."""

    def dismissed(self, identifier: str) -> None:
        """Forget that a completion was put away."""

    def changed(self, uri: str, edits: Sequence[tuple[int, int, str]]) -> None:
        """Forget edits of a document."""

    def closed(self, uri: str) -> None:
        """Forget that a document is closed."""

    def close(self) -> None:
        """Do nothing: no file is open."""


def journal_as_set(
    journal: Journal | NoJournal,
    settings: Settings,
    text_of: Callable[[str], str | None],
    ended: Callable[[str], None],
    on_problem: Callable[[str], None],
) -> Journal:
    """Return the journal, begun if there is none yet, logging from now on what the settings say.

    `text_of` and `ended` are as in `Journal`; `on_problem` is called on any thread, with one sentence.
    """
    from empower_lsp.log import Journal, Level, Recorder, Retention, log_path  # with SQLite: `initialize` need not wait

    level = Level.of(settings.log)
    retention = Retention(settings.log_days, settings.log_megabytes)
    if not isinstance(journal, Journal):
        journal = Journal(Recorder(log_path(), level, on_problem, retention=retention), text_of, ended)
    journal.keep(level, retention)
    return journal


def first_logged(settings: Settings) -> bool:
    """Return whether this is the first time ever that anything will be logged, which is true only once."""
    from empower_lsp.log import level as levels

    with suppress(OSError):  # the recorder will say it of the log itself
        return min(levels.Level.of(settings.log), levels.chosen()) > levels.Level.OFF and levels.tell_once()
    return False
