"""A thousand hostile messages: each that has an id is answered once, and the server goes on."""

import copy
import json
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .client import OPEN_HANDED, Client, Silence, framed
from .table import Table

MESSAGES = 1_000
URI = "file:///work/a.py"
TEXT = "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = "
PLACE = {"textDocument": {"uri": URI}, "position": {"line": 3, "character": 17}, "context": {"triggerKind": 2}}
REQUESTS: list[tuple[str, Any]] = [
    ("textDocument/inlineCompletion", PLACE),
    ("workspace/executeCommand", {"command": "empower.why", "arguments": []}),
    ("workspace/executeCommand", {"command": "empower.accept", "arguments": ["none"]}),
    ("textDocument/didOpen", {"textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": TEXT}}),
    ("textDocument/didChange", {"textDocument": {"uri": URI, "version": 3}, "contentChanges": [{"text": TEXT}]}),
    ("textDocument/didShowCompletion", {"item": {"command": {"arguments": ["x"]}}}),
    ("$/cancelRequest", {"id": 5}),
    ("initialize", {"processId": None, "rootUri": None, "capabilities": {}}),
    ("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": []}}),
    ("workspace/didChangeWatchedFiles", {"changes": [{"uri": URI, "type": 2}]}),
    ("telepathy", {"of": "thoughts"}),
]
SCRAPS: list[Any] = [
    None, True, -1, 2**31, 2**64, 1.5, 1e308, "", "x", "\0", "é" * 300, "../../etc/passwd", [], [[]], {}, {"uri": 5},
    {"line": -1, "character": -1}, {"line": 10**9, "character": 10**9}, [{"range": None, "text": None}], "9" * 400,
]  # fmt: skip
DEEP = "deep"
"""Stands for lists in lists."""


def strayed(message: dict[str, Any], rng: random.Random) -> bytes:
    """Return a message with one thing wrong somewhere in it, as JSON."""
    message = copy.deepcopy(message)
    places = list(_places(message))
    holder, key = rng.choice(places)
    depth = rng.choice([50, 400, 985, 990, 1200])
    match rng.randrange(5):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [holder[key]]
        case 2:
            holder[key] = DEEP
        case _:
            holder[key] = rng.choice(SCRAPS)
    written = json.dumps(message).replace(json.dumps(DEEP), "[" * depth + "]" * depth)  # deeper than json can write
    return written.encode()


def _places(within: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each holder and key below a message, but for the id, by which the answer is known."""
    keys: list[Any] = list(within) if isinstance(within, dict) else list(range(len(within)))
    for key in keys:
        if key != "id":
            yield within, key
        if isinstance(within[key], dict | list):
            yield from _places(within[key])


DIRTY: list[Callable[[int], bytes]] = [
    lambda id: b'{"jsonrpc": "2.0", "id": %d, "method": "shutdow\xff"}' % id,
    lambda id: b'{"jsonrpc": "2.0", "id": %d, "method": "empower/none", "params": %s}' % (id, b"[" * 3000),
    lambda id: b'{"jsonrpc": "2.0", "id": %d, "id": "again", "method": "empower/none"}' % id,
    lambda id: b'[{"jsonrpc": "2.0", "id": %d, "method": "empower/none"}]' % id,
    lambda id: b'{"jsonrpc": "2.0", "id": %d, "method": "empower/none", "params": {"n": %s}}' % (id, b"7" * 6000),
    lambda id: b'{"jsonrpc": "2.0", "id": %d, "method": "empower/none", "params": {"n": NaN}}' % id,
]
"""What is no JSON, or no message: answered too, though not always by its id."""


def test_each_message_with_an_id_is_answered_once(program: str, data: Path, table: Table) -> None:
    rng = random.Random(17)
    with Client(program, data, OPEN_HANDED) as client:
        client.greet()
        client.open(URI, TEXT)
        client.settled("ready")
        numbers = range(10_000, 10_000 + MESSAGES)
        for number in numbers:
            method, params = rng.choice(REQUESTS)
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            body = strayed(message, rng)
            client.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        dirty = 60
        before = client.count.total()
        for number in range(dirty):
            body = DIRTY[number % len(DIRTY)](90_000 + number)
            client.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            client.write(framed({"id": f"then {number}", "method": "empower/none"}))
            client.answer(f"then {number}")
        client.open(URI, TEXT)
        goes_on = bool(client.items_at(URI, 3, 17))
        silent = [number for number in numbers if client.count[number] != 1]
        answered = client.count.total() - before - dirty - 1
        printed = client.stderr()
    table.judge(
        "of messages with an id, not answered exactly once",
        f"{len(silent)} of {MESSAGES}",
        not silent,
        before="44 of 492",
    )
    table.judge(
        "of messages that are none, not answered", f"{dirty - min(dirty, answered)} of {dirty}", answered >= dirty
    )
    table.judge("a completion after them", "shown" if goes_on else "none", goes_on)
    table.judge("tracebacks on standard error", printed.count("Traceback"), "Traceback" not in printed)


HEADERS = {
    "in another case": b"content-length: %d\r\n\r\n",
    "without a blank": b"Content-Length:%d\r\n\r\n",
    "with line feeds only": b"Content-Length: %d\n\n",
    "with others before": b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
}


def test_headers_as_clients_write_them_are_read(program: str, data: Path, table: Table) -> None:
    deaf = []
    for name, header in HEADERS.items():
        with Client(program, data) as client:
            client.greet()
            body = json.dumps({"jsonrpc": "2.0", "id": "wide", "method": "empower/none"}).encode()
            client.write(header % len(body) + body)
            try:
                client.answer("wide", 10)
            except (Silence, OSError):
                deaf.append(name)
                client.kill()
    found = f"{len(deaf)} of {len(HEADERS)}"
    table.judge("forms of headers that are not read", found, not deaf, before="deaf to 3")


LOST = {
    "a length that is too large": framed({"id": 1, "method": "empower/none"}).replace(b"\r\n", b"9\r\n", 1),
    "a length that is too small": framed({"id": 1, "method": "empower/none"}).replace(b": ", b": 1\r\nX: ", 1),
    "a length that is no number": b"Content-Length: many\r\n\r\n{}",
    "no length": b"Content-Type: a\r\n\r\n{}",
    "no header": b"{}\r\n\r\n",
}


def test_a_stream_that_is_lost_ends_the_server_with_a_line(program: str, data: Path, table: Table) -> None:
    deaf = []
    for name, stream in LOST.items():
        client = Client(program, data)
        client.greet()
        client.write(stream + framed({"id": 2, "method": "empower/none"}) * 20)
        assert client.process.stdin is not None
        client.process.stdin.close()  # more bytes might still come to fill a length
        try:
            client.process.wait(20)
        except subprocess.TimeoutExpired:
            deaf.append(name)
        if "empower-lsp ends: " not in client.stderr():
            deaf.append(f"{name}: no line")
        client.kill()
    found = ", ".join(deaf) or 0
    table.judge("streams that leave the server deaf, or gone without a line", found, not deaf, before="deaf")


def test_at_a_wrong_time_requests_are_refused_with_the_protocol_s_codes(program: str, data: Path, table: Table) -> None:
    with Client(program, data, OPEN_HANDED) as client:
        early = client.answer(client.ask("textDocument/inlineCompletion", PLACE))
        client.greet()
        client.open(URI, TEXT)
        client.settled("ready")
        again = client.answer(client.ask("initialize", REQUESTS[7][1]))
        kept = bool(client.items_at(URI, 3, 17))
        client.request("shutdown", None)
        late = client.answer(client.ask("textDocument/inlineCompletion", PLACE))
        client.notify("exit", None)
        status = client.process.wait(30)
    codes = [answer.get("error", {}).get("code") for answer in (early, again, late)]
    wanted = [-32002, -32600, -32600]
    table.judge("before initialize, initialize again, after shutdown", codes, codes == wanted, before="others")
    table.judge("documents after a second initialize", "kept" if kept else "lost", kept, before="lost")
    table.judge("exit status", status, status == 0)
