"""The Neovim client in the real editor, headless, with a server that answers what it is told to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .neovim.editor import CLIENT, Neovim, until


def test_every_function_and_command_is_in_the_help(answered: Neovim) -> None:
    tags = {line.split("\t")[0] for line in (CLIENT / "doc" / "tags").read_text(encoding="utf-8").splitlines()}
    public = answered.lua("""
        return vim.tbl_filter(function(name)
          return type(require('empower')[name]) == 'function' and name:sub(1, 1) ~= '_'
        end, vim.tbl_keys(require('empower')))""")
    assert {f"empower.{name}()" for name in public} <= tags
    text = (CLIENT / "doc" / "empower.txt").read_text(encoding="utf-8")
    commands = answered.call("nvim_eval", "getcompletion('Empower ', 'cmdline')")
    assert commands == ["log", "messages", "report", "restart", "status", "toggle", "train", "why"]
    assert all(f":Empower {name}" in text for name in commands)


def test_a_line_at_a_time(answered: Neovim) -> None:
    answered.offer("return x\n\n    def more(self):", character=8)
    answered.begin()
    assert answered.ghost() == "return x"
    answered.keys("<C-Down>")
    until(lambda: answered.line == "        return x")
    answered.lua("fake.items = {}")
    answered.keys("<C-Down>")
    until(lambda: answered.line == "")
    answered.keys("<C-Down>")
    until(lambda: answered.line == "    def more(self):")
    told = answered.told("textDocument/didPartiallyAcceptCompletion")
    assert [params["acceptedLength"] for params in told] == [8, 9]
    assert answered.ran("accept") == [["return x\n\n    def more(self):"]]
    assert [params["item"]["insertText"] for params in answered.told("textDocument/didShowCompletion")] == [
        "return x\n\n    def more(self):"
    ]


def test_lengths_are_told_in_utf_16_units_of_the_text_as_sent(answered: Neovim) -> None:
    answered.call("nvim_command", "set fileformat=dos")
    answered.offer("'𝄞é'\r\nx = 1", character=8)
    answered.begin()
    answered.ghost()
    answered.keys("<C-Down>")
    until(lambda: answered.line == "        '𝄞é'")
    answered.keys("<C-Right>")
    until(lambda: answered.line == "x")
    told = answered.told("textDocument/didPartiallyAcceptCompletion")
    assert [params["acceptedLength"] for params in told] == [5, 8]  # quotes 2, clef 2, e 1; line end 2, x 1


def test_what_was_asked_for_beyond_what_is_sure_looks_different(answered: Neovim) -> None:
    answered.offer("return '𝄞(", character=8)
    answered.begin()
    assert answered.ghost() == "return '𝄞("
    assert answered.drawn() == [[["return '𝄞(", "EmpowerGhost"]]]
    answered.offer("return '𝄞(a,\r\n\tb)", character=8)
    answered.lua("fake.items[1].command.arguments[2] = { sure = 11 }")
    answered.keys("<M-m>")
    until(lambda: answered.seen()[1] == "return '𝄞(a,")
    assert answered.drawn() == [
        [["return '𝄞(", "EmpowerGhost"], ["a,", "EmpowerMore"]],
        [["    b)", "EmpowerMore"]],
    ]
    answered.keys("return '")
    until(lambda: answered.drawn()[0] == [["𝄞(", "EmpowerGhost"], ["a,", "EmpowerMore"]])
    answered.keys("<C-Down>")
    until(lambda: answered.line == "        return '𝄞(a,")
    until(lambda: answered.drawn()[1:] == [[["    b)", "EmpowerMore"]]])
    answered.keys("<Tab>")
    until(lambda: answered.line == "\tb)")
    assert len(answered.told("textDocument/moreInlineCompletion")) == 1
    assert answered.ran("accept") == [["return '𝄞(a,\r\n\tb)", {"sure": 11}]]


def test_more_can_be_asked_for_where_nothing_is_shown(answered: Neovim) -> None:
    answered.lua("fake.items = {}")
    answered.begin("x")
    until(lambda: answered.told("textDocument/inlineCompletion"))
    answered.offer(" = 1", character=9)
    answered.lua("fake.items[1].command.arguments[2] = { sure = 0 }")
    answered.keys("<M-m>")
    assert answered.ghost() == " = 1"
    assert answered.drawn() == [[[" = 1", "EmpowerMore"]]]


def test_the_next_of_several_is_asked_for_by_hand_once(answered: Neovim) -> None:
    answered.offer("one", "two", "three", character=8)
    answered.begin()
    assert answered.ghost() == "one"
    steps = ("<M-n>", "two (2/3)"), ("<M-n>", "three (3/3)"), ("<M-n>", "one (1/3)"), ("<M-p>", "three (3/3)")
    for key, shown in steps:
        answered.keys(key)
        until(lambda: answered.seen()[1] == shown)  # noqa: B023
    answered.keys("<M-n><M-n><Tab>")
    until(lambda: answered.line == "        two")
    kinds = [params["context"]["triggerKind"] for params in answered.told("textDocument/inlineCompletion")]
    assert kinds[:2] == [2, 1]
    assert kinds.count(1) == 1
    told = [params["item"]["insertText"] for params in answered.told("textDocument/didShowCompletion")]
    assert told == ["one", "two", "three", "one", "three", "one", "two"]
    assert answered.ran("accept") == [["two"]]


def test_where_there_is_no_other_the_one_stays(answered: Neovim) -> None:
    answered.offer("one", character=8)
    answered.begin()
    answered.ghost()
    answered.keys("<M-p>")
    until(lambda: answered.seen()[1] == "one (1/1)")
    answered.keys("<M-n><M-n>o")
    until(lambda: answered.seen() == ("        o", "ne"))
    assert len(answered.told("textDocument/inlineCompletion")) == 2


def test_triggered_by_hand_all_are_there_at_once(answered: Neovim) -> None:
    answered.lua("require('empower.buffer').debounce = 1000000")
    answered.offer("one", "two", character=8)
    answered.begin()
    until(lambda: answered.line == "        ")
    answered.keys("<C-Space>")
    assert answered.ghost() == "one"
    answered.keys("<M-n>")
    until(lambda: answered.seen()[1] == "two (2/2)")
    assert [params["context"]["triggerKind"] for params in answered.told("textDocument/inlineCompletion")] == [1]


def test_only_a_person_dismisses(answered: Neovim) -> None:
    answered.offer("one", character=8)
    answered.begin()
    answered.ghost()
    answered.keys("<Esc>")
    until(lambda: answered.call("nvim_get_mode")["mode"] == "n")
    answered.begin()
    answered.ghost()
    assert answered.told("textDocument/didDismissCompletion") == []
    answered.keys("<C-]>")
    until(lambda: not answered.seen()[1])
    [params] = answered.told("textDocument/didDismissCompletion")
    assert params["item"]["command"]["arguments"] == ["one"]
    assert answered.lua("return require('empower').dismiss()") is False
    assert len(answered.told("textDocument/didDismissCompletion")) == 1


def test_the_statusline_tells_what_is_out_of_the_ordinary(answered: Neovim) -> None:
    ready = {"engine": "ready", "message": "", "on": True, "trigger": "automatic"}
    for status, text in (
        (ready | {"engine": "starting"}, "empower: loading"),
        (ready | {"engine": "loading"}, "empower: loading"),
        (ready | {"engine": "failed"}, "empower: failed"),
        (ready | {"on": False}, "empower: off"),
        (ready | {"trigger": "manual"}, "empower: by hand"),
        (ready | {"engine": "released"}, "empower"),
        (ready | {"engine": "restarted"}, "empower"),
        (ready, "empower"),
    ):
        answered.lua("fake.status = ...", status | {"version": text})
        answered.keys("<Esc>i")  # the server is asked whenever typing begins
        until(lambda: answered.status == text)  # noqa: B023
    answered.call("nvim_command", "enew")
    assert answered.status == "", "there is no server"


def test_toggling_says_what_is_off_and_hides_the_ghost_text(answered: Neovim) -> None:
    answered.offer("one", character=8)
    answered.begin()
    answered.ghost()
    answered.lua("fake.toggled = { language = '*', on = false } fake.status = { engine = 'ready', on = false }")
    answered.lua("require('empower').toggle()")
    until(lambda: not answered.seen()[1])
    until(lambda: "empower: completions are off" in answered.messages)
    until(lambda: answered.status == "empower: off")
    answered.lua("fake.toggled = { language = 'lua', on = true }")
    answered.call("nvim_command", "Empower toggle lua")
    until(lambda: "empower: completions for lua are on" in answered.messages)
    assert answered.ran("empower.toggle") == [[], ["lua"]]
    assert answered.told("textDocument/didDismissCompletion") == []


def program(editor: Neovim, folder: Path, script: str) -> Path:
    """Put a program in the place of the console script; what it is called with is written into the file returned."""
    stub, heard = folder / "empower-stub", folder / "heard"
    stub.write_text(f'#!/bin/sh\necho "$@" > "{heard}.new"; mv "{heard}.new" "{heard}"\n{script}\n', encoding="utf-8")
    stub.chmod(0o755)
    editor.lua("vim.lsp.config('empower', { cmd = { ..., '--stdio' } })", str(stub))
    return heard


def test_the_report_is_written_in_the_background_and_said_once(answered: Neovim, tmp_path: Path) -> None:
    heard = program(answered, tmp_path, "exit 0")
    answered.call("nvim_command", "Empower report --file point.py")
    until(heard.exists)
    assert heard.read_text(encoding="utf-8") == "report --open --file point.py\n"
    assert answered.file.name in answered.call("nvim_buf_get_name", 0), "the text stays where it is"
    assert answered.messages.count("empower:") == 1
    program(answered, tmp_path, "echo 'no training extra' >&2; exit 1")
    answered.call("nvim_command", "Empower report")
    until(lambda: "empower: no training extra" in answered.messages)
    answered.lua("vim.lsp.config('empower', { cmd = { '/no/such/program' } })")
    answered.lua("pcall(vim.cmd, 'Empower report')")
    until(lambda: "/no/such/program" in answered.messages)


def test_training_runs_in_a_terminal(answered: Neovim, tmp_path: Path) -> None:
    heard = program(answered, tmp_path, "echo 'as good as done'")
    answered.call("nvim_command", "Empower train --from-log")
    until(heard.exists)
    assert heard.read_text(encoding="utf-8") == "train --from-log\n"
    assert answered.call("nvim_eval", "&buftype") == "terminal"
    until(lambda: "as good as done" in answered.text)


def test_an_item_may_begin_before_the_cursor(answered: Neovim) -> None:
    answered.offer("return é", character=11, start=8)
    answered.begin("ret")
    assert answered.ghost() == "urn é"
    answered.keys("<Tab>")
    until(lambda: answered.line == "        return é")


@pytest.mark.parametrize(
    ("keys", "ghost"), [("ab", "c"), ("ax", ""), ("a<BS><BS>", ""), ("<Left>", ""), ("<CR>", ""), ("a<BS>", "abc")]
)
def test_a_late_answer_is_shown_only_where_the_text_agrees(answered: Neovim, keys: str, ghost: str) -> None:
    answered.lua("require('empower.buffer').debounce = 20 fake.hold = true")
    answered.offer("abc", character=8)
    answered.begin()
    until(lambda: answered.lua("return #fake.held") > 0)
    answered.lua("require('empower.buffer').debounce = 1000000")  # no other request takes its place
    answered.keys(keys)
    answered.lua("fake.release()")
    if ghost:
        assert answered.ghost() == ghost
    else:
        time.sleep(0.2)
        assert answered.seen()[1] == ""


def test_neovims_own_inline_completion_shows_nothing_twice(answered: Neovim) -> None:
    answered.lua("vim.lsp.inline_completion.enable()")
    answered.offer("abc", character=8)
    answered.begin()
    answered.ghost()
    time.sleep(0.5)  # its debounce is 0.2
    assert answered.seen()[1] == "abc"
    assert len(answered.told("textDocument/inlineCompletion")) == 1
