"""The server over an in-memory wire: what it speaks, and its commands."""

import asyncio
from typing import Any

import pytest

from .wire import AUTOMATIC, INVOKED, URI, Wire


async def test_the_capability_is_there_and_positions_are_utf16_by_default(wire: Wire) -> None:
    capabilities = (await wire.initialize())["capabilities"]
    assert capabilities["inlineCompletionProvider"] is not None
    assert capabilities["positionEncoding"] == "utf-16"
    assert capabilities["textDocumentSync"]["change"] == 2
    commands = capabilities["executeCommandProvider"]["commands"]
    assert set(commands) == {"empower.accept", "empower.why", "empower.toggle", "empower.status"}


async def test_the_client_s_first_choice_of_encodings_is_taken(wire: Wire) -> None:
    result = await wire.initialize(general={"positionEncodings": ["utf-32", "utf-8", "utf-16"]})
    assert result["capabilities"]["positionEncoding"] == "utf-32"


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {},
        "position",
        {"textDocument": {"uri": URI}},
        {"position": {"line": 0, "character": 0}, "context": AUTOMATIC},
        {"textDocument": {"uri": URI}, "position": {"line": "0", "character": None}, "context": AUTOMATIC},
        {"textDocument": {"uri": URI}, "position": {"line": -1, "character": 0}, "context": AUTOMATIC},
        {"textDocument": {"uri": URI}, "position": [0, 0], "context": AUTOMATIC},
    ],
)
async def test_a_request_that_cannot_be_read_is_answered_with_invalid_params(wire: Wire, params: Any) -> None:
    await wire.initialize()
    number = wire.ask("textDocument/inlineCompletion", params)
    assert (await wire.reply(number))["error"]["code"] == -32602
    number = wire.ask("workspace/executeCommand", {"command": 5})
    assert (await wire.reply(number))["error"]["code"] == -32602
    assert wire.messages() == []


async def test_a_request_for_an_unknown_method_is_answered(wire: Wire) -> None:
    await wire.initialize()
    number = wire.ask("textDocument/telepathy", {"class": 1, "type_name": "not an identifier"})
    assert (await wire.reply(number))["error"]["code"] == -32601


async def test_a_notification_that_makes_no_sense_pops_nothing_up(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    await wire.initialize()
    wire.change("x", (0, 0), (0, 0))  # of a document that was never opened
    wire.notify("textDocument/didChange", {"textDocument": {}})
    wire.notify("textDocument/didOpen", None)
    wire.notify("workspace/didChangeWatchedFiles", 5)
    strange: list[Any] = [None, [], 5, {}]
    methods = [f"textDocument/did{what}Completion" for what in ("Show", "PartiallyAccept", "Dismiss")]
    for method in methods:
        for params in [*strange, {"item": None}, {"item": {"command": {"arguments": [{"a": 1}]}}}, {"type_name": 1}]:
            wire.notify(method, params)
    wire.notify(methods[1], {"item": {"insertText": 5, "command": {"arguments": ["id"]}}, "acceptedLength": 1})
    await wire.settle()
    assert wire.messages() == []
    assert [sum(method in line for line in caplog.messages) for method in methods] == [1, 1, 1], "once a method"


async def test_accept_takes_any_arguments(wire: Wire) -> None:
    await wire.initialize()
    strange: list[list[Any]] = [[], [None], [5, "x"], [{}], ["unknown"]]
    for arguments in strange:
        assert await wire.run("empower.accept", *arguments) is None


async def test_why_tells_the_bits_of_the_last_completion(wire: Wire) -> None:
    await wire.initialize()
    assert await wire.run("empower.why") is None
    wire.open("x = ")
    await wire.items(0, 4)
    assert await wire.run("empower.why") == {
        "model": "scripted",
        "tier": "",
        "text": "completed()",
        "end": "uncertain",
        "words": "It was 75 % sure of `completed()`, and less sure of all that follows. The choice is yours.",
        "eta": None,
        "probability": 0.75,
        "tokens": [
            {"text": "completed()", "surprisal": 0.5, "entropy": 1.25, "kept": True, "others": []},
            {"text": "�", "surprisal": None, "entropy": 3.0, "kept": False, "others": []},
        ],
        "promptTokens": 20,
        "evaluatedTokens": 3,
        "promptMs": 1.5,
        "totalMs": 4.25,
    }


async def test_toggle_turns_all_or_one_language_off_and_on(wire: Wire) -> None:
    await wire.initialize({"languages": {"lua": False}})
    wire.open("x = ")
    assert await wire.run("empower.toggle") == {"language": "*", "on": False}
    assert await wire.items(0, 4, INVOKED) == []
    assert await wire.run("empower.toggle") == {"language": "*", "on": True}
    assert await wire.run("empower.toggle", "python") == {"language": "python", "on": False}
    assert await wire.items(0, 4) == []
    assert await wire.run("empower.toggle", "python") == {"language": "python", "on": True}
    assert await wire.items(0, 4)
    assert await wire.run("empower.toggle", "lua") == {"language": "lua", "on": True}


async def test_shutdown_closes_the_engine(wire: Wire) -> None:
    await wire.initialize()
    assert await wire.request("shutdown", None) is None
    assert wire.script.closed


async def test_nothing_is_kept_of_messages_that_were_handled(wire: Wire) -> None:
    wire.answers["client/registerCapability"] = {"code": -32601, "message": "no"}  # whatever it is
    await wire.initialize(workspace={"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}})
    wire.open("")
    for number in range(500):
        wire.change("x", (0, 0), (0, 0), version=number + 2)
        wire.notify("textDocument/didSave", {"textDocument": {"uri": URI}})
        wire.notify("workspace/didChangeWatchedFiles", {"changes": []})
        wire.ask("textDocument/telepathy", None)
        if number % 50 == 0:
            await wire.settle()  # two thousand messages take a busy machine longer than one answer may
    for number in range(100):
        wire.ask_at(0, number)
    await wire.settle()
    waiting = [message["id"] for message in wire.received if message.get("method") == "workspace/configuration"]
    for number in waiting:
        wire.send(id=number, error={"code": -32601, "message": "no"})
    await wire.items(0, 3)
    await asyncio.sleep(0)
    assert wire.server.protocol._request_futures == {}
    assert wire.server.protocol._result_types == {}


async def test_a_client_of_ours_is_told_what_is_read_and_that_a_better_text_is_there(wire: Wire) -> None:
    ours = {"experimental": {"empower": {"notifications": True}}}
    await wire.initialize(**ours)
    wire.server.conversation._announcer.reading(3, 9)
    wire.server.conversation._announcer.better(URI)
    await wire.run("empower.status")
    told = [
        (message["method"], message["params"])
        for message in wire.received
        if message.get("method", "").startswith("empower/")
    ]
    assert told == [("empower/reading", {"read": 3, "toRead": 9}), ("empower/better", {"uri": URI})]


async def test_other_clients_are_told_no_such_thing(wire: Wire) -> None:
    await wire.initialize()
    wire.server.conversation._announcer.reading(3, 9)
    wire.server.conversation._announcer.better(URI)
    await wire.run("empower.status")
    assert not [message for message in wire.received if message.get("method", "").startswith("empower/")]


async def test_a_cursor_that_rests_is_told(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = \ny")
    wrong: tuple[Any, ...] = ({}, {"position": 1}, [])
    for params in ({"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}, *wrong):
        wire.notify("textDocument/didRestCursor", params)
    assert await wire.items(0, 4)
