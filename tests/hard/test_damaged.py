"""A hundred damaged models and sidecars: each ends in a state that says so, and the server goes on."""

import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from empower_model.files import store

from .client import Client
from .conftest import copied
from .table import Table

MODELS, SIDECARS = 80, 20
URI = "file:///work/a.py"
TEXT = "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = "
SCRAPS = [
    b"", b"{", b"[]", b"null", b"NaN", b'{"a": NaN}', b'{"slope": 1e999}', b"\xff\xfe", b"[" * 100_000, b"9" * 5000,
    b'{"coefficients": null}', b'{"slope": "x", "intercept": []}', b"\0" * 4096, b"{}",
]  # fmt: skip


def damage(whole: bytes, rng: random.Random) -> bytes:
    """Return a model file with something wrong in it, mostly where it says what it is."""
    data = bytearray(whole)
    head = min(len(data), rng.choice([64, 1024, 20_000, 200_000]))
    match rng.randrange(6):
        case 0:
            return bytes(data[: rng.randrange(len(data))])
        case 1:
            for _ in range(rng.choice([1, 8, 64])):
                data[rng.randrange(head)] ^= 1 << rng.randrange(8)
        case 2:
            at = rng.randrange(head)
            data[at : at + 8] = rng.choice([bytes(8), b"\xff" * 8, (2**40).to_bytes(8, "little")])
        case 3:
            keys = [
                found.start()
                for found in re.finditer(rb"\w+\.(?:block_count|\w+_length|attention\.[\w.]+)", bytes(data[:20_000]))
            ]
            at = rng.choice(keys) + rng.randrange(30)
            data[at : at + 4] = rng.choice([bytes(4), b"\xff" * 4, b"\x01\0\0\0"])
        case 4:
            at = rng.randrange(len(data))
            data[at : at + 100_000] = bytes(min(100_000, len(data) - at))
        case _:
            at = rng.randrange(head)
            del data[at : at + rng.choice([1, 4, 32])]
    return bytes(data)


@pytest.mark.parametrize("instant", [True, False], ids=["two engines", "one engine"])
def test_each_is_a_state_that_says_so(program: str, data: Path, tmp_path: Path, table: Table, instant: bool) -> None:
    rng = random.Random(instant)
    whole = store.checked(store.bundled()).path.read_bytes()
    states: dict[str, int] = {}
    unsaid = vague = unanswered = 0
    with Client(program, data, {"model": "", "instant": instant}) as client:
        client.greet()
        client.settled("ready")
        for number in range((MODELS + SIDECARS) // 2):
            path = copied(tmp_path / f"damaged-{number}.gguf")
            if number < MODELS // 2:
                damaged = path
                damaged.write_bytes(damage(whole, rng))
            else:
                damaged = path.with_suffix(rng.choice([".calibration.json", ".memory.json"]))
                damaged.write_bytes(SCRAPS[number % len(SCRAPS)])
            before = len(client.messages)
            client.configure(model=str(path))
            status = client.settled("ready", "failed")
            states[status["engine"]] = states.get(status["engine"], 0) + 1
            words = " ".join([status["message"], *client.messages[before:]])
            unsaid += status["engine"] == "failed" and damaged.name not in words
            vague += "failed to load model" in words
            client.open(URI, TEXT)
            unanswered += "result" not in client.answer(client.ask_at(URI, 3, 17))
            for file in tmp_path.glob(f"{path.stem}.*"):
                file.unlink()
        client.configure(model="")
        client.settled("ready")
        printed = client.stderr()
    engines = "with another engine beside" if instant else "alone"
    count = (MODELS + SIDECARS) // 2
    what = f"{count} damaged models and sidecars, {engines}: states"
    table.judge(what, states, sum(states.values()) == count)
    table.judge("  failures that do not name the file", unsaid, unsaid == 0)
    table.judge(
        "  that say `failed to load model` instead of the damage", vague, vague == 0, before="those that failed"
    )
    table.judge("  requests not answered", unanswered, unanswered == 0)
    table.judge("  tracebacks on standard error", printed.count("Traceback"), "Traceback" not in printed)


def test_the_command_line_says_it_in_a_line(program: str, tmp_path: Path, table: Table) -> None:
    rng = random.Random(3)
    whole = store.checked(store.bundled()).path.read_bytes()
    source = tmp_path / "a.py"
    source.write_text(TEXT + "\n")
    tries, traces, silent = 12, 0, 0
    for number in range(tries):
        path = tmp_path / f"damaged-{number}.gguf"
        path.write_bytes(damage(whole, rng))
        command = [program, "complete", "--json", "--model", str(path), f"{source}:4:18"]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False, cwd=tmp_path)
        traces += b"Traceback" in done.stderr
        if done.returncode == 0:
            json.loads(done.stdout)
        else:
            silent += not done.stderr.strip()
        path.unlink()
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    table.judge(f"{tries} times `complete` with a damaged model: tracebacks", traces, traces == 0)
    table.judge("  failures without a word", silent, silent == 0)
