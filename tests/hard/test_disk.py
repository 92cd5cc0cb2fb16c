"""A disk that is full: completions go on, what was logged stays, and a pull says what to do."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from empower_lsp.log.level import Level, choose
from empower_model.files import store

from .client import Client
from .table import Table
from .test_kills import has_items

SIZE = 4 << 20
"""Bytes of the disk."""


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a small disk of its own, with the data folder on it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(folder / "data"))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all of the room there is."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass
    return path


def rows(data: Path) -> tuple[int, str]:
    log = sqlite3.connect(data / "log.sqlite3")
    [count] = log.execute("SELECT count(*) FROM completions").fetchone()
    [sound] = log.execute("PRAGMA integrity_check").fetchone()
    log.close()
    return count, sound


def test_completions_go_on_while_the_log_s_disk_is_full(
    program: str, disk: Path, options: dict[str, object], table: Table
) -> None:
    choose(Level.FULL)
    data, engines = disk / "data", "two engines" if options["model"] else "one engine"
    with Client(program, data, options) as client:
        client.greet()
        client.settled("ready")
        before = sum(bool(has_items(client, number)) for number in range(10))
        client.request("workspace/executeCommand", {"command": "empower.why"})
        filler = fill(disk)
        during = sum(bool(has_items(client, number)) for number in range(10, 60))
        said = [text for text in client.messages if "no longer logged" in text]
        filler.unlink()
    kept, sound = rows(data)
    with Client(program, data, options) as client:
        client.greet()
        client.settled("ready")
        has_items(client, 1000)
    again, _ = rows(data)
    table.judge(f"full disk, {engines}: completions shown while it is", f"{during} of 50", during == 50)
    table.judge("  times that is said", len(said), len(said) == 1)
    table.judge("  rows of before that are still there", f"{kept} of {before}", kept >= before - 1)
    table.judge("  the log afterwards", sound, sound == "ok")
    table.judge("  rows once there is room and the server is started again", again - kept, again > kept)


def test_a_pull_onto_a_full_disk_says_what_to_do(program: str, disk: Path, tmp_path: Path, table: Table) -> None:
    entry = next(entry for entry in store.catalogue().values() if entry.repo is not None and entry.size)
    assert entry.size is not None
    source = tmp_path / "same-size.gguf"
    with source.open("wb") as file:
        file.write(b"GGUF\x03\0\0\0")
        os.truncate(file.fileno(), entry.size)  # a hole: it takes no room
    command = [program, "model", "pull", entry.name, "--from", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    told = " ".join((done.stdout + done.stderr).split())
    table.judge("a pull onto a full disk", told[:60], done.returncode != 0 and "disk" in told.lower())
    table.judge("  tracebacks", told.count("Traceback"), "Traceback" not in told)
    left = sum(file.stat().st_size for file in disk.rglob("*.gguf"))
    table.judge("  what looks like a model and is none", f"{left} bytes", left == 0)
