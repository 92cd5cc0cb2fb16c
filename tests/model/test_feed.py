"""What a process is told of the documents and the library, and what one that comes later is told."""

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

    def holds(self, name: str) -> bool:
        return True

    def files(self) -> Iterator[tuple[str, Stamp | None]]:
        return iter(())

    def is_folder(self, name: str) -> bool:
        return False

    def text(self, name: str) -> str | None:
        return None


@pytest.fixture
def feed() -> Feed:
    return Feed()


def told(ears: Connection, count: int) -> list[News]:
    """Return the next news; that there is no more of it is seen from what comes next."""
    found: list[News] = []
    for _ in range(count):
        assert ears.poll(5), found
        found.append(ears.recv())
    return found


def attached(feed: Feed) -> Connection:
    ears, mouth = Pipe(duplex=False)
    feed.attach(mouth)
    return ears


def test_a_document_s_text_is_told_when_another_is_written_in(feed: Feed) -> None:
    ears = attached(feed)
    for text in ("a", "ab", "abc"):
        feed.written("/a.py", text)
    feed.written("/b.py", "x")
    feed.written("/a.py", "abcd")
    assert told(ears, 4) == [
        Current(""),
        Current("/a.py"),
        Current("/b.py", left=Edited("/a.py", "abc")),
        Current("/a.py", left=Edited("/b.py", "x")),
    ]


def test_what_is_closed_is_as_its_file_says(feed: Feed) -> None:
    ears = attached(feed)
    feed.written("/a.py", "a")
    feed.written("/b.py", "b")
    feed.closed("/a.py")
    feed.closed("/never.py")
    feed.closed("/b.py")
    assert told(ears, 5)[3:] == [Edited("/a.py", None), Current("", left=Edited("/b.py", None))]


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
    assert [one.name for one in news if isinstance(one, Edited)] == [f"/{n}.py" for n in range(4, RECENT + 4)]


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
    feed.written("/b.py", "x")
    assert isinstance(told(other, 3)[-1], Current)
