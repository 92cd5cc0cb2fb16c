"""The bytes on standard output: frames of the protocol and nothing else, whatever comes in."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

TEXT = "# héllo 😀\ndef add(a, b):\n    return a + "
CURSOR = {"line": 2, "character": 15}


def frame(**message: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def frames(stream: bytes) -> list[dict[str, Any]]:
    """All messages of a stream; fails on any byte between them."""
    messages = []
    while stream:
        head, separator, stream = stream.partition(b"\r\n\r\n")
        assert separator, head
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        assert set(fields) <= {b"Content-Length", b"Content-Type"}, head
        length = int(fields[b"Content-Length"])
        messages.append(json.loads(stream[:length]))
        stream = stream[length:]
    return messages


def converse(command: list[str], environment: dict[str, str], folder: Path, *sent: bytes) -> list[dict[str, Any]]:
    goodbye = frame(id="bye", method="shutdown") + frame(method="exit")
    result = subprocess.run(
        command,
        input=b"".join(sent) + goodbye,
        capture_output=True,
        check=True,
        cwd=folder,
        env=environment,
        timeout=120,
    )
    return frames(result.stdout)


def greeting(options: dict[str, Any]) -> bytes:
    params = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options}
    return frame(id="hello", method="initialize", params=params) + frame(method="initialized", params={})


def answers(messages: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    replies = [message for message in messages if "method" not in message]
    assert len({message["id"] for message in replies}) == len(replies), "each request is answered once"
    return {message["id"]: message for message in replies}


@pytest.fixture
def opening(options: dict[str, Any]) -> bytes:
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": TEXT}
    return greeting(options) + frame(method="textDocument/didOpen", params={"textDocument": item})


def test_every_byte_belongs_to_a_frame(
    executable: str, opening: bytes, environment: dict[str, str], tmp_path: Path
) -> None:
    asked = [
        frame(id=number, method="textDocument/inlineCompletion", params=params)
        for number, params in enumerate(
            [
                {"textDocument": {"uri": "file:///a.py"}, "position": CURSOR, "context": {"triggerKind": 0}},
                {"textDocument": {"uri": "file:///a.py"}, "position": CURSOR},
                {"textDocument": {"uri": "file:///a.py"}, "context": {"triggerKind": 2}},
                None,
                {"textDocument": {"uri": "file:///a.py"}, "position": CURSOR, "context": {"triggerKind": 2}},
            ]
        )
    ]
    messages = converse([executable, "--stdio"], environment, tmp_path, opening, *asked)
    replies = answers(messages)
    assert set(replies) == {"hello", "bye", 0, 1, 2, 3, 4}
    assert replies["hello"]["result"]["capabilities"]["inlineCompletionProvider"] is not None
    assert [replies[number]["error"]["code"] for number in (2, 3)] == [-32602, -32602]
    assert not [message for message in messages if message.get("method") == "window/showMessage"]


def test_leaving_without_notice_exits_with_one(
    executable: str, opening: bytes, environment: dict[str, str], tmp_path: Path
) -> None:
    for end in (b"", frame(method="exit")):
        command = [executable, "--stdio"]
        result = subprocess.run(command, input=opening + end, capture_output=True, check=False, env=environment)
        assert result.returncode == 1
        assert answers(frames(result.stdout))


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"Content-Length: 5\r\n\r\n{}", "ended after 2 of the 5 bytes"),
        (b"Content-Length: 1\r\n\r\n" + frame(id=1, method="shutdown"), "no Content-Length"),
        (frame(id=1, method="telepathy") + b"{}\n", "the length of the last message was wrong"),
        (b"Content-Length: many\r\n\r\n{}", "no number of bytes"),
        (b"Content-Length: -1\r\n\r\n{}", "no number of bytes"),
        (b"Content-Length: 99999999999\r\n\r\n{}", "no number of bytes"),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}", "no number of bytes"),
        (b"Content-Type: a\r\n\r\n{}", "no Content-Length"),
        (b"{}\r\n", "there is none"),
        (b"x" * 20_000, "too long"),
        (b"A: b\r\n" * 1000, "no end"),
        (b"Content-Length: 5\r\n", "within a header"),
    ],
)
def test_a_stream_that_is_lost_ends_the_server_with_a_line_that_says_so(
    executable: str, environment: dict[str, str], tmp_path: Path, stream: bytes, words: str
) -> None:
    server = subprocess.Popen(
        [executable, "--stdio"], stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=tmp_path, env=environment
    )
    assert server.stdin is not None
    server.stdin.write(greeting({}) + stream)
    server.stdin.flush()
    if "ended" in words or "within" in words:
        server.stdin.close()
        server.stdin = None
    assert server.wait(60) == 1, "it does not wait for more"
    _, printed = server.communicate()
    [line] = [line for line in printed.decode().splitlines() if line.startswith("empower-lsp ends: ")]
    assert words in line


def test_an_interrupt_ends_it_at_once(
    executable: str, opening: bytes, environment: dict[str, str], tmp_path: Path
) -> None:
    server = started([executable, "--stdio"], environment, tmp_path, opening)
    server.send_signal(signal.SIGINT)
    assert server.wait(10) == 1, "though standard input is still open"
    server.communicate()


def test_it_ends_with_the_editor_even_if_somebody_else_holds_the_pipe(
    executable: str, options: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=PIPE)
    params = {"processId": editor.pid, "rootUri": None, "capabilities": {}, "initializationOptions": options}
    server = started([executable, "--stdio"], environment, tmp_path, frame(id=0, method="initialize", params=params))
    time.sleep(3)
    assert server.poll() is None
    editor.kill()
    editor.communicate()
    assert server.wait(30) == 1
    _, printed = server.communicate()
    assert b"the editor's process is gone" in printed


def test_it_completes_though_the_folder_it_was_started_in_is_gone(
    executable: str, opening: bytes, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    gone = f"import os, shutil; shutil.rmtree({str(folder)!r}); os.execv({executable!r}, [{executable!r}, '--stdio'])"
    assert completes([sys.executable, "-P", "-c", gone], environment, folder, opening)


def test_what_pythonpath_offers_is_not_imported(
    executable: str, opening: bytes, environment: dict[str, str], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in ("numpy", "llama_cpp", "psutil", "sqlite3", "pygls", "lsprotocol", "cattrs", "empower_model"):
        (own / f"{name}.py").write_text("raise SystemExit('hijacked')")
    none = own / "numpy.py", own / "nowhere"  # no folders, which Python passes over
    environment = environment | {"PYTHONPATH": os.pathsep.join(map(str, (own, *none)))}
    assert completes([executable, "--stdio"], environment, tmp_path, opening)


def started(command: list[str], environment: dict[str, str], folder: Path, sent: bytes) -> subprocess.Popen[bytes]:
    """Return a server that has answered the first message.

    It heeds an interrupt, which what is started in the background of a script inherits as ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        server = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=folder, env=environment)
    finally:
        signal.signal(signal.SIGINT, before)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(sent)
    server.stdin.flush()
    assert server.stdout.readline().startswith(b"Content-Length")
    return server


def completes(command: list[str], environment: dict[str, str], folder: Path, opening: bytes) -> bool:
    """Return whether a completion is answered with items."""
    names = "".join(f"        self.{name} = {name}\n" for name in ("red", "green", "blue", "alpha"))
    text = f"class Colour:\n    def __init__(self, red, green, blue, alpha, depth):\n{names}        self.depth = "
    item = {"uri": "file:///b.py", "languageId": "python", "version": 1, "text": text}
    cursor = {"line": 6, "character": 21}
    params = {"textDocument": {"uri": "file:///b.py"}, "position": cursor, "context": {"triggerKind": 2}}
    server = started(command, environment, folder, opening)
    sent = frame(method="textDocument/didOpen", params={"textDocument": item})
    sent += frame(id=1, method="textDocument/inlineCompletion", params=params)
    assert server.stdin is not None
    server.stdin.write(sent)
    server.stdin.flush()
    assert server.stdout is not None
    answer = b""
    while b'"id": 1' not in answer and (some := os.read(server.stdout.fileno(), 65536)):
        answer += some
    server.communicate(frame(id="bye", method="shutdown") + frame(method="exit"), timeout=60)
    return b"insertText" in answer


def test_prints_do_not_reach_the_protocol(
    opening: bytes, options: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    noisy = (
        "import os, subprocess, sys; import empower_lsp.serving.conversation as c; start = c.Conversation.configure\n"
        "def loud(self, raw):\n"
        "    print('python'); sys.stdout.flush(); os.write(1, b'native'); subprocess.run(['echo', 'child'])\n"
        "    assert not sys.stdin.buffer.read(1); start(self, raw)\n"
        "c.Conversation.configure = loud\n"
        "from empower_lsp.edge.stdio import serve; serve()"
    )
    messages = converse([sys.executable, "-P", "-c", noisy], environment, tmp_path, opening)
    assert set(answers(messages)) == {"hello", "bye"}


def test_the_server_imports_nothing_heavy(environment: dict[str, str], tmp_path: Path) -> None:
    heavy = "{'numpy', 'llama_cpp', 'torch', 'transformers', 'rich', 'huggingface_hub', 'empower_training'}"
    code = f"import sys, empower_lsp.cli, empower_lsp.edge.server; print(sorted({heavy} & set(sys.modules)))"
    command = [sys.executable, "-P", "-c", code]
    result = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, env=environment, text=True)
    assert result.stdout == "[]\n"
