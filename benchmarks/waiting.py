"""What threads do that wait for each other: sleep at once, spin for a while, or spin on, with other work beside them.

OpenMP reads its environment while it is loaded, so every figure comes from a process of its own:

    python benchmarks/waiting.py FILE TOKENS TIMES THREADS    prints seconds of prompts and of tokens as JSON
    python benchmarks/waiting.py FILE...                      prints the table for model files
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from figures import Figure, compare, show

ASLEEP = "asleep"
POLICIES: Mapping[str, Mapping[str, str]] = {
    ASLEEP: {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"},
    "1,000 spins": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"},
    "10,000 spins": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "10000"},
    "spinning": {"OMP_WAIT_POLICY": "active"},
}
"""The second is the engine's choice where GNU's OpenMP is the runtime."""
WRITTEN = 24
"""Tokens written after each prompt."""


def waiting(
    path: Path, *, tokens: int, rounds: int, times: int = 3, beside: Sequence[int] = (0, 1, 2), threads: int = 0
) -> list[Figure]:
    """Compare each policy with sleep, for a prompt and for a token, beside so many busy processes."""
    figures = []
    for others in beside:
        seconds: dict[str, dict[str, list[float]]] = {policy: {"prompt": [], "token": []} for policy in POLICIES}
        with _others(others):
            for turn in range(rounds):
                for policy in POLICIES if turn % 2 == 0 else reversed(list(POLICIES)):
                    for what, values in _in_a_process(path, policy, tokens, times, threads).items():
                        seconds[policy][what] += values
        where = f"beside {others} busy" if others else "quiet"
        for what in ("prompt", "token"):
            for policy in [name for name in POLICIES if name != ASLEEP]:
                ours, asleep = ([s * 1000 for s in seconds[name][what]] for name in (policy, ASLEEP))
                title = f"{path.stem[:28]}, {where}: a {what}, {policy} over {ASLEEP}"
                figures.append(
                    compare(title, "ms", ours, asleep, note=f"longest {max(ours):.0f} and {max(asleep):.0f}")
                )
    return figures


@contextmanager
def _others(count: int) -> Iterator[None]:
    """Run that many processes that do nothing but use a core."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def _in_a_process(path: Path, policy: str, tokens: int, times: int, threads: int) -> dict[str, list[float]]:
    environment = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    output = subprocess.run(
        [sys.executable, __file__, path, str(tokens), str(times), str(threads)],
        env={**environment, **POLICIES[policy]},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    seconds: dict[str, list[float]] = json.loads(output)
    return seconds


def _evaluate(path: Path, tokens: int, times: int, threads: int) -> dict[str, list[float]]:
    """In the child: evaluate a prompt from nothing and write behind it, a few times, after once to warm up."""
    from bare import Bare, Weights

    bare = Bare(Weights(path), threads=threads)
    prompt = [100 + i * 7919 % 5000 for i in range(tokens)]
    seconds: dict[str, list[float]] = {"prompt": [], "token": []}
    for turn in range(times + 1):
        started = time.perf_counter()
        bare.prefill(prompt, tokens)
        read = time.perf_counter()
        bare.generate([1000] * WRITTEN)
        written = time.perf_counter()
        if turn:
            seconds["prompt"].append(read - started)
            seconds["token"].append((written - read) / (WRITTEN - 1))
    return seconds


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[2].isdigit():
        json.dump(_evaluate(Path(sys.argv[1]), *map(int, sys.argv[2:])), sys.stdout)
    else:
        for name in sys.argv[1:]:
            show(waiting(Path(name), tokens=256, rounds=2, times=2))
