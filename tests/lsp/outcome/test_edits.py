"""Edits of a text, and what they do to a range."""

from empower_lsp.outcome.edits import Edit, difference, moved, narrowed, slid, survivors


def test_difference_is_the_narrowest_edit() -> None:
    assert difference("abcd", "abXcd") == (2, 2, "X")
    assert difference("aaa", "aaaa") == (3, 3, "a")
    assert difference("same", "same") == (4, 4, "")
    assert difference("", "x") == (0, 0, "x")
    assert narrowed("say hello", Edit(4, 9, "help")) == (7, 9, "p")


def test_slid_both_ways_only_if_the_text_is_the_same() -> None:
    assert slid("f()", Edit(3, 3, " + g()"), 2) == (2, 2, ") + g(")
    assert slid("f()", Edit(2, 2, ") + g("), 3) == (3, 3, " + g()")
    assert slid("f()", Edit(3, 3, " + 1"), 2) == (3, 3, " + 1")


def test_survivors_are_counted_by_word() -> None:
    assert survivors("return x", "  return\tx") == (7, 7)
    assert survivors("value = 'a'", 'value = "a"') == (9, 9)
    assert survivors("value", "values") == (0, 5)
    assert survivors("世界 🙂", "世 🙂") == (2, 3)


def test_moved_finds_a_range_in_rewritten_text() -> None:
    old = "x=1\n" * 50 + "keep( this,'one' )\n" + "y=2\n" * 50
    new = "x = 1\n" * 50 + 'keep(this, "one")\n' + "y = 2\n" * 50
    start = old.index("keep")
    low, high = moved(start, start + 18, difference(old, new), lambda: old)
    assert new[low:high] == 'keep(this, "one")'
