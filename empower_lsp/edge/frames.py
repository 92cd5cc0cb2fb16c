"""The stream of one client: messages between headers, read as widely as clients write them.

What is no frame any more ends the stream with the reason, since where the next message begins nobody knows.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, BinaryIO, Protocol

from pygls.exceptions import JsonRpcException, JsonRpcParseError

LARGEST_MESSAGE = 256 << 20
"""Bytes of a message, many times those of a document that is still answered."""
LONGEST_HEADER = 8192
"""Bytes of a line of a header."""
MOST_HEADERS = 64
"""Lines of a header."""
_READ_FOR_ID = 1 << 16
"""Bytes at the start of a message that cannot be read as a whole, among which its id is looked for."""
_PART = re.compile(rb'(?s)"(?:[^"\\]|\\.)*"?|[\[\]{}:,]|[^\s"\[\]{}:,]+')
"""A string, with or without its end, a sign, or a word or number of JSON."""


class StreamLost(Exception):
    """A stream that cannot be followed any more; `str()` says why, without any of its text."""


class ByteReader(Protocol):
    """Reads a stream; asyncio's reader, or `StandardInput`."""

    def readline(self) -> Awaitable[bytes]:
        """Return the next line with its end; without one at the end of the stream, and where it is too long."""
        ...

    def readexactly(self, n: int) -> Awaitable[bytes]:
        """Return so many bytes; fewer, or IncompleteReadError, at the end of the stream."""
        ...


class Receiver(Protocol):
    """Takes what a client says."""

    def received(self, data: Any) -> None:
        """Take a message, as JSON."""
        ...

    def refused(self, error: JsonRpcException, msg_id: str | int | None) -> None:
        """Answer what cannot be read as a message, by its id where that much can be read."""
        ...


async def listen(reader: ByteReader, receiver: Receiver) -> None:
    """Pass on each message until the stream ends. Raises StreamLost."""
    while (length := await _header(reader)) is not None:
        try:
            body = await reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            body = error.partial
        if len(body) < length:
            raise StreamLost(f"the stream ended after {len(body)} of the {length} bytes of a message")
        try:
            data = json.loads(body)
        except (ValueError, RecursionError) as error:
            nested = "nested too deep" if isinstance(error, RecursionError) else "no JSON in UTF-8"
            receiver.refused(JsonRpcParseError(f"A message of {length} bytes is {nested}."), _id(body))
            continue
        receiver.received(data)


def _id(body: bytes) -> str | int | None:
    """Return the id of a message that is no JSON, or too deep for it: the value of `id` at its top, if it is found."""
    depth, before = 0, (b"", b"")
    for part in _PART.findall(body[:_READ_FOR_ID]):
        if part in (b"[", b"{"):
            depth += 1
        elif part in (b"]", b"}"):
            depth -= 1
        elif depth == 1 and before == (b'"id"', b":"):
            with suppress(ValueError):
                id = json.loads(part)
                return id if type(id) in (str, int) else None
            return None
        before = before[1], part
    return None


async def _header(reader: ByteReader) -> int | None:
    """Return the length of the message that follows; None at the end of the stream."""
    length: int | None = None
    begun = False
    for _ in range(MOST_HEADERS):
        line = await reader.readline()
        if not line:
            if begun:
                raise StreamLost("the stream ended within a header")
            return None
        if not line.endswith(b"\n"):
            raise StreamLost("a header's line is too long, or the stream ended within it")
        if not line.strip():
            if length is not None:
                return length
            if begun:
                raise StreamLost("a header has no Content-Length")
            continue
        begun = True
        name, colon, value = line.partition(b":")
        if not colon:
            raise StreamLost("where a header should be there is none: the length of the last message was wrong")
        if name.strip().lower() == b"content-length":
            length = _length(value.strip())
    raise StreamLost("a header has no end")


def _length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 12 or int(value) > LARGEST_MESSAGE:
        raise StreamLost(f"a Content-Length is no number of bytes up to {LARGEST_MESSAGE}")
    return int(value)


class StandardInput:
    """Standard input, read by a thread that nobody waits for at the end: it may wait for ever itself."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._wanted: SimpleQueue[tuple[Callable[[], bytes], asyncio.Future[bytes]]] = SimpleQueue()
        threading.Thread(target=self._run, name="empower-input", daemon=True).start()

    def readline(self) -> Awaitable[bytes]:
        """Return the next line, as `ByteReader` has it."""
        return self._read(lambda: self._stream.readline(LONGEST_HEADER))

    def readexactly(self, n: int) -> Awaitable[bytes]:
        """Return the next bytes, as `ByteReader` has it."""
        return self._read(lambda: self._stream.read(n))

    def _read(self, read: Callable[[], bytes]) -> Awaitable[bytes]:
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._wanted.put((read, answer))
        return answer

    def _run(self) -> None:
        while True:
            read, answer = self._wanted.get()
            try:
                content = read()
            except (OSError, ValueError):  # as closed as it can be
                content = b""
            try:
                self._loop.call_soon_threadsafe(_give, answer, content)
            except RuntimeError:  # the loop is over
                return


def _give(answer: asyncio.Future[bytes], content: bytes) -> None:
    if not answer.done():
        answer.set_result(content)
