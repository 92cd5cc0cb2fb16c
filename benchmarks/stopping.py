"""From a stop to an idle engine, while it writes and while it reads the prompt."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median

from figures import Figure
from workload import scattered, typing

from empower_model.calibration import Calibration
from empower_model.engine.seam import EngineConfig
from empower_model.host.parent import EngineHost
from empower_model.request import End, Partial, Request


def stopping(path: Path, name: str, *, rounds: int) -> list[Figure]:
    """Seconds from `stop()` until `complete()` returns, through the child process, over those of one token."""
    host = EngineHost(EngineConfig(path), Calibration(), idle_seconds=0)
    writing = typing(40)[8].request(60)
    host.complete(writing)
    random = Random(0)
    tokens: list[float] = []
    idle = [_while_writing(host, writing, 2 + random.randrange(6), random.random(), tokens) for _ in range(rounds)]
    figures = [_figure(f"stop to idle while it writes, {name}", idle, tokens)]
    begun = time.perf_counter()
    cursors = scattered(rounds + 1, seed=1, first=30, last=120)
    whole = host.complete(cursors.pop().request(1)).evaluated_tokens
    a_token = (time.perf_counter() - begun) / whole
    tried = [_while_reading(host, cursor.request(1), random.uniform(1, 60) * a_token) for cursor in cursors]
    figures.append(_figure(f"stop to idle while it reads, {name}", [t for t in tried if t is not None], tokens))
    host.close()
    return figures


def _figure(what: str, idle: list[float], tokens: list[float]) -> Figure:
    """Judged by the median; the worst goes into the note, since on a busy machine it is the scheduler's."""
    token = median(tokens)
    ratios = sorted(seconds / token for seconds in idle)
    low, high = ratios[len(ratios) // 4], ratios[len(ratios) * 3 // 4]
    note = f"the reference is one token; {len(idle)} stops, the slowest after {ratios[-1]:.2f} tokens"
    return Figure(what, "ms", median(idle) * 1000, token * 1000, median(ratios), low, high, 1.0, note)


def _while_writing(host: EngineHost, request: Request, after: int, part: float, tokens: list[float]) -> float:
    """Stop some part of a token after that many tokens; the times between tokens are added to `tokens`."""
    seen: list[float] = []
    enough = threading.Event()

    def on_partial(_: Partial) -> None:
        seen.append(time.perf_counter())
        if len(seen) == after:
            enough.set()

    returned: list[float] = []

    def work() -> None:
        done = host.complete(request, on_partial)
        returned.append(time.perf_counter())
        assert done.end is End.STOPPED

    worker = threading.Thread(target=work)
    worker.start()
    enough.wait()
    if tokens:
        time.sleep(part * median(tokens))
    stopped = time.perf_counter()
    host.stop()
    worker.join()
    tokens += [later - earlier for earlier, later in pairwise(seen)]
    return returned[0] - stopped


def _while_reading(host: EngineHost, request: Request, after: float) -> float | None:
    """Stop so many seconds into the evaluation of a prompt; None if that was too late."""
    stopped: list[float] = []

    def stop() -> None:
        stopped.append(time.perf_counter())
        host.stop()

    timer = threading.Timer(after, stop)
    timer.start()
    done = host.complete(request)
    returned = time.perf_counter()
    timer.cancel()
    timer.join()
    return returned - stopped[0] if stopped and done.end is End.STOPPED else None
