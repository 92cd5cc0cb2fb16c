"""What a process is told of the documents and the library, and what one that comes later is told."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from empower_model.feed import RECENT, Changed, Current, Edited, Feed, News, Stamp, Walk


@dataclass(frozen=True)
class Shelf:
    """A library without any files."""

    label: str = ""

    def holds(self, name: str, is_open: bool = False) -> bool:
        return True

    def files(self) -> Iterator[tuple[str, Stamp | None]]:
        return iter(())

    def is_folder(self, name: str) -> bool:
        return False

    def text(self, name: str, document: str | None = None) -> str | None:
        return None


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed()
    yield feed
    for listener in feed._listeners:  # no thread is left behind
        listener.ended = True
    feed.changed([])


def told(ears: Connection, count: int) -> list[News]:
    """Return the next news; that there is no more of it is seen from what comes next."""
    heard: list[News] = []
    for _ in range(count):
        assert ears.poll(5), heard
        heard.append(ears.recv())
    return heard


def attached(feed: Feed) -> Connection:
    ears, mouth = Pipe(duplex=False)
    feed.attach(mouth)
    return ears


def test_a_document_s_text_is_told_when_another_is_written_in(feed: Feed) -> None:
    ears = attached(feed)
    assert told(ears, 1) == [Current("")]
    for text in ("a", "ab", "abc"):
        feed.written("/a.py", text)
    assert told(ears, 1) == [Current("/a.py")]
    feed.written("/b.py", "x")
    assert told(ears, 1) == [Current("/b.py", left=Edited("/a.py", "abc"))]
    feed.written("/a.py", "abcd")
    assert told(ears, 1) == [Current("/a.py", left=Edited("/b.py", "x"))]
    assert not ears.poll(0.05)


def test_what_is_closed_is_as_its_file_says(feed: Feed) -> None:
    ears = attached(feed)
    assert told(ears, 1) == [Current("")]
    feed.written("/a.py", "a")
    assert told(ears, 1) == [Current("/a.py")]
    feed.written("/b.py", "b")
    assert told(ears, 1) == [Current("/b.py", left=Edited("/a.py", "a"))]
    feed.closed("/a.py")
    feed.closed("/never.py")
    assert told(ears, 1) == [Edited("/a.py", None)]
    feed.closed("/b.py")
    assert told(ears, 1) == [Current("", left=Edited("/b.py", None))]
    assert not ears.poll(0.05)


def test_files_and_libraries_are_passed_on(feed: Feed) -> None:
    ears = attached(feed)
    feed.walk(Shelf("one"), True)
    feed.changed(["/a.py", "/b"])
    assert told(ears, 3)[1:] == [Walk(Shelf("one"), True), Changed(("/a.py", "/b"))]


def test_who_comes_later_is_told_what_counts_now(feed: Feed) -> None:
    feed.walk(Shelf("one"), False)
    feed.walk(Shelf("two"), True)
    for name in ("/a.py", "/b.py", "/a.py", "/c.py"):
        feed.written(name, f"text of {name}")
    feed.closed("/b.py")
    feed.changed(["/d.py"])  # it will find out when it looks through the library
    assert told(attached(feed), 4) == [
        Current("/c.py"),
        Edited("/b.py", None),
        Edited("/a.py", "text of /a.py"),
        Walk(Shelf("two"), True),
    ]


def test_only_the_last_documents_are_kept(feed: Feed) -> None:
    for n in range(RECENT + 5):
        feed.written(f"/{n}.py", "")
    news = told(attached(feed), RECENT + 1)
    assert [edited.name for edited in news if isinstance(edited, Edited)] == [f"/{n}.py" for n in range(4, RECENT + 4)]


def test_a_process_that_is_let_go_is_told_no_more_and_one_that_died_does_no_harm(feed: Feed) -> None:
    ears, mouth = Pipe(duplex=False)
    detach = feed.attach(mouth)
    detach()
    assert told(ears, 1) == [Current("")]
    with pytest.raises(EOFError):
        ears.recv()
    ears, mouth = Pipe(duplex=False)
    feed.attach(mouth)
    ears.close()
    other = attached(feed)
    feed.written("/a.py", "x" * 1_000_000)  # more than a pipe holds
    assert told(other, 2)[-1] == Current("/a.py")
    feed.written("/b.py", "x")
    assert isinstance(told(other, 1)[-1], Current)


def after(news: list[News]) -> tuple[list[tuple[str, str | None]], str]:
    """Return what a memory has of documents after it was told: those written in lately, in order, and the current."""
    recent: dict[str, str | None] = {}
    current = ""

    def note(written: Edited) -> None:
        if written.text is not None:
            recent.pop(written.name, None)
        recent[written.name] = written.text
        if len(recent) > RECENT:
            del recent[next(iter(recent))]

    for message in news:
        match message:
            case Edited():
                note(message)
            case Current(name, left):
                current = name
                recent.pop(name, None)
                if left is not None:
                    note(left)
    return list(recent.items()), current


def test_who_listens_slowly_is_told_the_newest_of_each_name_and_no_more(feed: Feed) -> None:
    feed.walk(Shelf("x" * 1_000_000), True)
    ears = attached(feed)
    prompt = attached(feed)
    assert told(prompt, 2)[0] == Current("")
    promptly: list[News] = [Current("")]
    while not ears.poll(0.1):
        pass
    for n in range(500):  # the pipe is full: who reads it is busy
        name = f"/{n % 3}.py"
        feed.written(name, f"{n} " * 1000)
        feed.changed([name])
        promptly += told(prompt, 2)
        if n % 50 == 0:
            feed.walk(Shelf(f"{n}"), True)
            promptly += told(prompt, 1)
        if n % 7 == 0:
            feed.closed(name)
            promptly += told(prompt, 1)
    slowly: list[News] = []
    while ears.poll(0.5):
        slowly.append(ears.recv())
    assert len(slowly) < 10
    assert after(slowly) == after(promptly)
    assert [message for message in slowly if isinstance(message, Changed)] == [Changed(("/0.py", "/1.py", "/2.py"))]
    assert [message for message in slowly if isinstance(message, Walk)][1:] == [Walk(Shelf("450"), True)]


def test_who_listens_slowly_is_told_of_the_last_documents_only(feed: Feed) -> None:
    feed.walk(Shelf("x" * 1_000_000), True)
    ears = attached(feed)
    while not ears.poll(0.1):
        pass
    for n in range(200):
        feed.written(f"/{n}.py", "text")
    assert told(ears, 2)[0] == Current("")
    texts = [message for message in told(ears, RECENT + 1) if isinstance(message, Edited)]
    assert [edited.name for edited in texts] == [f"/{n}.py" for n in range(199 - RECENT, 199)]
    assert not ears.poll(0.1)


def test_however_seldom_a_process_listens_it_holds_what_counts(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("empower_model.feed.RECENT", 3)
    monkeypatch.setitem(globals(), "RECENT", 3)
    rng = random.Random(17)
    for _ in range(200):
        slow, quick = feed._listen(), feed._listen()
        slowly: list[News] = []
        quickly: list[News] = []
        for _ in range(60):
            name = f"/{rng.randrange(6)}.py"
            if rng.random() < 0.65:
                feed.written(name, f"{rng.random()}")
            else:
                feed.closed(name)
            quickly += feed._unknown(quick)
            if rng.random() < 0.2:
                slowly += feed._unknown(slow)
        slowly += feed._unknown(slow)
        afresh = after(feed._unknown(feed._listen()))
        assert after(slowly) == after(quickly) == afresh
        feed._listeners.clear()
