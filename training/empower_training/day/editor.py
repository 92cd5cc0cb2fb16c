"""A minimal editor: the real server in a process of its own, spoken to one JSON-RPC message at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

AUTOMATIC = 2
"""The protocol's kind of a request that nobody asked for by a key."""


class ServerEnded(RuntimeError):
    """The server closed its stream before it had answered."""


class Editor:
    """`empower-lsp --stdio` and the documents that are open in it; positions are UTF-16, offsets code points.

    What the server asks is answered with null, and what it tells is passed over.
    """

    def __init__(self, options: Mapping[str, object], data: Path, folder: Path | None = None) -> None:
        """Start the installed server, with its data in `data`, for the workspace `folder`."""
        program = shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
        if program is None:
            raise FileNotFoundError("empower-lsp is not installed beside this Python")
        self._process = subprocess.Popen(
            [program, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "EMPOWER_LSP_DATA": str(data)},
        )
        self._options, self._folder = options, folder
        self.experimental: dict[str, object] = {}
        """What it says it can do beyond the protocol."""
        self._number = 0
        self._versions: dict[str, int] = {}
        self._texts: dict[str, str] = {}

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
        for stream in (self._process.stdout, self._process.stdin):
            if stream is not None:
                with suppress(BrokenPipeError):  # what a server that is gone was still to be told
                    stream.close()

    @property
    def pid(self) -> int:
        """Return the process id of the server."""
        return self._process.pid

    def initialize(self) -> None:
        """Do the first half of the handshake; return once the server has answered."""
        folders = [] if self._folder is None else [{"uri": self._folder.as_uri(), "name": self._folder.name}]
        params = {"processId": os.getpid(), "rootUri": folders[0]["uri"] if folders else None}
        self.request(
            "initialize",
            {
                **params,
                "workspaceFolders": folders,
                "capabilities": {"textDocument": {"inlineCompletion": {}}, "experimental": self.experimental},
                "initializationOptions": self._options,
            },
        )

    def initialized(self) -> None:
        """Send the second half of the handshake."""
        self.notify("initialized", {})

    def open(self, uri: str, text: str, language: str = "python") -> None:
        """Open a document."""
        self._versions[uri], self._texts[uri] = 1, text
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def close(self, uri: str) -> None:
        """Close a document."""
        del self._versions[uri], self._texts[uri]
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def text(self, uri: str) -> str:
        """Return an open document as it is."""
        return self._texts[uri]

    def replace(self, uri: str, start: int, end: int, text: str) -> None:
        """Make one edit of an open document."""
        old = self._texts[uri]
        edges = {"start": position(old, start), "end": position(old, end)}
        self._texts[uri] = old[:start] + text + old[end:]
        self._versions[uri] += 1
        document = {"uri": uri, "version": self._versions[uri]}
        self.notify(
            "textDocument/didChange",
            {"textDocument": document, "contentChanges": [{"range": edges, "text": text}]},
        )

    def complete(self, uri: str, offset: int) -> dict[str, Any] | None:
        """Return the first inline completion item at a cursor."""
        params = {"textDocument": {"uri": uri}, "position": position(self._texts[uri], offset)}
        context = {"triggerKind": AUTOMATIC}
        items = self.request("textDocument/inlineCompletion", {**params, "context": context})["items"]
        return items[0] if items else None

    def shown(self, item: Mapping[str, Any]) -> None:
        """Say that an item is on the screen."""
        self.notify("textDocument/didShowCompletion", {"item": item})

    def partially_accepted(self, item: Mapping[str, Any], characters: int) -> None:
        """Say that so much of an item, in UTF-16 units, was inserted."""
        self.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": characters})

    def run(self, command: str, *arguments: object) -> Any:
        """Return what a command of the server returns."""
        return self.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})

    def request(self, method: str, params: object) -> Any:
        """Ask, and wait for the answer. Raises RuntimeError on an error, ServerEnded at the end of the stream."""
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
        try:
            self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ServerEnded("the server has ended") from error

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise ServerEnded("the server has ended")
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


def position(text: str, offset: int) -> dict[str, int]:
    """Return the protocol's position of a code-point offset, in a text whose lines end with `\\n`."""
    start = text.rfind("\n", 0, offset) + 1
    return {"line": text.count("\n", 0, offset), "character": len(text[start:offset].encode("utf-16-le")) // 2}
