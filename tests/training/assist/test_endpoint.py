"""A chat model behind a real socket: ours around the bundled model, llama.cpp's own where it is there, and worse."""

import importlib.util
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.files import store
from empower_training.assist import assist, humans
from empower_training.assist.assist import TYPED_TOKENS, play
from empower_training.assist.endpoint import KEY, Endpoint, EndpointError
from empower_training.assist.humans import ChatHuman
from empower_training.assist.problems import Problem, bundled

LLAMA_SERVER = ("fastapi", "uvicorn", "sse_starlette", "starlette_context", "pydantic_settings")
"""What llama-cpp-python's server needs beside the package itself."""
QUESTION = [{"role": "user", "content": "Say something."}]

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]
"""From the request's JSON to status and body."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextmanager
def served(answer: Answer) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Return a server on this machine: its address, and the headers of what was asked."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append({**self.headers, "path": self.path})
            status, body = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # whoever asked did not wait
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", seen
        finally:
            server.shutdown()
            thread.join()


def completion(content: object) -> bytes:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    whole = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole).encode()


def by_engine(engine: LlamaEngine) -> Answer:
    """Answers with what a real model writes after the messages."""
    lock = threading.Lock()

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        prompt = "\n".join(message["content"] for message in request["messages"])
        with lock:
            engine.prefill(engine.tokenize(prompt)[-900:])
            pieces = [token.piece for token in islice(engine.decode(), request["max_tokens"])]
        return 200, completion(b"".join(pieces).decode(errors="replace"))

    return answer


@contextmanager
def llama_server(model: Path) -> Iterator[str]:
    """llama-cpp-python's own server."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bound = ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "2048", "--chat_format", "chatml"]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model), *bound]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/models", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module", params=["our server", "llama_cpp.server"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a server with the bundled model behind it."""
    weights = store.resolve(store.bundled()).path
    if request.param == "our server":
        with closing(LlamaEngine(EngineConfig(weights))) as engine, served(by_engine(engine)) as (address, _):
            yield address
        return
    if missing := [name for name in LLAMA_SERVER if importlib.util.find_spec(name) is None]:
        pytest.skip(f"llama_cpp.server needs {', '.join(missing)}")
    with llama_server(weights) as address:
        yield address


def test_a_real_model_answers(url: str) -> None:
    endpoint = Endpoint(url)
    code = "def add(first, second):\n    return first + second\n\n\ndef subtract(first, second):\n    return "
    asked: list[dict[str, str]] = [{"role": "user", "content": code}]
    short, longer = endpoint.ask(asked, 1), endpoint.ask(asked, 12)
    assert 0 < len(short) < len(longer)
    assert longer.startswith(short)  # greedily
    assert endpoint.ask(asked, 12) == longer


def test_a_problem_is_worked_on_with_a_real_model(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of 7 million parameters solves nothing, but every part of the way is walked."""
    monkeypatch.setattr(assist, "ROUNDS", 4)
    monkeypatch.setattr(humans, "THINKING_TOKENS", 24)
    problem = bundled()[0]
    human = ChatHuman(problem, Endpoint(url))
    tested: list[str] = []

    def fails(text: str, _: Problem) -> bool:
        tested.append(text)
        return False

    played = play(problem, human, lambda text: "pass" if len(text) < 200 else "", fails)
    assert 1 <= played.rounds <= 4
    assert played.unclear == human.unclear
    assert played.text == tested[0]
    assert played.text.startswith(problem.starter)
    assert played.shown >= 1
    assert len(played.text) == len(problem.starter) + played.kept + played.written
    longest = 40 * TYPED_TOKENS  # characters: no token of its vocabulary is longer
    assert played.written <= longest * played.rounds


def test_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the token of the Hugging Face hub, which its client sends when given none."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        asked.append(request)
        return 200, completion("yes")

    with served(answer) as (url, seen):
        assert Endpoint(url, "a-model").ask(QUESTION, 7, seed=3) == "yes"
        monkeypatch.setenv(KEY, "key of the server")
        assert Endpoint(url.removesuffix("/v1")).ask(QUESTION, 7) == "yes"
    assert [request["path"] for request in seen] == ["/v1/chat/completions"] * 2
    assert not any("hf_secret" in str(request) for request in seen)
    assert "key of the server" in str(seen[1])
    expected = {"model": "a-model", "max_tokens": 7, "temperature": 0.0, "seed": 3, "messages": QUESTION}
    assert {name: asked[0].get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, b"<html>hello</html>", "not with a chat completion"),
        (200, b"{}", "not with a chat completion"),
        (200, b"[1]", "not with a chat completion"),
        (200, b'{"choices": []}', "not with a chat completion"),
        (200, completion(None), "not with a chat completion"),
        (200, completion(7), "not with a chat completion"),
        (404, b"nothing here", r"answered with an error \(404"),
        (401, b"{}", KEY),
        (500, b"", r"answered with an error \(500"),
    ],
)
def test_nonsense_is_one_clear_error(status: int, body: bytes, message: str) -> None:
    with served(lambda _: (status, body)) as (url, _), pytest.raises(EndpointError, match=message) as error:
        Endpoint(url).ask(QUESTION, 7)
    assert url in str(error.value)
    assert "\n" not in str(error.value)


def test_a_server_that_is_not_there() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(EndpointError, match="cannot be reached"):
            Endpoint(url).ask(QUESTION, 7)


def test_a_server_that_does_not_answer() -> None:
    def answer(_: object) -> tuple[int, bytes]:
        done.wait(5)
        return 200, b""

    done = threading.Event()
    with served(answer) as (url, _):
        with pytest.raises(EndpointError, match=r"did not answer within 0\.2 seconds"):
            Endpoint(url, timeout=0.2).ask(QUESTION, 7)
        done.set()


@pytest.mark.parametrize("url", ["localhost:8000", "gpt-4", ""])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(EndpointError, match="no address of a chat server"):
        Endpoint(url)
