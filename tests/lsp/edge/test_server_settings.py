"""The server's settings, pushed and pulled, over the wire."""

import asyncio
from typing import Any

import pytest

from empower_lsp.settings import Settings

from .wire import INVOKED, Wire, hang_up


async def test_denied_files_give_nothing(wire: Wire) -> None:
    await wire.initialize({"denyGlobs": ["generated/", "/top.py"]})
    for path in ("work/space/.env", "home/me/.ssh/config", "work/space/generated/a.py", "work/space/top.py"):
        wire.open("x = ", f"file:///{path}")
        assert await wire.items(0, 4, INVOKED, f"file:///{path}") == []
    for path in ("work/space/a.py", "work/space/sub/top.py", "elsewhere/top.py"):
        wire.open(f"{path} = ", f"file:///{path}")
        assert await wire.items(0, 4, INVOKED, f"file:///{path}")


async def test_languages_are_on_or_off(wire: Wire) -> None:
    await wire.initialize({"languages": {"markdown": False}})
    wire.open("x = ", language="markdown")
    assert await wire.items(0, 4, INVOKED) == []
    wire.open("x = ")
    assert await wire.items(0, 4)


async def test_limits_come_from_the_settings(wire: Wire) -> None:
    await wire.initialize({"confidence": 0.9, "maxTokens": 7})
    wire.open("x = ")
    assert await wire.items(0, 4)
    assert wire.script.requests[0].limits == Settings(confidence=0.9, max_tokens=7).limits


async def test_wrong_options_are_said_once_and_the_defaults_used(wire: Wire) -> None:
    await wire.initialize({"confidense": 0.4, "maxTokens": "many"})
    wire.open("x = ")
    assert await wire.items(0, 4)
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"trigger": "manual"}}})
    await wire.settle()
    assert [kind for kind, _ in wire.messages()] == [2, 2]
    assert "did you mean empower.confidence?" in wire.messages()[0][1]
    assert "empower.maxTokens" in wire.messages()[1][1]
    assert wire.started == [Settings()]


async def test_pushed_settings_are_taken_on_over_the_initial_ones(wire: Wire) -> None:
    await wire.initialize({"confidence": 0.5, "maxLines": 3})
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"confidence": 0.6}}})
    await wire.settle()
    assert wire.server.conversation.settings == Settings(confidence=0.6, max_lines=3)
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await wire.settle()
    assert wire.server.conversation.settings == Settings(confidence=0.5, max_lines=3)
    assert len(wire.started) == 1, "the engine is kept"


async def test_settings_are_pulled_where_the_client_can_be_asked(wire: Wire) -> None:
    wire.answers["workspace/configuration"] = [{"threads": 3}]
    changes = {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}
    await wire.initialize({"confidence": 0.5}, workspace=changes)
    await wire.server.conversation.configured.wait()
    assert wire.started == [Settings(threads=3, confidence=0.5)]
    wish = await wire.seen(lambda message: message.get("method") == "client/registerCapability")
    assert wish["params"]["registrations"][0]["registerOptions"] == {"section": "empower"}

    wire.answers["workspace/configuration"] = [{"threads": 4}]
    wire.notify("workspace/didChangeConfiguration", {"settings": {"threads": 99}})
    async with asyncio.timeout(5):
        while len(wire.started) < 2:
            await wire.settle()
    assert [settings.threads for settings in wire.started] == [3, 4]


@pytest.mark.parametrize("answer", [None, [], [None], [[]], "nonsense", [5]])
async def test_a_client_that_answers_nonsense_gets_the_defaults(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("empower_lsp.edge.server.PULL_SECONDS", 0.05)
    wire = Wire(**{"workspace/configuration": answer})
    await wire.initialize(workspace={"configuration": True})
    wire.open("x = ")
    assert await wire.items(0, 4)
    assert wire.started == [Settings()]
    await hang_up(wire)


async def test_a_client_that_stops_answering_keeps_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("empower_lsp.edge.server.PULL_SECONDS", 0.05)
    wire = Wire(**{"workspace/configuration": [{"threads": 3}]})
    await wire.initialize(workspace={"configuration": True})
    await wire.server.conversation.configured.wait()
    wire.answers.pop("workspace/configuration")
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await asyncio.sleep(0.1)
    await wire.settle()
    assert wire.server.conversation.settings == Settings(threads=3)
    assert len(wire.started) == 1
    await hang_up(wire)


async def test_the_root_counts_as_a_folder(wire: Wire) -> None:
    root: dict[str, Any] = {"processId": None, "rootUri": "file:///a%20b/root", "capabilities": {}}
    await wire.request("initialize", root | {"initializationOptions": {"denyGlobs": ["/top.py"]}})
    for path, count in (("a%20b/root/top.py", 0), ("a%20b/root/sub/top.py", 1)):
        wire.open(f"{path} = ", f"file:///{path}")
        assert len(await wire.items(0, len(f"{path} = "), uri=f"file:///{path}")) == count


async def test_a_completion_asked_before_the_configuration_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    monkeypatch.setattr("empower_lsp.edge.server.PULL_SECONDS", 0.1)
    await wire.initialize(workspace={"configuration": True})
    wire.open("x = ")
    assert wire.started == [], "no engine yet"
    assert await wire.items(0, 4)
    await hang_up(wire)
