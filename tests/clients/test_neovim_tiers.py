"""What the Neovim client does for a model that takes a while: with a server that says what it is told to."""

from __future__ import annotations

from .neovim.editor import ROW, Neovim, until


def tell(editor: Neovim, method: str, params: dict[str, object]) -> None:
    """Have the server send a notification."""
    editor.lua("fake.tell(...)", method, params)


def test_the_client_says_that_it_knows_the_notifications(answered: Neovim) -> None:
    [[params]] = [answered.told("initialize")]
    assert params["capabilities"]["experimental"]["empower"] == {"notifications": True}


def test_where_the_cursor_rests_is_told_once_it_rests(answered: Neovim) -> None:
    answered.call("nvim_win_set_cursor", 0, [1, 0])
    answered.keys("jjj")
    until(lambda: answered.told("textDocument/didRestCursor"))
    told = answered.told("textDocument/didRestCursor")[-1]
    assert told["position"] == {"line": 3, "character": 0}
    assert told["textDocument"]["uri"].endswith("point.py")


def test_a_better_text_takes_the_place_of_the_one_that_is_shown(answered: Neovim) -> None:
    answered.offer("eturn self", character=9)
    answered.begin("r")
    assert answered.ghost() == "eturn self"
    answered.offer("eturn Point(self.x)", character=9)
    uri = answered.lua("return vim.uri_from_bufnr(0)")
    tell(answered, "empower/better", {"uri": "file:///elsewhere.py"})
    tell(answered, "empower/better", {"uri": uri})
    until(lambda: answered.seen()[1] == "eturn Point(self.x)")
    assert len(answered.told("textDocument/inlineCompletion")) == 2
    answered.keys("<Tab>")
    until(lambda: answered.line.strip() == "return Point(self.x)")
    assert answered.ran("accept") == [["eturn Point(self.x)"]]


def test_the_statusline_says_how_much_of_a_prompt_is_read(answered: Neovim) -> None:
    answered.lua(
        "fake.status = { engine = 'ready', on = true, trigger = 'automatic' }; require('empower.status').refresh()"
    )
    until(lambda: answered.status == "empower")
    tell(answered, "empower/reading", {"read": 42, "toRead": 100})
    until(lambda: answered.status == "empower: reading 42 %")
    tell(answered, "empower/reading", {"read": 100, "toRead": 100})
    until(lambda: answered.status == "empower")


def test_nothing_is_asked_again_once_a_person_has_left(answered: Neovim) -> None:
    answered.offer("eturn self", character=9)
    answered.begin("r")
    answered.ghost()
    answered.keys("<Esc>")
    until(lambda: answered.call("nvim_get_mode")["mode"] == "n")
    tell(answered, "empower/better", {"uri": answered.lua("return vim.uri_from_bufnr(0)")})
    answered.offer("x", character=ROW)
    assert len(answered.told("textDocument/inlineCompletion")) == 1
