"""From a person's edits, as an editor sends them, through tracker and log to the text that is learnt."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from empower_lsp.log.records import CompletionRecord, OutcomeRecord, completion_record, outcome_record
from empower_lsp.log.redact import Redactor
from empower_lsp.log.store import Entry, Store
from empower_lsp.outcome.edits import Edit
from empower_lsp.outcome.outcome import Kind, Outcome
from empower_lsp.outcome.tracker import Tracker
from empower_model.request import Completion, End, Request
from empower_training.labels.standing import Learnt, standing
from empower_training.labels.texts import from_log

URI = "file:///a.py"
ABOVE = "import os\n\ndef first():\n    return 'long enough to be worth something'\n\n"
BELOW = "\n\ndef last():\n    return None\n"
LONG = (
    "config(file):\n"
    + "".join(f"    value_{n} = read(file, 'section', {n})\n" for n in range(8))
    + "    return value_0"
)


class Desk:
    """A person at an editor with one document, whose completions are logged; a code point is a character."""

    def __init__(self, path: Path, marked: str) -> None:
        before, after = marked.split("|")
        self.text, self.cursor, self.now = before + after, len(before), 100.0
        self.history = [self.text]
        self.store = Store(path)
        self.tracker = Tracker(lambda uri: self.text if uri == URI else None)
        self.items: dict[str, tuple[str, str]] = {}

    def ask(self, text: str, identifier: str = "a", typed: int = 0, word: int = 0) -> None:
        """Compute and answer a completion, `typed` characters of which are meanwhile typed by hand.

        With `word`, a menu's item is selected whose last characters before the cursor are other ones.
        """
        before, after = self.text[: self.cursor - word], self.text[self.cursor :]
        chosen = "menu" if word else ""
        request = Request((before + chosen).replace("\r\n", "\n"), after.replace("\r\n", "\n"))
        done = Completion(text, (), 0, End.UNCERTAIN, 0.5, 1.5, 9, 3, 4.0, 20.0)
        known: dict[str, Any] = {"path": "a.py", "workspace": "w", "language": "python", "model": "m", "version": "0"}
        self.store.write(completion_record(done, request, identifier=identifier, at=self.now, **known))
        self.type(text[:typed])
        item = chosen + text[typed:]
        if "\r\n" in self.text:
            item = item.replace("\n", "\r\n")
        self.items[identifier] = (item, text)
        start = self.cursor - word
        self.log(self.tracker.answered(identifier, URI, start, self.cursor, item, self.now, length=len(text)))
        self.wait(1)

    def log(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.store.write(outcome_record(outcome, outcome.at))

    def send(self, start: int, end: int, text: str) -> None:
        self.text = Edit(start, end, text).apply(self.text)
        self.history.append(self.text)
        self.cursor = start + len(text)
        self.log(self.tracker.changed(URI, [(start, end, text)], self.now))

    def type(self, text: str) -> None:
        for key in text:
            self.send(self.cursor, self.cursor, key)
            self.wait(0.1)

    def put(self, text: str) -> None:
        """Have the editor insert a part of an item, or all of it, at once."""
        self.send(self.cursor, self.cursor, text)

    def accept(self, identifier: str = "a", typed: int = 0) -> None:
        """Insert the rest of an item, of which so much stands there, and run its command."""
        self.put(self.items[identifier][0][typed:])
        self.log(self.tracker.accepted(identifier, self.now))
        self.wait(1.5)

    def overwrite(self, old: str, new: str) -> None:
        at = self.text.index(old)
        self.send(at, at + len(old), new)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.log(self.tracker.tick(self.now))

    def learnt(self) -> list[str]:
        self.log(self.tracker.ended(self.now))
        return sorted((text.text for text in from_log(self.store)), key=lambda text: not text.startswith(ABOVE))

    @property
    def plain(self) -> str:
        return self.text.replace("\r\n", "\n")


@pytest.fixture(params=["\n", "\r\n"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "log.sqlite3", f"{ABOVE}data = |{BELOW}".replace("\n", request.param))
    yield desk
    desk.store.close()


def test_a_part_is_typed_the_rest_accepted_and_edited(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.type("load_")
    desk.accept(typed=5)
    desk.overwrite("file", "path, strict=True")
    assert desk.learnt() == [desk.plain]
    assert "data = load_config(path, strict=True)\n" in desk.plain


def test_what_was_typed_before_the_accept_is_edited(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.type("load_")
    desk.accept(typed=5)
    desk.overwrite("load", "read")
    desk.overwrite("file", "path")
    assert desk.learnt() == [desk.plain]


def test_something_is_put_inside_so_that_all_of_it_is_kept(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.accept()
    desk.overwrite("(file", "(file, strict")
    desk.wait(35)
    assert desk.learnt() == [desk.plain]


def test_word_by_word_then_edited(desk: Desk) -> None:
    desk.ask("load_config(file, mode)")
    for word in ("load_config", "(file", ", mode)"):
        desk.put(word)
        desk.wait(0.7)
    desk.overwrite("file", "path")
    assert desk.learnt() == [desk.plain]


def test_some_words_then_something_else(desk: Desk) -> None:
    desk.ask("load_config(file, mode)")
    desk.put("load_config")
    desk.wait(0.7)
    desk.type(".cached()")
    desk.wait(3)
    desk.overwrite("cached", "fresh")
    assert desk.learnt() == [desk.plain]


def test_some_words_and_no_more(desk: Desk) -> None:
    desk.ask("load_config(file, mode)")
    desk.put("load_config")
    desk.wait(40)
    assert desk.learnt() == [desk.plain]


def test_accepted_and_deleted(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.type("load_")
    desk.accept(typed=5)
    desk.overwrite("load_config(file)", "")
    assert desk.learnt() == [desk.plain]


def test_accepted_and_undone(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.type("load_")
    desk.accept(typed=5)
    desk.overwrite("config(file)", "")
    desk.wait(40)
    assert desk.learnt() == [desk.plain]


def test_undone_and_done_again_and_edited(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.accept()
    desk.overwrite("load_config(file)", "")
    desk.put("load_config(file)")
    desk.overwrite("file", "path")
    assert desk.learnt() == [desk.plain]


@pytest.mark.parametrize("old", ["'section', 4", "config", "    value_3 = read(file, 'section', 3)", "return value_0"])
def test_several_lines_edited_in_the_middle(desk: Desk, old: str) -> None:
    assert len(LONG) > 319
    desk.ask("load_" + LONG)
    desk.type("load_")
    desk.accept(typed=5)
    desk.overwrite(old, "other")
    assert desk.learnt() == [desk.plain]


def test_what_is_too_long_is_learnt_up_to_where_it_is_cut(desk: Desk) -> None:
    long = "\n".join(f"value_{n} = read(file, 'section', {n})" for n in range(100))
    desk.ask(long)
    desk.accept()
    desk.overwrite("value_7 ", "other ")
    learnt = desk.learnt()
    assert [text in desk.plain for text in learnt] == [True, True] if len(learnt) > 1 else [True]
    assert "other = read" in learnt[0]
    assert desk.plain.startswith(learnt[0])
    assert len(learnt[0]) > 1900


def test_typed_on_behind_it_on_its_line_is_no_line_that_stood_there(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.accept()
    desk.type(" or None")
    desk.overwrite("file", "path")
    assert desk.learnt()[0] == ABOVE


def test_written_on_below_it(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.accept()
    desk.type("\nprint(data)")
    desk.overwrite("file", "path")
    assert "data = load_config(path)\n" in desk.learnt()[0]


def test_two_completions_next_to_each_other(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.type("load_")
    desk.accept(typed=5)
    desk.ask(".get('name', other)", "b")
    desk.accept("b")
    desk.overwrite("other", "default")
    assert desk.learnt() == [desk.plain]
    assert "data = load_config(file).get('name', default)\n" in desk.plain


def test_some_of_it_was_typed_while_it_was_computed(desk: Desk) -> None:
    desk.ask("load_config(file)\nprint(data)", typed=3)
    desk.type("d_")
    desk.accept(typed=2)
    desk.overwrite("file", "path")
    assert desk.learnt() == [desk.plain]


def test_only_a_part_of_what_was_left_is_accepted(desk: Desk) -> None:
    desk.ask("load_config(file)", typed=3)
    desk.put("d_config")
    desk.wait(40)
    assert desk.learnt() == [desk.plain]


@pytest.mark.parametrize("written", ["size()", "other()"])
def test_a_menu_was_open_and_something_else_is_written(desk: Desk, written: str) -> None:
    desk.type("men")
    desk.ask(".get(1)", word=3)
    desk.type(written)
    desk.wait(3)
    assert desk.learnt() == [desk.plain]


@pytest.mark.parametrize("edits", [(), (("get", "put"),), (("menu", "card"),)])
def test_a_menu_was_open_and_its_item_is_accepted(desk: Desk, edits: tuple[tuple[str, str], ...]) -> None:
    desk.type("men")
    desk.ask(".get(1)", word=3)
    desk.accept(typed=3)
    for old, new in edits:
        desk.overwrite(old, new)
    assert desk.learnt() == [desk.plain]


def test_a_bracket_of_the_editors_is_typed_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log.sqlite3", f"{ABOVE}data = load(|){BELOW}")
    desk.ask("file")
    desk.type("path")
    desk.send(desk.cursor, desk.cursor + 1, ")")
    desk.wait(5)
    for text in desk.learnt():
        assert "load(path))" not in text


def test_a_command_whose_insertion_differs(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.put("load_config( file )")
    desk.log(desk.tracker.accepted("a", desk.now))
    desk.wait(2)
    assert desk.learnt() == [desk.plain]


def test_the_line_that_was_written_instead(desk: Desk) -> None:
    desk.ask("load_config(file)")
    desk.type("read(path)\nprint(data)")
    desk.wait(5)
    learnt = desk.learnt()
    assert learnt[0] == ABOVE + "data = read(path)\n"
    assert all(text in desk.plain for text in learnt)


@pytest.mark.parametrize("seed", range(60))
def test_edits_within_it_lead_to_the_very_document(tmp_path: Path, seed: int) -> None:
    """Whatever is accepted and then edited between its ends: what is learnt is what the document says."""
    chance = random.Random(seed)
    desk = Desk(tmp_path / "log.sqlite3", f"{ABOVE}data = |{BELOW}".replace("\n", chance.choice(["\n", "\r\n"])))
    text = "load_" + chance.choice([LONG, "config(file)", "config(\n    file,\n)"])
    desk.ask(text, typed=chance.choice([0, 0, 2]))
    begin = desk.cursor
    offered = desk.items["a"][0]
    typed = chance.choice([0, 3])
    desk.type(offered[:typed])
    if chance.random() < 0.5:
        desk.accept(typed=typed)
    else:
        for at in range(typed, len(offered), 40):
            desk.put(offered[at : at + 40])
            desk.wait(0.5)
    behind = len(desk.text) - desk.cursor
    for _ in range(chance.randint(1, 6)):
        end = len(desk.text) - behind
        if end - begin < 3:
            break
        start = chance.randint(begin + 1, end - 1)
        stop = min(end - 1, start + chance.choice([0, 0, 1, 4, 30]))
        desk.send(start, stop, chance.choice(["", "x", "world = 世界🙂", "()", "other\n    more", "file"]))
        desk.wait(chance.choice([0.1, 3, 40, 100]))
    assert desk.learnt() == [desk.plain]
    desk.store.close()


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_done_on_its_lines_they_stood_like_that(tmp_path: Path, seed: int) -> None:
    """Keys, parts, accepts, deletions and brackets: what is learnt was once there, line below line."""
    chance = random.Random(1000 + seed)
    desk = Desk(tmp_path / "log.sqlite3", f"{ABOVE}data = |{chance.choice(['', ')'])}{BELOW}")
    low, behind = len(ABOVE), len(BELOW)
    desk.ask(chance.choice(["load_" + LONG, "load_config(file)", "load_config(\n    file,\n)"]))
    offered = desk.items["a"][0]
    desk.put(offered[: chance.choice([0, 4, 11, len(offered)])])
    for _ in range(chance.randint(1, 8)):
        high = len(desk.text) - behind
        start = chance.choice([desk.cursor, chance.randint(low, high)])
        start = min(max(start, low), high)
        stop = min(high, start + chance.choice([0, 0, 0, 1, 9]))
        desk.send(start, stop, chance.choice(["", "x", "(", ")", "()", "\n", " + other(1)", "config"]))
        desk.wait(chance.choice([0.1, 0.1, 3, 40]))
    for text in desk.learnt():
        unknown = text == ABOVE + BELOW.removeprefix("\n")  # the line is left out
        assert unknown or any(f"\n{text}" in f"\n{seen}" for seen in desk.history), text
    desk.store.close()


def entry(*outcomes: OutcomeRecord, text: str = "load_config(file)", prefix: str = "data = ") -> Entry:
    done = Completion(text, (), 0, End.UNCERTAIN, 0.5, 1.5, 9, 3, 4.0, 20.0)
    known: dict[str, Any] = {"path": "a.py", "workspace": "w", "language": "python", "model": "m", "version": "0"}
    return Entry(completion_record(done, Request(prefix, ""), identifier="a", **known), outcomes)


def became(kind: Kind, text: str = "", **known: int) -> OutcomeRecord:
    return replace(OutcomeRecord("a", 1.0, kind, True, text=text), **known)  # type: ignore[arg-type]


def test_what_earlier_versions_logged_is_learnt_where_it_can_be_all_of_it() -> None:
    accepted = became(Kind.ACCEPTED, characters=17, of=17)
    changed = became(Kind.CHANGED, "load_config(path)", characters=11, of=15)
    assert standing(entry(accepted)) == Learnt("load_config(file)")
    assert standing(entry(accepted, changed)) == Learnt("load_config(path)")
    assert standing(entry(accepted, replace(changed, text="x" * 200))) is None, "it may have been cut"
    rest = replace(accepted, characters=12, typed=5)
    assert standing(entry(rest, replace(changed, text="config(path)"))) is None, "nobody knows where it begins"
    later = replace(accepted, characters=14, of=14)
    assert standing(entry(later, changed)) is None, "three were typed before"
    assert standing(entry(changed)) is None
    part = became(Kind.PARTIALLY_ACCEPTED, characters=8, of=14)
    assert standing(entry(part)) == Learnt("load_config")
    assert standing(entry(became(Kind.DIVERGED, "read()", of=17))) == Learnt("read()")
    assert standing(entry(became(Kind.DIVERGED, "read()", of=14))) is None
    assert standing(entry(became(Kind.DIVERGED, "x" * 200, of=17))) is None


def test_a_secret_that_moved_the_characters_leaves_what_cannot_be_put_together() -> None:
    whole = replace(became(Kind.ACCEPTED), offset=17, whole=True)
    known = entry(whole)
    hidden: CompletionRecord = replace(known.completion, text="load(‹redacted›)")
    assert standing(replace(known, completion=hidden)) == Learnt("load(‹redacted›)")
    part = replace(became(Kind.CHANGED, "x)"), offset=10, whole=True)
    assert standing(entry(part)) == Learnt("load_confix)")
    assert standing(Entry(hidden, (part,))) is None
    before = replace(became(Kind.DIVERGED, "date = 1"), offset=-7, whole=True)
    assert standing(entry(before)) == Learnt("date = 1", before=7)
    assert standing(entry(before, prefix="‹redacted› = ")) is None


def test_a_secret_that_spans_what_was_left_and_what_is_told_is_found() -> None:
    redactor = Redactor()
    record = entry(text='password = "hun', prefix="").completion
    redactor.redact(record)
    told = redactor.redact(replace(became(Kind.CHANGED, 'ter2"'), offset=15, whole=True))
    assert isinstance(told, OutcomeRecord)
    assert told.text == '‹redacted›"'
