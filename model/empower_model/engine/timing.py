"""How fast a model is on this machine, by the number of threads: measured in seconds, and kept in the data folder.

    <data folder>/timings/<key>.json    of a model file (name, size, time) with a processor and a llama.cpp

Every number of threads is timed twice: while nothing else works, and beside one busy process, as editors and their
language servers are while somebody types. Threads wait for each other after each operation, so one that has to share
its core delays all of them: with two threads on two cores a token then takes up to four times as long as with one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median_high
from typing import Any, Protocol

from empower_model.folder import data_folder
from empower_model.regular_file import read_json
from empower_model.whole_file import write_whole

SECONDS = 6.0
"""How long to measure, about; what takes longer is measured once."""
ROUNDS = 5
"""More make no figure better."""
MOST_PROMPT, MOST_WRITTEN = 256, 16
"""Tokens that are timed at a stretch."""
OTHERS = 0.3
"""Cores that may be busy with others while it is quiet."""
_WARMING = 32


@dataclass(frozen=True, slots=True)
class Timing:
    """What a token takes with so many threads, in milliseconds."""

    threads: int
    quiet: float
    busy: float
    """Beside one busy process."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Timings by the number of threads: of the tokens of a prompt, and of tokens that are written one by one."""

    prompts: tuple[Timing, ...]
    tokens: tuple[Timing, ...]
    others: float = 0.0
    """Cores that others kept busy when it should have been quiet."""

    @property
    def disturbed(self) -> bool:
        """Tell whether it was too little quiet to believe the figures another time."""
        return self.others > OTHERS

    @property
    def prompt(self) -> Timing:
        """Return the timing of the threads that are best for prompts."""
        return _best(self.prompts)

    @property
    def token(self) -> Timing:
        """Return the timing of the threads that are best for writing."""
        return _best(self.tokens)

    def seconds(self, evaluated: int, written: int) -> float:
        """Return how long it takes to evaluate and to write so many tokens on a quiet machine."""
        return (evaluated * self.prompt.quiet + written * self.token.quiet) / 1000

    def scaled(self, factor: float) -> Timings:
        """Return the timings of a model that takes so many times as long."""
        prompts, tokens = (
            tuple(Timing(timing.threads, timing.quiet * factor, timing.busy * factor) for timing in timings)
            for timings in (self.prompts, self.tokens)
        )
        return Timings(prompts, tokens, self.others)


def _best(timings: Sequence[Timing]) -> Timing:
    """Return the timing with the least product of both: twice as slow is twice as bad, wherever it is."""
    return min(timings, key=lambda timing: timing.quiet * timing.busy)


class Measurable(Protocol):
    """What is needed of an engine to measure it."""

    @property
    def context_size(self) -> int:
        """Return how many tokens fit."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        ...

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        """Evaluate a prompt at one go."""
        ...

    def prefill(self, prompt: Sequence[int]) -> int:
        """Make `prompt` the state."""
        ...

    def logits(self) -> Any:
        """Return what comes of it, once it is there."""
        ...

    def set_threads(self, prompt: int, writing: int) -> None:
        """Evaluate prompts and write with so many threads from now on."""
        ...


def measure(engine: Measurable, cores: int, seconds: float = SECONDS) -> Timings:
    """Time an engine with every number of threads that may be best on so many cores, in about so many seconds.

    It is left with the last of them. Raises EngineError.
    """
    trial, counts = _Trial(engine, cores), _counts(cores)
    trial.choose(seconds / (4 * len(counts)))
    others = _watch()
    quiet, at_work = trial.medians(counts, seconds / 2), others()
    with _busy(seconds * 10):
        busy = trial.medians(counts, seconds / 2)
    prompts, tokens = (
        tuple(Timing(count, quiet[count][what], busy[count][what]) for count in counts) for what in (0, 1)
    )
    return Timings(prompts, tokens, at_work)


def _counts(cores: int) -> list[int]:
    """Return the numbers of threads worth trying on so many cores: powers of two, all, and all but one."""
    return sorted({*(1 << power for power in range(cores.bit_length())), max(1, cores - 1), cores})


class _Trial:
    """Has an engine read and write."""

    def __init__(self, engine: Measurable, cores: int) -> None:
        self._engine, self._cores = engine, cores
        text = engine.tokenize(Path(__file__).read_text(encoding="utf-8"))  # as good a text as any
        self._room = min(MOST_PROMPT, engine.context_size - MOST_WRITTEN - 1)
        self._text = text * (1 + 2 * self._room // len(text))
        self._turn = 0
        self._tokens, self._written = min(_WARMING, self._room), 2

    def choose(self, seconds: float) -> None:
        """Choose how much to time at a stretch: what takes about so many seconds, a third of them for writing."""
        self._timed(self._cores)
        prompt, token = self._timed(self._cores)
        self._tokens = max(self._tokens, min(self._room, int(seconds * 2 / 3 * 1000 / prompt)))
        self._written = max(self._written, min(MOST_WRITTEN, int(seconds / 3 * 1000 / token)))

    def medians(self, counts: Sequence[int], seconds: float) -> Mapping[int, tuple[float, float]]:
        """Return milliseconds a token of a prompt and a token written, by threads, which take turns."""
        started = time.perf_counter()
        times: dict[int, list[tuple[float, float]]] = {count: [] for count in counts}
        for turn in range(ROUNDS):
            if turn and (time.perf_counter() - started) * (turn + 1) / turn > seconds:
                break
            for count in counts:
                times[count].append(self._timed(count))
        return {
            count: (median_high(p for p, _ in pairs), median_high(t for _, t in pairs))
            for count, pairs in times.items()
        }

    def _timed(self, threads: int) -> tuple[float, float]:
        engine = self._engine
        engine.set_threads(threads, threads)
        self._turn = (self._turn + 1) % self._room  # another prompt: the last one's state is kept
        ids = self._text[self._turn : self._turn + self._tokens + self._written]
        started = time.perf_counter()
        engine.prepare(ids[: self._tokens], self._tokens)
        engine.logits()
        read = time.perf_counter()
        for end in range(self._tokens + 1, len(ids) + 1):
            engine.prefill(ids[:end])
            engine.logits()
        written = time.perf_counter()
        return (read - started) * 1000 / self._tokens, (written - read) * 1000 / self._written


def _watch() -> Callable[[], float]:
    """Return a function that says how many cores others than this process have kept busy since now, on average."""
    import psutil

    psutil.cpu_percent()  # it counts from its last call on
    began, own = time.monotonic(), time.process_time()

    def others() -> float:
        ours = (time.process_time() - own) / max(time.monotonic() - began, 1e-3)
        return max(0.0, psutil.cpu_percent() / 100 * (psutil.cpu_count() or 1) - ours)

    return others


@contextmanager
def _busy(seconds: float) -> Iterator[None]:
    """Keep one process busy meanwhile; should we be killed, it ends by itself after so many seconds."""
    import subprocess

    code = f"import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def save(timings: Timings, path: Path, machine: str) -> None:
    """Keep the timings of a model file on a machine. Raises OSError."""
    kept = _file(path, machine)
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(kept, json.dumps({"model": str(path), "machine": machine, **asdict(timings)}, indent=2) + "\n")


def load(path: Path, machine: str) -> Timings | None:
    """Return what was measured of a model file on a machine; None if nothing was, or it cannot be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = read_json(_file(path, machine))
        prompts, tokens = (tuple(map(_timing, content[what])) for what in ("prompts", "tokens"))
        timings = Timings(prompts, tokens)
        return timings if timings.prompts and timings.tokens else None
    return None


def _timing(content: Mapping[str, Any]) -> Timing:
    timing = Timing(int(content["threads"]), float(content["quiet"]), float(content["busy"]))
    if min(timing.threads, timing.quiet, timing.busy) <= 0:
        raise ValueError("a timing is positive")
    return timing


def _file(path: Path, machine: str) -> Path:
    """Return where the timings of a model file are kept. Raises OSError for one that is not there."""
    status = path.stat()
    key = sha256(f"{path.name} {status.st_size} {status.st_mtime_ns} {machine}".encode(errors="replace")).hexdigest()
    return data_folder() / "timings" / f"{key[:16]}.json"
