"""A client of the server over an in-memory wire: raw JSON, with a scripted completer behind the real session."""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from empower_lsp.edge.frames import listen
from empower_lsp.edge.server import create_server
from empower_lsp.log.records import CompletionRecord
from empower_lsp.log.store import log_path, opened
from empower_lsp.serving.served_engine import Progress, Served
from empower_lsp.session.query import Source
from empower_lsp.settings import Settings
from empower_model.engine.seam import Token
from empower_model.feed import Feed
from empower_model.host.parent import HostEvent
from empower_model.request import Completion, End, OnPartial, Request

URI = "file:///work/space/app.py"


AUTOMATIC = {"triggerKind": 2}


INVOKED = {"triggerKind": 1}


class Script:
    """A completer that writes the same text at every cursor, when it is let."""

    def __init__(self, text: str = "completed()") -> None:
        self.text = text
        self.others: tuple[str, ...] = ()
        """What it offers beside, to who wants more than one."""
        self.requests: list[Request] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.stopped = threading.Event()
        self.expected: list[Request | None] = []
        self.closed = False

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        self.requests.append(request)
        self.stopped.clear()
        while not self.gate.wait(0.01):
            if self.stopped.is_set():
                return self.completion("", End.STOPPED)
        if self.error:
            raise self.error
        others = tuple(self.completion(text, End.UNCERTAIN) for text in self.others[: request.alternatives])
        return replace(self.completion(self.text, End.UNCERTAIN), alternatives=others)

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

    def expect(self, request: Request | None) -> None:
        self.expected.append(request)

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
        self.server = create_server(self.start, lambda *_: None)
        self.received: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self.answers: dict[str, Any] = {"window/workDoneProgress/create": None, "client/registerCapability": None}
        self.answers |= answers
        self.reader = Reader()
        self.number = 0
        self.server.protocol.set_writer(self)
        self.task = asyncio.create_task(listen(self.reader, self.server.protocol))

    def start(
        self, settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed, on_progress: Progress
    ) -> Served:
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
        """Close nothing: the stream has nothing to close."""

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
            while not (matching := [message for message in self.received if wanted(message)]):
                self.news.clear()
                await self.news.wait()
        return matching[-1]

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
        offered: list[dict[str, Any]] = (await self.reply(self.ask_at(line, character, context, uri)))["result"][
            "items"
        ]
        return offered

    async def run(self, command: str, *arguments: Any) -> Any:
        return await self.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})

    def messages(self) -> list[tuple[int, str]]:
        shown = [message["params"] for message in self.received if message.get("method") == "window/showMessage"]
        return [(params["type"], params["message"]) for params in shown]


async def hang_up(wire: Wire) -> None:
    wire.reader.feed_eof()
    await wire.task
    wire.script.gate.set()
    wire.server.shutdown()


def logged() -> list[tuple[CompletionRecord, list[tuple[str, bool]]]]:
    """Return the log: each completion, with the kinds of what became of it and whether the editor said so."""
    if not log_path().exists():
        return []
    with opened(log_path()) as store:
        return [
            (entry.completion, [(outcome.kind, outcome.explicit) for outcome in entry.outcomes])
            for entry in store.entries()
        ]
