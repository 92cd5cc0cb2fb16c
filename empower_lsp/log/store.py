"""The log of completions and their outcomes, in one SQLite file that only its owner can read.

    <data folder>/log.sqlite3     completions: when and where each was asked for, the text around the cursor, what the
                                               model wrote with its bits, why it ended, how long it took
                                  outcomes:    what the person did with it, and what they wrote instead
                                  migrations:  which steps of `migrations.py` the file has seen

From these the knob is calibrated, the model fine-tuned and judged, and `empower-lsp log stats` answers what the
completions are worth. Nothing is sent anywhere. Several servers write at once: WAL, one short transaction an event.
A process killed loses nothing that was committed; a power cut may lose the last events, never the file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from empower_lsp.log.errors import LogError
from empower_lsp.log.migrations import migrate
from empower_lsp.log.records import CompletionRecord, OutcomeRecord, Record, TokenRecord
from empower_model.files import data_folder

BUSY_SECONDS = 10.0
"""How long another process's transaction, the purge of a large log for one, is waited for."""

_COMPLETION = tuple(field.name for field in fields(CompletionRecord))
_OUTCOME = tuple(field.name for field in fields(OutcomeRecord))
_CHUNK = 500
"""Ids in one statement: SQLite before 3.32 allows 999 parameters."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits of what is kept; 0 stands for no limit."""

    days: float = 90
    megabytes: float = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A completion and what became of it, in the order of events."""

    completion: CompletionRecord
    outcomes: tuple[OutcomeRecord, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """Size of a log; the times are seconds since 1970, None in an empty log."""

    completions: int
    outcomes: int
    first: float | None
    last: float | None
    size: int
    """Bytes on the disk."""


def log_path() -> Path:
    """Return where the log is; it may not exist yet."""
    return data_folder() / "log.sqlite3"


class Store:
    """An open log, for one thread; `opened` closes it and words its errors."""

    def __init__(self, path: Path) -> None:
        """Open the log, create it where there is none, bring it up to date.

        Raises OSError, sqlite3.Error, and LogError on a newer log than this program knows.
        """
        self.path = path
        _create(path)
        self._file = _identity(path)
        self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._prepare()
            migrate(self._db)
        except BaseException:
            self._db.close()
            raise

    def is_there(self) -> bool:
        """Tell whether the file that is written to is still the one at that path; takes microseconds."""
        return _identity(self.path) == self._file

    def write(self, record: Record) -> None:
        """Add a record in a transaction of its own.

        A completion that is already there stays as it is; an outcome without its completion, which may have been
        purged or never logged, is dropped.
        """
        values = [_plain(getattr(record, field.name)) for field in fields(record)]
        if isinstance(record, CompletionRecord):
            marks = _marks("VALUES", values)
            self._db.execute(f"INSERT OR IGNORE INTO completions ({_names(_COMPLETION)}) {marks}", values)
        else:
            select = f"SELECT {', '.join('?' * len(values))} WHERE EXISTS (SELECT 1 FROM completions WHERE id = ?)"
            self._db.execute(f"INSERT INTO outcomes ({_names(_OUTCOME)}) {select}", [*values, record.completion])

    def extent(self) -> Extent:
        """Return how much there is."""
        row = self._db.execute("SELECT count(*), min(at), max(at) FROM completions").fetchone()
        [outcomes] = self._db.execute("SELECT count(*) FROM outcomes").fetchone()
        size = sum(part.stat().st_size for part in _parts(self.path) if part.exists())
        return Extent(row[0], outcomes, row[1], row[2], size)

    def entries(self, last: int | None = None) -> Iterator[Entry]:
        """Yield the completions from the oldest to the newest, or only the `last` ones."""
        names = _names(_COMPLETION)
        newest = "SELECT rowid FROM completions ORDER BY at DESC, rowid DESC LIMIT ?"
        select = f"SELECT {names} FROM completions WHERE rowid IN ({newest}) ORDER BY at, rowid"
        for row in self._db.execute(select, [-1 if last is None else last]):
            completion = _completion(row)
            yield Entry(completion, self._outcomes(completion.id))

    def query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a SELECT gives."""
        return self._db.execute(sql, values).fetchall()

    def ids(self, *, before: float | None = None, glob: str | None = None) -> list[str]:
        """Return the ids of completions older than a time and with a path that matches a glob, gitignore style.

        Raises LogError on an invalid glob.
        """
        rows = self.query("SELECT id, path FROM completions WHERE at < ?", [before if before is not None else 1e300])
        if glob is None:
            return [identifier for identifier, _ in rows]
        import pathspec

        try:
            spec = pathspec.GitIgnoreSpec.from_lines([glob])
        except ValueError as error:
            raise LogError(f"{glob} is not a glob: {error}.") from error
        return [identifier for identifier, path in rows if spec.match_file(path)]

    def purge(self, ids: Sequence[str]) -> None:
        """Delete completions and their outcomes so that no byte of them is left in the log's files.

        Raises LogError when another process is reading, which keeps old pages alive.
        """
        self._delete(ids)
        self._db.execute("PRAGMA temp_store = MEMORY")  # or the copy that VACUUM makes would lie in a temporary file
        self._db.execute("VACUUM")
        [busy, *_] = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise LogError("Deleted, but traces are left in the file while another process reads it. Purge once more.")

    def keep(self, retention: Retention) -> None:
        """Delete what is older, and the oldest of what is larger, than is to be kept, and free its space."""
        old = self.ids(before=time.time() - retention.days * 86_400) if retention.days else []
        self._delete(old)
        used, most = self._used(), retention.megabytes * 1e6
        excess: list[str] = []
        if most and used > most:
            [count] = self._db.execute("SELECT count(*) FROM completions").fetchone()
            share = 1 - 0.9 * most / used  # a tenth below the limit, or every event would bring the next deletion
            oldest = "SELECT id FROM completions ORDER BY at LIMIT ?"
            excess = [identifier for (identifier,) in self._db.execute(oldest, [int(count * share) + 1])]
            self._delete(excess)
        if old or excess:
            self._db.executescript("PRAGMA incremental_vacuum")  # `execute` would free a single page
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _prepare(self) -> None:
        # A page freed is overwritten with zeros, and the file shrinks without being rewritten as a whole.
        for pragma in ("secure_delete = ON", "foreign_keys = ON", "auto_vacuum = INCREMENTAL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        deadline = time.monotonic() + BUSY_SECONDS
        while self._db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            try:
                self._db.execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError:  # this step does not wait for another process that takes it too
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self._db.execute("PRAGMA synchronous = NORMAL")

    def _outcomes(self, completion: str) -> tuple[OutcomeRecord, ...]:
        select = f"SELECT {_names(_OUTCOME)} FROM outcomes WHERE completion = ? ORDER BY at, rowid"
        return tuple(
            OutcomeRecord(
                **dict(zip(_OUTCOME, row, strict=True)) | {"explicit": bool(row[3]), "whole": _truth(row[-1])}
            )
            for row in self._db.execute(select, [completion])
        )

    def _delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            self._db.execute(f"DELETE FROM completions WHERE id {_marks('IN', some)}", some)

    def _used(self) -> int:
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Open an existing log, for a command; what goes wrong with it is raised as LogError."""
    if not path.exists():
        raise LogError(f"There is no log yet ({path}).")
    try:
        store = Store(path)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error
    try:
        yield store
    except sqlite3.Error as error:  # others are of what the command does with it, as with a pipe that is closed
        raise _unusable(path, error) from error
    finally:
        store.close()


def _unusable(path: Path, error: Exception) -> LogError:
    return LogError(f"The log cannot be used: {error} ({path}). Move it away to begin a new one.")


def _create(path: Path) -> None:
    """Make the file, for its owner only, before SQLite would make it for everyone; -wal and -shm take after it.

    What a link leads to keeps the mode that it has: it may be there for others too.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():  # of a log that was deleted, what was left over would be read into the new one
        for part in _parts(path)[1:]:
            part.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if not path.is_symlink() and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file is at a path; None for none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _parts(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in ("", "-wal", "-shm")]


def _plain(value: object) -> object:
    """Return what SQLite can hold."""
    if isinstance(value, tuple):
        return json.dumps([[token.piece, token.surprisal, token.entropy] for token in value])
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")  # an editor may send half a surrogate pair
    return value


def _completion(row: Sequence[Any]) -> CompletionRecord:
    values = dict(zip(_COMPLETION, row, strict=True))
    tokens = tuple(TokenRecord(*token) for token in json.loads(values["tokens"]))
    return CompletionRecord(**values | {"tokens": tokens, "memory": bool(values["memory"])})


def _truth(value: int | None) -> bool | None:
    """Return what a column of 0, 1 or NULL says."""
    return None if value is None else bool(value)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _marks(keyword: str, values: Sequence[object]) -> str:
    return f"{keyword} ({', '.join('?' * len(values))})"
