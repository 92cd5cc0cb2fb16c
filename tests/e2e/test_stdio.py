"""The installed server over standard input and output, with a model, as an editor drives it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

TEXT = """\
class Point:
    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z


class Colour:
    def __init__(self, red, green, blue):
        self.red = red
        self.green = green
        self.blue = blue


class Person:
    def __init__(self, name, age, city):
        self.name = name
        self.age = 
"""
CURSOR = types.Position(17, 19)


class Editor(LanguageClient):
    """A client that keeps what it is told, and has settings that can be asked for."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__("editor", "1")
        self.settings = settings
        self.shown: list[types.ShowMessageParams] = []
        self.progressed: list[Any] = []
        self.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.shown.append(params))  # noqa: PLW0108
        self.feature(types.PROGRESS)(lambda params: self.progressed.append(params.value))
        self.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)(lambda params: None)
        self.feature(types.WORKSPACE_CONFIGURATION)(lambda params: [self.settings])

    async def start(self, executable: str, folder: Path, environment: dict[str, str]) -> types.InitializeResult:
        """Start the server in `folder` and greet it."""
        await self.start_io(executable, "--stdio", cwd=folder, env=environment)
        result = await self.initialize_async(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(
                    workspace=types.WorkspaceClientCapabilities(configuration=True),
                    window=types.WindowClientCapabilities(work_done_progress=True),
                ),
                process_id=os.getpid(),
                workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name)],
            )
        )
        self.initialized(types.InitializedParams())
        return result

    @property
    def process(self) -> psutil.Process:
        """The server's process."""
        assert self._server is not None
        return psutil.Process(self._server.pid)

    def engine(self) -> psutil.Process:
        """Return the server's child that holds the model."""
        [child] = [child for child in self.process.children() if "spawn_main" in " ".join(child.cmdline())]
        return child

    async def quit(self) -> None:
        """Say goodbye, if anyone is there, and wait for the end."""
        assert self._server is not None
        if self._server.returncode is None:
            await self.shutdown_async(None)
            self.exit(None)
        async with asyncio.timeout(20):
            await self.stop()  # type: ignore[no-untyped-call]

    def open(self, uri: str, text: str, language: str = "python") -> None:
        """Open a document at version 1."""
        item = types.TextDocumentItem(uri, language, 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def type(self, uri: str, version: int, at: types.Position, text: str) -> types.Position:
        """Insert text, without line ends, and move behind it."""
        change = types.TextDocumentContentChangePartial(types.Range(at, at), text)
        document = types.VersionedTextDocumentIdentifier(version, uri)
        self.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
        return types.Position(at.line, at.character + len(text))

    def asking(self, uri: str, at: types.Position) -> types.InlineCompletionParams:
        """Parameters of an automatic request."""
        context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
        return types.InlineCompletionParams(context, types.TextDocumentIdentifier(uri), at)

    async def items(self, uri: str, at: types.Position) -> list[types.InlineCompletionItem]:
        """Return the items at a position."""
        async with asyncio.timeout(60):
            result = await self.text_document_inline_completion_async(self.asking(uri, at))
        assert isinstance(result, types.InlineCompletionList)
        return list(result.items)

    async def configure(self, **settings: Any) -> None:
        """Change settings, as a person does in the middle of the work, and wait until they are asked for."""
        self.settings = self.settings | settings
        self.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
        await self.run("empower.status")
        await self.run("empower.status")

    async def run(self, command: str, *arguments: Any) -> Any:
        """Return what a command of the server returns."""
        async with asyncio.timeout(30):
            params = types.ExecuteCommandParams(command, list(arguments))
            return await self.workspace_execute_command_async(params)


async def until(condition: Callable[[], object]) -> None:
    """Wait, at most half a minute, for something to become true."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, buried or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
async def editor(
    executable: str, options: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> AsyncIterator[Editor]:
    """Return a greeted server in a workspace with one file."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    editor = Editor(dict(options))
    await editor.start(executable, folder, environment)
    yield editor
    await editor.quit()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Return the workspace's file, which is open nowhere yet."""
    return (tmp_path / "workspace" / "shapes.py").as_uri()


async def test_typing_gets_completions_that_end_somewhere_for_a_reason(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    [item] = await editor.items(uri, CURSOR)
    assert isinstance(item.insert_text, str)
    assert item.insert_text.strip()
    assert item.range == types.Range(CURSOR, CURSOR)
    assert item.command is not None
    assert item.command.command == "empower.accept"

    why = await editor.run("empower.why")
    assert why["text"] == item.insert_text
    assert "".join(token["text"] for token in why["tokens"] if token["kept"]).startswith(why["text"])
    assert all(token["surprisal"] >= 0 and token["entropy"] >= 0 for token in why["tokens"])
    assert why["totalMs"] >= why["promptMs"] > 0

    await until(lambda: {"kind": "end"} in editor.progressed)
    assert editor.progressed[0]["kind"] == "begin"
    assert editor.shown == []


async def test_what_is_typed_along_is_answered_with_the_rest(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    at, version = CURSOR, 1
    [item] = await editor.items(uri, at)
    whole = str(item.insert_text)
    for typed in range(1, min(len(whole.splitlines()[0]), 4)):
        version += 1
        at = editor.type(uri, version, at, whole[typed - 1])
        [item] = await editor.items(uri, at)
        assert item.insert_text == whole[typed:]
        assert item.range == types.Range(at, at)


async def test_accepting_is_reported_by_command_and_notifications(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    [item] = await editor.items(uri, CURSOR)
    sent = editor.protocol._converter.unstructure(item)
    editor.protocol.notify("textDocument/didShowCompletion", {"item": sent})
    editor.protocol.notify("textDocument/didPartiallyAcceptCompletion", {"item": sent, "acceptedLength": 1})
    assert item.command is not None
    assert await editor.run(item.command.command, *(item.command.arguments or [])) is None
    assert editor.shown == []


async def test_a_cancelled_request_is_answered_and_the_next_one_served(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    await editor.items(uri, CURSOR)
    for line in (*range(1, 7), *range(8, 12)):  # before a letter there is nothing to cancel
        place = types.Position(line, 0)
        request = editor.protocol.send_request_async(
            types.TEXT_DOCUMENT_INLINE_COMPLETION, editor.asking(uri, place), msg_id=f"cancelled-{line}"
        )
        editor.cancel_request(types.CancelParams(id=f"cancelled-{line}"))
        async with asyncio.timeout(10):
            with pytest.raises(JsonRpcException) as refused:
                await request
        assert refused.value.code == -32800
    assert await editor.items(uri, CURSOR)


async def test_of_many_requests_only_the_newest_has_items(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    await editor.items(uri, CURSOR)
    places = [*(types.Position(line, 0) for line in (1, 8, 3, 10, 6)), CURSOR]
    results = await asyncio.gather(*(editor.items(uri, place) for place in places))
    assert [len(items) for items in results[:-1]] == [0] * 5
    assert results[-1]


async def test_options_change_while_it_runs(editor: Editor, uri: str, tmp_path: Path) -> None:
    editor.open(uri, TEXT)
    assert await editor.items(uri, CURSOR)
    engine = editor.engine()
    await editor.configure(confidence=1.0)
    assert await editor.items(uri, CURSOR) == [], "nothing is certain"
    await editor.configure(confidence=0.05)
    assert await editor.items(uri, CURSOR)
    assert editor.engine() == engine, "neither needs another engine"

    good = editor.settings["model"]
    await editor.configure(model=str(tmp_path / "none.gguf"))
    for _ in range(3):
        assert await editor.items(uri, CURSOR), "the model that comes along answers"
    [message] = editor.shown
    assert message.type == types.MessageType.Error
    assert "none.gguf" in message.message
    assert (await editor.run("empower.status"))["engine"] == "failed"
    await until(lambda: gone(engine))

    await editor.configure(model=good)
    assert await editor.items(uri, CURSOR)
    assert len(editor.shown) == 1


async def test_a_corrupt_model_is_said_once(editor: Editor, uri: str, tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt.gguf"
    corrupt.write_bytes(b"GGUF\x03\0\0\0" + bytes(range(256)) * 16)
    editor.open(uri, TEXT)
    await editor.configure(model=str(corrupt), instant=False)
    for _ in range(3):
        assert await editor.items(uri, CURSOR) == []
    await until(lambda: editor.shown)
    [message] = editor.shown
    assert "corrupt.gguf" in message.message


async def test_a_wrong_option_is_said_once_and_the_rest_used(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    await editor.configure(confidense=0.5)
    await editor.configure(trigger="manual")
    [message] = editor.shown
    assert message.type == types.MessageType.Warning
    assert "did you mean empower.confidence?" in message.message
    assert await editor.items(uri, CURSOR) == []


async def test_line_ends_are_the_document_s_own(editor: Editor, uri: str) -> None:
    text = TEXT.replace("\n", "\r\n").replace("self.age = \r\n", "self.age = age\r\n")
    editor.open(uri, text)
    await editor.configure(confidence=0.0, maxTokens=40)
    seen = ""
    for line in range(6, 18):
        end = types.Position(line, len(text.split("\r\n")[line]))
        for item in await editor.items(uri, end):
            assert item.range == types.Range(end, end)
            seen += str(item.insert_text)
    assert "\r\n" in seen
    assert "\n" not in seen.replace("\r\n", "")
    assert "\r" not in seen.replace("\r\n", "")


async def test_secrets_and_denied_files_give_nothing(editor: Editor, uri: str) -> None:
    await editor.configure(denyGlobs=["/private/"])
    folder = uri.rpartition("/")[0]
    for name in (".env", "private/shapes.py", "id_rsa"):
        editor.open(f"{folder}/{name}", TEXT)
        assert await editor.items(f"{folder}/{name}", CURSOR) == []
    editor.open(uri, TEXT)
    assert await editor.items(uri, CURSOR)


async def test_a_killed_engine_costs_a_completion_and_is_said_once(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    for place in (CURSOR, types.Position(4, 18), types.Position(13, 0)):
        await editor.items(uri, place)  # may be the one it costs
        assert await editor.items(uri, place)
        engine = editor.engine()
        engine.kill()
        await until(partial(gone, engine))
    [message] = editor.shown
    assert message.type == types.MessageType.Warning


async def test_an_engine_killed_at_work_costs_a_completion(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT + TEXT.replace("age = ", "age = age") * 19)  # else the memory knows: that line ends there
    assert await editor.items(uri, CURSOR)
    engine = editor.engine()
    request = asyncio.ensure_future(editor.items(uri, types.Position(200, 0)))
    engine.suspend()
    await asyncio.sleep(0.2)
    engine.kill()
    assert await request == []
    assert await editor.items(uri, CURSOR)


HIJACK = "import pathlib, sys\npathlib.Path({marker!r}).touch()\nraise SystemExit('hijacked')\n"


async def test_a_hostile_workspace_is_not_imported(
    executable: str, options: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    marker = tmp_path / "hijacked"
    for name in ("json", "struct", "logging", "typing", "numpy", "llama_cpp", "multiprocessing", "empower_model"):
        (tmp_path / f"{name}.py").write_text(HIJACK.format(marker=str(marker)))
    editor = Editor(options)
    await editor.start(executable, tmp_path, environment)
    editor.open("file:///shapes.py", TEXT)
    assert await editor.items("file:///shapes.py", CURSOR)
    await editor.quit()
    assert not marker.exists()


async def test_nothing_is_left_after_a_shutdown(editor: Editor, uri: str) -> None:
    editor.open(uri, TEXT)
    assert await editor.items(uri, CURSOR)
    family = [editor.process, *editor.process.children(recursive=True)]
    assert len(family) > 1
    await editor.quit()
    await until(lambda: all(gone(process) for process in family))


@pytest.mark.parametrize("violently", [False, True])
async def test_nothing_is_left_when_either_end_dies(editor: Editor, uri: str, violently: bool) -> None:
    editor.open(uri, TEXT)
    assert await editor.items(uri, CURSOR)
    family = [editor.process, *editor.process.children(recursive=True)]
    assert editor._server is not None
    assert editor._server.stdin is not None
    if violently:
        editor.process.kill()
    else:
        editor._server.stdin.close()
    await until(lambda: all(gone(process) for process in family))


async def test_nothing_of_a_document_is_printed(
    executable: str, options: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    editor = Editor(options | {"verbosity": "info"})
    await editor.start(executable, tmp_path, environment)
    editor.open("file:///shapes.py", TEXT.replace("Colour", "Xyzzy"))
    assert await editor.items("file:///shapes.py", CURSOR)
    editor.text_document_did_change(  # of a document that is not open
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(1, "file:///Xyzzy.py"),
            [types.TextDocumentContentChangeWholeDocument("class Xyzzy")],
        )
    )
    await editor.run("empower.status")
    assert editor._server is not None
    assert editor._server.stderr is not None
    printed = asyncio.ensure_future(editor._server.stderr.read())
    await editor.quit()
    log = (await printed).decode()
    assert "textDocument/inlineCompletion" in log
    assert "Xyzzy" not in log
    assert "self" not in log
