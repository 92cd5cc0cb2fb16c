"""The editor in virtual time: a key every so often, a request after each, and on the screen what comes in time."""

from __future__ import annotations

import asyncio

from empower_lsp.session import Query, Session
from empower_model.request import Limits
from empower_training.at_speed.typist import TimedTypist
from empower_training.replay import Human, Work


class TimedDesk:
    """An editor in front of a session, both on an event loop in virtual time."""

    session: Session

    def __init__(self, limits: Limits, keys_per_second: float) -> None:
        self._limits = limits
        self._pause = 1 / keys_per_second
        self._typist: TimedTypist | None = None
        self._uri = ""
        self._shown = ""
        """The id of what is on the screen."""
        self._newest = 0
        self._group: asyncio.TaskGroup | None = None

    async def type(self, work: Work, human: Human) -> TimedTypist:
        """Open the file of a work and type it. Raises a group of what the session raises."""
        loop = asyncio.get_running_loop()
        self._typist = typist = TimedTypist(work, human, loop.time())
        self._uri = f"file:///{work.source}"
        async with asyncio.TaskGroup() as self._group:
            self.ask(self._uri)
            strokes = 1
            while not typist.done:
                await asyncio.sleep(strokes * self._pause)
                key = typist.key(loop.time())
                strokes = key.keystrokes
                if key.finished:
                    self.session.forget(self._shown)
                self.session.edited(self._uri)
                self.ask(self._uri)
            self.session.close_document(self._uri)
        self._typist = None
        return typist

    def ask(self, uri: str) -> None:
        """Ask at the cursor: after a key, or because there is a better text."""
        if self._typist is not None and self._group is not None and uri == self._uri and not self._typist.done:
            self._newest += 1
            before = self._typist.before
            query = Query(uri, before + self._typist.work.below, len(before), "python")
            self._group.create_task(self._answer(self._typist, query, self._newest))

    async def _answer(self, typist: TimedTypist, query: Query, number: int) -> None:
        answer = await self.session.complete(query, self._limits)
        if number != self._newest:
            return
        now = asyncio.get_running_loop().time()
        typist.answered(now)
        if answer is None:
            typist.shows(now, "")
            return
        self._shown = answer.id
        computed = answer.computed
        if computed is None:
            typist.shows(now, answer.text)
        else:
            typist.shows(now, answer.text, computed.completion.probability, computed.source.tier == "deep")
