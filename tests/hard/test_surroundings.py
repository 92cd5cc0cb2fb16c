"""What a server meets on a machine: files that never end, folders that are gone, a log that others hold."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from empower_lsp.edge.connection import LOOK_SECONDS

from .client import OPEN_HANDED, Client, Silence
from .conftest import copied
from .table import Table
from .test_kills import has_items

CHANGES = 40_000
"""Notifications, as many as a day of typing has."""
SAVES = 200
"""Times that a document is saved while nobody takes its text."""
LOCKED = 12
"""Seconds for which another process holds the log: longer than it is waited for."""
MOST_GROWTH = 20
"""Megabytes by which the server may grow over them."""


def test_notifications_leave_nothing_behind(program: str, data: Path, table: Table) -> None:
    with Client(program, data, {"model": "", "log": "off", "trigger": "manual"}) as client:
        client.greet()
        client.open("file:///work/a.py", "x = 1\n")
        client.settled("ready")
        server = psutil.Process(client.process.pid)
        grown: list[float] = []
        for number in range(CHANGES):
            client.insert("file:///work/a.py", 0, 0, "x" if number % 100 else "x\n")
            if number % (CHANGES // 4) == 0:
                client.status()
                grown.append(server.memory_info().rss / 1e6)
        client.status()
        grown.append(server.memory_info().rss / 1e6)
    found = " ".join(f"{megabytes:.0f}" for megabytes in grown)
    holds = grown[-1] - grown[1] < MOST_GROWTH
    table.judge(f"server's MB over {CHANGES} didChange", found, holds, f"+{MOST_GROWTH}", before="48 to 134")


def test_texts_do_not_wait_in_heaps_for_an_engine_that_stands_still(program: str, data: Path, table: Table) -> None:
    lines = [f"value_{number} = {number}\n" for number in range(25_000)]
    uris = [f"file:///work/{number}.py" for number in range(4)]
    with Client(program, data, OPEN_HANDED) as client:
        client.greet()
        for uri in uris:
            client.open(uri, "".join(lines))
        client.settled("ready")
        assert has_items(client, 0)
        [engine] = client.engines()
        server = psutil.Process(client.process.pid)
        engine.suspend()
        grown = []
        for number in range(SAVES):
            client.insert(uris[number % len(uris)], 0, 0, f"more_{number} = {number}\n")
            client.notify("textDocument/didSave", {"textDocument": {"uri": uris[number % len(uris)]}})
            if number % (SAVES // 4) == SAVES // 4 - 1:
                client.status()
                grown.append(server.memory_info().rss / 1e6)
        engine.resume()
        shown = bool(has_items(client, 1))
    found = " ".join(f"{megabytes:.0f}" for megabytes in grown)
    holds = grown[-1] - grown[0] < MOST_GROWTH
    what = f"server's MB over {SAVES} saves of half a megabyte, its engine suspended"
    table.judge(what, found, holds, f"+{MOST_GROWTH}", before="83 MB waiting")
    table.judge("  a completion once it is not", "shown" if shown else "none", shown)


def fifo(path: Path) -> str:
    os.mkfifo(path)
    return str(path)


def beside(name: str, make: Callable[[Path], object]) -> Callable[[Path], str]:
    """Return what makes a model with something else in the place of one of its sidecars."""

    def made(folder: Path) -> str:
        path = copied(folder / "model.gguf")
        sidecar = path.with_name(f"model.{name}.json")
        sidecar.unlink(missing_ok=True)
        make(sidecar)
        return str(path)

    return made


MODELS: dict[str, Callable[[Path], str]] = {
    "a pipe": lambda folder: fifo(folder / "pipe.gguf"),
    "/dev/zero": lambda folder: "/dev/zero",
    "a folder": str,
    "a user that is none": lambda folder: "~nobody-of-that-name/x.gguf",
    "a name of 300 bytes": lambda folder: str(folder / ("x" * 300)),
    "a calibration that is a pipe": beside("calibration", os.mkfifo),
    "a calibration nested 100,000 deep": beside("calibration", lambda path: path.write_text("[" * 100_000)),
    "a calibration with 400 digits": beside(
        "calibration", lambda path: path.write_text('{"slope": ' + "9" * 400 + "}")
    ),
    "a memory that is a pipe": beside("memory", os.mkfifo),
    "a memory of NaN": beside("memory", lambda path: path.write_text('{"coefficients": [NaN]}')),
}
SILENT = {name for name in MODELS if name not in ("a folder", "a memory that is a pipe", "a memory of NaN")}
"""Of these it was known."""


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_is_none_is_a_state(program: str, data: Path, tmp_path: Path, table: Table, name: str) -> None:
    with Client(program, data, {"model": MODELS[name](tmp_path)}) as client:
        try:
            client.greet()
            found = str(client.settled("ready", "failed")["engine"])
            client.open("file:///work/a.py", "x = 1\n")
            client.answer(client.ask_at("file:///work/a.py", 0, 5))
        except Silence:
            found = "for ever in silence"
            client.kill()
    table.judge(
        f"a model that is, or has, {name}",
        found,
        found in ("ready", "failed"),
        before="for ever in silence" if name in SILENT else "",
    )


def test_weights_that_are_no_numbers_are_said_and_others_used(
    program: str, data: Path, tmp_path: Path, table: Table
) -> None:
    path = copied(tmp_path / "model.gguf")
    weights = path.with_suffix(".memory.json")
    weights.write_text(re.sub(r"-?\d+\.\d+", "NaN", weights.read_text(), count=1))
    with Client(program, data, OPEN_HANDED | {"model": str(path), "instant": False}) as client:
        client.greet()
        client.settled("ready")
        shown = bool(has_items(client, 0))
        said = sum(weights.name in message for message in client.messages)
    table.judge("weights of a memory that are NaN: a completion", "shown" if shown else "none", shown, before="unsaid")
    table.judge("  messages that say so", said, said == 1, before="0")


@pytest.mark.parametrize("what", ["a pipe", "/dev/zero"])
def test_a_workspace_file_that_never_ends_keeps_nobody_waiting(
    program: str, data: Path, tmp_path: Path, table: Table, what: str
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    os.mkfifo(folder / "b.py") if what == "a pipe" else (folder / "b.py").symlink_to("/dev/zero")
    with Client(program, data, OPEN_HANDED, folder) as client:
        client.greet()
        client.settled("ready")
        client.open((folder / "b.py").as_uri(), "y = 2\n")
        shown = has_items(client, 1)
    found = "shown" if shown else "none"
    table.judge(f"a workspace file that is {what}: a completion", found, bool(shown), before="none, not even a status")


def completes(command: list[str], data: Path, folder: Path, environment: dict[str, str] | None = None) -> bool:
    """Return whether a server that is started like that shows something."""
    script = folder / "server"
    lines = [f"#!{sys.executable}", "import os, sys"]
    lines += [f"os.environ.update({environment or {}!r})", f"os.execv({command[0]!r}, {command!r} + sys.argv[1:])"]
    script.write_text("\n".join(lines))
    script.chmod(0o700)
    try:
        with Client(str(script), data, OPEN_HANDED) as client:
            client.greet()
            client.settled("ready", seconds=20)
            return bool(has_items(client, 1))
    except (Silence, AssertionError):
        return False


def test_it_completes_wherever_it_is_started(program: str, data: Path, tmp_path: Path, table: Table) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    leave = f"import os, shutil, sys; os.chdir({str(gone)!r}); shutil.rmtree({str(gone)!r}); "
    leave += f"os.execv({program!r}, [{program!r}, *sys.argv[1:]])"
    found = completes([sys.executable, "-P", "-c", leave], data, tmp_path)
    table.judge("started in a folder that is gone: a completion", "shown" if found else "none", found, before="none")
    own = tmp_path / "own"
    own.mkdir()
    for name in ("numpy", "llama_cpp", "pygls", "psutil", "sqlite3"):
        (own / f"{name}.py").write_text("raise SystemExit('another one')")
    found = completes([program], data, tmp_path, {"PYTHONPATH": str(own)})
    table.judge("numpy.py on PYTHONPATH: a completion", "shown" if found else "none", found, before="none")
    (own / "types.py").write_text("raise SystemExit('another one')")
    found = completes([program], data, tmp_path, {"PYTHONPATH": str(own)})
    table.judge("types.py on PYTHONPATH: a completion", "shown" if found else "none, before we begin", True)
    found = completes([program], data, tmp_path, {"PYTHONPATH": ""})
    table.judge("  as our clients start it", "shown" if found else "none", found)


def test_it_ends_when_it_should(program: str, data: Path, table: Table) -> None:
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a script it is not
    client = Client(program, data)
    signal.signal(signal.SIGINT, heeded)
    client.greet()
    began = time.monotonic()
    client.process.send_signal(signal.SIGINT)
    try:
        client.process.wait(10)
    except subprocess.TimeoutExpired:
        client.kill()
    seconds = time.monotonic() - began
    client.kill()
    table.judge("from an interrupt to the end", f"{seconds:.1f} s", seconds < 5, "5 s", before="not at once")
    editor = subprocess.Popen(["sleep", "600"])
    client = Client(program, data)
    client.request("initialize", {"processId": editor.pid, "rootUri": None, "capabilities": {}})
    time.sleep(LOOK_SECONDS + 1)
    before = client.process.poll()
    editor.kill()
    editor.wait()
    began = time.monotonic()
    try:
        client.process.wait(30)
    except subprocess.TimeoutExpired:
        client.kill()
    seconds = time.monotonic() - began
    client.kill()
    holds = before is None and seconds < 10
    table.judge(
        "from the editor's end to ours, the pipe still held", f"{seconds:.1f} s", holds, "10 s", before="it went on"
    )


def test_a_log_that_others_hold_or_delete_comes_back(program: str, data: Path, table: Table) -> None:
    path = data / "log.sqlite3"
    numbers = iter(range(10_000))

    def rows() -> int:
        try:
            log = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            [count] = log.execute("SELECT count(*) FROM completions").fetchone()
        except sqlite3.Error:
            return 0
        log.close()
        return int(count)

    def comes_back(client: Client) -> bool:
        before, deadline = rows(), time.monotonic() + 30
        while rows() <= before and time.monotonic() < deadline:
            has_items(client, next(numbers))
            time.sleep(0.3)
        return rows() > before

    with Client(program, data, OPEN_HANDED) as client:
        client.greet()
        client.settled("ready")
        assert comes_back(client)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        has_items(client, next(numbers))
        time.sleep(LOCKED)
        holder.execute("ROLLBACK")
        holder.close()
        locked = comes_back(client)
        said = len(client.messages)
        for part in data.glob("log.sqlite3*"):
            part.unlink()
        deleted = comes_back(client)
        told = "; ".join(client.messages)
    found = "yes" if locked else f"no ({told})"
    table.judge(f"a log locked for {LOCKED} s: logged again", found, locked, before="not by itself")
    table.judge("  messages that say so", said, said > 1)
    found = "yes" if deleted else f"no ({told})"
    table.judge("a log deleted while it is open: logged again", found, deleted, before="not by itself")
