"""The file itself: what is in it, who can read it, how it grows older, and what is left after a purge."""

import errno
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from empower_lsp.log import migrations, store
from empower_lsp.log.errors import LogError
from empower_lsp.log.migrations import MIGRATIONS, migrate
from empower_lsp.log.records import (
    PREFIX_WINDOW,
    SUFFIX_WINDOW,
    CompletionRecord,
    OutcomeRecord,
    completion_record,
    place,
    token_records,
    without_text,
)
from empower_lsp.log.store import Retention, Store, opened
from empower_lsp.log.summary import stats
from empower_model.engine.seam import Token
from empower_model.request import Completion, End, Request

DONE = Completion(
    "über",
    (Token(1, b"\xc3", 0.5, 1.0), Token(2, b"\xbcber", 0.123456, 2.0)),
    2,
    End.UNCERTAIN,
    0.5,
    1.5,
    9,
    3,
    4.0,
    20.0,
)

WRITER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from empower_lsp.log.records import completion_record
from empower_lsp.log.store import Store
from empower_model.request import Completion, End, Request
done = Completion("text " * 400, (), 0, End.UNCERTAIN, 0.5, 1.5, 9, 3, 4.0, 20.0)
one = dict(identifier="", path="a.py", workspace="w", language="python", model="m", version="0")
one = completion_record(done, Request("p" * 4000, ""), **one)
store = Store(Path(sys.argv[1]))
for i in range(int(sys.argv[3])):
    store.write(replace(one, id=f"{sys.argv[2]}{i}"))
    print(i, flush=True)
"""


def completion(identifier: str = "a", at: float = 1000.0, **changes: Any) -> CompletionRecord:
    record = completion_record(
        DONE,
        Request("x = ", "\n"),
        identifier=identifier,
        path="src/a.py",
        workspace="w-1",
        language="python",
        model="m",
        version="0",
        at=at,
    )
    return replace(record, **changes)


def outcome(identifier: str = "a", kind: str = "accepted", **changes: Any) -> OutcomeRecord:
    return replace(OutcomeRecord(identifier, 1001.0, kind, True, 4, 4, 0, "", 0.0), **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "log.sqlite3"


def content(path: Path) -> bytes:
    return b"".join(part.read_bytes() for part in sorted(path.parent.iterdir()))


def test_the_pieces_of_tokens_are_whole_characters() -> None:
    assert [token.piece for token in token_records(DONE.tokens)] == ["", "über"]
    assert [token.surprisal for token in token_records(DONE.tokens)] == [0.5, 0.1235]


def test_entries_come_in_the_order_of_time(path: Path) -> None:
    with store_at(path) as log:
        for record in (
            completion("b", 2000.0, eta=float("inf")),
            completion("a"),
            outcome(kind="shown"),
            outcome(at=1002.0),
        ):
            log.write(record)
        assert [entry.completion for entry in log.entries()] == [
            completion("a"),
            completion("b", 2000.0, eta=float("inf")),
        ]
        assert [entry.outcomes for entry in log.entries()] == [(outcome(kind="shown"), outcome(at=1002.0)), ()]
        assert [entry.completion.id for entry in log.entries(last=1)] == ["b"]
        extent = log.extent()
        assert (extent.completions, extent.outcomes, extent.first, extent.last) == (2, 2, 1000.0, 2000.0)
        assert extent.size > 4096


def store_at(path: Path) -> Any:
    Store(path).close()
    return opened(path)


def test_a_second_record_and_an_outcome_of_nothing_are_dropped(path: Path) -> None:
    with store_at(path) as log:
        log.write(outcome())
        log.write(completion())
        log.write(completion(text="other"))
        assert [entry.completion.text for entry in log.entries()] == ["über"]
        assert log.extent().outcomes == 0


def test_half_a_surrogate_pair_is_no_error(path: Path) -> None:
    with store_at(path) as log:
        log.write(completion(prefix="a\ud83d", text="\x00b"))
        [entry] = log.entries()
        assert (entry.completion.prefix, entry.completion.text) == ("a?", "\x00b")


def test_the_window_ends_at_lines() -> None:
    request = Request("first\n" + "x = 1\n" * 1000, "y = 2\n" * 1000)
    record = completion_record(DONE, request, identifier="a", path="", workspace="", language="", model="", version="")
    assert record.prefix is not None
    assert record.suffix is not None
    assert PREFIX_WINDOW - 6 <= len(record.prefix) <= PREFIX_WINDOW
    assert SUFFIX_WINDOW - 6 <= len(record.suffix) <= SUFFIX_WINDOW
    assert record.prefix.startswith("x = 1\n")
    assert record.suffix.endswith("y = 2\n")
    assert abs(record.at - time.time()) < 60


def test_without_text_nothing_written_is_left(path: Path) -> None:
    with store_at(path) as log:
        log.write(without_text(completion(prefix="secretprefix", suffix="secretsuffix", text="secrettext")))
        log.write(without_text(outcome(text="secretinstead")))
        [entry] = log.entries()
    assert entry.completion.characters == 4
    assert [token.entropy for token in entry.completion.tokens] == [1.0, 2.0]
    assert b"secret" not in content(path)
    assert b"ber" not in content(path)


@pytest.mark.parametrize(
    ("uri", "roots", "expected"),
    [
        (
            "file:///home/me/my%20work/src/a.py",
            ["file:///home/me", "file:///home/me/my%20work/"],
            ("src/a.py", "my work-"),
        ),
        ("file:///home/me/notes.txt", ["file:///home/me/my%20work"], ("notes.txt", "")),
        ("file:///home/mework/a.py", ["file:///home/me"], ("a.py", "")),
        ("untitled:Untitled-1", [""], ("Untitled-1", "")),
    ],
)
def test_a_document_is_placed_within_its_workspace(uri: str, roots: list[str], expected: tuple[str, str]) -> None:
    where, workspace = place(uri, roots)
    assert where == expected[0]
    assert workspace.startswith(expected[1])
    assert bool(workspace) == bool(expected[1])


def test_only_its_owner_can_read_it(path: Path) -> None:
    old = os.umask(0)
    try:
        log = Store(path)
        log.write(completion())
        modes = {part.name: stat.S_IMODE(part.stat().st_mode) for part in path.parent.iterdir()}
        log.close()
    finally:
        os.umask(old)
    assert set(modes) == {"log.sqlite3", "log.sqlite3-wal", "log.sqlite3-shm"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    Store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_linked_log_leaves_its_targets_mode(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.sqlite3"
    Store(target).close()
    target.chmod(0o640)
    path.parent.mkdir()
    path.symlink_to(target)
    Store(path).close()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def earlier(path: Path, steps: int, **columns: object) -> None:
    """Return a log with a single completion as the version wrote it that knew so many of the steps."""
    path.parent.mkdir(exist_ok=True)
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, MIGRATIONS[:steps])
    known = [row[1] for row in old.execute("PRAGMA table_info(completions)")]
    values = {name: getattr(completion(text="t"), name) for name in known} | {"tokens": "[]"} | columns
    names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
    old.execute(f"INSERT INTO completions ({names}) VALUES ({marks})", list(values.values()))
    old.close()


def test_a_log_of_an_earlier_version_is_brought_up_to_date(path: Path) -> None:
    earlier(path, 1)
    with opened(path) as log:
        assert [entry.completion.text for entry in log.entries()] == ["t"]
        assert [name for (name,) in log.query("SELECT name FROM migrations ORDER BY rowid")] == [
            name for name, _ in MIGRATIONS
        ]
        assert ("completions_at",) in log.query("SELECT name FROM sqlite_master WHERE type = 'index'")


def test_of_earlier_outcomes_nobody_knows_where_their_text_begins(path: Path) -> None:
    earlier(path, 3)
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("INSERT INTO outcomes VALUES ('a', 1001.0, 'changed', 0, 3, 4, 0, 'text', 30.0)")
    old.close()
    with opened(path) as log:
        log.write(new := outcome(kind="changed", at=1002.0, text="more", offset=4, whole=False))
        log.write(newer := outcome(kind="kept", at=1003.0, offset=4, whole=True))
        [entry] = log.entries()
    assert entry.outcomes == (OutcomeRecord("a", 1001.0, "changed", False, 3, 4, 0, "text", 30.0), new, newer)
    assert [type(told.whole) for told in entry.outcomes] == [type(None), bool, bool]


@pytest.mark.parametrize(
    ("written", "adapter", "memory"),
    [
        ("", "", False),
        ("memory", "", True),
        ("tuned", "tuned", False),
        ("tuned + memory", "tuned", True),
        ("a + b + memory", "a + b", True),
        ("in-memory", "in-memory", False),
        ("tuned + Memory", "tuned + Memory", False),
    ],
)
def test_the_memory_used_to_stand_behind_the_adapter(path: Path, written: str, adapter: str, memory: bool) -> None:
    earlier(path, 2, adapter=written)
    with opened(path) as log:
        [entry] = log.entries()
    assert (entry.completion.adapter, entry.completion.memory) == (adapter, memory)


def test_a_newer_log_is_not_touched(path: Path) -> None:
    Store(path).close()
    newer = sqlite3.connect(path, isolation_level=None)
    migrate(newer, (*MIGRATIONS, ("more", ("CREATE TABLE more (a)",))))
    newer.close()
    with pytest.raises(LogError, match="newer empower-lsp"):
        Store(path)


def test_a_step_that_fails_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(path).close()
    broken = (*MIGRATIONS, ("broken", ("CREATE TABLE more (a)", "nonsense")))
    with monkeypatch.context() as patch:
        patch.setattr(store, "migrate", lambda db: migrations.migrate(db, broken))
        with pytest.raises(sqlite3.OperationalError):
            Store(path)
    with opened(path) as log:
        assert log.query("SELECT name FROM sqlite_master WHERE name = 'more'") == []


def test_a_purge_leaves_no_trace(path: Path) -> None:
    writer = Store(path)  # a server that runs while the command purges
    for i in range(200):
        writer.write(completion(f"purged-{i}", 1000.0 + i, path=f"gone/f{i}.py", prefix="PURGEDTEXT " * 300))
        writer.write(outcome(f"purged-{i}", text="PURGEDTEXT"))
    for i in range(20):
        writer.write(completion(f"kept-{i}", 1000.0 + i, path=f"src/f{i}.py", prefix="KEPTTEXT " * 300))
    assert b"PURGEDTEXT" in content(path)
    with opened(path) as log:
        before = log.extent().size
        ids = log.ids(glob="gone/")
        assert len(ids) == 200
        log.purge(ids)
        assert log.extent().completions == 20
        assert log.extent().outcomes == 0
        assert log.extent().size < before / 5
    left = content(path)
    for trace in (b"PURGEDTEXT", b"purged-", b"gone/"):
        assert trace not in left
    assert left.count(b"KEPTTEXT") >= 20 * 300
    writer.write(completion("after"))
    writer.close()


def test_what_is_chosen_for_a_purge(path: Path) -> None:
    with store_at(path) as log:
        for i, name in enumerate(("src/a.py", "src/deep/b.py", "docs/c.md")):
            log.write(completion(str(i), 1000.0 + i, path=name))
        assert log.ids() == ["0", "1", "2"]
        assert log.ids(before=1001.5) == ["0", "1"]
        assert log.ids(glob="*.py") == ["0", "1"]
        assert log.ids(glob="src/*.py") == ["0"]
        assert log.ids(glob="*.py", before=1001.0) == ["0"]
        assert log.ids(glob="nothing") == []


def test_a_purge_that_a_reader_hinders_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    with store_at(path) as log:
        log.write(completion())
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM completions").fetchall()
        with pytest.raises(LogError, match="Purge once more"):
            log.purge(["a"])
        reader.close()
        log.purge(log.ids())
        assert "über".encode() not in content(path)


def test_the_old_and_the_oldest_are_not_kept(path: Path) -> None:
    now = time.time()
    with store_at(path) as log:
        for i in range(300):
            log.write(completion(f"{i:03}", now - 86_400 * (300 - i) / 10, prefix="x" * 4000))
        log.keep(Retention(days=20, megabytes=0))
        assert len(log.ids()) in (199, 200)
        log.keep(Retention(days=0, megabytes=0.5))
        ids = log.ids()
        assert 50 < len(ids) < 190
        assert max(ids) == "299"
        assert path.stat().st_size <= 0.5e6
        log.keep(Retention(days=0, megabytes=0.5))
        assert log.ids() == ids


def test_two_writers_lose_nothing(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, "150"], stdout=-3) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    with opened(path) as log:
        assert sorted(log.ids()) == sorted(f"{name}{i}" for name in "abcd" for i in range(150))


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_kill_in_mid_write_loses_at_most_the_event_in_flight(path: Path, lines: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), "", "100000"], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.stdout.read().splitlines()]
    assert writer.returncode == -signal.SIGKILL
    with opened(path) as log:
        assert log.query("PRAGMA integrity_check") == [("ok",)]
        assert len(log.ids()) - (said[-1] + 1) in (0, 1)  # the last may have been written and not yet said


def test_stats(path: Path) -> None:
    with store_at(path) as log:
        for i in range(20):
            log.write(
                completion(
                    str(i),
                    total_ms=float(i + 1),
                    language="go" if i < 5 else "python",
                    adapter="mine" if i < 2 else "",
                    memory=i in (1, 2),
                )
            )
        for record in (
            outcome("0", "shown"),
            outcome("0", "accepted", characters=40, of=40),
            outcome("0", "kept", characters=30, of=30, age=30.0),
            outcome("0", "changed", characters=15, of=30, age=120.0),
            outcome("1", "partially accepted", characters=10, of=40),
            outcome("6", "shown"),
            outcome("7", "typed through", characters=0),
        ):
            log.write(record)
        figures = stats(log)
        assert stats(log, since=5000.0).total.completions == 0
        assert stats(log, since=5000.0).total.p50_ms is None
        assert stats(log, since=5000.0).total.rate is None
    total = figures.total
    assert (total.completions, total.shown, total.accepted, total.rate) == (20, 3, 2, 2 / 3)
    assert (total.accepted_characters, total.kept_characters) == (50, 30)
    assert (total.p50_ms, total.p95_ms) == (10.0, 19.0)
    assert [(group.name, group.completions, group.accepted) for group in figures.languages] == [
        ("python", 15, 0),
        ("go", 5, 2),
    ]
    assert [group.name for group in figures.models] == ["m", "m + memory", "m + mine", "m + mine + memory"]


def test_a_reader_that_has_gone_is_no_fault_of_the_log(path: Path) -> None:
    with store_at(path) as log:
        log.write(completion("a"))
    with pytest.raises(BrokenPipeError), opened(path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_what_is_no_log_says_what_to_do(path: Path) -> None:
    with pytest.raises(LogError, match="no log yet"), opened(path):
        pass
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(LogError, match="Move it away"), opened(path):
        pass
