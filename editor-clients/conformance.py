"""Plays a good client and a bad one against the server, over standard input and output, and says what comes of it.

    python3 conformance.py [PROGRAM [ARGUMENT...]]

PROGRAM is `empower-lsp` by default. Ends with 1 where an answer is not what a client may count on. Needs nothing but
Python.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0
URI = "untitled:conformance"
TEXT = """\
class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def moved(self, x, y):
        \n"""
LINE, TYPED = 6, "return Point(self.x"


class Client:
    """A language client that waits for each answer; what the server says meanwhile is kept in `heard`."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.numbers = itertools.count(1)
        self.heard: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        """Send a message under a header."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method: str, params: object) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params})

    def ask(self, method: str, params: object) -> dict[str, Any]:
        """Send a request; return its answer, with `result` or `error`."""
        number = next(self.numbers)
        self.send({"id": number, "method": method, "params": params})
        while True:
            message = self._message()
            if "method" in message:
                self.heard.append(message)
                if "id" in message:  # a request of the server's, such as one for a progress
                    self.send({"id": message["id"], "result": None})
            elif message["id"] == number:
                return message

    def _message(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if not length:
            raise SystemExit("The server has ended.")
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def complete(self, character: int, kind: int = 2, line: int = LINE) -> list[dict[str, Any]]:
        """Ask for inline completions; return the items."""
        place = {"textDocument": {"uri": URI}, "position": {"line": line, "character": character}}
        result = self.ask("textDocument/inlineCompletion", {**place, "context": {"triggerKind": kind}}).get("result")
        items: list[dict[str, Any]] = result.get("items", []) if isinstance(result, dict) else result or []
        return items

    def run(self, command: str, *arguments: object) -> dict[str, Any]:
        """Have the server run a command; return its answer."""
        return self.ask("workspace/executeCommand", {"command": command, "arguments": list(arguments)})


def good(client: Client, expect: Callable[[bool, str], None]) -> None:
    """Do what a client does in an hour of typing."""
    capabilities = {"experimental": {"empower": {"notifications": True}}, "textDocument": {"inlineCompletion": {}}}
    answer = client.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
    provided = answer["result"]["capabilities"]
    expect("inlineCompletionProvider" in provided, "inline completions are advertised")
    client.tell("initialized", {})
    opened = {"uri": URI, "languageId": "python", "version": 1, "text": TEXT}
    client.tell("textDocument/didOpen", {"textDocument": opened})
    late = time.monotonic() + PATIENCE
    ready = ("ready", "released", "failed")
    while client.run("empower.status")["result"]["engine"] not in ready and time.monotonic() < late:
        time.sleep(0.2)
    items: list[dict[str, Any]] = []
    column = 8
    for number, key in enumerate(TYPED):
        place = {"line": LINE, "character": column}
        change = {"range": {"start": place, "end": place}, "text": key}
        client.tell(
            "textDocument/didChange", {"textDocument": {"uri": URI, "version": number + 2}, "contentChanges": [change]}
        )
        column += 1
        items = client.complete(column) or items
    items = client.complete(column, kind=1)
    expect(bool(items), "asked by hand, there is a completion")
    item = items[0]
    expect(item["range"]["end"] == {"line": LINE, "character": column}, "its range ends at the cursor")
    at = {"textDocument": {"uri": URI}, "position": {"line": LINE, "character": column}}
    more = client.ask("textDocument/moreInlineCompletion", at)["result"]["items"]
    expect(bool(more) and more[0]["insertText"].startswith(item["insertText"]), "asked for more, it goes on from there")
    client.tell("textDocument/didShowCompletion", {"item": item})
    client.tell("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 1})
    client.tell("textDocument/didDismissCompletion", {"item": item})
    client.tell("textDocument/didRestCursor", at)
    accept = item["command"]
    expect("error" not in client.run(accept["command"], *accept["arguments"]), "its command can be run")
    why = client.run("empower.why")["result"]
    expect(
        why["words"].startswith(("It ", "You asked ")) and why["tokens"][0]["surprisal"] is not None,
        "it says why it stopped",
    )


def bad(client: Client, expect: Callable[[bool, str], None]) -> None:
    """Do what no client should do; after each, the server still answers."""
    place = {"textDocument": {"uri": URI}, "position": {"line": LINE, "character": 9}}
    method = "textDocument/inlineCompletion"
    expect("error" in client.ask("no/such/method", {}), "an unknown method is an error")
    expect(
        "id" in client.ask(method, {**place, "context": {"triggerKind": 0}}), "an unknown kind of trigger is answered"
    )
    expect("id" in client.ask(method, place), "a request without a context is answered")
    far = {"textDocument": {"uri": URI}, "position": {"line": 10**6, "character": 10**6}, "context": {"triggerKind": 2}}
    expect("id" in client.ask(method, far), "a place beyond the document is answered")
    unknown = {**far, "textDocument": {"uri": "untitled:nobody-opened-it"}}
    expect("id" in client.ask(method, unknown), "a document that nobody opened is answered")
    client.tell(
        "textDocument/didChange",
        {"textDocument": {"uri": "untitled:nobody-opened-it", "version": 1}, "contentChanges": []},
    )
    client.tell("textDocument/didShowCompletion", {"item": {"insertText": "x"}})
    client.tell("textDocument/didPartiallyAcceptCompletion", {"acceptedLength": -1})
    expect("error" in client.run("no.such.command"), "an unknown command is an error")
    expect("id" in client.run("empower.accept", "no such id"), "a completion that nobody offered is answered")
    expect("result" in client.run("empower.status"), "the server is still there")


def main() -> None:
    """Play both, and leave as the protocol wants it."""
    command = [*(sys.argv[1:] or ["empower-lsp"]), "--stdio"]
    failed = 0

    def expect(holds: bool, what: str) -> None:
        nonlocal failed
        failed += not holds
        print(f"{'ok ' if holds else 'BAD'}  {what}")

    client = Client(command)
    print("A good client")
    good(client, expect)
    print("A bad client")
    bad(client, expect)
    client.ask("shutdown", None)
    client.tell("exit", None)
    expect(client.process.wait(PATIENCE) == 0, "it ends as it was told to")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
