"""The server as a process: how soon it answers, what a key typed along costs, how much memory it takes."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import gguf
import psutil
from client import Client
from figures import Figure, alone
from workload import Cursor, typed_lines, typing

FORCED = {"confidence": 0, "rule": "budget", "maxTokens": 16, "maxLines": 100}
"""Settings that give a completion whatever the model thinks of it."""
CONTEXT = 2048
MEBI = 2**20


def starting(runs: int) -> list[Figure]:
    """From the spawn to the answer to `initialize` and to the first inline completion, with the bundled model."""
    handshakes, completions, keys = [], [], []
    cursor = typing(200)[8]
    for _ in range(runs):
        with TemporaryDirectory() as data, Client(FORCED, Path(data)) as client:
            client.initialize()
            handshakes.append(time.perf_counter() - client.started)
            client.begin(cursor)
            text = client.answer(cursor)
            completions.append(time.perf_counter() - client.started)
            if not text:
                raise RuntimeError("the first request had no answer")
            keys += _typed_along(client, cursor, text)
    first = f"the first of {runs} runs: {completions[0]:.2f} s"
    return [
        alone("process start to the answer to initialize", "s", handshakes),
        alone("process start to the first completion, bundled", "s", completions, 2, first),
        alone(
            "a key typed along what is shown, whole server", "ms", keys, 5, f"{len(keys)} keys, with their didChange"
        ),
    ]


def _typed_along(client: Client, cursor: Cursor, text: str) -> list[float]:
    times = []
    for typed in range(len(text) - 1):
        before = cursor.prefix + text[:typed]
        started = time.perf_counter()
        client.type(text[typed], Cursor(before, cursor.suffix))
        rest = client.answer(Cursor(before + text[typed], cursor.suffix))
        times.append((time.perf_counter() - started) * 1000)
        if rest != text[typed + 1 :]:
            raise RuntimeError("the engine was asked for a key typed along")
    return times


def logging(lines: int) -> Figure:
    """Measure what the log adds to a keystroke: a server that logs all beside one that logs nothing."""
    added = []
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        loud = Client({**FORCED, "maxTokens": 4, "log": "full"}, Path(first))
        mute = Client({**FORCED, "maxTokens": 4, "log": "off"}, Path(second))
        with loud, mute:
            for number, line in enumerate(typed_lines(lines)):
                for client in (loud, mute):
                    if number == 0:
                        client.initialize()
                        client.initialized()
                    client.open(client.uri, line[0].prefix + line[0].suffix)
                    client.answer(line[0])
                for before, after in pairwise(line):
                    key = after.prefix[len(before.prefix) :]
                    times = [_keystroke(client, key, before, after) for client in (loud, mute)]
                    added.append((times[0] - times[1]) * 1000)
                for client in (loud, mute):
                    client.close(client.uri)
    return alone("what the log adds to a keystroke", "ms", added, 1, f"{len(added)} keys, each logged in full")


def _keystroke(client: Client, key: str, before: Cursor, after: Cursor) -> float:
    started = time.perf_counter()
    client.type(key, before)
    client.answer(after)
    return time.perf_counter() - started


def memory(path: Path, name: str) -> Figure:
    """Peak memory of the engine's process once its context is full, over weights and cache."""
    cursor = typing(1500)[8]
    with TemporaryDirectory() as data, Client({**FORCED, "model": str(path)}, Path(data)) as client:
        client.initialize()
        client.begin(cursor)
        client.answer(cursor)
        engine = client.engine()
        peak, anonymous, mapped = _peak(engine), *_parts(engine)
    weights, cache = path.stat().st_size, cache_bytes(path, CONTEXT)
    note = (
        f"weights {weights / MEBI:.0f} + KV {cache / MEBI:.0f} MiB; of the process {anonymous / MEBI:.0f} MiB "
        f"are its own, {mapped / MEBI:.0f} MiB mapped files, the weights among them"
    )
    least = weights + cache
    return Figure(
        f"peak memory over weights and KV, {name}", "MiB", peak / MEBI, least / MEBI, ratio=peak / least, note=note
    )


def cache_bytes(path: Path, context: int) -> int:
    """Size of the keys and values of a whole context, in half floats, from the file's own shape."""
    fields = gguf.GGUFReader(path).fields
    kind = fields["general.architecture"].contents()

    def value(key: str, otherwise: int = 0) -> int:
        field = fields.get(f"{kind}.{key}")
        return int(field.contents()) if field is not None else otherwise

    width = value("attention.key_length", value("embedding_length") // value("attention.head_count"))
    return 2 * value("block_count") * value("attention.head_count_kv") * width * context * 2


def _peak(process: psutil.Process) -> int:
    """Bytes of the high-water mark where the system keeps one (Linux), else what is resident now."""
    return _status(process.pid, "VmHWM") or int(process.memory_info().rss)


def _parts(process: psutil.Process) -> tuple[int, int]:
    """Resident bytes now: the process's own, and those of mapped files, which the system can drop and read again."""
    return _status(process.pid, "RssAnon"), _status(process.pid, "RssFile")


def _status(pid: int, key: str) -> int:
    status = Path(f"/proc/{pid}/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0
