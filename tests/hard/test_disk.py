"""A disk that is full: completions go on, what was logged stays, and a pull says what to do."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from empower_lsp.log.level import Level, choose
from empower_model.engine.adapter_file import header
from empower_model.engine.llama_file import requantise
from empower_model.files import store

from .client import Client
from .table import Table
from .test_kills import has_items

SIZE = 4 << 20
"""Bytes of the disk."""
AS_ROOT = ["sudo", "-n"] if os.geteuid() and shutil.which("sudo") else []
"""What goes before a command that only root may run."""
Q5_0 = 6
"""A type of weights in ggml."""


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a disk of its own, a small one unless its bytes are told, with the data folder on it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = getattr(request, "param", SIZE)
    mount = [*AS_ROOT, "mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(folder / "data"))
    try:
        yield folder
    finally:
        subprocess.run([*AS_ROOT, "umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all of the room there is."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 16, 1 << 10, 1):
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


def filled_meanwhile(command: list[str], disk: Path, begun: str) -> tuple[int, str]:
    """Run a command, and fill the disk once a file that matches `begun` is there; return its status and its words."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        process = psutil.Process(running.pid)
        while running.poll() is None and not any(disk.rglob(begun)):
            time.sleep(0.001)
        with suppress(psutil.Error):
            process.suspend()
            fill(disk)
            process.resume()
        said, _ = running.communicate(timeout=120)
    return running.returncode, " ".join(said.split())


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """Return a model most weights of which are of a type that processors are slow with."""
    bundled, path = store.resolve(store.bundled()).path, tmp_path / "slow.gguf"
    requantise(bundled, path, {name: Q5_0 for name in header(bundled).tensors if name.startswith("blk.")})
    return path


@pytest.mark.parametrize("disk", [32 << 20], indirect=True)
def test_a_disk_that_fills_while_a_copy_is_made(program: str, disk: Path, slow: Path, table: Table) -> None:
    status, said = filled_meanwhile([program, "model", "use", "--faster", str(slow)], disk, "*.draft")
    told = status == 1 and "disk is full" in said
    table.judge("a disk that fills while a model is requantised", said[-60:], told)
    table.judge("  tracebacks", said.count("Traceback"), "Traceback" not in said)
    left = sum(file.stat().st_size for file in disk.rglob("*requantised*"))
    table.judge("  what is left of the copy", f"{left} bytes", left == 0)


@pytest.mark.parametrize("disk", [700 << 20], indirect=True)
def test_a_disk_that_fills_while_a_model_is_pulled(program: str, disk: Path, tmp_path: Path, table: Table) -> None:
    entry = next(entry for entry in store.catalogue().values() if entry.repo is not None and entry.size)
    assert entry.size is not None
    source = sparse(tmp_path / "same-size.gguf", entry.size)
    command = [program, "model", "pull", entry.name, "--from", str(source)]
    status, said = filled_meanwhile(command, disk, ".partial/*")
    table.judge("a disk that fills while a model is pulled", said[-60:], status == 1 and "disk" in said)
    table.judge("  tracebacks", said.count("Traceback"), "Traceback" not in said)
    left = [file.name for file in disk.rglob("*.gguf")]
    table.judge("  what looks like a model and is none", ", ".join(left) or 0, not left)


def sparse(path: Path, size: int) -> Path:
    """Make a file that begins as a model does and is of a size, but takes no room."""
    with path.open("wb") as file:
        file.write(b"GGUF\x03\0\0\0")
        os.truncate(file.fileno(), size)
    return path


def test_a_pull_onto_a_full_disk_says_what_to_do(program: str, disk: Path, tmp_path: Path, table: Table) -> None:
    entry = next(entry for entry in store.catalogue().values() if entry.repo is not None and entry.size)
    assert entry.size is not None
    source = sparse(tmp_path / "same-size.gguf", entry.size)
    command = [program, "model", "pull", entry.name, "--from", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    told = " ".join((done.stdout + done.stderr).split())
    table.judge("a pull onto a full disk", told[:60], done.returncode != 0 and "disk" in told.lower())
    table.judge("  tracebacks", told.count("Traceback"), "Traceback" not in told)
    left = sum(file.stat().st_size for file in disk.rglob("*.gguf"))
    table.judge("  what looks like a model and is none", f"{left} bytes", left == 0)
