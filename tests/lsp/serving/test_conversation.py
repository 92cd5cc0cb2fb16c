"""What a conversation decides, without an editor: with a scripted engine, and documents that are a dictionary."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from empower_lsp.log import level
from empower_lsp.serving import conversation
from empower_lsp.serving.conversation import ALTERNATIVES, LARGEST, Conversation
from empower_lsp.serving.journal import LOGGED, NoJournal
from empower_lsp.serving.machine import MemoryShort
from empower_lsp.serving.served_engine import Progress, Served
from empower_lsp.session.query import Query, Source
from empower_lsp.settings import Settings
from empower_lsp.workspace.files import Workspace
from empower_model.errors import ModelNotFound
from empower_model.feed import Feed
from empower_model.host.parent import HostEvent
from empower_model.request import Completion, End, OnPartial, Request

URI = "file:///space/app.py"


@dataclass
class Script:
    """A completer that writes the same text at every cursor."""

    text: str = "completed()"
    requests: list[Request] = field(default_factory=list)
    expected: list[Request | None] = field(default_factory=list)
    closed: bool = False

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        self.requests.append(request)
        return Completion(self.text, (), 0, End.UNCERTAIN, 0.9, 1.0, 1, 1, 0.0, 0.0)

    def expect(self, request: Request | None) -> None:
        self.expected.append(request)

    def stop(self) -> None:
        """Nothing lasts."""

    def close(self) -> None:
        self.closed = True


@dataclass
class Said:
    """An announcer that keeps what it is told."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.lines.append(("tell", text))

    def warn(self, text: str) -> None:
        self.lines.append(("warn", text))

    def fail(self, text: str) -> None:
        self.lines.append(("fail", text))

    def forget(self) -> None:
        self.lines.append(("forget", ""))

    def begin(self, title: str) -> None:
        self.lines.append(("begin", title))

    def end(self) -> None:
        self.lines.append(("end", ""))

    def reading(self, read: int, of: int) -> None:
        self.lines.append(("reading", f"{read} of {of}"))

    def better(self, uri: str) -> None:
        self.lines.append(("better", uri))


class NotingFeed(Feed):
    """A feed that notes which documents it is told of, and what is to be looked through."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self.walks: list[object] = []

    def written(self, name: str, text: str) -> None:
        self.texts.append((name, text))
        super().written(name, text)

    def walk(self, library: Any, watched: bool) -> None:
        self.walks.append(library)
        super().walk(library, watched)


async def until_closed(script: Script) -> None:
    """Wait until an engine is closed: that is done in a thread of its own."""
    async with asyncio.timeout(5):
        while not script.closed:
            await asyncio.sleep(0.01)


class Editor:
    """An editor in a conversation: its documents, what it hears, and the engines it has begun."""

    def __init__(self) -> None:
        self.documents = {URI: "x = "}
        self.said = Said()
        self.script = Script()
        self.started: list[Settings] = []
        self.refusal: Exception | None = None
        self.outdated = False
        self.on_event: Callable[[HostEvent], None] = lambda _: None
        self.conversation = Conversation(self._start, lambda *_: None, self.said, self.documents.get)
        self.feed = self.conversation._workspace.feed = NotingFeed()

    def _start(
        self, settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed, on_progress: Progress
    ) -> Served:
        self.started.append(settings)
        self.on_event = on_event
        if self.refusal is not None:
            raise self.refusal
        return Served(self.script, Source("scripted", memory=True), lambda: self.outdated)

    def set(self, **options: Any) -> None:
        self.conversation.configure(options)

    def query(self, uri: str = URI, language: str = "python", **more: Any) -> Query:
        text = self.documents[uri]
        return Query(uri, text, len(text), language, **more)

    async def ask(self, uri: str = URI, **more: Any) -> str | None:
        answer = await self.conversation.asked(self.query(uri, **more))
        return None if answer is None else answer.text

    def type(self, text: str, uri: str = URI) -> None:
        at = len(self.documents[uri])
        self.documents[uri] += text
        self.conversation.edited(uri, self.documents[uri], [(at, at, text)])


@pytest.fixture
async def editor() -> AsyncIterator[Editor]:
    level.choose(level.Level.OFF)
    editor = Editor()
    editor.conversation.begin(None, ["file:///space"], False)
    yield editor
    editor.conversation.close()


async def test_a_query_is_answered_within_the_limits_of_the_settings(editor: Editor) -> None:
    editor.set(maxTokens=7)
    assert await editor.ask() == "completed()"
    [request] = editor.script.requests
    assert (request.prefix, request.limits, request.alternatives) == ("x = ", Settings(max_tokens=7).limits, 0)


async def test_who_asks_by_hand_is_offered_alternatives(editor: Editor) -> None:
    editor.set()
    await editor.ask(by_hand=True)
    assert editor.script.requests[0].alternatives == ALTERNATIVES


@pytest.mark.parametrize(("text", "answered"), [("x" * LARGEST, True), ("x" * (LARGEST + 1), False), ("\0", False)])
async def test_large_and_binary_documents_are_not_completed(editor: Editor, text: str, answered: bool) -> None:
    editor.set()
    editor.documents[URI] = text
    assert (await editor.ask() is not None) is answered
    assert len(editor.script.requests) == answered


async def test_inside_a_comment_or_a_string_only_who_asks_is_answered_if_that_is_wanted(editor: Editor) -> None:
    editor.documents[URI] = "x = 1  # "
    editor.set()
    assert await editor.ask() == "completed()"
    editor.set(commentsAndStrings=False)
    assert await editor.ask() is None
    assert await editor.ask(by_hand=True) == "completed()"
    editor.conversation.rested(editor.query())
    assert editor.script.expected == []
    editor.documents[URI] = "x = 1  # \n"
    assert await editor.ask() == "completed()"
    editor.documents[URI] = 'x = "'
    assert await editor.ask() is None


async def test_a_manual_trigger_answers_only_who_asks_by_hand(editor: Editor) -> None:
    editor.set(trigger="manual")
    assert await editor.ask() is None
    assert await editor.ask(by_hand=True) == "completed()"


async def test_a_language_is_off_by_the_settings_and_on_or_off_by_command(editor: Editor) -> None:
    editor.set(languages={"lua": False})
    assert await editor.ask(language="lua", by_hand=True) is None
    assert editor.conversation.toggle("lua") == {"language": "lua", "on": True}
    assert await editor.ask(language="lua") == "completed()"
    assert editor.conversation.toggle() == {"language": "*", "on": False}
    assert not editor.conversation.status()["on"]
    assert await editor.ask() is None


async def test_denied_documents_are_neither_completed_nor_told_to_the_memory(editor: Editor) -> None:
    editor.set(denyGlobs=["/private/"])
    for uri in ("file:///space/.env", "file:///space/private/a.py"):
        editor.documents[uri] = "secret"
        editor.type("!", uri)
        assert await editor.ask(uri, by_hand=True) is None
    assert editor.script.requests == []
    assert editor.feed.texts == []


async def test_what_is_denied_follows_the_settings_and_the_folders(editor: Editor) -> None:
    editor.set()
    assert await editor.ask() == "completed()"
    editor.set(denyGlobs=["/app.py"])
    assert await editor.ask() is None
    editor.conversation.folders_changed(["file:///"])
    editor.documents[URI] += "y"
    assert await editor.ask() == "completed()"
    assert editor.feed.walks == [
        Workspace(("/space",)),
        Workspace(("/space",), ("/app.py",)),
        Workspace((), ("/app.py",)),
    ]


async def test_a_query_waits_for_the_settings_and_is_judged_by_them(editor: Editor) -> None:
    waiting = [asyncio.create_task(editor.ask(uri)) for uri in (URI, URI)]
    await asyncio.sleep(0.01)
    assert not any(task.done() for task in waiting)
    editor.set(denyGlobs=["*.py"])
    assert [await task for task in waiting] == [None, None]
    assert editor.script.requests == []


async def test_what_changed_since_it_was_asked_about_is_not_answered(editor: Editor) -> None:
    editor.set()
    task = asyncio.create_task(editor.ask())
    await asyncio.sleep(0)
    editor.type("1")
    assert await task is None
    query = editor.query()
    del editor.documents[URI]
    assert await editor.conversation.asked(query) is None


async def test_a_keystroke_tells_the_memory_once(editor: Editor) -> None:
    editor.set()
    editor.type("a\r\n")
    await editor.ask()
    assert editor.feed.texts == [("/space/app.py", "x = a\n")]
    editor.type("b")
    await editor.ask()
    await editor.ask()
    assert [text for _, text in editor.feed.texts[1:]] == ["x = a\nb"]


async def test_the_memory_is_told_of_a_document_that_is_asked_in_without_a_keystroke(editor: Editor) -> None:
    editor.set()
    editor.documents |= {"file:///space/b.py": "b", "untitled:new": "c"}
    for uri in (URI, "file:///space/b.py", "untitled:new", URI):
        await editor.ask(uri)
    assert [name for name, _ in editor.feed.texts] == ["/space/app.py", "/space/b.py", "/space/app.py"]
    editor.conversation.closed(URI)
    await editor.ask()
    assert len(editor.feed.texts) == 4, "closed and opened again, it counts anew"


async def test_nothing_is_told_before_the_settings_say_what_may_be_read(editor: Editor) -> None:
    editor.type("a")
    assert editor.feed.texts == []
    editor.set()
    await editor.ask()
    assert editor.feed.texts == [("/space/app.py", "x = a")]


async def test_a_keystroke_builds_neither_settings_nor_a_workspace(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.set(denyGlobs=["/private/"])
    built: list[object] = []
    for kind in (Settings, Workspace):
        monkeypatch.setattr(kind, "__init__", lambda self, *_, **__: built.append(self))
    editor.type("a")
    assert await editor.ask() == "completed()"
    assert built == []


async def test_without_a_model_nothing_is_answered_and_nothing_breaks(editor: Editor) -> None:
    editor.refusal = ModelNotFound("No model x.")
    editor.set(model="x")
    editor.type("a")
    assert await editor.ask() is None
    assert editor.conversation.why() is None
    assert editor.conversation.status()["engine"] == "failed"
    assert editor.said.lines[-1] == ("fail", "No model x.")
    editor.refusal = None
    editor.set(model="x")
    assert await editor.ask() == "completed()", "the settings are a reason to try again"


async def test_an_engine_that_fails_is_let_go_and_its_queries_are_answered_with_nothing(editor: Editor) -> None:
    editor.set()
    assert await editor.ask() == "completed()"
    assert editor.conversation.status()["memory"]
    editor.on_event(HostEvent("failed", "It is corrupt."))
    await asyncio.sleep(0.01)
    assert await editor.ask() is None
    await until_closed(editor.script)
    assert not editor.conversation.status()["memory"]
    assert ("fail", "It is corrupt.") in editor.said.lines


async def test_another_engine_is_taken_up_when_it_is_outdated(editor: Editor) -> None:
    editor.set()
    first, editor.script = editor.script, Script("tuned()")
    editor.outdated = True
    assert await editor.ask() == "tuned()"
    await until_closed(first)


async def test_only_some_settings_begin_another_engine(editor: Editor) -> None:
    editor.set()
    editor.set(confidence=0.5)
    assert len(editor.started) == 1
    editor.set(threads=2)
    assert [settings.threads for settings in editor.started] == [0, 2]


async def test_options_of_the_beginning_hold_where_the_configuration_says_nothing(editor: Editor) -> None:
    editor.conversation.begin({"maxLines": 3, "confidense": 1}, ["file:///space"], False)
    editor.set(confidence=0.6)
    assert editor.conversation.settings == Settings(confidence=0.6, max_lines=3)
    assert [kind for kind, text in editor.said.lines if "did you mean" in text] == ["warn"]


async def test_an_accepted_completion_is_not_answered_again(editor: Editor) -> None:
    editor.set()
    first = await editor.conversation.asked(editor.query())
    assert first is not None
    again = await editor.conversation.asked(editor.query())
    assert again == replace(first, computed=None)
    editor.conversation.accepted(first.id)
    other = await editor.conversation.asked(editor.query())
    assert other is not None
    assert other.id != first.id


async def test_why_explains_the_last_completion(editor: Editor) -> None:
    editor.set()
    assert editor.conversation.why() is None
    await editor.ask()
    explained = editor.conversation.why()
    assert explained is not None
    assert explained["text"] == "completed()"


async def test_that_there_is_a_log_is_told_the_first_time_it_is_on(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "data"))
    editor = Editor()
    editor.conversation.begin(None, [], False)
    editor.set(log="off")
    assert editor.said.lines[-1:] != [("tell", LOGGED)]
    for _ in range(2):
        editor.set()
    assert editor.said.lines.count(("tell", LOGGED)) == 1
    editor.conversation.close()


async def test_what_comes_before_the_settings_or_after_the_end_is_borne(editor: Editor) -> None:
    for _ in range(2):
        editor.type("a")
        for tell in (editor.conversation.shown, editor.conversation.accepted, editor.conversation.dismissed):
            tell("unknown")
        editor.conversation.partially_accepted("unknown", 3)
        editor.conversation.files_changed([URI, "output:1"])
        editor.conversation.closed(URI)
        assert editor.conversation.status()["engine"] == "starting"
        editor.conversation.close()
    editor.conversation.configured.set()
    assert await editor.ask() is None


def test_no_journal_takes_all_that_a_journal_takes() -> None:
    from empower_lsp.log import Journal

    def taken(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert taken(Journal) - taken(NoJournal) == {"keep"}, "which only who has one asks for"


async def test_inside_a_word_only_who_asks_by_hand_is_answered(editor: Editor) -> None:
    editor.set()
    editor.documents[URI] = "raise Ke_yError"
    inside = replace(editor.query(), offset=9)
    assert await editor.conversation.asked(inside) is None
    assert editor.script.requests == []
    answer = await editor.conversation.asked(replace(inside, by_hand=True))
    assert answer is not None


class Two(Editor):
    """An editor for which two models are begun."""

    def __init__(self) -> None:
        super().__init__()
        self.quick = Script("quick()")
        self.on_progress: Callable[[int, int], None] = lambda *_: None
        self.conversation = Conversation(self._start_deep, self._start_instant, self.said, self.documents.get)

    def _start_deep(
        self, settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed, on_progress: Progress
    ) -> Served:
        self.on_progress = on_progress
        served = self._start(settings, on_event, feed, on_progress)
        return replace(served, source=Source("big", tier="deep"))

    def _start_instant(
        self, settings: Settings, on_event: Callable[[HostEvent], None], feed: Feed, on_progress: Progress
    ) -> Served | None:
        return Served(self.quick, Source("small", tier="instant"))


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    level.choose(level.Level.OFF)
    two = Two()
    two.conversation.begin(None, ["file:///space"], False)
    yield two
    two.conversation.close()


async def test_where_the_chosen_model_fails_the_one_that_comes_along_goes_on(two: Two) -> None:
    two.refusal = ModelNotFound("No model x.")
    two.set(model="x")
    assert await two.ask() == "quick()"
    assert ("fail", "No model x.") in two.said.lines
    assert [tier["tier"] for tier in two.conversation.status()["tiers"]] == ["instant"]


async def test_the_status_tells_each_tier_and_how_much_of_the_prompt_is_read(two: Two) -> None:
    two.set(model="x")
    two.on_progress(10, 40)
    await asyncio.sleep(0.01)
    instant, deep = two.conversation.status()["tiers"]
    assert (instant["tier"], instant["model"], instant["toRead"]) == ("instant", "small", 0)
    assert (deep["tier"], deep["model"], deep["read"], deep["toRead"]) == ("deep", "big", 10, 40)
    assert ("reading", "10 of 40") in two.said.lines
    two.on_progress(40, 40)
    await asyncio.sleep(0.01)
    assert two.conversation.status()["tiers"][1]["toRead"] == 0


async def test_a_cursor_that_rests_is_made_ready_for_where_the_file_may_be_read(two: Two) -> None:
    two.conversation.rested(two.query())
    two.set(model="x", denyGlobs=["/private/"])
    two.documents["file:///space/private/a.py"] = "secret"
    two.conversation.rested(two.query("file:///space/private/a.py"))
    assert two.script.expected == []
    two.conversation.rested(two.query())
    assert [request.prefix for request in two.script.expected if request] == ["x = "]


async def test_while_the_machine_has_nothing_to_spare_the_one_that_comes_along_answers_alone(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.set(model="x")
    assert await two.ask() == "completed()"
    reasons = ["Memory is short.", "Memory is short.", ""]
    monkeypatch.setattr(conversation, "HEED_SECONDS", 0.0)
    monkeypatch.setattr(conversation, "reason_to_rest", lambda *_: reasons.pop(0))
    for text in "ab":
        two.type(text)
        assert await two.ask() == "quick()"
        status = two.conversation.status()
        assert (status["engine"], status["message"]) == ("resting", "Memory is short.")
    await until_closed(two.script)
    two.type("c")
    assert await two.ask() == "completed()"
    assert len(two.started) == 2


async def test_a_model_that_rested_comes_back_once_there_is_room_for_it(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.set(model="x")
    assert await two.ask() == "completed()"
    reasons = ["Memory is short.", "", "", ""]
    monkeypatch.setattr(conversation, "HEED_SECONDS", 0.0)
    monkeypatch.setattr(conversation, "reason_to_rest", lambda *_: reasons.pop(0))
    two.refusal = MemoryShort("big.gguf needs 10 GB.")
    for text in "abc":
        two.type(text)
        assert await two.ask() == "quick()"
        assert two.conversation.status()["engine"] == "resting"
    two.refusal = None
    two.type("d")
    assert await two.ask() == "completed()"
    assert not [line for kind, line in two.said.lines if kind == "fail"]


async def test_when_the_chosen_model_is_another_one_what_answers_beside_it_is_begun_anew(two: Two) -> None:
    two.set(model="x")
    assert await two.ask() == "completed()"
    first, two.quick = two.quick, Script("quicker()")
    two.outdated = True
    two.script.text = ""
    two.type("y")
    await two.ask()
    await until_closed(first)
    assert two.quick.requests
