"""Messages at the wrong time or of the wrong form: each that has an id is answered, once, and the rest goes on."""

import json
import random
from typing import Any

import pytest

from .wire import AUTOMATIC, URI, Wire

HELLO: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}


async def test_before_initialize_requests_are_answered_and_notifications_dropped(wire: Wire) -> None:
    for method in ("textDocument/inlineCompletion", "shutdown", "workspace/executeCommand", "telepathy"):
        assert (await wire.reply(wire.ask(method, None)))["error"]["code"] == -32002
    wire.open("x = ")
    await wire.initialize()
    assert await wire.items(0, 4) == [], "what was opened before is not open"
    wire.open("x = ")
    assert await wire.items(0, 4)


async def test_a_second_initialize_is_refused_and_loses_nothing(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    assert (await wire.reply(wire.ask("initialize", HELLO)))["error"]["code"] == -32600
    assert await wire.items(0, 4)


async def test_an_initialize_that_cannot_be_read_can_be_tried_again(wire: Wire) -> None:
    assert (await wire.reply(wire.ask("initialize", {"capabilities": 5})))["error"]["code"] == -32602
    await wire.initialize()


async def test_after_shutdown_requests_are_answered(wire: Wire) -> None:
    await wire.initialize()
    await wire.request("shutdown", None)
    for method in ("textDocument/inlineCompletion", "shutdown", "initialize", "workspace/executeCommand"):
        assert (await wire.reply(wire.ask(method, None)))["error"]["code"] == -32600
    wire.open("x = ")


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


STRANGE = [
    '{"id": 7, "method": "shutdown"}',
    '{"jsonrpc": null, "id": 7, "method": "shutdown"}',
    '{"jsonrpc": "1.0", "id": 7, "method": "shutdown"}',
    '{"jsonrpc": 2.0, "id": 7, "method": "shutdown", "params": {}}',
    '{"jsonrpc": "2.0", "id": 7}',
    '{"jsonrpc": "2.0", "id": 7, "method": null}',
    '{"jsonrpc": "2.0", "id": 7, "method": 5, "params": {}}',
    '{"jsonrpc": "2.0", "id": 7, "method": {"jsonrpc": "2.0", "method": "exit"}}',
    '{"jsonrpc": "2.0", "id": 7, "method": ""}',
    '{"jsonrpc": "2.0", "id": 7, "method": "textDocument/didChange", "params": null}',
    '{"jsonrpc": "2.0", "id": 7, "method": "textDocument/didClose", "params": {}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "initialized", "params": {}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "$/cancelRequest", "params": {"id": 3}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "$/setTrace", "params": {"value": "all"}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "$/unknown", "params": {"value": "all"}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "workspace/executeCommand", "params": {"command": "empower.none"}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "window/showMessage", "params": {"type": 1, "message": "a"}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "workspace/configuration", "params": {"items": []}}',
    *(
        f'{{"jsonrpc": "2.0", "id": 7, "method": "{method}", "params": {form % nested(depth)}}}'
        for method in ("textDocument/inlineCompletion", "workspace/executeCommand", "telepathy", "initialize")
        for depth in (200, 900, 990, 2000, 20_000)
        for form in ("%s", '{"command": "empower.why", "arguments": %s}', '{"textDocument": %s}')
    ),
    f'{{"jsonrpc": "2.0", "method": "a", "params": {nested(20_000)}, "id": 7}}',
    f'{{"params": {{"id": 5, "a": "]}}\\"", "b": {nested(2000)}}}, "id" : 7, "method": "a"}}',
    '{"jsonrpc": "2.0", "id": 7, "method": "a", "params": ' + "9" * 5000 + "}",
]


@pytest.mark.parametrize("message", STRANGE, ids=range(len(STRANGE)))
async def test_a_message_with_an_id_is_answered_once(wire: Wire, message: str) -> None:
    await wire.initialize()
    wire.open("x = ")
    wire.received.clear()
    raw(wire, message.encode())
    assert await wire.items(0, 4), "the rest goes on"
    answers = [reply for reply in wire.received if "method" not in reply and reply.get("id") in (7, None)]
    assert [answer["id"] for answer in answers] == [7]
    if "error" in answers[0]:
        assert answers[0]["error"]["code"] in {-32600, -32601, -32602, -32700}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'[{"jsonrpc": "2.0", "id": 7, "method": "shutdown"}]',
        b"{" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"jsonrpc": "2.0", "method": "a", "params": {"id": 7, "n": ' + b"9" * 5000 + b"}}",
        b'{"jsonrpc": "2.0", "id": ' + b"9" * 5000 + b', "method": "a"}',
        b'{"jsonrpc": "2.0", "id": nothing, "method": "a"}',
        b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}',
        b'{"jsonrpc": "2.0", "id": true, "method": "shutdown"}',
        b'{"jsonrpc": "2.0", "id": [1], "method": "shutdown"}',
        b'{"jsonrpc": "2.0", "id": 1.5, "method": "shutdown"}',
    ],
)
async def test_what_has_no_id_that_can_be_read_is_answered_without(wire: Wire, message: bytes) -> None:
    await wire.initialize()
    raw(wire, message)
    refusal = await wire.seen(lambda reply: "id" in reply and reply["id"] is None)
    assert refusal["error"]["code"] in {-32600, -32700}
    await wire.settle()


async def test_a_notification_with_an_id_counts(wire: Wire) -> None:
    await wire.initialize()
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = "}
    assert await wire.request("textDocument/didOpen", {"textDocument": item}) is None
    assert await wire.items(0, 4)


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: %d\r\n\r\n",
        b"CONTENT-LENGTH:%d\r\n\r\n",
        b"Content-Length:   %d  \r\n\r\n",
        b"Content-Length: %d\n\n",
        b"Content-Length: %d\r\n\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf8\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length: %d\r\nX-Other: a:b\r\n\r\n",
        b"\r\n\r\nContent-Length: %d\r\n\r\n",
    ],
)
async def test_a_header_is_read_as_widely_as_clients_write_it(wire: Wire, header: bytes) -> None:
    await wire.initialize()
    body = json.dumps({"jsonrpc": "2.0", "id": "wide", "method": "empower/none"}).encode()
    wire.reader.feed_data(header % len(body) + body)
    await wire.seen(lambda message: message.get("id") == "wide")
    await wire.settle()


@pytest.mark.parametrize("version", ["missing", None, "7", 1.5, 2**40, -1, True])
async def test_a_change_counts_whatever_its_version(wire: Wire, version: Any) -> None:
    await wire.initialize()
    item: dict[str, Any] = {"uri": URI, "languageId": "python", "version": version, "text": "x = \n"}
    changed: dict[str, Any] = {"uri": URI, "version": version}
    if version == "missing":
        del item["version"], changed["version"]
    wire.notify("textDocument/didOpen", {"textDocument": item})
    wire.notify("textDocument/didChange", {"textDocument": changed, "contentChanges": [{"text": "one\ntwo\nthree = "}]})
    assert await wire.items(2, 8)
    assert wire.script.requests[-1].prefix == "one\ntwo\nthree = "


async def test_a_line_past_the_end_has_no_items(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    assert await wire.items(1, 0) == []
    assert await wire.items(0, 99)


async def test_a_selected_item_s_range_may_be_an_array(wire: Wire) -> None:
    await wire.initialize()
    wire.open("os.pa")
    edges = [{"line": 0, "character": 3}, {"line": 0, "character": 5}]
    for ends in (edges, {"start": edges[0], "end": edges[1]}):
        await wire.items(0, 5, AUTOMATIC | {"selectedCompletionInfo": {"range": ends, "text": "path"}})
        assert wire.script.requests[-1].prefix == "os.path"
    strange: list[Any] = [[], edges[:1], [*edges, *edges], 5, None, [1, 2]]
    for ends in strange:
        assert await wire.items(0, 5, AUTOMATIC | {"selectedCompletionInfo": {"range": ends, "text": "path"}})


async def test_a_file_goes_by_one_name_however_it_is_written(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ", "file:/work/space/a.py")
    assert await wire.items(0, 4, uri="file:///work/space/a.py")
    wire.notify("textDocument/didClose", {"textDocument": {"uri": "file:///work/space/a.py"}})
    assert await wire.items(0, 4, uri="file:/work/space/a.py") == []


async def test_a_thousand_messages_at_random_leave_no_id_without_an_answer(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    rng = random.Random(17)
    methods = ["textDocument/inlineCompletion", "textDocument/didChange", "workspace/executeCommand", "a", 5, None, ""]
    scraps: list[Any] = [
        None,
        5,
        "x",
        [],
        {},
        [[]],
        {"uri": URI},
        {"textDocument": {"uri": URI}},
        {"command": "empower.why"},
    ]
    numbers = []
    for number in range(1000, 2000):
        message: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": number,
            "method": rng.choice(methods),
            "params": rng.choice(scraps),
        }
        for key in ("jsonrpc", "method", "params"):
            if rng.random() < 0.2:
                message.pop(key)
            elif rng.random() < 0.1:
                message[key] = rng.choice(scraps)
        raw(wire, json.dumps(message).encode())
        numbers.append(number)
    await wire.settle()
    assert sorted(m["id"] for m in wire.received if m.get("id") in set(numbers) and "method" not in m) == numbers


def raw(wire: Wire, body: bytes) -> None:
    wire.reader.feed_data(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
