"""Engines that come, fail and are replaced while the server runs."""

import asyncio
import threading
from typing import Any

from empower_model.errors import ModelNotFound
from empower_model.host.parent import HostEvent

from .wire import Script, Wire


async def until_closed(script: Script) -> None:
    """Wait until an engine is closed: that is done in a thread of its own."""
    async with asyncio.timeout(5):
        while not script.closed:
            await asyncio.sleep(0.01)


async def test_a_change_of_the_model_swaps_the_engine(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    await wire.items(0, 4)
    first, wire.script = wire.script, Script("other()")
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"model": "other"}}})
    [item] = await wire.items(0, 4)
    assert item["insertText"] == "other()"
    await until_closed(first)
    assert [settings.model for settings in wire.started] == ["", "other"]


async def test_a_missing_model_is_said_once_and_mended_by_the_next_settings(wire: Wire) -> None:
    wire.refusal = ModelNotFound("No model x: run `empower-lsp model pull x`.")
    await wire.initialize({"model": "x"})
    wire.open("x = ")
    assert await wire.items(0, 4) == []
    assert await wire.items(0, 4) == []
    assert wire.messages() == [(1, "No model x: run `empower-lsp model pull x`.")]
    assert (await wire.run("empower.status"))["engine"] == "failed"
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"confidence": 0.5}}})
    await wire.settle()
    assert len(wire.started) == 2, "any change of settings is a reason to try again"
    assert len(wire.messages()) == 1
    wire.refusal = None
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"model": "y"}}})
    assert await wire.items(0, 4)


async def test_whatever_keeps_an_engine_from_starting_is_a_state_that_says_so(wire: Wire) -> None:
    wire.refusal = RuntimeError("of somebody's code")
    await wire.initialize()
    status = await wire.run("empower.status")
    said = "The engine cannot be started (RuntimeError); `empower-lsp doctor` may tell why."
    assert (status["engine"], status["message"]) == ("failed", said)
    wire.refusal = None
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"model": "y"}}})
    wire.open("x = ")
    assert await wire.items(0, 4)
    wire.refusal, wire.outdated = RuntimeError(), True
    await wire.items(0, 4)
    wire.change("y", (0, 0), (0, 0))
    assert await wire.items(0, 5), "what runs goes on"


async def test_what_an_engine_warns_of_is_said_and_changes_no_state(wire: Wire) -> None:
    await wire.initialize()
    from_another_thread(wire, "ready", "x is loaded")
    from_another_thread(wire, "warned", "The weights cannot be read.")
    await wire.settle()
    assert wire.messages() == [(2, "The weights cannot be read.")]
    assert (await wire.run("empower.status"))["engine"] == "ready"


async def test_a_bad_model_in_the_middle_leaves_nothing_behind(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    assert await wire.items(0, 4)
    wire.refusal = ModelNotFound("No such file.")
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"model": "/bad"}}})
    assert await wire.items(0, 4) == []
    await until_closed(wire.script)
    wire.refusal, wire.script = None, Script()
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {}}})
    assert await wire.items(0, 4)
    assert wire.messages() == [(1, "No such file.")]


def from_another_thread(wire: Wire, kind: Any, message: str) -> None:
    thread = threading.Thread(target=wire.on_event, args=(HostEvent(kind, message),))
    thread.start()
    thread.join()


async def test_loading_is_shown_as_progress(wire: Wire) -> None:
    await wire.initialize(window={"workDoneProgress": True})
    from_another_thread(wire, "loading", "Loading small.gguf")
    begun = await wire.seen(lambda message: message.get("method") == "$/progress")
    assert begun["params"]["value"] == {"kind": "begin", "title": "Loading small.gguf"}
    from_another_thread(wire, "ready", "small.gguf is loaded")
    await wire.seen(lambda message: message.get("params", {}).get("value") == {"kind": "end"})
    assert (await wire.run("empower.status"))["engine"] == "ready"
    assert wire.messages() == []


async def test_a_client_without_progress_is_not_asked_for_any(wire: Wire) -> None:
    await wire.initialize()
    from_another_thread(wire, "loading", "Loading small.gguf")
    from_another_thread(wire, "ready", "small.gguf is loaded")
    await wire.settle()
    assert not [message for message in wire.received if "method" in message]


async def test_a_crash_is_said_once(wire: Wire) -> None:
    await wire.initialize()
    for _ in range(3):
        from_another_thread(wire, "restarted", "The engine was started again.")
    await wire.settle()
    assert wire.messages() == [(2, "The engine was started again.")]


async def test_a_model_that_fails_to_load_is_let_go(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    from_another_thread(wire, "failed", "x.gguf is corrupt.")
    await wire.settle()
    assert await wire.items(0, 4) == []
    assert wire.messages() == [(1, "x.gguf is corrupt.")]
    assert wire.script.closed


async def test_an_engine_that_was_replaced_is_not_heard(wire: Wire) -> None:
    await wire.initialize()
    old = wire.on_event
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"threads": 2}}})
    await wire.settle()
    old(HostEvent("failed", "late"))
    await wire.settle()
    assert wire.messages() == []


async def test_another_engine_is_taken_up_between_two_requests_and_none_fails(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    assert len(await wire.items(0, 4)) == 1
    first, wire.script = wire.script, Script("tuned()")
    wire.outdated = True
    [item] = await wire.items(0, 4)
    assert item["insertText"] == "tuned()"
    await until_closed(first)
    assert len(wire.started) == 2


async def test_an_engine_that_cannot_be_taken_up_is_said_and_the_old_one_goes_on(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    wire.outdated, wire.refusal = True, ModelNotFound("gone")
    [item] = await wire.items(0, 4)
    assert item["insertText"] == "completed()"
    assert wire.messages() == [(2, "gone")]
