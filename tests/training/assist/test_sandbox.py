"""Programs that behave, and programs that do not."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from empower_training.assist import sandbox
from empower_training.assist.sandbox import Bounds, Exit, run

SHORT = Bounds(seconds=0.3)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits")


@pytest.fixture(params=["namespaces", "hook only"], autouse=True)
def _with_and_without_namespaces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "hook only":
        monkeypatch.setattr(sandbox, "namespaces", lambda: ())
    elif not sandbox.namespaces():
        pytest.skip("this machine allows no namespaces")


def test_a_program_reads_and_prints() -> None:
    outcome = run("a, b = map(int, input().split())\nprint(a + b, 'é')", "2 3\n")
    assert (outcome.printed, outcome.end, outcome.complaint) == ("5 é\n", Exit.DONE, "")


def test_the_main_guard_holds() -> None:
    assert run("if __name__ == '__main__':\n    print(1)", "").printed == "1\n"


def test_a_function_gets_json_and_gives_json() -> None:
    method = "    def add(self, xs: List[int], y: int):\n        print('noise')\n        return [sum(xs), y]"
    program = f"class Solution:\n{method}"
    outcome = run(program, "[1, 2]\n4", function="add")
    assert (outcome.printed, outcome.end) == ("[3, 4]", Exit.DONE)
    assert run("def twice(x):\n    return 2 * x", "[7]", function="twice").printed == "[7, 7]"


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("print(", "SyntaxError: '(' was never closed"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("input()", "EOFError: EOF when reading a line"),
        ("import numpy", "ModuleNotFoundError: No module named 'numpy'"),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_program_fails(program: str, complaint: str) -> None:
    outcome = run(program, "")
    assert outcome.end is Exit.FAILED
    assert outcome.complaint.startswith(complaint)


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import sys\nwhile True: sys.stdin.read()",  # at the end of its input it gets nothing, at once, for ever
        "while True:\n    try: 1 / 0\n    except BaseException: pass",
    ],
)
def test_time_is_up(program: str) -> None:
    started = time.monotonic()
    assert run(program, "", SHORT).end is Exit.TIME
    assert time.monotonic() - started < 5


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS holds no limit of the address space")
def test_memory_is_bounded() -> None:
    outcome = run("x = bytearray(1 << 30)\nprint('had it')", "", Bounds(seconds=5, memory=256 << 20))
    assert (outcome.printed, outcome.end, outcome.complaint) == ("", Exit.FAILED, "MemoryError")
    assert run("x = bytearray(100 << 20)\nprint('had it')", "", Bounds(seconds=5, memory=256 << 20)).end is Exit.DONE


def test_output_is_bounded() -> None:
    outcome = run("while True: print('x' * 1000)", "", Bounds(seconds=20, output=100_000))
    assert (len(outcome.printed), outcome.end) == (100_000, Exit.OUTPUT)
    # and what the error stream holds is bounded too
    outcome = run("import sys\nwhile True: print('x' * 1000, file=sys.stderr)", "", Bounds(seconds=20, output=100_000))
    assert outcome.end is Exit.FAILED
    assert len(outcome.complaint) <= 2000


@pytest.mark.parametrize(
    "program",
    [
        "import socket; socket.create_connection(('127.0.0.1', {port}), 1)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}', timeout=1)",
        "import socket; socket.getaddrinfo('example.invalid', 80)",
        "import os\nwhile True: os.fork()",
        "import subprocess; subprocess.Popen(['sleep', '60'])",
        "import os; os.system('sleep 60')",
        "import os; os.posix_spawn('/bin/sleep', ['sleep', '60'], {{}})",
        "import os; os.execv('/bin/echo', ['echo', 'out'])",
        "import ctypes; ctypes.CDLL(None).fork()",
        "import _posixsubprocess",
        "import os; os.kill(os.getppid(), 9)",
        "open('written', 'w')",
        "import os; os.open('written', os.O_CREAT | os.O_WRONLY)",
        "import os; os.remove(__import__('sys').executable)",
        "import pathlib; pathlib.Path('written').write_text('x')",
        "import shutil; shutil.rmtree('/nowhere')",
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (9, 9))",
    ],
)
def test_what_is_refused(program: str) -> None:
    """A server that would answer is there: nothing arrives at it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        outcome = run(program.format(port=server.getsockname()[1]), "", Bounds(seconds=5))
        assert outcome.end is Exit.FAILED
        assert "a program under test may not: " in outcome.complaint
        with pytest.raises(TimeoutError):
            server.accept()


def test_nothing_is_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # part of the command line of what it starts
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\ntime.sleep(60)"
    assert run(program, "", SHORT).end is Exit.TIME
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not any(str(tmp_path) in line for line in lines)


def test_a_program_sees_no_environment_and_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "x")
    program = "import os\nprint('A_SECRET' in os.environ, os.listdir('.'), [*map(hash, ['a'])] == [hash('a')])"
    assert run(program, "").printed == "False [] True\n"
    hashes = {run("print(hash('text'))", "").printed for _ in range(3)}
    assert len(hashes) == 1


def test_the_temporary_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run("print(1)", "")
    assert list(tmp_path.iterdir()) == []
