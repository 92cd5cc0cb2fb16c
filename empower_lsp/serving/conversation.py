"""The conversation with one editor: decides what is answered, and passes on what it tells; knows no LSP types."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from empower_lsp import __version__
from empower_lsp.serving.discretion import discreet
from empower_lsp.serving.engine_in_use import EngineInUse, posted
from empower_lsp.serving.journal import LOGGED, NoJournal, first_logged, journal_as_set
from empower_lsp.serving.workspace_feed import WorkspaceFeed
from empower_lsp.session import explanation
from empower_lsp.settings import Settings, parse

if TYPE_CHECKING:
    from empower_lsp.log import Journal
    from empower_lsp.serving.announcer import Announcer
    from empower_lsp.serving.served_engine import Starter
    from empower_lsp.session import Answer, Query

LARGEST = 1_000_000
"""Characters of the largest document that gets inline completions."""

ALTERNATIVES = 2
"""Most items beside the first, for a person who asks by hand: an editor's "next" goes through them."""

_log = logging.getLogger("empower_lsp")


class Conversation:
    """All that is known of one editor, and decided for it; lives on one event loop.

    `start` begins to load a model, `announcer` speaks to the person, and `text_of` gives the text of a document as it
    is at that moment, by its URI; None for one that is not open. Documents go by URI, completions by the id of their
    `Answer`. The order is `begin`, `configure` (as often as the settings change), anything, `stop`, `close`.
    """

    def __init__(self, start: Starter, announcer: Announcer, text_of: Callable[[str], str | None]) -> None:
        self.settings = Settings()
        self.configured = asyncio.Event()
        self._workspace = WorkspaceFeed()
        self._engine = EngineInUse(start, self._workspace.feed, announcer)
        self._journal: Journal | NoJournal = NoJournal()
        self._announcer, self._text_of = announcer, text_of
        self._roots: Sequence[str] = ()
        self._watched = False
        self._initial: tuple[Settings, list[str]] = (Settings(), [])
        self._switched: dict[str, bool] = {}
        """What was turned on or off by command: by language id, `*` for all."""

    def begin(self, options: object, roots: Sequence[str], watched: bool) -> None:
        """Take note of an editor that has come.

        Its `options` hold where the configuration says nothing. `roots` are the URIs of the workspace folders;
        `watched` says whether files that change will be told.
        """
        self._initial = parse(options)
        self._roots, self._watched = roots, watched

    def configure(self, raw: object) -> None:
        """Take on a configuration; another engine is started when it asks for one."""
        initial, old_problems = self._initial
        before, (self.settings, problems) = self.settings, parse(raw, initial)
        self.configured.set()
        silent = self.settings.verbosity == "off"
        _log.setLevel(logging.CRITICAL + 1 if silent else self.settings.verbosity.upper())
        changed = self.settings.engine != before.engine
        if changed:
            self._announcer.forget()
        if changed or self._engine.missing:
            self._engine.restart(self.settings)
        self._look_through()
        warn = posted(self._announcer.warn)
        self._journal = journal_as_set(self._journal, self.settings, self._text_of, self._ended, warn)
        if first_logged(self.settings):
            self._announcer.tell(LOGGED)
        for problem in (*old_problems, *problems):
            self._announcer.warn(problem)

    async def asked(self, query: Query) -> Answer | None:
        """Answer a query, with alternatives if a person has asked by hand; None when there is nothing to show.

        Waits for the settings. What was asked of a text that has changed since is not answered. Raises ModelError and
        EngineError.
        """
        if len(query.text) > LARGEST or "\0" in query.text:
            return None
        await self.configured.wait()
        if not self._is_on(query) or self._is_late(query) or self._workspace.is_denied(query.uri):
            return None
        self._engine.follow(self.settings)
        self._workspace.written_in(query.uri, query.text)
        alternatives = ALTERNATIVES if query.by_hand else 0
        answer = discreet(query, await self._engine.session.complete(query, self.settings.limits, alternatives))
        if answer is None or self._is_late(query):
            return None
        self._journal.answered(query, answer, self._engine.served.source, self._roots)
        return answer

    def edited(self, uri: str, text: str, edits: Sequence[tuple[int, int, str]]) -> None:
        """Follow a document, which now says `text`: code points `start` to `end` gave way to a text, edit by edit."""
        self._engine.session.edited(uri)
        if self.configured.is_set():  # until then nobody knows whether it may be read
            self._workspace.edited(uri, text)
        self._journal.changed(uri, edits)

    def closed(self, uri: str) -> None:
        """Let go of a document."""
        self._engine.session.close_document(uri)
        self._journal.closed(uri)
        self._workspace.closed(uri)

    def files_changed(self, uris: Iterable[str]) -> None:
        """Take note of files that were saved, made, renamed or deleted, by whomever."""
        self._workspace.changed(uris)

    def folders_changed(self, roots: Sequence[str]) -> None:
        """Take on other workspace folders."""
        self._roots = roots
        self._look_through()

    def shown(self, identifier: str) -> None:
        """Take note that the editor shows a completion."""
        self._journal.shown(identifier)

    def accepted(self, identifier: str) -> None:
        """Take note that a completion was accepted: at the same cursor, another one is computed."""
        self._engine.session.forget(identifier)
        self._journal.accepted(identifier)

    def partially_accepted(self, identifier: str, left: int) -> None:
        """Take note that a completion was inserted but for `left` code points at its end."""
        self._journal.partially_accepted(identifier, left)

    def dismissed(self, identifier: str) -> None:
        """Take note that a person has put a completion away."""
        self._journal.dismissed(identifier)

    def why(self) -> dict[str, Any] | None:
        """Explain, as JSON, why the last completion that was computed ends where it ends; None before the first."""
        last = self._engine.session.last
        return explanation(last) if last is not None else None

    def toggle(self, language: str = "*") -> dict[str, Any]:
        """Turn inline completions on or off until the editor goes: for a language id, or for all; say which."""
        on = not self._switched.get(language, language == "*" or self.settings.allows(language))
        self._switched[language] = on
        return {"language": language, "on": on}

    def status(self) -> dict[str, Any]:
        """Return, as JSON, how the engine does and what the settings say, for an editor's status bar."""
        kind, message = self._engine.state
        return {
            "version": __version__,
            "engine": kind,
            "message": message,
            "on": self._switched.get("*", True),
            "trigger": self.settings.trigger,
            "confidence": self.settings.confidence,
            "memory": self._engine.served.source.memory,
        }

    def stop(self) -> None:
        """Free the engine; what became of earlier completions is still followed."""
        self._engine.close()

    def close(self) -> None:
        """Leave nothing behind: write what the log still lacks, and free the engine."""
        journal, self._journal = self._journal, NoJournal()
        journal.close()
        self.stop()

    def _is_on(self, query: Query) -> bool:
        """Return whether the settings, and what was toggled since, want an answer to a query."""
        here = self._switched.get(query.language, self.settings.allows(query.language))
        return self._switched.get("*", True) and here and (query.by_hand or self.settings.trigger == "automatic")

    def _is_late(self, query: Query) -> bool:
        """Return whether the document is no longer what was asked about, or not open any more."""
        return self._text_of(query.uri) != query.text

    def _look_through(self) -> None:
        self._workspace.look_through(self._roots, self.settings.deny_globs, self._watched)

    def _ended(self, identifier: str) -> None:
        self._engine.session.forget(identifier)
