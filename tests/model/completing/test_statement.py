"""Where the rest of a statement ends, for who asks for that: brackets and indentation tell, and bounds."""

from collections.abc import Sequence
from itertools import accumulate

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.completing.statement import SECONDS, statement_end, whole_statement
from empower_model.completing.stopping import Verdict, Written
from empower_model.engine.seam import FakeEngine
from empower_model.request import MORE_LINES, MORE_TOKENS, Completion, End, Limits, Request

LIMITS = Limits().to_the_end()


@pytest.mark.parametrize(
    ("before", "statement", "after"),
    [
        ("def f(self):\n    return self.", "name\n    ", "x = 1\n"),
        ("def f(self):\n    return self.", "name\n\n\n", "def g():\n"),
        ("", "x = 1\n", "y = 2\n"),
        ("x = call(", "\n    a,\n    b,\n)\n", "y = 2\n"),
        ("x = call(", '\n    a,\n    ")",  # one )\n)\n', "y = 2\n"),
        ("x = 1 + \\\n    2", " + 3\n", "y = 2\n"),
        ("x = 1", " + \\\n2\n", "y = 2\n"),
        # what opens a block goes on to its end
        ("if ready", ":\n    start()\n\n    wait()\n", "stop()\n"),
        ("if ready:", "\n    start()\nelse:\n    stop()\n", "leave()\n"),
        ("    for x in y:\n", "        print(x)\n    ", "return 1\n"),
        ("function f() ", "{\n  g();\n}\n", "f();\n"),
        ("if (a) {", "\n  g();\n} else {\n  h();\n}\n", "f();\n"),
        ("for f in *; do", "\n  echo $f\ndone\n", "exit\n"),
        ("list:", "\n  - a\n  - b\n", "other: 1\n"),
        # behind a whole line the next statement counts
        ("x = 1", "\ny = 2\n", "z = 3\n"),
        ("    return x", "\n\n\ndef g():\n    pass\n", "h()\n"),
        # a bracket of a line above is closed here
        ("f(\n    a, ", "b)\n", "g()\n"),
    ],
)
def test_a_statement_ends_before_the_next_one(before: str, statement: str, after: str) -> None:
    assert statement_end(before, statement + after) == len(statement)
    for length in range(len(statement) + 1):  # not before that is clear
        assert statement_end(before, statement[:length]) is None


def test_what_may_become_an_else_is_waited_for() -> None:
    block = "if a:\n    b()\n"
    assert statement_end("", block + "el") is None
    assert statement_end("", block + "else:\n    c()\n") is None
    assert statement_end("", block + "elder(") == len(block)


def written(text: str) -> Written:
    """Return a text of a token a character, each as unsure as can be."""
    return Written(text, list(accumulate(1 for _ in text)), [30.0] * len(text), [9.0] * len(text))


def test_uncertainty_does_not_end_it() -> None:
    cut = whole_statement(LIMITS, "x = ")
    assert cut(written("call(a, b)")) == Verdict(10, ended=False)
    assert cut(written("call(a, b)\nz(")) == Verdict(11, ended=True)


def test_too_many_tokens_or_too_much_time_end_it_with_the_last_whole_line() -> None:
    long = "if a:\n" + "    b()\n" * 8 + "    " + "c" * 100
    assert len(long) > MORE_TOKENS
    assert whole_statement(LIMITS, "")(written(long[:MORE_TOKENS])) == Verdict(6 + 8 * 8, ended=True)
    assert whole_statement(LIMITS, "")(written("c" * MORE_TOKENS)) == Verdict(MORE_TOKENS, ended=True)
    lines = "if a:\n" + "    b\n" * (MORE_LINES - 1)
    assert whole_statement(LIMITS, "")(written(lines)) == Verdict(len(lines), ended=True)
    now = 0.0
    cut = whole_statement(LIMITS, "", lambda: now)
    assert cut(written("if a:\n    b()\n    c")) == Verdict(19, ended=False)
    now = SECONDS
    assert cut(written("if a:\n    b()\n    ca")) == Verdict(14, ended=True)


def complete(script: Sequence[tuple[str, float, float]], request: Request) -> Completion:
    return LocalCompleter(FakeEngine(lambda _: script), Calibration(1.0, 1.0)).complete(request)


def test_the_rest_of_a_statement_is_written_and_made_to_fit_its_place() -> None:
    script = [
        ("a", 9.0, 9.0),
        (", b", 9.0, 9.0),
        (")", 9.0, 9.0),
        ("\n", 9.0, 9.0),
        ("y", 9.0, 9.0),
        (" = 2", 9.0, 9.0),
    ]
    found = complete(script, Request("x = call(\n", "\n", LIMITS))
    assert (found.text, found.end, found.kept) == ("a, b)", End.ASKED, 3)
    assert complete(script, Request("x = call(\n", ")\n", LIMITS)).text == "a, b"
    assert complete([("a", 9.0, 9.0), ("", 0.0, 0.0)], Request("x = (\n", "\n)", LIMITS)).text == "a"
    assert complete(script, Request("x = call(\n", "\n")).text == ""
