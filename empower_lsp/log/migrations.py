"""The steps that bring a log of any earlier version up to date. Steps are only ever added at the end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import TypeAlias

from empower_lsp.log.errors import LogError

Step: TypeAlias = tuple[str, tuple[str, ...]]
"""A name that never changes, and its SQL statements."""

MIGRATIONS: tuple[Step, ...] = (
    (
        "completions and outcomes",
        (
            """
            CREATE TABLE completions (
                id TEXT PRIMARY KEY,
                at REAL NOT NULL,
                path TEXT NOT NULL,
                workspace TEXT NOT NULL,
                language TEXT NOT NULL,
                prefix TEXT,
                suffix TEXT,
                text TEXT,
                characters INTEGER NOT NULL,
                tokens TEXT NOT NULL,
                kept INTEGER NOT NULL,
                "end" TEXT NOT NULL,
                probability REAL NOT NULL,
                eta REAL NOT NULL,
                confidence REAL NOT NULL,
                rule TEXT NOT NULL,
                model TEXT NOT NULL,
                adapter TEXT NOT NULL,
                prompt_tokens INTEGER NOT NULL,
                evaluated_tokens INTEGER NOT NULL,
                prompt_ms REAL NOT NULL,
                total_ms REAL NOT NULL,
                version TEXT NOT NULL
            )
            """,
            """
            CREATE TABLE outcomes (
                completion TEXT NOT NULL REFERENCES completions (id) ON DELETE CASCADE,
                at REAL NOT NULL,
                kind TEXT NOT NULL,
                explicit INTEGER NOT NULL,
                characters INTEGER NOT NULL,
                of INTEGER NOT NULL,
                typed INTEGER NOT NULL,
                text TEXT,
                age REAL NOT NULL
            )
            """,
        ),
    ),
    (
        "indexes by time and by completion",
        (
            "CREATE INDEX completions_at ON completions (at)",
            "CREATE INDEX outcomes_completion ON outcomes (completion)",
        ),
    ),
    (
        "the memory in a column of its own",  # it used to stand behind the adapter: `memory`, `tuned + memory`
        (
            "ALTER TABLE completions ADD COLUMN memory INTEGER NOT NULL DEFAULT 0",
            "UPDATE completions SET memory = 1, adapter = '' WHERE adapter = 'memory'",
            """
            UPDATE completions SET memory = 1, adapter = substr(adapter, 1, length(adapter) - length(' + memory'))
            WHERE substr(adapter, -length(' + memory')) = ' + memory'
            """,
        ),
    ),
    (
        "where the text of an outcome begins, and whether it is whole",  # unknown of those that were there before
        (
            'ALTER TABLE outcomes ADD COLUMN "offset" INTEGER',
            "ALTER TABLE outcomes ADD COLUMN whole INTEGER",
        ),
    ),
    (
        "which of two models chose a completion",  # unknown of those that were there before
        ("ALTER TABLE completions ADD COLUMN tier TEXT NOT NULL DEFAULT ''",),
    ),
)


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = MIGRATIONS) -> None:
    """Apply the steps that are missing, all or none of them; the connection is in autocommit mode.

    Several may do so at once: the first does the work, the others wait for it. Raises LogError when the log knows
    a step that `steps` does not, and sqlite3.Error.
    """
    if _applied(connection) == {name for name, _ in steps}:
        return  # without a lock, for that is how nearly every opening goes
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, at REAL NOT NULL)")
        applied = _applied(connection)
        if applied - {name for name, _ in steps}:
            raise LogError("The log was written by a newer empower-lsp. Update this one.")
        for name, statements in steps:
            if name not in applied:
                for statement in statements:
                    connection.execute(statement)
                connection.execute("INSERT INTO migrations VALUES (?, ?)", (name, time.time()))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _applied(connection: sqlite3.Connection) -> set[str]:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchone()
    return {name for (name,) in connection.execute("SELECT name FROM migrations")} if there else set()
