"""The Neovim client in the real editor, headless, with the installed server and the bundled model."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from empower_lsp.log.level import Level, choose

from .neovim.editor import ABOVE, TYPED, Neovim, until


@pytest.fixture
def neovim(tmp_path: Path, data_folder: Path) -> Iterator[Neovim]:
    choose(Level.FULL)
    editor = Neovim(tmp_path, data_folder)
    try:
        until(lambda: editor.status == "empower")
        yield editor
    finally:
        editor.kill()


def test_ghost_text_appears_and_tab_accepts_it(neovim: Neovim) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    neovim.keys("<Tab>")
    until(lambda: neovim.line == "        return Po" + ghost)
    neovim.keys("<Esc>u")
    until(lambda: neovim.line == "        return Po")  # undone by itself
    neovim.quit()
    [accepted, *_] = neovim.outcomes()
    assert (accepted["kind"], accepted["explicit"], accepted["characters"]) == ("accepted", True, len(ghost))


def test_more_goes_on_past_where_it_is_sure_and_is_logged_as_asked_for(neovim: Neovim) -> None:
    neovim.begin("return Point(")
    until(lambda: neovim.line.endswith("Point("))
    neovim.keys("<M-m>")
    until(lambda: "EmpowerMore" in {group for line in neovim.drawn() for _, group in line})
    ghost = neovim.ghost()
    neovim.keys("<Tab>")
    until(lambda: neovim.line == "        return Point(" + ghost)
    neovim.quit()
    [asked] = [entry for entry in neovim.logged() if entry["rule"] == "statement"]
    assert asked["text"] == ghost
    assert "accepted" in {outcome["kind"] for outcome in asked["outcomes"]}


def test_tab_is_a_tab_where_there_is_no_ghost_text(neovim: Neovim) -> None:
    neovim.lua("require('empower').toggle()")
    until(lambda: neovim.status == "empower: off")
    neovim.begin("return<Tab>Po")
    until(lambda: neovim.line == "        return  Po")  # to the next multiple of four
    neovim.keys("<Esc>")
    neovim.lua("vim.cmd('normal! S') vim.cmd.startinsert() vim.snippet.expand('f($1, $2)')")
    neovim.keys("a<Tab>b")
    until(lambda: neovim.line.strip() == "f(a, b)")  # the snippet's own use of the key


def test_the_completion_menu_keeps_its_keys(neovim: Neovim) -> None:
    neovim.begin("return Po")
    neovim.ghost()
    neovim.call("nvim_command", "set completeopt=menuone")
    neovim.keys("<C-x><C-n>")
    until(lambda: neovim.line == "        return Point")
    neovim.keys("<Tab>")
    until(lambda: re.fullmatch(" {8}return Point +", neovim.line))


def test_a_word_is_accepted(neovim: Neovim) -> None:
    neovim.begin("return Point")
    whole = neovim.ghost()
    neovim.keys("<C-Right>")
    first = until(lambda: neovim.line.removeprefix("        return Point"))
    assert whole.startswith(first)
    assert len(first) < len(whole)
    assert re.fullmatch(r"\W+|\w+", first)
    assert neovim.ghost() == whole[len(first) :]
    neovim.quit()
    [partial, *_] = neovim.outcomes()
    assert (partial["kind"], partial["explicit"]) == ("partially accepted", True)
    assert partial["characters"] == len(first)


def test_dismissed_text_is_gone_and_stays_away(neovim: Neovim) -> None:
    neovim.begin("return Po")
    neovim.ghost()
    time.sleep(0.6)  # the server takes under half a second for not seen
    neovim.keys("<C-]>")
    until(lambda: not neovim.seen()[1])
    time.sleep(0.5)
    assert not neovim.seen()[1]
    assert neovim.line == "        return Po"
    neovim.keys("<Esc>")
    neovim.quit()
    assert [(outcome["kind"], outcome["explicit"]) for outcome in neovim.outcomes()] == [("dismissed", True)]


def test_escape_takes_the_ghost_text_away(neovim: Neovim) -> None:
    neovim.begin("return Po")
    neovim.ghost()
    neovim.keys("<Esc>")
    until(lambda: neovim.call("nvim_get_mode")["mode"] == "n")
    assert not neovim.seen()[1].replace("o", "", 1)  # the cursor stands on the line's last letter


def test_typing_along_keeps_the_rest(neovim: Neovim) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    for typed in range(1, len(ghost)):
        neovim.keys(ghost[typed - 1])
        assert neovim.seen() == ("        return Po" + ghost[:typed], ghost[typed:])
    neovim.keys(ghost[-1])
    time.sleep(1.5)  # the server's grace
    neovim.keys("<Esc>")
    neovim.quit()
    assert neovim.outcomes()[0]["kind"] == "typed through"


@pytest.mark.parametrize("meant", [True, False])
def test_keys_typed_ahead_of_the_screen_never_double_a_letter(neovim: Neovim, meant: bool) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    for ahead in range(len(ghost)):
        neovim.begin("return Po")
        until(lambda: neovim.seen() == ("        return Po", ghost))
        if meant:
            neovim.keys(ghost[:ahead] + "<Tab>)")
            until(lambda: neovim.line == "        return Po" + ghost + ")")
        else:
            neovim.keys(ghost[:ahead] + "q<Tab>)")
            blanks = " " * (4 - len("return Po" + ghost[:ahead] + "q") % 4)
            until(lambda: neovim.line == "        return Po" + ghost[:ahead] + "q" + blanks + ")")  # noqa: B023


def test_a_fast_typist_sees_only_answers_to_what_stands_there(neovim: Neovim) -> None:
    neovim.begin()
    seen = set()
    for number, key in enumerate(TYPED):
        neovim.keys(key)
        for _ in range(number % 4):
            before, ghost = neovim.seen()
            if ghost:
                seen.add(before + ghost)
            time.sleep(0.02)
    until(lambda: neovim.line == "        " + TYPED)
    neovim.keys("<Esc>")
    neovim.quit()
    assert seen
    said = {(entry["prefix"] + entry["text"]).removeprefix(ABOVE).split("\n")[0] for entry in neovim.logged()}
    assert seen <= said


def test_other_words_are_logged_as_written_instead(neovim: Neovim) -> None:
    neovim.begin("return Po")
    assert not neovim.ghost().startswith("lygon")
    time.sleep(0.6)
    neovim.keys("lygon()<Esc>")
    until(lambda: neovim.line == "        return Polygon()")
    neovim.quit()
    assert neovim.outcomes()[0]["kind"] == "diverged"
    assert neovim.outcomes()[0]["text"].startswith("l")


def test_a_killed_server_comes_back_and_says_so_once(neovim: Neovim) -> None:
    old = neovim.server()
    os.kill(old.pid, signal.SIGKILL)
    until(lambda: "started again" in neovim.messages)
    until(lambda: neovim.status == "empower")
    assert neovim.server().pid != old.pid
    neovim.begin("return Po")
    assert neovim.ghost()
    assert neovim.messages.count("the server ended unexpectedly (signal 9) and was started again") == 1


def test_the_commands_tell_and_the_health_check_is_clean(neovim: Neovim) -> None:
    neovim.begin("return Po")
    ghost = neovim.ghost()
    neovim.keys("<Esc>")
    neovim.call("nvim_command", "Empower why")
    page = until(lambda: neovim.text if "The numbers" in neovim.text else "")
    words, _, code = page.partition("\n\n")
    assert re.match(r"It was (\d+ % )?sure of `", words), page
    assert " ".join(words.split()).endswith(".")
    assert f"    def moved(self, x, y, z):\n        return Po{ghost}" in code
    assert neovim.call("nvim_eval", "foldclosed(line('$'))") > 0, "the numbers are folded"
    neovim.keys("q")
    neovim.call("nvim_command", "Empower log status")
    until(lambda: "full" in neovim.text and neovim.call("nvim_eval", "&buftype") == "nofile")
    neovim.call("nvim_command", "checkhealth empower")
    health = until(lambda: neovim.text if "Tab" in neovim.text else "")
    assert "ERROR" not in health
    assert "WARNING" not in health
    assert neovim.call("nvim_eval", "getcompletion('Empower l', 'cmdline')") == ["log"]
    assert "status" in neovim.call("nvim_eval", "getcompletion('Empower log s', 'cmdline')")


def test_training_starts_the_installed_command(neovim: Neovim) -> None:
    neovim.call("nvim_command", "Empower train --help")
    until(lambda: "Usage: empower-lsp train" in neovim.text)


def test_a_language_is_turned_off_and_on(neovim: Neovim) -> None:
    neovim.call("nvim_command", "Empower toggle python")
    until(lambda: "completions for python are off" in neovim.messages)
    neovim.begin("return Po")
    time.sleep(1)
    assert not neovim.seen()[1]
    neovim.keys("<Esc>")
    neovim.call("nvim_command", "Empower toggle python")
    until(lambda: "completions for python are on" in neovim.messages)
    neovim.begin("return Po")
    assert neovim.ghost()


def test_one_word_after_the_other_is_counted_to_the_letter(neovim: Neovim) -> None:
    neovim.begin("return Point")
    whole = neovim.ghost()
    taken = ""
    while len(taken) < len(whole):
        before = neovim.line
        neovim.keys("<C-Right>")
        until(lambda: neovim.line != before)  # noqa: B023
        taken = neovim.line.removeprefix("        return Point")
        if len(taken) >= 3:
            break
    neovim.keys("<Esc>")
    neovim.quit()
    [final, *_] = neovim.outcomes()
    assert (final["explicit"], final["characters"], final["typed"]) == (True, len(taken), 0)
    assert final["kind"] == ("accepted" if taken == whole else "partially accepted")
