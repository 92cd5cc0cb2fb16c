"""Commands of the program itself: no traceback, whatever they are given and whatever the terminal can write."""

import os
import struct
import subprocess
from pathlib import Path

import pytest

from empower_model.files import store

from .table import Table

NAMES = ["~nobody-of-that-name/x", "n" * 300, "/dev/zero"]
SOURCE = "# \N{SNOWMAN} \N{GRINNING FACE} caf\xe9\nx = 1\n"


def ended(program: str, *arguments: str, encoding: str = "utf-8") -> tuple[int, str]:
    """Return the status of a command, and all that it has printed."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([program, *arguments], capture_output=True, timeout=120, check=False, env=environment)
    return done.returncode, (done.stdout + done.stderr).decode(encoding, "replace")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_no_terminal_ends_a_command_in_a_traceback(
    program: str, data: Path, tmp_path: Path, table: Table, encoding: str
) -> None:
    source = tmp_path / "s\N{SNOWMAN}.py"
    source.write_text(SOURCE, encoding="utf-8")
    lines = [["complete", f"{source}:2"], ["complete", f"{source}:99"], ["model", "list"], ["log", "status"]]
    lines += [["complete", f"{source}:2", "--model", name] for name in NAMES]
    lines += [["model", "use", name] for name in NAMES]
    lines += [["doctor", "--model", NAMES[0]]]
    printed = [ended(program, *line, encoding=encoding)[1] for line in lines]
    traces = sum("Traceback" in text or "failed inside" in text for text in printed)
    silent = sum(not text.strip() for text in printed)
    what = f"{len(lines)} commands with odd names at a terminal of {encoding}: tracebacks"
    table.judge(what, traces, traces == 0, before="some")
    table.judge("  without a word", silent, silent == 0)


@pytest.mark.parametrize("key", ["block_count", "embedding_length", "attention.head_count"])
def test_a_model_with_a_count_of_zero_is_a_clear_error(
    program: str, data: Path, tmp_path: Path, table: Table, key: str
) -> None:
    content = store.checked(store.bundled()).path.read_bytes()
    at = content.index(f"qwen3.{key}".encode()) + len(f"qwen3.{key}") + 4
    assert struct.unpack_from("<I", content, at - 4) == (4,), "a number of 32 bits"
    path, source = tmp_path / "zero.gguf", tmp_path / "a.py"
    path.write_bytes(content[:at] + bytes(4) + content[at + 4 :])
    source.write_text("x = 1\n")
    status, printed = ended(program, "complete", f"{source}:1", "--model", str(path))
    path.unlink()
    error = " ".join(printed.split())
    clear = status == 1 and error.startswith("Error: ") and path.name in error and "failed to load model" not in error
    table.judge(
        f"`complete` with {key}=0",
        "a clear error" if clear else f"{status} {error[-80:]}",
        clear,
        before="no clear error",
    )
