"""A client that nothing surprises: the server in a process of its own, every byte of it read, and nothing waited for
without end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

AUTOMATIC = {"triggerKind": 2}
OPEN_HANDED: dict[str, object] = {"model": "", "rule": "budget", "confidence": 0.05}
"""Settings of one small engine that shows whatever it has."""
SECONDS = 60.0
"""Longest wait for anything, on a machine that has other things to do."""


def framed(message: Mapping[str, object]) -> bytes:
    """Return a message as it goes over the wire."""
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Silence(Exception):
    """The server did not say in time what it should have."""


class Client:
    """`empower-lsp --stdio` and what it has said so far; for one thread. What the server asks is answered with null."""

    def __init__(
        self, program: str, data: Path, options: Mapping[str, object] | None = None, folder: Path | None = None
    ) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.options, self.folder, self.data = dict(options or {}), folder, data
        self.said = data / f"stderr-{time.monotonic_ns()}"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [program, "--stdio"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env={**os.environ, "EMPOWER_LSP_DATA": str(data)},
            )
        self.count: Counter[Any] = Counter()
        """How often each id was answered; of errors without one, None."""
        self.arrived: dict[Any, float] = {}
        """When each answer came, in seconds of the monotonic clock."""
        self.messages: list[str] = []
        """What was shown to the person."""
        self._answers: dict[Any, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._writing = threading.Lock()
        self._number = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def greet(self, **capabilities: object) -> None:
        """Shake hands."""
        folder = self.folder.as_uri() if self.folder is not None else None
        folders = [{"uri": folder, "name": "work"}] if folder else []
        params: dict[str, object] = {"processId": os.getpid(), "rootUri": folder, "workspaceFolders": folders}
        params |= {"capabilities": capabilities, "initializationOptions": self.options}
        self.request("initialize", params)
        self.notify("initialized", {})

    def configure(self, **options: object) -> None:
        """Change settings."""
        self.options |= options
        self.notify("workspace/didChangeConfiguration", {"settings": {"empower": self.options}})

    def open(self, uri: str, text: str, language: str = "python") -> None:
        """Open a document."""
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def insert(self, uri: str, line: int, character: int, text: str) -> None:
        """Write at a place."""
        at = {"line": line, "character": character}
        change = {"range": {"start": at, "end": at}, "text": text}
        self.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]})

    def ask_at(self, uri: str, line: int, character: int) -> int:
        """Ask for an inline completion; return the id of the request."""
        position = {"line": line, "character": character}
        params = {"textDocument": {"uri": uri}, "position": position, "context": AUTOMATIC}
        return self.ask("textDocument/inlineCompletion", params)

    def items_at(self, uri: str, line: int, character: int) -> list[dict[str, Any]]:
        """Return the items at a place."""
        items: list[dict[str, Any]] = self.answer(self.ask_at(uri, line, character))["result"]["items"]
        return items

    def status(self) -> dict[str, Any]:
        """Return how the engine does."""
        status: dict[str, Any] = self.request("workspace/executeCommand", {"command": "empower.status"})
        return status

    def settled(self, *states: str, seconds: float = SECONDS) -> dict[str, Any]:
        """Return the status once the engine is in one of some states."""
        deadline = time.monotonic() + seconds
        while (status := self.status())["engine"] not in states:
            if time.monotonic() > deadline:
                raise Silence(f"after {seconds:.0f} s the engine is {status['engine']}, none of {states}")
            time.sleep(0.02)
        return status

    def ask(self, method: str, params: object) -> int:
        """Send a request; return its id."""
        self._number += 1
        self.send({"id": self._number, "method": method, "params": params})
        return self._number

    def request(self, method: str, params: object) -> Any:
        """Return the result of a request."""
        answer = self.answer(self.ask(method, params))
        assert "result" in answer, answer
        return answer["result"]

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params})

    def answer(self, id: object, seconds: float = SECONDS) -> dict[str, Any]:
        """Return the answer to a request, once. Raises Silence."""
        deadline = time.monotonic() + seconds
        with self._news:
            while id not in self._answers:
                if not self._news.wait(min(0.5, max(0.0, deadline - time.monotonic()))):
                    if time.monotonic() > deadline:
                        raise Silence(f"no answer in {seconds:.0f} s")
                    if not self._reader.is_alive():
                        raise Silence(f"the server has ended with {self.process.poll()}: {self.stderr()[-500:]}")
            return self._answers.pop(id)

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message."""
        self.write(framed(message))

    def write(self, data: bytes) -> None:
        """Send bytes, whatever they are; to a server that is gone, none."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError), self._writing:
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def engines(self) -> list[psutil.Process]:
        """Return the server's children that hold a model, or load one."""
        with suppress(psutil.Error):
            children = psutil.Process(self.process.pid).children()
            return [child for child in children if _is_engine(child)]
        return []

    def stderr(self) -> str:
        """Return what the server has said for its log."""
        return self.said.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End the server at once, and see to it that its children are gone too."""
        engines = self.engines()
        self.process.send_signal(signal.SIGKILL)
        self._close()
        psutil.wait_procs(engines, 10)

    def quit(self) -> int:
        """Say goodbye; return the exit status."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self._close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self.process.poll() is None:
            self.quit()
        else:
            self.kill()

    def _close(self) -> int:
        status = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        return status

    def _read(self) -> None:
        with suppress(ValueError):  # closed while it was read
            while (message := self._message()) is not None:
                self._take(message)
        with self._news:
            self._news.notify_all()

    def _message(self) -> dict[str, Any] | None:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            assert name.lower() in (b"content-length", b"content-type"), line
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            return None
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            with self._news:
                self.count[message["id"]] += 1
                self.arrived[message["id"]] = time.monotonic()
                self._answers[message["id"]] = message
                self._news.notify_all()
        elif "id" in message:
            self.send({"id": message["id"], "result": None})
        elif message["method"] == "window/showMessage":
            self.messages.append(message["params"]["message"])


def _is_engine(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline())
    return False


def model_of(engine: psutil.Process) -> str:
    """Return the path of the model that an engine has mapped; empty while it loads."""
    with suppress(psutil.Error, OSError):
        maps = Path(f"/proc/{engine.pid}/maps").read_text(encoding="utf-8")
        return next((line.split(maxsplit=5)[5] for line in maps.splitlines() if line.endswith(".gguf")), "")
    return ""
