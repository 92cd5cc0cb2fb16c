"""A minimal language client over a real server process: just enough JSON-RPC to time it from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from workload import Cursor

URI = "file:///benchmark/example.py"


class Client:
    """The installed `empower-lsp --stdio`, spoken to one message at a time; `started` is when it was spawned."""

    def __init__(self, options: Mapping[str, object], data: Path) -> None:
        program = Path(sys.executable).with_name("empower-lsp")
        environment = {**os.environ, "EMPOWER_LSP_DATA": str(data)}
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [program, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._options = options
        self._number = 0
        self._version = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.request("shutdown", None)
            self.notify("exit", None)
        else:
            self._process.kill()
        self._process.wait(20)

    def initialize(self) -> None:
        """The handshake's first half: returns once the server has answered."""
        self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": None,
                "capabilities": {"textDocument": {"inlineCompletion": {}}},
                "initializationOptions": self._options,
            },
        )

    def open(self, cursor: Cursor) -> None:
        """The handshake's second half, and a document."""
        self.notify("initialized", {})
        document = {
            "uri": URI,
            "languageId": "python",
            "version": self._version,
            "text": cursor.prefix + cursor.suffix,
        }
        self.notify("textDocument/didOpen", {"textDocument": document})

    def type(self, text: str, cursor: Cursor) -> None:
        """Insert a text at a cursor."""
        self._version += 1
        at = position(cursor)
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": URI, "version": self._version},
                "contentChanges": [{"range": {"start": at, "end": at}, "text": text}],
            },
        )

    def complete(self, cursor: Cursor) -> str:
        """The inline completion at a cursor; empty when there is none."""
        result = self.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": URI},
                "position": position(cursor),
                "context": {"triggerKind": 2},
            },
        )
        items = result["items"]
        return str(items[0]["insertText"]) if items else ""

    def engine(self) -> psutil.Process:
        """The child process with the model: the largest of the server's children."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        return max(children, key=lambda child: child.memory_info().rss)

    def request(self, method: str, params: object) -> Any:
        """Ask, and wait for the answer; the server's own requests are answered with null."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" in message:
                if "id" in message:
                    self._send({"id": message["id"], "result": None})
            elif message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def notify(self, method: str, params: object) -> None:
        """Tell."""
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise RuntimeError("the server has ended")
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


def position(cursor: Cursor) -> dict[str, int]:
    """Line and character of a cursor; the text before it on its line is taken to be ASCII."""
    return {"line": cursor.prefix.count("\n"), "character": len(cursor.prefix) - cursor.prefix.rfind("\n") - 1}
