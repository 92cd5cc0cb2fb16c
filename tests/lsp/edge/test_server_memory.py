"""What the server tells the memory of the workspace."""

import threading

from empower_lsp.workspace.files import Workspace
from empower_model.feed import Changed, Current, Edited, Feed, News, Walk, _Listener

from .wire import Wire


class Heard(threading.Condition):
    """All that the memory was told, taken down as it is said."""

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self.news: list[News] = []
        self.feed = feed
        self.listener = _Listener(self, current="")
        feed._listeners.append(self.listener)  # as `attach` does, without a thread and a process

    def notify(self, n: int = 1) -> None:
        self.news += self.feed._unknown(self.listener)

    def all(self) -> list[News]:
        return list(self.news)


def told(wire: Wire) -> Heard:
    """All that the memory is told from now on."""
    return Heard(wire.server.conversation._workspace.feed)


async def test_the_memory_is_told_what_is_written_where(wire: Wire) -> None:
    news = told(wire)
    await wire.initialize({"denyGlobs": ["/private/"]})
    other, denied = "file:///work/space/other.py", "file:///work/space/private/a.py"
    wire.open("a = 1\r\n")
    wire.open("b = 2\n", other)
    wire.open("secret", denied)
    wire.open("c", "untitled:new")
    wire.change("x", (0, 0), (0, 0))
    for uri in (denied, "untitled:new", other):
        await wire.items(0, 1, uri=uri)
    wire.notify("textDocument/didClose", {"textDocument": {"uri": other}})
    wire.notify("textDocument/didSave", {"textDocument": {"uri": other}})
    wire.notify("textDocument/didClose", {"textDocument": {"uri": denied}})
    await wire.settle()
    assert news.all() == [
        Walk(Workspace(("/work/space",), ("/private/",)), False),
        Current("/work/space/app.py"),
        Current("/work/space/other.py", left=Edited("/work/space/app.py", "xa = 1\n")),
        Current("", left=Edited("/work/space/other.py", None)),
        Changed(("/work/space/other.py",)),
    ]


async def test_the_memory_follows_folders_and_the_deny_list(wire: Wire) -> None:
    news = told(wire)
    await wire.initialize()
    other = {"uri": "file:///work/other%20space", "name": "other"}
    wire.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [other], "removed": []}})
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"denyGlobs": ["*.sql"]}}})
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"denyGlobs": ["*.sql"]}}})
    await wire.settle()
    folders = ("/work/space", "/work/other space")
    assert news.all() == [
        Walk(Workspace(folders[:1]), False),
        Walk(Workspace(folders), False),
        Walk(Workspace(folders, ("*.sql",)), False),
    ]


async def test_a_client_that_can_is_asked_to_tell_of_files(wire: Wire) -> None:
    news = told(wire)
    await wire.initialize(workspace={"didChangeWatchedFiles": {"dynamicRegistration": True}})
    wish = await wire.seen(lambda message: message.get("method") == "client/registerCapability")
    assert wish["params"]["registrations"][0]["registerOptions"] == {"watchers": [{"globPattern": "**/*"}]}
    changes = [{"uri": f"file:///work/space/{name}", "type": 3} for name in ("a.py", "folder/")]
    wire.notify("workspace/didChangeWatchedFiles", {"changes": [*changes, {"uri": "output:1", "type": 1}]})
    await wire.settle()
    assert news.all() == [Walk(Workspace(("/work/space",)), True), Changed(("/work/space/a.py", "/work/space/folder"))]


async def test_the_same_memory_is_told_to_every_engine_and_the_status_says_whether_there_is_one(wire: Wire) -> None:
    await wire.initialize()
    assert (await wire.run("empower.status"))["memory"] is False
    wire.notify("workspace/didChangeConfiguration", {"settings": {"empower": {"memory": False}}})
    await wire.settle()
    assert [settings.memory for settings in wire.started] == [True, False]
    assert wire.feeds == [wire.server.conversation._workspace.feed] * 2


async def test_without_a_folder_the_memory_is_told_what_is_open(wire: Wire) -> None:
    news = told(wire)
    await wire.request("initialize", {"processId": None, "capabilities": {"workspace": {"configuration": True}}})
    wire.notify("initialized", {})
    asked = await wire.seen(lambda message: message.get("method") == "workspace/configuration")
    wire.open("a = 1\r\n", "file:///one/a.py")  # before anybody knows what is denied
    wire.open("secret", "file:///one/private/b.py")
    await wire.settle()
    assert news.all() == []
    wire.send(id=asked["id"], result=[{"denyGlobs": ["private/"]}])
    wire.open("c = 3\n", "file:///two/c.py")
    await wire.settle()
    assert news.all()[1:] == [
        Current("/one/a.py"),
        Current("/two/c.py", left=Edited("/one/a.py", "a = 1\n")),
    ]
