"""Windows of other files, and which of them stand before a cursor's text."""

from math import log

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.seam import FakeEngine
from empower_model.request import Completion, Limits, Request
from empower_model.trim.trimming import trim
from empower_training.corpus.corpus import Document
from empower_training.replay.snippets import Index, Quoting, Snippets, Window, names, quoted, windows


def numbered(count: int, start: int = 0) -> str:
    return "".join(f"line_{number}\n" for number in range(start, start + count))


def test_windows_overlap_by_half_and_reach_the_end() -> None:
    assert [(one.first, one.text.count("\n")) for one in windows("x.py", numbered(45))] == [
        (0, 20), (10, 20), (20, 20), (30, 15)
    ]  # fmt: skip
    assert windows("x.py", numbered(40))[-1] == Window("x.py", 20, numbered(20, 20))
    assert windows("x.py", "one\nother") == [Window("x.py", 0, "one\nother")]
    assert windows("x.py", "") == []


def test_names_have_three_characters_and_do_not_begin_with_a_digit() -> None:
    assert names("for x1 in élan(a_b, 1e10, _x9): élan") == ["for", "élan", "a_b", "_x9", "élan"]


def test_scores_are_those_of_bm25() -> None:
    index = Index({"x.py": "alpha alpha beta\n", "y.py": "beta\n", "z.py": "gamma delta\n"})
    # three windows of 3, 1 and 2 names: 2 on average
    alpha = log(1 + 2.5 / 1.5) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))
    beta = log(1 + 1.5 / 2.5)
    assert index.scores(["alpha"]) == pytest.approx([alpha, 0, 0])
    assert index.scores(["beta", "nowhere", "beta"]) == pytest.approx(
        [beta * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 2)), beta * 2.2 / (1 + 1.2 * (0.25 + 0.75 / 2)), 0]
    )
    assert index.scores(["alpha", "beta"])[0] == pytest.approx(index.scores(["alpha"])[0] + index.scores(["beta"])[0])


def test_the_best_come_first_and_those_without_a_name_not_at_all() -> None:
    index = Index({"x.py": "beta beta\n", "y.py": "alpha beta\n", "z.py": "gamma\n"})
    assert [one.path for one in index.best(["alpha", "beta"], 3)] == ["y.py", "x.py"]
    assert [one.path for one in index.best(["alpha", "beta"], 1)] == ["y.py"]
    assert index.best(["nowhere"], 3) == []
    assert Index({}).best(["alpha"], 3) == []


def test_files_of_that_name_are_left_out_wherever_they_lie() -> None:
    index = Index(dict.fromkeys(("a/x.py", "a/b/x.py", "a/y.py", "x.py"), "alpha\n"))
    assert [one.path for one in index.best(["alpha"], 9, "x.py")] == ["a/y.py"]


def test_no_two_windows_overlap() -> None:
    # line 15 is in the windows from 0 and from 10, line 35 in those from 20 and from 30
    lines = numbered(60).splitlines(keepends=True)
    lines[15], lines[35] = "alpha alpha\n", "alpha\n"
    found = Index({"x.py": "".join(lines), "y.py": "alpha\n"}).best(["alpha"], 9)
    assert {one.path for one in found} == {"x.py", "y.py"}
    firsts = sorted(one.first for one in found if one.path == "x.py")
    assert firsts == [0, 20]


def test_snippets_are_comments_under_their_path_the_best_nearest_to_the_cursor() -> None:
    found = [Window("a/best.py", 0, "x = 1\n\n    y\n\n"), Window("b.py", 10, "z")]
    assert quoted(found) == "# b.py\n# z\n#\n# a/best.py\n# x = 1\n#\n#     y\n#\n"
    assert quoted([]) == ""


def test_a_snippet_that_begins_inside_a_string_leaves_trimming_as_it_is() -> None:
    window = Window("b.py", 0, 'end of a docstring."""\n\tcall(["\n')
    prefix, suffix = "def f():\n    return call(x", ")\n"
    for text in (", y)", ", y)\n\n\nother = 1", ", y):\n  if x:\n    z()"):
        assert trim(text, quoted([window]) + prefix, suffix) == trim(text, prefix, suffix) != text


DOCUMENTS = [
    Document("a", "a/one.py", "alpha = 1\n"),
    Document("a", "a/two.py", "print(alpha)\n"),
    Document("a", "a/old/one.py", "alpha = 2\n"),
    Document("b", "b/two.py", "alpha, beta = 3, 4\n"),
]


def test_what_stands_above_is_of_other_files_of_the_package() -> None:
    snippets = Snippets(DOCUMENTS, 2)
    assert snippets.above("a/one.py", "alpha\n") == "# a/two.py\n# print(alpha)\n#\n"
    assert set(snippets.above("a/two.py", "alpha\n").split("\n")) >= {"# a/one.py", "# a/old/one.py"}
    assert snippets.above("b/two.py", "alpha\n") == ""
    assert Snippets(DOCUMENTS, 1).above("a/two.py", "alpha\n").count(".py") == 1


def test_they_are_chosen_by_the_lines_above_the_cursors_own() -> None:
    snippets = Snippets(DOCUMENTS, 2)
    assert snippets.above("a/one.py", "alpha") == ""
    assert snippets.above("a/one.py", "x\nalpha") == ""
    assert snippets.above("a/one.py", "alpha\nx") == snippets.above("a/one.py", "alpha\nnothing else") != ""
    assert snippets.above("a/one.py", "alpha\n" + "x\n" * 19) != ""
    assert snippets.above("a/one.py", "alpha\n" + "x\n" * 20) == ""  # too far up


def test_the_model_sees_them_and_nothing_else_changes() -> None:
    engine = FakeEngine(lambda _: [("(alpha)", 0.1, 0.1)])
    asked: list[str] = []

    def above(prefix: str) -> str:
        asked.append(prefix)
        return "# said before\n"

    def complete(completer: LocalCompleter | Quoting) -> Completion:
        return completer.complete(Request("one\nprint(", "\nbelow\n", Limits()))

    plain = LocalCompleter(engine, Calibration())
    found = [complete(plain).text, complete(Quoting(plain, above)).text]
    assert found == ["alpha)", "alpha)"]
    assert asked == ["one\nprint("]
    without, with_them = engine.prompts
    assert with_them == without.replace("<PRE>", "<PRE># said before\n")
