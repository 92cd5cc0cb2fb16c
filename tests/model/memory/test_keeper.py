"""What a memory holds after anything that may happen in a workspace, and how its keeper stands back."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe

import numpy as np
import pytest

from empower_model.errors import EngineError
from empower_model.feed import RECENT, Changed, Current, Edited, Feed, Stamp, Walk
from empower_model.memory import keeper as module
from empower_model.memory.index import Memory, Scope
from empower_model.memory.keeper import Keeper, KeeperThread


@dataclass
class Shelf:
    """A library whose files change behind the keeper's back; a denied one is there, and must not be read."""

    texts: dict[str, str] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()
    """What counts only as long as it is open."""
    reads: list[str] = field(default_factory=list)

    def put(self, name: str, text: str) -> None:
        self.texts[name] = text
        self.written[name] = max(self.written.values(), default=0) + 1

    def holds(self, name: str, is_open: bool = False) -> bool:
        return name not in self.denied and (is_open or name not in self.loose)

    def files(self) -> Iterator[tuple[str, Stamp | None]]:
        for name in sorted(self.texts):
            if name in self.texts:
                yield name, (self.written[name], len(self.texts[name])) if self.holds(name) else None

    def is_folder(self, name: str) -> bool:
        return any(other.startswith(f"{name}/") for other in self.texts)

    def text(self, name: str, document: str | None = None) -> str | None:
        assert self.holds(name, document is not None)
        if document is not None:
            return document.replace(SECRET, "")
        self.reads.append(name)
        return self.texts.get(name)


SECRET = "s3cret9"
"""What the library does not tell of an open document."""


def letters(text: str) -> list[int]:
    return list(text.encode())


def finish(keeper: Keeper) -> None:
    while keeper.step():
        pass


def held(memory: Memory, scope: Scope) -> dict[str, str]:
    """Return the documents of a scope."""
    return {
        name: bytes(segment.text.document(name).tolist()).decode()
        for segment in memory.scopes[scope].segments
        for name in segment.text.spans
    }


def test_the_library_is_read_but_for_what_it_does_not_hold() -> None:
    shelf, memory = Shelf(denied=frozenset({"/.env"})), Memory()
    for name in ("/a.py", "/in/b.py", "/.env"):
        shelf.put(name, f"text of {name}")
    keeper = Keeper(memory, letters)
    keeper.hear(Walk(shelf, True))
    finish(keeper)
    assert held(memory, Scope.PROJECT) == {"/a.py": "text of /a.py", "/in/b.py": "text of /in/b.py"}
    assert memory.continuations(letters("text")) is not None


def test_a_document_is_in_the_level_that_it_belongs_to() -> None:
    shelf, memory = Shelf(), Memory()
    for name in "abc":
        shelf.put(name, f"{name} on disk")
    keeper = Keeper(memory, letters)
    for news in (Current("a"), Edited("b", "b in the editor"), Walk(shelf, True)):
        keeper.hear(news)
    finish(keeper)
    assert held(memory, Scope.PROJECT) == {"c": "c on disk"}
    assert held(memory, Scope.RECENT) == {"b": "b in the editor"}
    for news in (Current("c", Edited("a", "a in the editor")), Edited("b", None)):
        keeper.hear(news)
    assert held(memory, Scope.PROJECT) == {}
    assert held(memory, Scope.RECENT) == {"a": "a in the editor", "b": "b on disk"}
    assert held(memory, Scope.FILE) == {}  # which the engine itself takes from the requests


def test_of_an_open_document_only_what_the_library_tells_is_remembered() -> None:
    shelf, memory = Shelf(), Memory()
    keeper = Keeper(memory, letters)
    for news in (Walk(shelf, True), Current("a"), Edited("b", "pw = 's3cret9'"), Current("", Edited("a", "x s3cret9"))):
        keeper.hear(news)
    finish(keeper)
    assert held(memory, Scope.RECENT) == {"a": "x ", "b": "pw = ''"}


def test_what_belongs_to_no_project_counts_as_long_as_it_is_open() -> None:
    shelf, memory = Shelf(loose=frozenset("ab")), Memory()
    shelf.put("b", "b on disk")
    keeper = Keeper(memory, letters)
    for news in (Walk(shelf, True), Current("a"), Current("c", Edited("a", "a here")), Edited("b", "b here")):
        keeper.hear(news)
    assert held(memory, Scope.RECENT) == {"a": "a here", "b": "b here"}
    keeper.hear(Edited("b", None))
    assert held(memory, Scope.RECENT) == {"a": "a here"}
    assert shelf.reads == []


def test_what_was_written_long_ago_is_one_of_many_again() -> None:
    shelf, memory = Shelf(), Memory()
    keeper = Keeper(memory, letters)
    keeper.hear(Walk(shelf, True))
    for n in range(RECENT + 1):
        shelf.put(f"{n}", "on disk")
        keeper.hear(Edited(f"{n}", "in the editor"))
    assert held(memory, Scope.PROJECT) == {"0": "on disk"}
    assert set(held(memory, Scope.RECENT)) == {f"{n}" for n in range(1, RECENT + 1)}


def test_another_library_takes_the_place_of_the_first() -> None:
    shelf, memory = Shelf(), Memory()
    for name in "abcd":
        shelf.put(name, f"{name} on disk")
    keeper = Keeper(memory, letters)
    for news in (Edited("a", "a in the editor"), Edited("b", "b in the editor"), Walk(shelf, True)):
        keeper.hear(news)
    finish(keeper)
    shelf.reads.clear()
    keeper.hear(Walk(replace(shelf, denied=frozenset("ac")), True))  # as when a glob is denied
    finish(keeper)
    assert (held(memory, Scope.PROJECT), set(held(memory, Scope.RECENT))) == ({"d": "d on disk"}, {"b"})
    assert shelf.reads == []  # what has not changed is not read again


@pytest.mark.parametrize("promptness", [1, 0.3])
@pytest.mark.parametrize("watched", [True, False])
def test_whatever_happens_it_is_as_if_built_afresh(
    monkeypatch: pytest.MonkeyPatch, watched: bool, promptness: float
) -> None:
    monkeypatch.setattr(module, "RECENT", 3)
    monkeypatch.setattr(module, "MANY_FILES", 4)
    monkeypatch.setattr("empower_model.feed.RECENT", 3)
    monkeypatch.setattr("empower_model.memory.index.TAIL", 300)
    rng = random.Random(watched)
    shelf, memory, feed = Shelf(denied=frozenset({"/d/1.py"})), Memory(), Feed()
    names = [f"/{folder}/{n}.py" for folder in "abcd" for n in range(4)]
    for name in names[::2]:
        shelf.put(name, content(rng))
    listener = feed._listen()  # as `attach` does, without the thread and the process
    feed.walk(shelf, watched)
    keeper = Keeper(memory, letters)
    for _ in range(150):
        for _ in range(rng.randrange(1, 4)):  # before all of the last is done
            happen(rng, shelf, feed, names, watched)
            for news in feed._unknown(listener) if rng.random() < promptness else ():
                keeper.hear(news)
                for _ in range(rng.randrange(40)):
                    keeper.step()
        for news in feed._unknown(listener):
            keeper.hear(news)
        if not watched:
            keeper.look()
        finish(keeper)
        fresh = Memory()
        other = Keeper(fresh, letters)
        for news in feed._unknown(feed._listen()):
            other.hear(news)
        finish(other)
        assert [held(memory, scope) for scope in Scope] == [held(fresh, scope) for scope in Scope]
        assert "/d/1.py" not in {name for scope in Scope for name in held(memory, scope)}
        same_answers(rng, memory, fresh)


def content(rng: random.Random) -> str:
    return "".join(rng.choice("abcd") for _ in range(rng.randrange(1, 60)))


def same_answers(rng: random.Random, memory: Memory, other: Memory) -> None:
    for _ in range(5):
        context = letters("".join(rng.choice("abcd") for _ in range(rng.randrange(1, 8))))
        mine, theirs = memory.continuations(context), other.continuations(context)
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert np.array_equal(mine.tokens, theirs.tokens)
            assert np.array_equal(mine.counts, theirs.counts)


def happen(rng: random.Random, shelf: Shelf, feed: Feed, names: list[str], watched: bool) -> None:
    """Something that a person does: in the editor, or on the disk, which is told if that is watched."""
    name, other = rng.sample(names, 2)
    touched = [name]
    match rng.randrange(8):
        case 0 | 1 | 2:
            feed.written(name, content(rng))
            return
        case 3:
            feed.closed(name)
            return
        case 4:
            shelf.put(name, content(rng))
        case 5:
            shelf.texts.pop(name, None)
        case 6:
            shelf.put(other, shelf.texts.pop(name, "renamed"))
            touched += [other]
        case 7:  # another branch, or a folder that goes
            for changed in (known for known in names if known.startswith(name[:3]) or rng.random() < 0.3):
                shelf.texts.pop(changed, None)
                if rng.random() < 0.5:
                    shelf.put(changed, content(rng))
            touched = [name[:2], *(known for known in names if not known.startswith(name[:3]))]
    if watched:
        feed.changed(touched)


@pytest.mark.parametrize("again", [False, True], ids=["new", "deleted and made again"])
@pytest.mark.parametrize("name", ["/a.py", "/z.py"], ids=["behind the walk", "before it"])
def test_a_file_made_during_a_walk_is_not_forgotten_by_it(name: str, again: bool) -> None:
    shelf, memory = Shelf(), Memory()
    for other in ("/b.py", "/c.py"):
        shelf.put(other, f"text of {other}")
    if again:
        shelf.put(name, "of before")
    keeper = Keeper(memory, letters)
    keeper.hear(Walk(shelf, True))
    finish(keeper)
    shelf.texts.pop(name, None)
    keeper.look()
    for _ in range(2):  # /b.py at least is passed
        assert keeper.step()
    shelf.put(name, "made meanwhile")
    keeper.hear(Changed((name,)))
    finish(keeper)
    assert held(memory, Scope.PROJECT)[name] == "made meanwhile"
    del shelf.texts[name]
    keeper.look()
    finish(keeper)
    assert name not in held(memory, Scope.PROJECT), "the next walk finds it gone"


def test_folders_that_come_and_go_do_not_keep_it_from_being_filled() -> None:
    shelf, memory = Shelf(), Memory()
    for n in range(50):
        shelf.put(f"/src/{n}.py", f"text {n}")
    keeper = Keeper(memory, letters)
    keeper.hear(Walk(shelf, True))
    steps = 0
    while len(held(memory, Scope.PROJECT)) < 50 and steps < 1000:
        if steps % 30 == 0:
            keeper.hear(Changed(("/src",)))
        keeper.step()
        steps += 1
    assert steps < 1000
    shelf.put("/src/new.py", "of a folder that came last")
    keeper.hear(Changed(("/src",)))
    finish(keeper)
    assert "/src/new.py" in held(memory, Scope.PROJECT)
    assert not keeper.step(), "it is looked through once more, and not for ever"


def test_where_not_all_fits_what_is_new_and_near_comes_first() -> None:
    now = time.time_ns()
    shelf, memory = Shelf(), Memory(bound=200)
    for n, name in enumerate(("/far/old.py", "/far/new.py", "/near/old.py", "/near/new.py")):
        shelf.put(name, "x" * 80)
        shelf.written[name] = now - (0 if "new" in name else 40 * module.DAY) - n
    keeper = Keeper(memory, letters)
    keeper.hear(Current("/near/by.py"))
    keeper.hear(Walk(shelf, True))
    finish(keeper)
    assert set(held(memory, Scope.PROJECT)) == {"/near/new.py", "/far/new.py"}
    shelf.put("/far/third.py", "y" * 90)
    keeper.hear(Changed(("/far/third.py",)))
    assert set(held(memory, Scope.PROJECT)) == {"/near/new.py", "/far/third.py"}  # the farther one gave way


def test_what_cannot_be_tokenised_is_left_out() -> None:
    def fails(text: str) -> list[int]:
        if "bad" in text:
            raise EngineError("No.")
        return letters(text)

    shelf, memory = Shelf(), Memory()
    shelf.put("a", "bad")
    shelf.put("b", "good")
    keeper = Keeper(memory, fails)
    keeper.hear(Walk(shelf, True))
    finish(keeper)
    assert held(memory, Scope.PROJECT) == {"b": "good"}


def eventually(condition: object) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.002)
    return bool(condition())  # type: ignore[operator]


def test_the_thread_stands_back_while_somebody_waits() -> None:
    shelf, memory = Shelf(), Memory()
    for n in range(300):
        shelf.put(f"{n}", "word " * 50)
    seen: list[float] = []

    def tokenize(text: str) -> list[int]:
        seen.append(time.monotonic())
        time.sleep(0.001)
        return letters(text)

    ears, mouth = Pipe(duplex=False)
    keeper = KeeperThread(memory, tokenize, ears)
    keeper.start()
    mouth.send(Walk(shelf, True))
    assert eventually(lambda: len(seen) > 20)
    with keeper.paused():
        time.sleep(0.05)  # the piece at hand is finished
        before = len(seen)
        time.sleep(0.1)
        assert len(seen) == before < 300
    assert eventually(lambda: len(memory.scopes[Scope.PROJECT].names) == 300)
    mouth.close()
    assert eventually(lambda: "empower-memory" not in {thread.name for thread in threading.enumerate()})


def test_a_library_that_nobody_watches_is_looked_at_again_once_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_PAUSE", 0.05)
    memory, looks = Memory(), []

    class Counted(Shelf):
        def files(self) -> Iterator[tuple[str, Stamp | None]]:
            looks.append(1)
            return super().files()

    ears, mouth = Pipe(duplex=False)
    keeper = KeeperThread(memory, letters, ears)
    keeper._keeper.hear(Walk(Counted(), False))
    finish(keeper._keeper)
    keeper._watched = False
    keeper.start()
    assert eventually(lambda: len(looks) == 2)  # the first, and one more for whoever may have asked before
    time.sleep(0.2)
    assert len(looks) == 2
    with keeper.paused():
        pass
    assert eventually(lambda: len(looks) == 3)
    mouth.close()


def test_a_piece_that_fails_is_left_out_and_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    def broken(text: str) -> list[int]:
        if "hunter2" in text:
            raise ValueError(text)
        return letters(text)

    ears, mouth = Pipe(duplex=False)
    memory, shelf = Memory(), Shelf()
    shelf.put("a", "fine")
    keeper = KeeperThread(memory, broken, ears)
    keeper.start()
    mouth.send(Walk(shelf, True))
    mouth.send(Edited("b", "password = 'hunter2'"))
    mouth.send(Edited("c", "also fine"))
    assert eventually(lambda: memory.scopes[Scope.RECENT].names == {"c"})
    assert "ValueError" in caplog.text
    assert "hunter2" not in caplog.text
    mouth.close()


def test_filling_ends_in_time_and_keeps_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, memory = Shelf(), Memory()
    for number in range(10):
        shelf.put(f"/{number}.py", f"text {number}")
    keeper = Keeper(memory, letters)
    keeper.hear(Walk(shelf, True))
    assert keeper.fill(60.0)
    assert len(held(memory, Scope.PROJECT)) == 10
    hurried, rest = Memory(), iter([0.0] * 16 + [100.0] * 100)
    keeper = Keeper(hurried, letters)
    keeper.hear(Walk(shelf, True))
    monkeypatch.setattr(time, "monotonic", lambda: next(rest))
    assert not keeper.fill(60.0)
    read = held(hurried, Scope.PROJECT)
    assert 0 < len(read) < 10
    assert set(read) <= set(shelf.texts)
    assert not keeper.step(), "nothing is left to do"
