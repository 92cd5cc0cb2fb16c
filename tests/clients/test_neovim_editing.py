"""What the Neovim client leaves of Vim as it was: `.`, macros, undo, registers, windows, snippets and menus."""

from __future__ import annotations

import time

import pytest

from .neovim.editor import ROW, Neovim, until

TWO_LINES = "return 'é — ü'\n        # and so on"
HEADS = TWO_LINES.split("\n")


def normal(editor: Neovim) -> None:
    editor.keys("<Esc>")
    until(lambda: editor.call("nvim_get_mode")["mode"] == "n")


def elsewhere(editor: Neovim) -> None:
    """Go to a new empty line at the end, without a key that Vim would repeat; nothing is offered there."""
    normal(editor)
    editor.lua("""
        fake.items = {}
        vim.api.nvim_buf_set_lines(0, -1, -1, true, { '' })
        vim.api.nvim_win_set_cursor(0, { vim.api.nvim_buf_line_count(0), 0 })""")


def recorded(editor: Neovim) -> str:
    """Return the register `a`, once nothing is being recorded."""
    return str(editor.call("nvim_eval", "reg_recording() == '' ? keytrans(@a) : ''"))


def lines(editor: Neovim) -> list[str]:
    """Return what stands from the line of the completion on."""
    return editor.text.split("\n")[ROW:]


def test_a_dot_repeats_what_was_accepted(answered: Neovim) -> None:
    answered.offer(TWO_LINES[1:], character=9)
    answered.begin("r")
    answered.ghost()
    answered.keys("<Tab>!")
    until(lambda: answered.line == HEADS[1] + "!")
    elsewhere(answered)
    answered.keys(".")
    until(lambda: lines(answered)[-3:] == [HEADS[0], HEADS[1] + "!", ""])


def test_words_taken_one_by_one_are_repeated_too(answered: Neovim) -> None:
    answered.offer("return one.two", character=8)
    answered.begin()
    answered.ghost()
    answered.keys("<C-Right><C-Right><C-Right>x")
    until(lambda: answered.line == "        return one.x")
    elsewhere(answered)
    answered.keys(".")
    until(lambda: lines(answered)[-2:] == ["return one.x", ""])


@pytest.mark.parametrize("part", ["<Tab>", "<C-Right>"])
def test_a_macro_holds_the_text_and_not_the_key(answered: Neovim, part: str) -> None:
    taken = HEADS[0][1:] + "\n" + HEADS[1] if part == "<Tab>" else HEADS[0][1:6]
    answered.offer(TWO_LINES[1:], character=9)
    answered.begin()
    normal(answered)
    answered.keys("qaAr")
    answered.ghost()
    answered.keys(f"{part};")
    until(lambda: answered.line.endswith(";"))
    answered.keys("<Esc>q")
    until(lambda: "t_PS" in recorded(answered))
    elsewhere(answered)
    answered.keys("@a")
    expected = f"r{taken};".split("\n")
    until(lambda: lines(answered)[-1 - len(expected) : -1] == expected)
    elsewhere(answered)
    answered.keys("2@a")
    twice = f"r{taken};r{taken};".split("\n")
    until(lambda: lines(answered)[-1 - len(twice) : -1] == twice)


def test_a_macro_run_in_the_same_burst_and_one_appended_to(answered: Neovim) -> None:
    answered.offer("ne", character=9)
    answered.begin()
    normal(answered)
    answered.keys("qaAo")
    answered.ghost()
    answered.keys("<Tab> <Esc>q@a")
    until(lambda: answered.line == "        one one ")
    normal(answered)
    answered.offer("wo", character=9)
    answered.begin()
    normal(answered)
    answered.keys("qAAt")
    until(lambda: answered.seen()[1] == "wo")
    answered.keys("<Tab><Esc>q")
    until(lambda: recorded(answered).count("t_PS") == 2)
    answered.lua("fake.items = {}")
    answered.begin()
    normal(answered)
    answered.keys("@a")
    until(lambda: answered.line == "        one two")


def test_a_macro_without_ghost_text_is_left_as_vim_records_it(answered: Neovim) -> None:
    answered.lua("fake.items = {}")
    answered.begin()
    normal(answered)
    answered.keys("qaAx<Tab>é<C-Right><Esc>q")
    until(lambda: recorded(answered) == "Ax<Tab>é<C-Right><Esc>")


def test_what_is_accepted_is_one_undo_step(answered: Neovim) -> None:
    answered.offer(TWO_LINES[1:], character=9)
    answered.begin("r")
    answered.ghost()
    before = answered.text
    answered.keys("<Tab>")
    until(lambda: answered.line == HEADS[1])
    normal(answered)
    after = answered.text
    answered.keys("u")
    until(lambda: answered.text == before)
    answered.keys("<C-r>")
    until(lambda: answered.text == after)


def test_registers_stay(answered: Neovim) -> None:
    answered.call("nvim_command", 'let @" = "mine" | let @+ = "" ')
    answered.offer("one", character=8)
    answered.begin()
    answered.ghost()
    answered.keys("<Tab>")
    until(lambda: answered.line == "        one")
    assert answered.call("nvim_eval", '@"') == "mine"


def test_two_windows_on_a_buffer(answered: Neovim) -> None:
    answered.call("nvim_command", "split | normal! gg")
    answered.call("nvim_command", "wincmd w")
    answered.offer("one", character=8)
    answered.begin()
    assert answered.ghost() == "one"
    answered.keys("<C-o><C-w>w<Tab>")
    until(lambda: answered.call("nvim_win_get_cursor", 0)[0] == 1)
    until(lambda: answered.line.startswith("    class Point"))  # the key is a tab where there is no ghost text
    assert "one" not in answered.text
    answered.keys("<C-o>u<C-o><C-w>w")
    until(lambda: answered.call("nvim_win_get_cursor", 0)[0] == ROW + 1)
    assert answered.ghost() == "one"
    answered.keys("<Tab>")
    until(lambda: answered.line == "        one")
    assert answered.text.count("one") == 1


def test_a_readonly_file_says_what_vim_says(answered: Neovim) -> None:
    answered.call("nvim_command", "set readonly")
    answered.offer("one", character=8)
    answered.keys("<Esc>")
    until(lambda: answered.call("nvim_get_mode")["mode"] == "n")
    answered.call("nvim_win_set_cursor", 0, [ROW, 0])
    answered.keys("o")
    until(lambda: answered.call("nvim_get_mode")["mode"] == "i")
    answered.ghost()
    answered.keys("<Tab>")
    until(lambda: answered.line == "        one")
    assert answered.call("nvim_get_option_value", "readonly", {})


def test_no_text_goes_where_it_cannot_be_changed(answered: Neovim) -> None:
    answered.call("nvim_command", "set nomodifiable")
    answered.offer("one", character=8)
    before = answered.text
    answered.keys("A<Tab>")
    time.sleep(0.3)
    assert answered.text == before


def test_ghost_text_inside_a_snippet_leaves_its_places(answered: Neovim) -> None:
    answered.offer("lpha", character=10)
    answered.begin()
    answered.lua("vim.snippet.expand('($1, $2)')")
    answered.keys("a")
    assert answered.ghost() == "lpha"
    answered.keys("<Tab>")
    until(lambda: answered.line == "        (alpha, )")
    answered.lua("fake.items = {}")
    answered.keys("<Tab>b")  # the snippet's own use of the key
    until(lambda: answered.line == "        (alpha, b)")


def test_omni_completion_goes_on_beside_ghost_text(answered: Neovim) -> None:
    answered.lua("""
        function _G.omni(first)
          return first == 1 and 8 or { 'omelette', 'omen' }
        end
        vim.bo.omnifunc, vim.o.completeopt = 'v:lua.omni', 'menuone'""")
    answered.offer("on", character=10)
    answered.begin("om")
    assert answered.ghost() == "on"
    answered.keys("<C-x><C-o>")
    until(lambda: answered.line == "        omelette")
    answered.keys("<C-n>")
    until(lambda: answered.line == "        omen")
    answered.keys("<C-y>!")
    until(lambda: answered.line == "        omen!")
    answered.begin("om")
    assert answered.ghost() == "on"
    answered.keys("<Tab>")
    until(lambda: answered.line == "        omon")
