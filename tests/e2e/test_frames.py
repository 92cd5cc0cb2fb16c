"""The bytes on standard output: frames of the protocol and nothing else, whatever comes in."""

import json
import subprocess
import sys
from pathlib import Path
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
    found = [message for message in messages if "method" not in message]
    assert len({message["id"] for message in found}) == len(found), "each request is answered once"
    return {message["id"]: message for message in found}


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
    found = answers(messages)
    assert set(found) == {"hello", "bye", 0, 1, 2, 3, 4}
    assert found["hello"]["result"]["capabilities"]["inlineCompletionProvider"] is not None
    assert [found[number]["error"]["code"] for number in (2, 3)] == [-32602, -32602]
    assert not [message for message in messages if message.get("method") == "window/showMessage"]


def test_leaving_without_notice_exits_with_one(
    executable: str, opening: bytes, environment: dict[str, str], tmp_path: Path
) -> None:
    for end in (b"", frame(method="exit")):
        command = [executable, "--stdio"]
        result = subprocess.run(command, input=opening + end, capture_output=True, check=False, env=environment)
        assert result.returncode == 1
        assert answers(frames(result.stdout))


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
