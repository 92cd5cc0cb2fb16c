"""Runs a program somebody else wrote: in a process of its own, with bounds on time, memory and output, and no network.

Held everywhere: time (the whole process group is killed), memory, size of the output, an empty environment, an empty
working folder, no writing to files, no site-packages. Held inside the interpreter, by an audit hook that Python code
cannot take off again: no sockets, no other processes, no C functions. Where the kernel lets a person make namespaces
(most of Linux, `unshare`), the process also has no network device and nothing it starts outlives it.

Not held: reading files that the person may read, and whoever breaks out of the interpreter itself, for instance with
forged bytecode. This is meant for what language models write, not for an attacker; put a container around it for those.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from empower_model.errors import EmpowerError

GUARD = Path(__file__).with_name("guard.py")
NAMESPACES = ("--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
"""No network device; process ids of its own, so that all of them end with the first."""


class SandboxError(EmpowerError):
    """Programs cannot be run on this machine."""


class Exit(StrEnum):
    """The way in which a program ended."""

    DONE = "done"
    FAILED = "failed"
    """An exception, a signal, or an exit code other than 0; running out of memory is one of these."""
    TIME = "time"
    OUTPUT = "output"
    """It wrote as much as it may, or more."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of what a program may use."""

    seconds: float = 6.0
    memory: int = 512 << 20
    """Bytes of address space, those of the interpreter (about 20 MiB) included; not held on macOS."""
    output: int = 4 << 20
    """Bytes on standard output, and on standard error."""


@dataclass(frozen=True, slots=True)
class Execution:
    """The output of a program, and how it ended."""

    printed: str
    end: Exit
    complaint: str
    """Last line of standard error."""


@functools.cache
def namespaces() -> tuple[str, ...]:
    """Return the command that puts a process into namespaces of its own, empty where that is not allowed."""
    tool = shutil.which("unshare")
    if tool is None:
        return ()
    command = (tool, *NAMESPACES)
    probe = subprocess.run([*command, sys.executable, "-S", "-c", ""], check=False, capture_output=True)
    return command if probe.returncode == 0 else ()


def run(program: str, stdin: str, bounds: Bounds | None = None, function: str = "") -> Execution:
    """Run the source text of a program on an input, and say what came of it.

    With `function`, call that function of it, or method of its class `Solution`, with the JSON values on the lines of
    `stdin`: what is printed then is its result as JSON. Hashes are not randomised, so that runs repeat.
    Raises SandboxError where there are no POSIX limits.
    """
    if os.name != "posix":
        raise SandboxError("Programs can be run within limits on Linux and macOS only: evaluate on one of these.")
    bounds = bounds or Bounds()
    with tempfile.TemporaryDirectory(prefix="empower-program-") as name:
        folder = Path(name)
        (folder / "empty").mkdir()
        (folder / "program.py").write_text(program, encoding="utf-8", errors="replace")
        (folder / "in").write_text(stdin, encoding="utf-8", errors="replace")
        limits = (str(bounds.memory), str(math.ceil(bounds.seconds) + 1), str(bounds.output))
        guarded = [sys.executable, "-P", "-s", "-S", "-B", str(GUARD), str(folder / "program.py"), *limits]
        code = _ended([*namespaces(), *guarded, *([function] if function else [])], folder, bounds.seconds)
        printed = (folder / "out").read_bytes()[: bounds.output]
        complaints = (folder / "err").read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
    if code is None:
        end = Exit.TIME
    elif len(printed) >= bounds.output:
        end = Exit.OUTPUT
    else:
        end = Exit.FAILED if code else Exit.DONE
    return Execution(printed.decode(errors="replace"), end, complaints[-1] if complaints else "")


def _ended(command: list[str], folder: Path, seconds: float) -> int | None:
    """Return the exit code of a command, None when its time was up; none of its group is left."""
    environment = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    with (folder / "in").open("rb") as read, (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            command,
            stdin=read,
            stdout=out,
            stderr=err,
            cwd=folder / "empty",
            env=environment,
            start_new_session=True,
        )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: all of the group is gone
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
