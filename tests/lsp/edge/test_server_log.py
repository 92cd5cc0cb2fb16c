"""What the server logs, and what it says of that, over the wire."""

from pathlib import Path

import pytest

from empower_lsp.log.store import log_path, opened
from empower_lsp.serving.journal import LOGGED

from .wire import Wire, hang_up, logged


async def test_what_became_of_a_completion_is_logged() -> None:
    wire = Wire()
    await wire.initialize()
    wire.open("x = ")
    [item] = await wire.items(0, 4)
    wire.notify("textDocument/didShowCompletion", {"item": item})
    wire.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 8})
    wire.change("complete", (0, 4), (0, 4))
    wire.change("d()", (0, 12), (0, 12), version=3)
    assert await wire.run("empower.accept", *item["command"]["arguments"]) is None
    await hang_up(wire)
    [(completion, outcomes)] = logged()
    assert completion.id == item["command"]["arguments"][0]
    assert (completion.path, completion.text, completion.prefix) == ("app.py", "completed()", "x = ")
    assert (completion.model, completion.language, completion.confidence) == ("scripted", "python", 0.3)
    assert outcomes == [("shown", True), ("accepted", True), ("kept", False)]


async def test_a_word_after_the_other_is_logged_as_accepted_in_part() -> None:
    wire = Wire()
    wire.script.text = "(a).b"
    await wire.initialize()
    wire.open("f")
    [item] = await wire.items(0, 1)
    for at, part in enumerate("(a)"):
        wire.change(part, (0, 1 + at), (0, 1 + at), version=2 + at)
        told = {"item": item, "acceptedLength": 1 + at}
        wire.notify("textDocument/didPartiallyAcceptCompletion", told)
    await wire.settle()
    await hang_up(wire)
    with opened(log_path()) as store:
        [entry] = store.entries()
    [final] = [outcome for outcome in entry.outcomes if outcome.kind == "partially accepted"]
    assert (final.explicit, final.characters, final.typed) == (True, 3, 0)


async def test_a_dismissed_completion_is_logged_as_rejected_and_another_is_computed() -> None:
    wire = Wire()
    await wire.initialize()
    wire.open("x = ")
    [item] = await wire.items(0, 4)
    wire.notify("textDocument/didDismissCompletion", {"item": item})
    [other] = await wire.items(0, 4)
    assert other["command"]["arguments"] != item["command"]["arguments"]
    assert len(wire.script.requests) == 2
    await hang_up(wire)
    assert [outcomes for _, outcomes in logged()] == [
        [("shown", False), ("dismissed", True)],
        [("superseded", False)],
    ]


async def test_an_accepted_completion_is_not_offered_a_second_time_under_its_id(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = ")
    [first] = await wire.items(0, 4)
    [same] = await wire.items(0, 4)
    assert same == first
    await wire.run("empower.accept", *first["command"]["arguments"])
    [other] = await wire.items(0, 4)
    assert other["command"]["arguments"] != first["command"]["arguments"]


async def test_a_denied_file_leaves_nothing_in_the_log() -> None:
    wire = Wire()
    await wire.initialize({"denyGlobs": ["private/"]})
    for uri in ("file:///work/space/.env", "file:///work/space/private/a.py"):
        wire.open("key = ", uri=uri)
        assert await wire.items(0, 6, uri=uri) == []
    await hang_up(wire)
    assert logged() == []


@pytest.mark.parametrize("options", [{"log": "off"}, {"log": "metadata"}])
async def test_the_log_holds_no_more_than_the_option_says(options: dict[str, str]) -> None:
    wire = Wire()
    await wire.initialize(options)
    wire.open("x = ")
    await wire.items(0, 4)
    await hang_up(wire)
    records = [(completion.text, completion.prefix, completion.characters) for completion, _ in logged()]
    assert records == ([] if options["log"] == "off" else [(None, None, 11)])


async def test_that_there_is_a_log_is_said_on_the_first_start_only() -> None:
    for expected in (1, 0):
        wire = Wire()
        await wire.initialize()
        assert [kind for kind, message in wire.messages() if "empower-lsp log off" in message] == [3] * expected
        await hang_up(wire)


def test_what_is_said_of_the_log_says_all_that_matters_before_an_editor_cuts_it_off() -> None:
    first, _, rest = LOGGED.partition(". ")
    assert len(first) < 100
    assert "on this machine" in first
    assert "`empower-lsp log off`" in first
    assert "`empower-lsp log status`" in rest


async def test_who_logs_nothing_is_not_told_of_a_log() -> None:
    wire = Wire()
    await wire.initialize({"log": "off"})
    assert wire.messages() == []
    await hang_up(wire)


async def test_a_log_that_cannot_be_written_is_said_once_and_costs_no_completion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "file"))
    wire = Wire()
    await wire.initialize()
    wire.open("x = ")
    for column in (4, 3, 2):
        assert await wire.items(0, column) != []
    await wire.seen(lambda message: "no longer logged" in str(message))
    assert len(wire.messages()) == 1
    await hang_up(wire)
