"""The server over an in-memory wire: raw JSON in, raw JSON out, with a scripted completer behind the real session."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from pygls.io_ import run_async

from empower_lsp.journal import Source
from empower_lsp.log import level
from empower_lsp.log.records import CompletionRecord
from empower_lsp.log.store import log_path, opened
from empower_lsp.server import create_server
from empower_lsp.serving import Served
from empower_lsp.settings import Settings
from empower_lsp.workspace import Workspace
from empower_model.completion import Completion, End, Request
from empower_model.engine import Token
from empower_model.errors import EngineCrashed, ModelNotFound
from empower_model.host import HostEvent
from empower_model.memory_feed import Changed, Current, Feed, News, Walk, Written

URI = "file:///work/space/app.py"
AUTOMATIC = {"triggerKind": 2}
INVOKED = {"triggerKind": 1}


class Script:
    """A completer that writes the same text at every cursor, when it is let."""

    def __init__(self, text: str = "completed()") -> None:
        self.text = text
        self.requests: list[Request] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.stopped = threading.Event()
        self.closed = False

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Completion:
        self.requests.append(request)
        self.stopped.clear()
        while not self.gate.wait(0.01):
            if self.stopped.is_set():
                return self.completion("", End.STOPPED)
        if self.error:
            raise self.error
        return self.completion(self.text, End.UNCERTAIN)

    def completion(self, text: str, end: End) -> Completion:
        tokens = (Token(1, text.encode(), 0.5, 1.25), Token(2, b"\xf0\x9f", float("inf"), 3.0))
        return Completion(
            text=text,
            tokens=tokens,
            kept=1,
            end=end,
            probability=0.75,
            eta=float("inf"),
            prompt_tokens=20,
            evaluated_tokens=3,
            prompt_ms=1.5,
            total_ms=4.25,
        )

    def stop(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        self.stopped.set()
        self.closed = True


class Reader(asyncio.StreamReader):
    """Lets other tasks run before each line, as pygls' reader of standard input does."""

    async def readline(self) -> bytes:
        await asyncio.sleep(0)
        return await super().readline()


class Wire:
    """A client: frames what it sends, and answers what the server asks from `answers`."""

    def __init__(self, **answers: Any) -> None:
        self.script = Script()
        self.started: list[Settings] = []
        self.feeds: list[Feed] = []
        self.on_event: Callable[[HostEvent], None] = lambda _: None
        self.refusal: Exception | None = None
        self.outdated = False
        self.server = create_server(self.start)
        self.received: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self.answers: dict[str, Any] = {"window/workDoneProgress/create": None, "client/registerCapability": None}
        self.answers |= answers
        self.reader = Reader()
        self.number = 0
        self.server.protocol.set_writer(self)
        self.task = asyncio.create_task(
            run_async(threading.Event(), self.reader, self.server.protocol, None, self.server.report_server_error)
        )

    def start(self, settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed) -> Served:
        self.started.append(settings)
        self.feeds.append(feed)
        self.on_event = on_event
        if self.refusal:
            raise self.refusal
        return Served(self.script, Source("scripted"), self.is_outdated)

    def is_outdated(self) -> bool:
        was, self.outdated = self.outdated, False
        return was

    def write(self, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(body) in head
        message = json.loads(body)
        self.received.append(message)
        self.news.set()
        if "id" in message and message.get("method") in self.answers:
            self.send(id=message["id"], result=self.answers[message["method"]])

    def close(self) -> None:
        """The stream has nothing to close."""

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.reader.feed_data(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def notify(self, method: str, params: Any) -> None:
        self.send(method=method, params=params)

    def ask(self, method: str, params: Any) -> int:
        self.number += 1
        self.send(id=self.number, method=method, params=params)
        return self.number

    async def reply(self, number: int) -> dict[str, Any]:
        return await self.seen(lambda message: message.get("id") == number and "method" not in message)

    async def request(self, method: str, params: Any) -> Any:
        return (await self.reply(self.ask(method, params)))["result"]

    async def seen(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while not (found := [message for message in self.received if wanted(message)]):
                self.news.clear()
                await self.news.wait()
        return found[-1]

    async def settle(self) -> None:
        """Wait until what was sent so far is handled."""
        await self.request("workspace/executeCommand", {"command": "empower.status"})

    async def initialize(self, options: Any = None, **capabilities: Any) -> dict[str, Any]:
        folder = {"uri": "file:///work/space", "name": "space"}
        params: dict[str, Any] = {"processId": None, "rootUri": folder["uri"], "workspaceFolders": [folder]}
        params |= {"capabilities": capabilities, "initializationOptions": options}
        result: dict[str, Any] = await self.request("initialize", params)
        self.notify("initialized", {})
        await self.settle()
        return result

    def open(self, text: str, uri: str = URI, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, text: str, start: tuple[int, int], end: tuple[int, int], version: int = 2) -> None:
        edge = [{"line": line, "character": character} for line, character in (start, end)]
        change = {"range": {"start": edge[0], "end": edge[1]}, "text": text}
        document = {"uri": URI, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def ask_at(self, line: int, character: int, context: Any = None, uri: str = URI) -> int:
        params = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        return self.ask("textDocument/inlineCompletion", params | {"context": context or AUTOMATIC})

    async def items(self, line: int, character: int, context: Any = None, uri: str = URI) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.reply(self.ask_at(line, character, context, uri)))["result"]["items"]
        return found

    async def run(self, command: str, *arguments: Any) -> Any:
        return await self.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})

    def messages(self) -> list[tuple[int, str]]:
        shown = [message["params"] for message in self.received if message.get("method") == "window/showMessage"]
        return [(params["type"], params["message"]) for params in shown]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    level.choose(level.Level.FULL)  # who has chosen is not told that there is a log
    wire = Wire()
    yield wire
    await hang_up(wire)


async def hang_up(wire: Wire) -> None:
    wire.reader.feed_eof()
    await wire.task
    wire.script.gate.set()
    wire.server.shutdown()


async def test_the_capability_is_there_and_positions_are_utf16_by_default(wire: Wire) -> None:
    capabilities = (await wire.initialize())["capabilities"]
    assert capabilities["inlineCompletionProvider"] is not None
    assert capabilities["positionEncoding"] == "utf-16"
    assert capabilities["textDocumentSync"]["change"] == 2
    commands = capabilities["executeCommandProvider"]["commands"]
    assert set(commands) == {"empower.accept", "empower.why", "empower.toggle", "empower.status"}


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
    wire.change("é", (1, character), (1, character + 1))
    [item] = await wire.items(1, character)
    assert wire.script.requests[0].prefix == "# 世界\ns = '😀世"
    assert wire.script.requests[0].suffix == "é \n"
    assert item["range"]["start"] == {"line": 1, "character": character}


async def test_the_client_s_first_choice_of_encodings_is_taken(wire: Wire) -> None:
    result = await wire.initialize(general={"positionEncodings": ["utf-32", "utf-8", "utf-16"]})
    assert result["capabilities"]["positionEncoding"] == "utf-32"


async def test_an_answer_speaks_of_the_document_as_it_was_asked(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    wire.script.gate.clear()
    number = wire.ask_at(0, 4)
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


async def test_positions_outside_the_document_are_clamped(wire: Wire) -> None:
    await wire.initialize()
    wire.open("ab\ncd")
    [item] = await wire.items(0, 99)
    assert item["range"]["end"] == {"line": 0, "character": 2}
    [item] = await wire.items(99, 0)
    assert item["range"]["end"] == {"line": 1, "character": 2}


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
    assert "ValueError at test_server.py:" in caplog.text
    assert "hunter2" not in json.dumps(wire.received)
    ours = [record for record in caplog.records if record.name == "empower_lsp"]
    assert "hunter2" not in "".join(record.getMessage() for record in ours)


async def test_a_notification_that_makes_no_sense_pops_nothing_up(wire: Wire) -> None:
    await wire.initialize()
    wire.change("x", (0, 0), (0, 0))  # of a document that was never opened
    wire.notify("textDocument/didChange", {"textDocument": {}})
    wire.notify("textDocument/didOpen", None)
    wire.notify("workspace/didChangeWatchedFiles", 5)
    strange: list[Any] = [None, [], 5, {}]
    for method in ("textDocument/didShowCompletion", "textDocument/didPartiallyAcceptCompletion"):
        for params in [*strange, {"item": None}, {"item": {"command": {"arguments": [{"a": 1}]}}}, {"type_name": 1}]:
            wire.notify(method, params)
    await wire.settle()
    assert wire.messages() == []


def logged() -> list[tuple[CompletionRecord, list[tuple[str, bool]]]]:
    """The log: each completion, with the kinds of what became of it and whether the editor said so."""
    if not log_path().exists():
        return []
    with opened(log_path()) as store:
        return [
            (entry.completion, [(outcome.kind, outcome.explicit) for outcome in entry.outcomes])
            for entry in store.entries()
        ]


async def test_what_became_of_a_completion_is_logged() -> None:
    wire = Wire()
    await wire.initialize()
    wire.open("x = ")
    [item] = await wire.items(0, 4)
    wire.notify("textDocument/didShowCompletion", {"item": item})
    wire.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 8})
    wire.change("complete", (0, 4), (0, 4))
    wire.change("d()", (0, 12), (0, 12), version=3)
    assert await wire.run("empower.accept", *item["command"]["arguments"]) is None
    await hang_up(wire)
    [(completion, outcomes)] = logged()
    assert completion.id == item["command"]["arguments"][0]
    assert (completion.path, completion.text, completion.prefix) == ("app.py", "completed()", "x = ")
    assert (completion.model, completion.language, completion.confidence) == ("scripted", "python", 0.3)
    assert outcomes == [("shown", True), ("accepted", True), ("kept", False)]


async def test_an_accepted_completion_is_not_offered_a_second_time_under_its_id(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    [first] = await wire.items(0, 4)
    [same] = await wire.items(0, 4)
    assert same == first
    await wire.run("empower.accept", *first["command"]["arguments"])
    [other] = await wire.items(0, 4)
    assert other["command"]["arguments"] != first["command"]["arguments"]


async def test_a_denied_file_leaves_nothing_in_the_log() -> None:
    wire = Wire()
    await wire.initialize({"denyGlobs": ["private/"]})
    for uri in ("file:///work/space/.env", "file:///work/space/private/a.py"):
        wire.open("key = ", uri=uri)
        assert await wire.items(0, 6, uri=uri) == []
    await hang_up(wire)
    assert logged() == []


@pytest.mark.parametrize("options", [{"log": "off"}, {"log": "metadata"}])
async def test_the_log_holds_no_more_than_the_option_says(options: dict[str, str]) -> None:
    wire = Wire()
    await wire.initialize(options)
    wire.open("x = ")
    await wire.items(0, 4)
    await hang_up(wire)
    found = [(completion.text, completion.prefix, completion.characters) for completion, _ in logged()]
    assert found == ([] if options["log"] == "off" else [(None, None, 11)])


async def test_that_there_is_a_log_is_said_on_the_first_start_only() -> None:
    for expected in (1, 0):
        wire = Wire()
        await wire.initialize()
        assert [kind for kind, message in wire.messages() if "empower-lsp log off" in message] == [3] * expected
        await hang_up(wire)


async def test_who_logs_nothing_is_not_told_of_a_log() -> None:
    wire = Wire()
    await wire.initialize({"log": "off"})
    assert wire.messages() == []
    await hang_up(wire)


async def test_a_log_that_cannot_be_written_is_said_once_and_costs_no_completion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "file"))
    wire = Wire()
    await wire.initialize()
    wire.open("x = ")
    for column in (4, 3, 2):
        assert await wire.items(0, column) != []
    await wire.seen(lambda message: "no longer logged" in str(message))
    assert len(wire.messages()) == 1
    await hang_up(wire)


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
        "text": "completed()",
        "end": "uncertain",
        "eta": None,
        "probability": 0.75,
        "tokens": [
            {"text": "completed()", "surprisal": 0.5, "entropy": 1.25, "kept": True},
            {"text": "�", "surprisal": None, "entropy": 3.0, "kept": False},
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
    assert wire.server.settings == Settings(confidence=0.6, max_lines=3)
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await wire.settle()
    assert wire.server.settings == Settings(confidence=0.5, max_lines=3)
    assert len(wire.started) == 1, "the engine is kept"


async def test_settings_are_pulled_where_the_client_can_be_asked(wire: Wire) -> None:
    wire.answers["workspace/configuration"] = [{"threads": 3}]
    changes = {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}
    await wire.initialize({"confidence": 0.5}, workspace=changes)
    await wire.server.configured.wait()
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
    monkeypatch.setattr("empower_lsp.server.PULL_SECONDS", 0.05)
    wire = Wire(**{"workspace/configuration": answer})
    await wire.initialize(workspace={"configuration": True})
    wire.open("x = ")
    assert await wire.items(0, 4)
    assert wire.started == [Settings()]
    await hang_up(wire)


async def test_a_client_that_stops_answering_keeps_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("empower_lsp.server.PULL_SECONDS", 0.05)
    wire = Wire(**{"workspace/configuration": [{"threads": 3}]})
    await wire.initialize(workspace={"configuration": True})
    await wire.server.configured.wait()
    wire.answers.pop("workspace/configuration")
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await asyncio.sleep(0.1)
    await wire.settle()
    assert wire.server.settings == Settings(threads=3)
    assert len(wire.started) == 1
    await hang_up(wire)


async def test_the_root_counts_as_a_folder(wire: Wire) -> None:
    root: dict[str, Any] = {"processId": None, "rootUri": "file:///a%20b/root", "capabilities": {}}
    await wire.request("initialize", root | {"initializationOptions": {"denyGlobs": ["/top.py"]}})
    for path, count in (("a%20b/root/top.py", 0), ("a%20b/root/sub/top.py", 1)):
        wire.open(f"{path} = ", f"file:///{path}")
        assert len(await wire.items(0, 4, uri=f"file:///{path}")) == count


async def test_a_completion_asked_before_the_configuration_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    monkeypatch.setattr("empower_lsp.server.PULL_SECONDS", 0.1)
    await wire.initialize(workspace={"configuration": True})
    wire.open("x = ")
    assert wire.server.session is None
    assert await wire.items(0, 4)
    await hang_up(wire)


async def test_a_change_of_the_model_swaps_the_engine(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    await wire.items(0, 4)
    first, wire.script = wire.script, Script("other()")
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"model": "other"}}})
    [item] = await wire.items(0, 4)
    assert item["insertText"] == "other()"
    assert first.closed
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


async def test_a_bad_model_in_the_middle_leaves_nothing_behind(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    assert await wire.items(0, 4)
    wire.refusal = ModelNotFound("No such file.")
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"model": "/bad"}}})
    assert await wire.items(0, 4) == []
    assert wire.script.closed
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


async def test_shutdown_closes_the_engine(wire: Wire) -> None:
    await wire.initialize()
    assert await wire.request("shutdown", None) is None
    assert wire.script.closed


async def test_half_characters_and_form_feeds_do_not_break_a_document(wire: Wire) -> None:
    await wire.initialize()
    wire.open("a\x0cb\u2028c\n\ud83d = \r\nend")
    wire.change("1", (1, 4), (1, 4))
    [item] = await wire.items(1, 5)
    assert wire.script.requests[0].prefix == "a\x0cb\u2028c\n\ufffd = 1"
    assert item["range"]["end"] == {"line": 1, "character": 5}


async def test_another_engine_is_taken_up_between_two_requests_and_none_fails(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    assert len(await wire.items(0, 4)) == 1
    first, wire.script = wire.script, Script("tuned()")
    wire.outdated = True
    [item] = await wire.items(0, 4)
    assert item["insertText"] == "tuned()"
    assert first.closed
    assert len(wire.started) == 2


async def test_an_engine_that_cannot_be_taken_up_is_said_and_the_old_one_goes_on(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    wire.outdated, wire.refusal = True, ModelNotFound("gone")
    [item] = await wire.items(0, 4)
    assert item["insertText"] == "completed()"
    assert wire.messages() == [(2, "gone")]


class Drained(list[News]):
    """What came out of a queue so far."""

    def __init__(self, queue: SimpleQueue[News | None]) -> None:
        super().__init__()
        self.queue = queue

    def all(self) -> list[News]:
        while not self.queue.empty():
            if news := self.queue.get():
                self.append(news)
        return list(self)


def told(wire: Wire) -> Drained:
    """All that the memory is told from now on; filled as it is said."""
    queue: SimpleQueue[News | None] = SimpleQueue()
    wire.server.feed._queues.append(queue)  # as `attach` does, without a thread and a process
    return Drained(queue)


async def test_the_memory_is_told_what_is_written_where(wire: Wire) -> None:
    news = told(wire)
    await wire.initialize({"denyGlobs": ["/private/"]})
    other, denied = "file:///work/space/other.py", "file:///work/space/private/a.py"
    wire.open("a = 1\r\n")
    wire.open("b = 2\n", other)
    wire.open("secret", denied)
    wire.open("c", "untitled:new")
    wire.change("x", (0, 0), (0, 0))
    for uri in (denied, "untitled:new", other):
        await wire.items(0, 1, uri=uri)
    wire.notify("textDocument/didClose", {"textDocument": {"uri": other}})
    wire.notify("textDocument/didSave", {"textDocument": {"uri": other}})
    wire.notify("textDocument/didClose", {"textDocument": {"uri": denied}})
    await wire.settle()
    assert news.all() == [
        Walk(Workspace(("/work/space",), ("/private/",)), False),
        Current("/work/space/app.py"),
        Current("/work/space/other.py", left=Written("/work/space/app.py", "xa = 1\n")),
        Current("", left=Written("/work/space/other.py", None)),
        Changed(("/work/space/other.py",)),
    ]


async def test_the_memory_follows_folders_and_the_deny_list(wire: Wire) -> None:
    news = told(wire)
    await wire.initialize()
    other = {"uri": "file:///work/other%20space", "name": "other"}
    wire.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [other], "removed": []}})
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"denyGlobs": ["*.sql"]}}})
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"denyGlobs": ["*.sql"]}}})
    await wire.settle()
    folders = ("/work/space", "/work/other space")
    assert news.all() == [
        Walk(Workspace(folders[:1]), False),
        Walk(Workspace(folders), False),
        Walk(Workspace(folders, ("*.sql",)), False),
    ]


async def test_a_client_that_can_is_asked_to_tell_of_files(wire: Wire) -> None:
    news = told(wire)
    await wire.initialize(workspace={"didChangeWatchedFiles": {"dynamicRegistration": True}})
    wish = await wire.seen(lambda message: message.get("method") == "client/registerCapability")
    assert wish["params"]["registrations"][0]["registerOptions"] == {"watchers": [{"globPattern": "**/*"}]}
    changes = [{"uri": f"file:///work/space/{name}", "type": 3} for name in ("a.py", "folder/")]
    wire.notify("workspace/didChangeWatchedFiles", {"changes": [*changes, {"uri": "output:1", "type": 1}]})
    await wire.settle()
    assert news.all() == [Walk(Workspace(("/work/space",)), True), Changed(("/work/space/a.py", "/work/space/folder"))]


async def test_the_same_memory_is_told_to_every_engine_and_the_status_says_whether_there_is_one(wire: Wire) -> None:
    await wire.initialize()
    assert (await wire.run("empower.status"))["memory"] is False
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"memory": False}}})
    await wire.settle()
    assert [settings.memory for settings in wire.started] == [True, False]
    assert wire.feeds == [wire.server.feed] * 2
