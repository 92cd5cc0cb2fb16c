"""Writing behind the server's back: nothing waits for it, nothing is raised, and what goes wrong is said once."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from empower_lsp.log import recorder as module
from empower_lsp.log import store
from empower_lsp.log.level import Level
from empower_lsp.log.recorder import Recorder
from empower_lsp.log.records import CompletionRecord, OutcomeRecord, Record, completion_record
from empower_lsp.log.redact import MARKER, Redactor
from empower_lsp.log.store import Retention, Store, opened
from empower_model.request import Completion, End, Request

DONE = Completion("text", (), 0, End.UNCERTAIN, 0.5, 1.5, 9, 3, 4.0, 20.0)

SERVER = """
import resource, sys, time
from dataclasses import replace
from pathlib import Path
from empower_lsp.log.level import Level
from empower_lsp.log.recorder import Recorder
from empower_lsp.log.records import completion_record
from empower_model.request import Completion, End, Request
done = Completion("text", (), 0, End.UNCERTAIN, 0.5, 1.5, 9, 3, 4.0, 20.0)
one = dict(identifier="", path="a.py", workspace="w", language="python", model="m", version="0")
one = completion_record(done, Request("word " * 800, ""), **one)
recorder = Recorder(Path(sys.argv[1]), Level.FULL, lambda problem: print("problem", problem, flush=True))
if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
for i in range(int(sys.argv[2])):
    recorder.record(replace(one, id=str(i)))
    recorder.flush(20)
    print(i, recorder.level.word, flush=True)
recorder.close()
"""


def completion(identifier: str = "a", prefix: str = "x = ", text: str = "text") -> CompletionRecord:
    request = Request(prefix, "\n")
    done = replace(DONE, text=text)
    return completion_record(
        done, request, identifier=identifier, path="a.py", workspace="w", language="python", model="m", version="0"
    )


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "log.sqlite3"


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def start(path: Path, problems: list[str]) -> Iterator[Callable[..., Recorder]]:
    started: list[Recorder] = []

    def begin(level: Level = Level.FULL, **options: object) -> Recorder:
        started.append(Recorder(path, level, problems.append, **options))  # type: ignore[arg-type]
        return started[-1]

    yield begin
    for recorder in started:
        recorder.close()


def records(path: Path) -> list[CompletionRecord]:
    with opened(path) as log:
        return [entry.completion for entry in log.entries()]


def test_what_is_recorded_is_there_with_its_secrets_redacted(
    path: Path, problems: list[str], start: Callable[..., Recorder]
) -> None:
    recorder = start()
    recorder.record(completion(prefix='password = "hun', text='ter2"'))
    recorder.record(OutcomeRecord("a", time.time(), "diverged", False, text='ter3"'))
    recorder.close()
    with opened(path) as log:
        [entry] = log.entries()
    assert entry.completion.text == f'{MARKER}"'
    assert [outcome.text for outcome in entry.outcomes] == [f'{MARKER}"']
    assert b"ter2" not in path.read_bytes()
    assert problems == []


def test_metadata_is_without_text(path: Path, start: Callable[..., Recorder]) -> None:
    recorder = start(Level.METADATA)
    recorder.record(completion())
    recorder.close()
    [record] = records(path)
    assert (record.prefix, record.suffix, record.text, record.characters) == (None, None, None, 4)


def test_off_touches_no_file(path: Path, start: Callable[..., Recorder]) -> None:
    for recorder in (start(Level.OFF), start(Level.FULL, allowed=lambda: Level.OFF)):
        recorder.record(completion())
        assert recorder.flush()
        recorder.close()
    assert not path.parent.exists()


def test_the_level_changes_while_it_runs(path: Path, start: Callable[..., Recorder]) -> None:
    recorder = start()
    recorder.record(completion("full"))
    assert recorder.flush()
    recorder.level = Level.OFF
    recorder.record(completion("off"))
    assert recorder.flush()
    assert not path.with_name("log.sqlite3-wal").exists()  # the file was let go of
    recorder.level = Level.METADATA
    recorder.record(completion("metadata"))
    assert recorder.flush()
    recorder.close()
    recorder.record(completion("late"))
    assert {record.id: record.text for record in records(path)} == {"full": "text", "metadata": None}


def test_the_persons_choice_holds_at_once(path: Path, start: Callable[..., Recorder]) -> None:
    choice = Level.FULL
    recorder = start(allowed=lambda: choice)
    for choice in (Level.FULL, Level.OFF, Level.METADATA):
        recorder.record(completion(choice.word))
        assert recorder.flush()
    recorder.close()
    assert {record.id: record.text for record in records(path)} == {"full": "text", "metadata": None}


class Slow(Store):
    """A disk that takes its time, until it is let go."""

    go = threading.Event()

    def write(self, record: Record) -> None:
        self.go.wait(30)
        super().write(record)


def test_nobody_waits_for_a_slow_disk(path: Path, problems: list[str], start: Callable[..., Recorder]) -> None:
    Slow.go.clear()
    recorder = start(open_store=Slow)
    began = time.monotonic()
    for i in range(module.WAITING + 100):
        recorder.record(completion(str(i)))
    assert time.monotonic() - began < 5  # about 3 microseconds each; the disk would have taken half a minute for one
    assert 98 <= recorder.dropped <= 100
    assert not recorder.flush(0.01)
    Slow.go.set()
    recorder.close(20)
    assert len(records(path)) == module.WAITING + 100 - recorder.dropped
    assert problems == [f"{recorder.dropped} events were not logged: the disk did not keep up ({path})."]


def test_closing_does_not_wait_for_ever(start: Callable[..., Recorder]) -> None:
    Slow.go.clear()
    recorder = start(open_store=Slow)
    recorder.record(completion())
    began = time.monotonic()
    recorder.close(0.1)
    assert time.monotonic() - began < 5
    Slow.go.set()


def fails_once(recorder: Recorder, problems: list[str], reason: str) -> None:
    for i in range(20):
        recorder.record(completion(str(i)))
    assert recorder.flush(20)
    assert recorder.level is Level.OFF
    assert len(problems) == 1
    assert problems[0].startswith("Completions are no longer logged: ")
    assert reason in problems[0]


def test_a_folder_that_cannot_be_made(path: Path, problems: list[str], start: Callable[..., Recorder]) -> None:
    path.parent.write_text("a file where the folder should be")
    fails_once(start(), problems, "File exists")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(path: Path, problems: list[str], start: Callable[..., Recorder]) -> None:
    path.parent.mkdir(mode=0o500)
    fails_once(start(), problems, "Permission denied")


def test_a_corrupt_file_and_another_try(path: Path, problems: list[str], start: Callable[..., Recorder]) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    recorder = start()
    fails_once(recorder, problems, "not a database")
    path.unlink()
    recorder.level = Level.OFF
    recorder.level = Level.FULL
    recorder.record(completion())
    recorder.close()
    assert [record.id for record in records(path)] == ["a"]
    assert len(problems) == 1


def test_a_log_that_is_damaged_while_it_is_open(
    path: Path, problems: list[str], start: Callable[..., Recorder]
) -> None:
    class Damaged(Store):
        def write(self, record: Record) -> None:
            raise sqlite3.DatabaseError("database disk image is malformed")

    fails_once(start(open_store=Damaged), problems, "malformed")


def test_a_locked_log(
    path: Path, problems: list[str], start: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(path).close()
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    fails_once(start(), problems, "locked")
    holder.close()


def test_a_log_that_was_locked_comes_back_by_itself(
    path: Path, problems: list[str], start: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.2)
    recorder = start()
    recorder.record(completion("before"))
    assert recorder.flush(20)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for _ in range(2):  # it is said once, however often it is tried
        recorder.record(completion("meanwhile"))
        assert recorder.flush(20)
        assert recorder.level is Level.OFF
        time.sleep(0.25)
    holder.close()
    recorder.record(completion("after"))
    recorder.close()
    assert [record.id for record in records(path)] == ["before", "after"]
    assert [problem.partition(" (")[0] for problem in problems] == [
        "Completions are no longer logged: database is locked",
        "Completions are logged again",
    ]


@pytest.mark.parametrize("left", ["", "-wal", "-shm"])
def test_a_log_that_is_deleted_while_it_is_open_is_begun_anew(
    path: Path, problems: list[str], start: Callable[..., Recorder], left: str
) -> None:
    recorder = start()
    for identifier in ("before", "too"):
        recorder.record(completion(identifier))
    assert recorder.flush(20)
    for part in path.parent.glob(f"{path.name}*"):
        if not left or not part.name.endswith(left):
            part.unlink()
    recorder.record(completion("after"))
    recorder.close()
    assert [record.id for record in records(path)] == ["after"]
    assert [problem.partition(",")[0] for problem in problems] == ["The log was deleted or moved while it was open"]
    with opened(path) as log:
        assert log.query("PRAGMA integrity_check") == [("ok",)]


def test_a_newer_log(path: Path, problems: list[str], start: Callable[..., Recorder]) -> None:
    Store(path).close()
    newer = sqlite3.connect(path, isolation_level=None)
    newer.execute("INSERT INTO migrations VALUES ('from the future', 0)")
    newer.close()
    fails_once(start(), problems, "newer empower-lsp")


def test_what_is_not_foreseen_quotes_no_text(
    problems: list[str], start: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    def broken(self: object, record: Record) -> Record:
        raise RuntimeError("of the person's own text")

    monkeypatch.setattr(Redactor, "redact", broken)
    fails_once(start(), problems, "RuntimeError")
    assert "own text" not in problems[0]
    assert not path.exists()  # what cannot be redacted is not written


def test_a_listener_that_fails_is_no_harm(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")

    def gone(problem: str) -> None:
        raise RuntimeError

    recorder = Recorder(path, Level.FULL, gone)
    recorder.record(completion())
    assert recorder.flush(20)
    recorder.close()


def test_what_is_too_old_goes_without_being_asked(path: Path, start: Callable[..., Recorder]) -> None:
    recorder = start(retention=Retention(days=30))
    recorder.record(replace(completion("old"), at=time.time() - 31 * 86_400))
    recorder.record(completion("new"))
    recorder.close()
    assert [record.id for record in records(path)] == ["new"]


def test_a_full_disk_by_a_limit_on_the_size_of_files(path: Path) -> None:
    said = run_server(path, "60", "150000")
    assert sum(line.startswith("problem") for line in said) == 1
    assert said[-1] == "59 off"
    assert said[0] == "0 full"
    with opened(path) as log:
        assert log.query("PRAGMA integrity_check") == [("ok",)]
        assert len(log.ids()) >= 3


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        said = run_server(disk / "log.sqlite3", "60")
        assert sum(line.startswith("problem") for line in said) == 1
        assert "full" in next(line for line in said if line.startswith("problem"))
        assert said[-1] == "59 off"
    finally:
        subprocess.run(["umount", disk], check=True)


def run_server(path: Path, *args: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SERVER, path, *args], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_kill_loses_at_most_the_event_in_flight(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER, path, "100000"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = [int(server.stdout.readline().split()[0]) for _ in range(25)]
        server.send_signal(signal.SIGKILL)
        said += [int(line.split()[0]) for line in server.stdout.read().splitlines()]
    with opened(path) as log:
        assert log.query("PRAGMA integrity_check") == [("ok",)]
        assert len(log.ids()) - (said[-1] + 1) in (0, 1)
