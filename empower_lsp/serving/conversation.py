"""The conversation with one editor: decides what is answered, and passes on what it tells; knows no LSP types."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from empower_lsp import __version__
from empower_lsp.serving.announcer import Quiet
from empower_lsp.serving.comments import in_comment_or_string
from empower_lsp.serving.discretion import detector_loading, discreet
from empower_lsp.serving.engine_in_use import EngineInUse, posted
from empower_lsp.serving.journal import LOGGED, NoJournal, first_logged, journal_as_set
from empower_lsp.serving.machine import reason_to_rest
from empower_lsp.serving.workspace_feed import WorkspaceFeed
from empower_lsp.session import Session, explanation
from empower_lsp.settings import Settings, parse

if TYPE_CHECKING:
    from empower_lsp.log import Journal
    from empower_lsp.serving.announcer import Announcer
    from empower_lsp.serving.served_engine import Starter
    from empower_lsp.session import Answer, Query

LARGEST = 1_000_000
"""Characters of the largest document that gets inline completions."""

HEED_SECONDS = 10.0
"""Between two looks at whether the machine has something to spare for a large model."""

ALTERNATIVES = 2
"""Most items beside the first, for a person who asks by hand: an editor's "next" goes through them."""

_log = logging.getLogger("empower_lsp")


class Conversation:
    """All that is known of one editor, and decided for it; lives on one event loop.

    `start` begins to load the model that the settings name, `start_instant` the one that answers until that can.
    `announcer` speaks to the person, and `text_of` gives the text of a document as it is at that moment, by its URI;
    None for one that is not open. Documents go by URI, completions by the id of their `Answer`. The order is `begin`,
    `configure` (as often as the settings change), anything, `stop`, `close`.
    """

    def __init__(
        self, start: Starter, start_instant: Starter, announcer: Announcer, text_of: Callable[[str], str | None]
    ) -> None:
        self.settings = Settings()
        self.configured = asyncio.Event()
        self._workspace = WorkspaceFeed()
        self._session = Session(on_better=announcer.better)
        self._chosen = EngineInUse(start, self._workspace.feed, announcer, self._changed)
        self._instant = EngineInUse(start_instant, self._workspace.feed, Quiet(announcer), self._changed)
        self._journal: Journal | NoJournal = NoJournal()
        self._announcer, self._text_of = announcer, text_of
        self._opened: list[str] = []
        """URIs of documents that were opened before there was a configuration, which says what may be read."""
        self._roots: Sequence[str] = ()
        self._watched = False
        self._initial: tuple[Settings, list[str]] = (Settings(), [])
        self._switched: dict[str, bool] = {}
        """What was turned on or off by command: by language id, `*` for all."""
        self._heeded = -HEED_SECONDS
        """When the machine was looked at last, in seconds of the monotonic clock."""
        self._can_judge: asyncio.Event | None = None
        """Set once the detector of secrets is loaded, which begins with the first configuration."""

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
        self._session.patience = self.settings.patience / 1000
        changed = self.settings.engine != before.engine
        if changed:
            self._announcer.forget()
        if changed or self._chosen.served is None:
            self._instant.restart(self.settings)
            self._chosen.restart(self.settings)
        self._look_through()
        while self._opened:
            self.opened(self._opened.pop(0))
        self._can_judge = self._can_judge or detector_loading()
        warn = posted(self._announcer.warn)
        self._journal = journal_as_set(self._journal, self.settings, self._text_of, self._ended, warn)
        if first_logged(self.settings):
            self._announcer.tell(LOGGED)
        for problem in (*old_problems, *problems):
            self._announcer.warn(problem)

    async def asked(self, query: Query) -> Answer | None:
        """Answer a query, with alternatives if a person has asked by hand; None when there is nothing to show.

        Who asks for more gets the rest of the statement behind what is sure, and no alternatives. Waits for the
        settings. What was asked of a text that has changed since is not answered. Raises ModelError and EngineError.
        """
        if len(query.text) > LARGEST or "\0" in query.text:
            return None
        await self.configured.wait()
        if not self._is_on(query) or self._is_late(query) or self._workspace.is_denied(query.uri):
            return None
        self._heed_machine()
        self._follow()
        self._workspace.written_in(query.uri, query.text)
        limits = self.settings.limits
        if query.more:
            answer = await self._session.more(query, limits)
        else:
            answer = await self._session.complete(query, limits, ALTERNATIVES if query.by_hand else 0)
        if answer is None:
            return None
        assert self._can_judge is not None
        await self._can_judge.wait()
        answer = discreet(query, answer)
        if answer is None or self._is_late(query):
            return None
        self._journal.answered(query, answer, self._roots)
        return answer

    def rested(self, query: Query) -> None:
        """Take note that a cursor rests: what will probably be asked there is made ready."""
        if self.configured.is_set() and self._is_on(query) and not self._workspace.is_denied(query.uri):
            self._session.expect(query, self.settings.limits)

    def opened(self, uri: str) -> None:
        """Take note of a document that was opened."""
        if not self.configured.is_set():
            self._opened.append(uri)
        elif (text := self._text_of(uri)) is not None:
            self._workspace.opened(uri, text)

    def edited(self, uri: str, text: str, edits: Sequence[tuple[int, int, str]]) -> None:
        """Follow a document, which now says `text`: code points `start` to `end` gave way to a text, edit by edit."""
        self._session.edited(uri)
        if self.configured.is_set():  # until then nobody knows whether it may be read
            self._workspace.edited(uri, text)
        self._journal.changed(uri, edits)

    def closed(self, uri: str) -> None:
        """Let go of a document."""
        self._session.close_document(uri)
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
        self._session.forget(identifier)
        self._journal.accepted(identifier)

    def partially_accepted(self, identifier: str, left: int) -> None:
        """Take note that a completion was inserted but for `left` code points at its end."""
        self._journal.partially_accepted(identifier, left)

    def dismissed(self, identifier: str) -> None:
        """Take note that a person has put a completion away."""
        self._journal.dismissed(identifier)

    def why(self) -> dict[str, Any] | None:
        """Explain, as JSON, why the last completion that was computed ends where it ends; None before the first."""
        last = self._session.last
        return explanation(last.completion, last.source) if last is not None else None

    def toggle(self, language: str = "*") -> dict[str, Any]:
        """Turn inline completions on or off until the editor goes: for a language id, or for all; say which."""
        on = not self._switched.get(language, language == "*" or self.settings.allows(language))
        self._switched[language] = on
        return {"language": language, "on": on}

    def status(self) -> dict[str, Any]:
        """Return, as JSON, how the engine does and what the settings say, for an editor's status bar."""
        kind, message = self._chosen.state
        served = self._chosen.served
        return {
            "version": __version__,
            "engine": kind,
            "message": message,
            "on": self._switched.get("*", True),
            "trigger": self.settings.trigger,
            "confidence": self.settings.confidence,
            "memory": served is not None and served.source.memory,
            "tiers": [_status(engine) for engine in (self._instant, self._chosen) if engine.served is not None],
        }

    def stop(self) -> None:
        """Free the engine; what became of earlier completions is still followed."""
        for engine in (self._instant, self._chosen):
            engine.forget()
        self._session.close()

    def close(self) -> None:
        """Leave nothing behind: write what the log still lacks, and free the engine."""
        journal, self._journal = self._journal, NoJournal()
        journal.close()
        self.stop()

    def _is_on(self, query: Query) -> bool:
        """Return whether the settings, and what was toggled since, want an answer to a query."""
        here = self._switched.get(query.language, self.settings.allows(query.language))
        return self._switched.get("*", True) and here and (query.by_hand or self._is_unasked(query))

    def _is_unasked(self, query: Query) -> bool:
        """Return whether the settings want an answer to a query that nobody has asked for by hand."""
        if self.settings.trigger != "automatic":
            return False
        return self.settings.comments_and_strings or not in_comment_or_string(query.context()[0], query.language)

    def _is_late(self, query: Query) -> bool:
        """Return whether the document is no longer what was asked about, or not open any more."""
        return self._text_of(query.uri) != query.text

    def _changed(self) -> None:
        """Have the session ask the engines that there are now."""
        instant, chosen, served = self._instant.tier, self._chosen.tier, self._chosen.served
        if served is not None and not served.is_deep:
            instant, chosen = chosen, None
        self._session.use(instant, chosen)

    def _follow(self) -> None:
        """Take up what was put in use since the engines were started; beside another model the instant one may go."""
        self._instant.follow(self.settings)
        before = self._chosen.served
        self._chosen.follow(self.settings)
        if self._chosen.served is not before:
            self._instant.restart(self.settings)

    def _heed_machine(self) -> None:
        """Let the chosen model rest while the machine has nothing to spare and the other one can answer."""
        now, chosen = time.monotonic(), self._chosen
        deep = chosen.served is not None and chosen.served.is_deep
        resting = chosen.state[0] == "resting"
        if now < self._heeded + HEED_SECONDS or self._instant.served is None or not (deep or resting):
            return
        self._heeded = now
        why = reason_to_rest(self.settings.rest, resting)
        if why and not resting:
            chosen.rest(why)
        elif resting and not why:
            chosen.resume(self.settings)

    def _look_through(self) -> None:
        self._workspace.look_through(self._roots, self.settings.deny_globs, self._watched)

    def _ended(self, identifier: str) -> None:
        self._session.forget(identifier)


def _status(engine: EngineInUse) -> dict[str, Any]:
    """Return, as JSON, how one tier does; `read` of `toRead` tokens of its prompt are evaluated, 0 of 0 if all."""
    assert engine.served is not None
    source, (state, message), (read, of) = engine.served.source, engine.state, engine.read or (0, 0)
    return {
        "tier": source.tier,
        "model": source.model,
        "tuning": source.adapter,
        "state": state,
        "message": message,
        "read": read,
        "toRead": of,
    }
