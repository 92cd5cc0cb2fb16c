"""Requests for inline completions over the wire: which get an item, and what stands in it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from empower_model.errors import EngineCrashed

from .wire import AUTOMATIC, INVOKED, URI, Wire, hang_up, logged


async def test_an_item_has_a_range_a_plain_text_and_a_command(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = \ny = 1\n")
    [item] = await wire.items(0, 4)
    [id] = item["command"].pop("arguments")
    assert isinstance(id, str)
    assert item == {
        "insertText": "completed()",
        "range": {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 4}},
        "command": {"title": "Accept", "command": "empower.accept"},
    }
    assert wire.script.requests[0].prefix == "x = "
    assert wire.script.requests[0].suffix == "\ny = 1\n"


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 12), ("utf-16", 8), ("utf-32", 7)])
async def test_positions_count_in_the_agreed_encoding(wire: Wire, encoding: str, character: int) -> None:
    result = await wire.initialize(general={"positionEncodings": [encoding]})
    assert result["capabilities"]["positionEncoding"] == encoding
    wire.open("# 世界\ns = '😀世' \n")
    wire.change("€", (1, character), (1, character + 1))
    [item] = await wire.items(1, character)
    assert wire.script.requests[0].prefix == "# 世界\ns = '😀世"
    assert wire.script.requests[0].suffix == "€ \n"
    assert item["range"]["start"] == {"line": 1, "character": character}


async def test_an_answer_speaks_of_the_document_as_it_was_asked(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    wire.script.gate.clear()
    number = wire.ask_at(0, 4)
    while not wire.script.requests:  # a thread of its own computes
        await asyncio.sleep(0.001)
    wire.change("12345", (0, 4), (0, 4))  # sent before any answer
    await wire.settle()
    assert wire.script.requests[0].suffix == ""
    wire.script.gate.set()
    assert (await wire.reply(number))["result"] == {"items": []}, "what was asked for is no longer there"


async def test_only_the_newest_request_gets_items(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = \ny = \nz = \n")
    wire.script.gate.clear()
    numbers = [wire.ask_at(line, 4) for line in range(3)]
    await wire.settle()
    wire.script.gate.set()
    items = [(await wire.reply(number))["result"]["items"] for number in numbers]
    assert [len(found) for found in items] == [0, 0, 1]


async def test_a_cancelled_request_is_answered_at_once_and_its_work_ends(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    wire.script.gate.clear()
    number = wire.ask_at(0, 4)
    await wire.settle()
    wire.notify("$/cancelRequest", {"id": number})
    assert (await wire.reply(number))["error"]["code"] == -32800
    assert await asyncio.to_thread(wire.script.stopped.wait, 2)


async def test_a_cancel_that_is_too_late_or_garbage_does_nothing(wire: Wire) -> None:
    await wire.initialize()
    strange: list[Any] = [77, "no such", None, [1], {}]
    for id in strange:
        wire.notify("$/cancelRequest", {"id": id})
    wire.open("x = ")
    assert await wire.items(0, 4)
    assert wire.messages() == []


@pytest.mark.parametrize(
    ("context", "count"),
    [({"triggerKind": 0}, 1), ({"triggerKind": 1}, 1), ({"triggerKind": 2}, 0), ({"triggerKind": 7}, 0), ({}, 0)],
)
async def test_any_trigger_kind_is_answered(wire: Wire, context: Any, count: int) -> None:
    await wire.initialize({"trigger": "manual"})
    wire.open("x = ")
    params = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}, "context": context}
    found = await wire.request("textDocument/inlineCompletion", params)
    assert len(found["items"]) == count
    assert wire.messages() == []


@pytest.mark.parametrize(
    "context", [None, 3, "automatic", [], {"triggerKind": None}, {"triggerKind": 2, "selectedCompletionInfo": {"x": 1}}]
)
async def test_a_context_that_makes_no_sense_counts_as_typing(wire: Wire, context: Any) -> None:
    await wire.initialize()
    wire.open("x = ")
    params = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}, "context": context}
    assert len((await wire.request("textDocument/inlineCompletion", params))["items"]) == 1
    params.pop("context")
    assert len((await wire.request("textDocument/inlineCompletion", params))["items"]) == 1


async def test_a_document_that_is_not_open_gives_nothing_and_is_not_read(wire: Wire, tmp_path: Path) -> None:
    file = tmp_path / "here.py"
    file.write_text("x = ")
    await wire.initialize()
    assert await wire.items(0, 4, uri=file.as_uri()) == []
    assert await wire.items(0, 4, uri="file:///no/such/file.py") == []
    wire.open("x = ")
    assert await wire.items(0, 4)
    wire.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await wire.items(0, 4) == []
    assert len(wire.script.requests) == 1


@pytest.mark.parametrize("text", ["x = \0", "x" * 1_000_001])
async def test_binary_and_large_documents_give_nothing(wire: Wire, text: str) -> None:
    await wire.initialize()
    wire.open(text)
    assert await wire.items(0, 1, INVOKED) == []
    assert wire.script.requests == []


async def test_positions_outside_a_line_are_clamped(wire: Wire) -> None:
    await wire.initialize()
    wire.open("ab\ncd")
    [item] = await wire.items(0, 99)
    assert item["range"]["end"] == {"line": 0, "character": 2}
    [item] = await wire.items(1, 99)
    assert item["range"]["end"] == {"line": 1, "character": 2}
    assert await wire.items(2, 0) == [], "but for a line that is not there, which is of another text"


async def test_the_selected_item_of_a_menu_is_taken_as_accepted(wire: Wire) -> None:
    await wire.initialize()
    wire.open("os.pa")
    edges = {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 5}}
    [item] = await wire.items(0, 5, AUTOMATIC | {"selectedCompletionInfo": {"range": edges, "text": "path"}})
    assert item["insertText"] == "pathcompleted()"
    assert item["range"] == edges


async def test_a_failing_completion_is_empty_and_its_words_go_nowhere(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.initialize()
    wire.open("x = ")
    for error in (ValueError("password = 'hunter2'"), EngineCrashed("It ended.")):
        wire.script.error = error
        assert await wire.items(0, 4) == []
    assert wire.messages() == []
    assert "ValueError at wire.py:" in caplog.text
    assert "hunter2" not in json.dumps(wire.received)
    ours = [record for record in caplog.records if record.name == "empower_lsp"]
    assert "hunter2" not in "".join(record.getMessage() for record in ours)


async def test_half_characters_and_form_feeds_do_not_break_a_document(wire: Wire) -> None:
    await wire.initialize()
    wire.open("a\x0cb\u2028c\n\ud83d = \r\nend")
    wire.change("1", (1, 4), (1, 4))
    [item] = await wire.items(1, 5)
    assert wire.script.requests[0].prefix == "a\x0cb\u2028c\n\ufffd = 1"
    assert item["range"]["end"] == {"line": 1, "character": 5}


async def test_who_asks_by_hand_gets_several_items_to_go_through(wire: Wire) -> None:
    wire.script.others = ("call()", "None", "never")
    await wire.initialize()
    wire.open("x = ")
    [shown] = await wire.items(0, 4)
    several = await wire.items(0, 4, INVOKED)
    assert several[0] == shown
    assert [item["insertText"] for item in several] == ["completed()", "call()", "None"]
    assert {str(item["range"]) for item in several} == {str(shown["range"])}
    ids = [item["command"]["arguments"][0] for item in several]
    wire.notify("textDocument/didShowCompletion", {"item": several[1]})
    wire.change("call()", (0, 4), (0, 4))
    await wire.run("empower.accept", ids[1])
    await hang_up(wire)
    found = {completion.id: (completion.text, [kind for kind, _ in kinds]) for completion, kinds in logged()}
    assert found == {
        ids[0]: ("completed()", ["superseded"]),  # on the screen for no time at all
        ids[1]: ("call()", ["shown", "accepted", "kept"]),
        ids[2]: ("None", ["superseded"]),
    }


async def test_who_asks_for_more_is_told_how_much_of_it_is_sure(wire: Wire) -> None:
    await wire.initialize()
    wire.open("y = '😀'; x = \n")
    wire.script.text = "😀("
    [item] = await wire.items(0, 14)
    at = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 14}}
    [more] = (await wire.request("textDocument/moreInlineCompletion", at))["items"]
    assert (more["insertText"], more["range"]) == ("😀(😀(", item["range"])
    id, sure = more["command"]["arguments"]
    assert (id != item["command"]["arguments"][0], sure) == (True, {"sure": 3})
    assert [request.limits.rule for request in wire.script.requests] == ["gain", "statement"]
    wire.change("😀(", (0, 14), (0, 14))
    [rest] = await wire.items(0, 17)
    assert (rest["insertText"], rest["command"]["arguments"]) == ("😀(", [id, {"sure": 0}])
    await wire.run("empower.accept", *more["command"]["arguments"])
    await hang_up(wire)
    *_, (asked, became) = logged()
    assert (asked.rule, asked.text) == ("statement", "😀(😀(")
    assert ("accepted", True) in became


@pytest.mark.parametrize("params", [None, [], {"textDocument": 1}, {"textDocument": {"uri": "file:///b"}}])
async def test_more_of_what_cannot_be_read_is_nothing(wire: Wire, params: Any) -> None:
    await wire.initialize()
    assert await wire.request("textDocument/moreInlineCompletion", params) == {"items": []}
