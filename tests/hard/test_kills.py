"""The server, and the processes of its engines, are killed at any moment: no row is lost, and completions come back."""

import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .client import SECONDS, Client, Silence, model_of
from .table import Table

LIVES = 200
"""Kills of the server."""
KILLS = 100
"""Kills of each engine."""
COMMITTED = 0.5
"""Seconds after which what was answered must be in the log; what comes later is in flight."""
OUTLIVING = 30
"""Seconds that an engine may take to see that its server is gone, on a machine that has other things to do."""
PATIENT = {"patience": 5000}
"""With which the better engine answers whenever there is one."""
TEXT = """\
class Point:
    def __init__(self, {0}, y, z):
        self.{0} = {0}
        self.y = y
        self.z = """


def has_items(client: Client, number: int) -> list[str]:
    """Ask in a document that is new; return the ids of the items."""
    uri = f"file:///work/{number}.py"
    client.open(uri, TEXT.format(f"value_{number}"))
    items = client.items_at(uri, 4, 17)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    return [item["command"]["arguments"][0] for item in items]


@dataclass
class Life:
    """What a server answered, and when, before it was killed."""

    answered: list[tuple[float, str]] = field(default_factory=list)
    killed: float = 0.0
    outlived: float = 0.0
    """Seconds by which its engines did."""


def lived(program: str, data: Path, options: dict[str, object], seed: int) -> Life:
    """Let a server live for a while, and kill it."""
    rng, life = random.Random(seed), Life()
    client = Client(program, data, options)
    if rng.random() < 0.2:  # while it starts
        with suppress(Silence):
            client.notify("initialized", {})
            time.sleep(rng.random() * 0.8)
    else:
        client.greet()
        for number in range(rng.randrange(1, 4)):
            identifiers = has_items(client, 10 * seed + number)
            life.answered += [(time.monotonic(), identifier) for identifier in identifiers[:1]]
        time.sleep(rng.random() * 1.2)
    engines = client.engines()
    life.killed = time.monotonic()
    client.kill()
    psutil.wait_procs(engines, OUTLIVING)
    life.outlived = time.monotonic() - life.killed
    return life


def logged(data: Path) -> tuple[set[str], str]:
    """Return the ids of the completions in the log, and what SQLite says of the file."""
    with sqlite3.connect(data / "log.sqlite3") as log:
        rows = {identifier for (identifier,) in log.execute("SELECT id FROM completions")}
        [sound] = log.execute("PRAGMA integrity_check").fetchone()
    log.close()
    return rows, sound


def test_a_server_that_is_killed_loses_no_row(
    program: str, data: Path, options: dict[str, object], table: Table
) -> None:
    lives = LIVES // 2  # with one engine and with two
    with ThreadPoolExecutor(3) as pool:  # as with three windows
        ended = list(pool.map(lambda seed: lived(program, data, options, seed), range(lives)))
    rows, sound = logged(data)
    answered = [(life.killed - at, identifier in rows) for life in ended for at, identifier in life.answered]
    due = [there for age, there in answered if age > COMMITTED]
    flying = [there for age, there in answered if age <= COMMITTED]
    engines = "two engines" if options["model"] else "one engine"
    lost = due.count(False)
    table.judge(f"{lives} kills of the server, {engines}: rows lost", f"{lost} of {len(due)}", lost == 0 < len(due))
    table.judge(
        f"  rows in flight for less than {COMMITTED} s that are not there",
        f"{flying.count(False)} of {len(flying)}",
        True,
    )
    table.judge("  the log afterwards", sound, sound == "ok")
    longest = max(life.outlived for life in ended)
    what = "  seconds by which engines, which load with the lowest priority, outlive their server at most"
    table.judge(what, f"{longest:.1f}", longest < OUTLIVING, str(OUTLIVING))


def wait_for(client: Client, wanted: int, numbers: Iterator[int]) -> float:
    """Return after how many seconds there are items, those of the better engine where there are two. Raises Silence."""
    began = time.monotonic()
    while not has_items(client, next(numbers)) or not _answers_are_the_best(client, wanted):
        if time.monotonic() - began > SECONDS:
            raise Silence(f"{client.status()}")
        time.sleep(0.02)
    return time.monotonic() - began


def _answers_are_the_best(client: Client, wanted: int) -> bool:
    states = [tier["state"] for tier in client.status()["tiers"]]
    why = client.request("workspace/executeCommand", {"command": "empower.why"})
    return states == ["ready"] * wanted and (wanted == 1 or why["tier"] == "deep")


def strike(client: Client, way: str, victims: Sequence[psutil.Process], number: int, rng: random.Random) -> None:
    """Kill engines: at rest, at work, while a place's prompt grows, or together with what is loaded in their place."""
    uri, asked = f"file:///work/strike-{number}.py", None
    if way in ("at work", "growing"):
        text = TEXT.format(f"value_{number}") * (200 if way == "growing" else 1)
        client.open(uri, text)
        asked = client.ask_at(uri, text.count("\n"), 17)
        if way == "growing":
            client.answer(asked)
        time.sleep(rng.random() * (0.4 if way == "growing" else 0.03))
    known = {engine.pid for engine in client.engines()}
    for engine in victims:
        with suppress(psutil.Error):
            engine.kill()
    if way == "at work":
        assert asked is not None
        client.answer(asked)
    if way == "loading":
        kill_next(client, known, number, rng.random() * 0.4)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_an_engine_that_is_killed_costs_a_completion(
    program: str, data: Path, options: dict[str, object], table: Table
) -> None:
    wanted, how = (2, "two engines") if options["model"] else (1, "one engine")
    rounds = KILLS * 3 // 2 if wanted == 2 else KILLS // 4  # of three, each engine is killed in two
    rng, numbers = random.Random(5), iter(range(10**6))
    times: list[float] = []
    ways = dict.fromkeys(("idle", "at work", "growing", "loading"), 0)
    killed = {"instant": 0, "chosen": 0}
    with Client(program, data, options | PATIENT) as client:
        client.greet()
        wait_for(client, wanted, numbers)
        for round in range(rounds):
            of = {"chosen" if model_of(one) == options["model"] else "instant": one for one in client.engines()}
            names = [name for place, name in enumerate(sorted(of)) if wanted == 1 or round % 3 != place]
            way = rng.choice(list(ways))
            ways[way] += 1
            for name in names:
                killed[name] += 1
            strike(client, way, [of[name] for name in names], next(numbers), rng)
            times.append(wait_for(client, wanted, numbers))
        state, printed = client.status()["engine"], client.stderr()
    counts = ", ".join(f"{count} times the {name} one" for name, count in killed.items() if count)
    table.judge(f"engines killed, {how}, {counts}: not come back", rounds - len(times), len(times) == rounds)
    table.judge("  of these " + ", ".join(f"{count} {way}" for way, count in ways.items()), state, state == "ready")
    times.sort()
    table.judge("  seconds to the best items again, p50 and most", f"{times[rounds // 2]:.1f} {times[-1]:.1f}", True)
    table.judge("  tracebacks on standard error", printed.count("Traceback"), "Traceback" not in printed)


def kill_next(client: Client, known: set[int], number: int, after: float) -> bool:
    """Have an engine started again, and kill it so many seconds after; return whether there was one."""
    uri = f"file:///work/next-{number}.py"
    client.open(uri, TEXT.format(f"value_{number}"))
    asked = client.ask_at(uri, 4, 17)
    deadline = time.monotonic() + 20
    while not (new := [one for one in client.engines() if one.pid not in known]) and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(after)
    for engine in new:
        with suppress(psutil.Error):
            engine.kill()
    client.answer(asked)
    return bool(new)


def test_engines_that_die_while_loading_are_loaded_again_and_in_the_end_a_state(
    program: str, data: Path, options: dict[str, object], table: Table
) -> None:
    engines, wanted = ("two engines", 2) if options["model"] else ("one engine", 1)
    tries, back = 5, 0
    for number in range(tries):
        with Client(program, data, options | PATIENT) as client:
            client.greet()
            kill_next(client, set(), number, 0.1 * number)
            with suppress(Silence):
                wait_for(client, wanted, iter(range(1000, 2000)))
                back += 1
    what = f"engines that died once while loading, {engines}: loaded again"
    table.judge(what, f"{back} of {tries}", back == tries, before="0 of 10")
    with Client(program, data, options | PATIENT) as client:
        client.greet()
        killed: set[int] = set()
        deadline = time.monotonic() + SECONDS
        while (status := client.status())["engine"] != "failed" and time.monotonic() < deadline:
            for engine in client.engines():
                killed.add(engine.pid)
                with suppress(psutil.Error):
                    engine.kill()
        table.judge(
            f"  that always die: the state after {len(killed)} kills", status["engine"], status["engine"] == "failed"
        )
        cure = "doctor" in status["message"] or "smaller" in status["message"]
        table.judge("  its message names a cure", "yes" if cure else status["message"], cure)
        client.configure(threads=2)
        client.settled("ready")
        table.judge("  after the settings change", f"{wait_for(client, wanted, iter(range(100))):.1f} s", True)


def test_memory_that_runs_out_is_a_state_and_never_silence(
    program: str, data: Path, options: dict[str, object], table: Table
) -> None:
    engines = "two engines" if options["model"] else "one engine"
    said: list[str] = []
    for megabytes in (40, 120, 300):
        with Client(program, data, options) as client:
            client.greet()
            deadline = time.monotonic() + SECONDS
            limited: set[int] = set()
            while time.monotonic() < deadline:
                for engine in client.engines():
                    with suppress(psutil.Error):
                        if engine.pid not in limited:
                            engine.rlimit(psutil.RLIMIT_AS, (megabytes << 20,) * 2)
                            limited.add(engine.pid)
                state = client.status()["engine"]
                if state in ("failed", "ready") and limited:
                    break
            said.append(state)
            has_items(client, megabytes)  # answered, with or without
    holds = set(said) <= {"failed", "ready"}
    table.judge(f"engines with 40, 120, 300 MB of address space, {engines}", " ".join(said), holds)
