"""What is answered and what became of it, into a real log, with real time where time is the point."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from empower_lsp.log.journal import Journal
from empower_lsp.log.level import Level
from empower_lsp.log.recorder import Recorder
from empower_lsp.log.store import Entry, Store
from empower_lsp.session.query import Answer, Computed, Query, Source
from empower_model.request import Completion, End, Request

URI = "file:///space/app.py"


class Desk:
    """A document, and the journal of what is answered in it."""

    def __init__(self, path: Path) -> None:
        self.text = "x = "
        self.ended: list[str] = []
        self.problems: list[str] = []
        self.path = path
        self.recorder = Recorder(path, Level.FULL, self.problems.append)
        self.journal = Journal(self.recorder, lambda uri: self.text if uri == URI else None, self.ended.append)

    def answer(self, identifier: str, text: str, computed: bool = True) -> None:
        query = Query(URI, self.text, len(self.text), "python")
        completion = Completion(text, (), 0, End.UNCERTAIN, 0.5, 1.0, 3, 1, 1.0, 2.0)
        source = Source("small", "tuned", memory=True, tier="deep")
        origin = Computed(Request(self.text, ""), completion, source) if computed else None
        answer = Answer(identifier, query.offset, query.offset, text, origin)
        self.journal.answered(query, answer, ["file:///space"])

    def type(self, text: str) -> None:
        edit = (len(self.text), len(self.text), text)
        self.text += text
        self.journal.changed(URI, [edit])

    def entries(self) -> list[Entry]:
        assert self.recorder.flush()
        if not self.path.exists():
            return []
        store = Store(self.path)
        try:
            return list(store.entries())
        finally:
            store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "log.sqlite3")
    yield desk
    desk.recorder.close()
    assert desk.problems == []


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_completion_is_written_once_however_often_it_is_answered(desk: Desk) -> None:
    desk.answer("a", "value")
    desk.type("v")
    desk.answer("a", "alue", computed=False)
    [entry] = desk.entries()
    assert (entry.completion.id, entry.completion.text) == ("a", "value")
    assert (entry.completion.model, entry.completion.adapter, entry.completion.path) == ("small", "tuned", "app.py")
    assert (entry.completion.memory, entry.completion.tier) == (True, "deep")
    desk.journal.close()


async def test_what_was_typed_while_it_was_computed_is_part_of_what_stands_there(desk: Desk) -> None:
    desk.text += "va"
    completion = Completion("value(1)", (), 0, End.UNCERTAIN, 0.5, 1.0, 3, 1, 1.0, 2.0)
    computed = Computed(Request("x = ", ""), completion, Source("small"))
    query = Query(URI, desk.text, len(desk.text), "python")
    answer = Answer("a", query.offset, query.offset, "lue(1)", computed)
    desk.journal.answered(query, answer, ["file:///space"])
    desk.type("lue(1)")
    desk.journal.accepted("a")
    [entry] = desk.entries()
    [final] = [told for told in entry.outcomes if told.kind == "accepted"]
    assert (final.offset, final.text, final.whole) == (8, "", True)
    desk.journal.close()


async def test_the_end_comes_by_itself_once_no_word_of_the_editor_is_awaited(desk: Desk) -> None:
    desk.answer("a", "value")
    desk.type("value")
    assert desk.ended == []
    await until(lambda: desk.ended)
    assert desk.ended == ["a"]
    assert [outcome.kind for outcome in desk.entries()[0].outcomes] == ["shown", "accepted"]
    desk.journal.close()


async def test_times_are_those_of_the_clock_on_the_wall(desk: Desk) -> None:
    before = time.time()
    desk.answer("a", "value")
    desk.journal.shown("a")
    desk.journal.accepted("a")
    desk.journal.close()
    after = time.time()
    [entry] = _read(desk.path)
    assert [outcome.kind for outcome in entry.outcomes] == ["shown", "accepted"]
    assert all(before - 0.01 <= outcome.at <= after + 0.01 for outcome in entry.outcomes)


async def test_closing_says_what_is_still_awaited(desk: Desk) -> None:
    desk.answer("a", "value")
    desk.journal.shown("a")
    desk.journal.close()
    [entry] = _read(desk.path)
    assert [outcome.kind for outcome in entry.outcomes] == ["shown", "superseded"]  # seen for no time at all
    assert desk.ended == ["a"]


async def test_other_documents_are_nothing_to_it(desk: Desk) -> None:
    desk.journal.changed("file:///other.py", [(0, 0, "x")])
    desk.journal.closed("file:///other.py")
    desk.journal.shown("unknown")
    desk.journal.accepted("unknown")
    desk.journal.partially_accepted("unknown", 3)
    desk.journal.close()
    assert not desk.path.exists()


def _read(path: Path) -> list[Entry]:
    store = Store(path)
    try:
        return list(store.entries())
    finally:
        store.close()
