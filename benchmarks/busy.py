"""Waiting threads asleep or spinning: the same prompt, with and without other work on the machine.

OpenMP reads OMP_WAIT_POLICY while it is loaded, so every figure comes from a process of its own:

    python benchmarks/busy.py FILE TOKENS TIMES        prints the seconds of each evaluation as JSON
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figures import Figure, compare

POLICIES = ("passive", "unset", "active")
"""Asleep at once (the engine's choice); after some spinning (the default of GNU's OpenMP); spinning."""


def waiting(path: Path, *, tokens: int, rounds: int, times: int = 3) -> list[Figure]:
    """Seconds of a prompt: threads that sleep over threads that spin, on the machine as it is and beside others."""
    figures = []
    for others in (0, os.cpu_count() or 1):
        seconds: dict[str, list[float]] = {policy: [] for policy in POLICIES}
        with _others(others):
            for turn in range(rounds):
                for policy in POLICIES if turn % 2 == 0 else reversed(POLICIES):
                    seconds[policy] += _in_a_process(path, policy, tokens, times)
        beside = f"beside {others} busy processes" if others else "machine as it is"
        for policy in POLICIES[1:]:
            worst = f"longest {max(seconds['passive']):.2f} s and {max(seconds[policy]):.2f} s"
            what = f"a prompt of {tokens} tokens, threads asleep over {policy}, {beside}"
            figures.append(compare(what, "s", seconds["passive"], seconds[policy], 1.1 if others else None, worst))
    return figures


@contextmanager
def _others(count: int) -> Iterator[None]:
    """That many processes that do nothing but use a core."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def _in_a_process(path: Path, policy: str, tokens: int, times: int) -> list[float]:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    if policy != "unset":
        environment["OMP_WAIT_POLICY"] = policy
    output = subprocess.run(
        [sys.executable, __file__, path, str(tokens), str(times)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    seconds: list[float] = json.loads(output)
    return seconds


def _evaluate(path: Path, tokens: int, times: int) -> list[float]:
    """In the child: evaluate a prompt a few times from nothing, after once to warm up."""
    # the bare context imports the engine's module, which would set the policy where none is: loaded first, unset stays
    import llama_cpp
    from bare import Bare, Weights

    assert llama_cpp
    bare = Bare(Weights(path))
    prompt = [100 + i * 7919 % 5000 for i in range(tokens)]
    seconds = []
    for _ in range(times + 1):
        started = time.perf_counter()
        bare.prefill(prompt, tokens)
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


if __name__ == "__main__":
    json.dump(_evaluate(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
