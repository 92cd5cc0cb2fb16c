"""Ten minutes of thirty requests a second over twenty large documents: memory, threads and descriptors stay."""

import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from .client import Client, Silence
from .table import Table

MINUTES = float(os.environ.get("EMPOWER_HARD_MINUTES", "10"))
A_SECOND = 30
DOCUMENTS, SIZE = 20, 500_000
WARM = 0.25
"""Share of the time after which nothing should grow any more."""
EACH, LOOKS = 150, 4
"""Requests from one look to the next, and looks of which the least counts: what is copied comes and goes."""
MOST_GROWTH = 40
"""Megabytes that the server, and each engine, may grow by after that."""
MOST_MORE = 4
"""Threads, and descriptors, that there may be more of."""


@dataclass(frozen=True)
class Load:
    """What a process takes."""

    megabytes: float
    threads: int
    descriptors: int


def load(process: psutil.Process) -> Load:
    return Load(process.memory_info().rss / 1e6, process.num_threads(), process.num_fds())


def least(looks: Sequence[dict[int, Load]], pid: int) -> Load:
    """Return the least that a process had at some looks in a row: what comes and goes is no growth."""
    loads = [look[pid] for look in looks]
    return Load(
        min(load.megabytes for load in loads),
        min(load.threads for load in loads),
        min(load.descriptors for load in loads),
    )


def document(seed: int) -> list[str]:
    """Return the lines of a large file of code, each file with names of its own."""
    rng = random.Random(seed)
    lines: list[str] = []
    size = 0
    while size < SIZE:
        name, names = f"value_{rng.randrange(10_000)}", [f"part_{rng.randrange(10_000)}" for _ in range(3)]
        lines += [f"def {name}({', '.join(names)}):", f"    total = {names[0]} + {names[1]}", ""]
        lines += [f"    return total * {names[2]}", ""]
        size += sum(map(len, lines[-5:])) + 5
    return lines


def test_nothing_grows(program: str, data: Path, options: dict[str, object], table: Table) -> None:
    minutes, engines = MINUTES / 2, "two engines" if options["model"] else "one engine"
    texts = {f"file:///work/{number}.py": document(number) for number in range(DOCUMENTS)}
    rng = random.Random(11)
    sent: dict[int, float] = {}
    with Client(program, data, options) as client:
        client.greet()
        for uri, lines in texts.items():
            client.open(uri, "\n".join(lines))
        client.settled("ready")
        server = psutil.Process(client.process.pid)
        began = time.monotonic()
        looks: list[dict[int, Load]] = []
        due = began
        while (now := time.monotonic()) < began + 60 * minutes:
            if now < due:
                time.sleep(due - now)
            due += 1 / A_SECOND
            uri = rng.choice(list(texts))
            line = rng.randrange(0, len(texts[uri]) - 5, 5) + 2
            at = len(texts[uri][line])
            typed = rng.choice(["    tot", " = par", "x", "(", "\t"])
            client.insert(uri, line, at, typed)
            texts[uri][line] += typed
            if at > 60:  # and goes on elsewhere
                client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
            sent[client.ask_at(uri, line, at + len(typed))] = time.monotonic()
            if len(sent) % EACH == 0:
                looks.append({process.pid: load(process) for process in (server, *client.engines())})
        unanswered = 0
        for id in sent:
            try:
                unanswered += "result" not in client.answer(id, 30)
            except Silence:
                unanswered += 1
        late = sorted(client.arrived[id] - at for id, at in sent.items() if id in client.arrived)
    table.judge(
        f"{minutes:g} minutes at {len(sent) / (60 * minutes):.0f} requests a second, {engines}: not answered",
        f"{unanswered} of {len(sent)}",
        unanswered == 0,
    )
    p50, p95 = (1000 * late[round(share * (len(late) - 1))] for share in (0.5, 0.95))
    table.judge("  answers, p50 and p95", f"{p50:.0f} {p95:.0f} ms", True)
    at = int(len(looks) * WARM)
    for pid in looks[at]:
        what = "server" if pid == server.pid else "an engine"
        was, found = least(looks[at : at + LOOKS], pid), least(looks[-LOOKS:], pid)
        table.judge(
            f"  {what}, MB at a quarter, at the end",
            f"{was.megabytes:.0f} {found.megabytes:.0f}",
            found.megabytes - was.megabytes <= MOST_GROWTH,
            f"+{MOST_GROWTH}",
        )
        more = max(found.threads - was.threads, found.descriptors - was.descriptors)
        table.judge(
            f"  {what}, threads and descriptors, then and then",
            f"{was.threads} {was.descriptors}, {found.threads} {found.descriptors}",
            more <= MOST_MORE,
            f"+{MOST_MORE}",
        )
    table.judge("  server, most MB seen", f"{max(look[server.pid].megabytes for look in looks):.0f}", True)
