"""Stands between an editor and the server, and notes when an inline completion is asked for and answered.

    python benchmarks/between.py NOTES PROGRAM [ARGUMENT ...]

NOTES gets a line of JSON for each answer: `asked` and `answered` in seconds since 1970, `character` of the cursor, and
the `id` of the item, or none. The messages pass as they are, and as soon as they are whole.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any

METHOD = "textDocument/inlineCompletion"


def carry(source: IO[bytes], sink: IO[bytes], seen: Callable[[Any], None]) -> None:
    """Pass messages on until there are no more, each shown to `seen` first."""
    while head := source.readline():
        while head[-4:] != b"\r\n\r\n":
            head += source.readline()
        size = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:"))
        body = source.read(size)
        seen(json.loads(body))
        sink.write(head + body)
        sink.flush()
    sink.close()


def main() -> None:
    """Start the program, and carry until it ends."""
    place, *command = sys.argv[1:]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    asked: dict[object, dict[str, Any]] = {}
    notes = open(place, "a", encoding="utf-8", buffering=1)  # noqa: PTH123, SIM115 - until the end

    def request(message: Any) -> None:
        if message.get("method") == METHOD:
            character = message["params"]["position"]["character"]
            asked[message["id"]] = {"asked": time.time(), "character": character}

    def answer(message: Any) -> None:
        note = asked.pop(message.get("id"), None) if "method" not in message else None
        if note is not None:
            items = (message.get("result") or {}).get("items") or [None]
            id = items[0]["command"]["arguments"][0] if items[0] else None
            notes.write(json.dumps({**note, "answered": time.time(), "id": id}) + "\n")

    threading.Thread(target=carry, args=(sys.stdin.buffer, process.stdin, request), daemon=True).start()
    carry(process.stdout, sys.stdout.buffer, answer)
    sys.exit(process.wait())


if __name__ == "__main__":
    main()
