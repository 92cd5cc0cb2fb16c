"""The first lines of every sandboxed program: takes rights away from this process, then runs the program in it.

    python -P -s -S -B guard.py PROGRAM BYTES_OF_MEMORY SECONDS BYTES_OF_OUTPUT [FUNCTION]

With FUNCTION, the program's function or `Solution` method of that name is called with the JSON values on the lines of
standard input, and its result printed as JSON. Only ever started by `sandbox.py`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys

REFUSED = ("os.", "socket.", "subprocess.", "shutil.", "signal.", "resource.", "ctypes.", "fcntl.", "pty.", "sqlite3.")
"""Beginnings of the audit events that end in a PermissionError."""
HARMLESS = frozenset({"os.listdir", "os.scandir"})
"""What imports need of them."""
NATIVE = frozenset({"_ctypes", "_posixsubprocess"})
"""Modules that start processes, or call C, without an event of their own."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
DEPTH = 50_000
"""Recursion limit, as in LiveCodeBench's own harness."""
PRELUDE = """
import bisect, collections, functools, heapq, itertools, math, operator, random, re, string
from bisect import *; from collections import *; from functools import *; from heapq import *
from itertools import *; from math import *; from typing import *
from builtins import pow
"""
"""Names that sites with function problems put into scope, which solutions and starter code take for granted."""


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or not (isinstance(flags, int) and flags & WRITING):
            return
    elif event == "import":
        if arguments[0] not in NATIVE:
            return
    elif event in HARMLESS or not event.startswith(REFUSED):
        return
    raise PermissionError(f"a program under test may not: {event}")


def _bound(memory: int, seconds: int, output: int) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of the address space
            resource.setrlimit(kind, (most, most))


def _call(source: str, function: str) -> None:
    arguments = [json.loads(line) for line in sys.stdin.read().strip().split("\n") if line]
    names: dict[str, object] = {"__name__": "program"}
    exec(PRELUDE, names)
    with contextlib.redirect_stdout(io.StringIO()):  # what it prints is not its answer
        exec(compile(source, "program.py", "exec"), names)
        holder = names.get("Solution")
        callee = getattr(holder(), function) if isinstance(holder, type) else names[function]
        if not callable(callee):
            raise TypeError(f"{function} is no function")
        result = callee(*arguments)
    sys.stdout.write(json.dumps(result))


def main() -> None:
    """Run the program that the command line names."""
    path, memory, seconds, output, *function = sys.argv[1:]
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib doubles the time a program takes to start
        source = file.read()
    sys.argv = ["program.py"]
    sys.setrecursionlimit(DEPTH)
    _bound(int(memory), int(seconds), int(output))
    sys.addaudithook(_hook)
    if function:
        _call(source, function[0])
    else:
        exec(compile(source, "program.py", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main()
