"""What is typed: bodies of real texts, and what stands around them."""

import pytest

from empower_training.replay.work import LEAST, Work, blocks, works

PYTHON = '''import os


@decorated
def first(x):
    """Say what it does."""
    if x:
        return os.path.join(x, "a")

    return None


class Second:
    @property
    def value(self):
        return self._value_of_something

def short(): return 1
'''


def test_bodies_of_python_are_found_by_syntax() -> None:
    lines = PYTHON.split("\n")
    bodies = ["\n".join(lines[first:end]) for first, end in blocks("a.py", PYTHON)]
    assert [body.strip().split("\n")[0] for body in bodies] == [
        '"""Say what it does."""',
        "@property",
        "return self._value_of_something",
    ]
    assert bodies[0].endswith("return None")


def test_other_texts_are_read_by_indentation() -> None:
    text = "int f() {\n  if (x) {\n    y();\n\n    z();\n  }\n}\nint g;\n"
    assert list(blocks("a.c", text)) == [(1, 6), (2, 5)]
    assert blocks("broken.py", "def f(:\n    x\ny\n") == [(1, 2)]


@pytest.mark.parametrize("odd", ["\x0c", "\u2028", "\x85"])
def test_lines_are_counted_as_the_parser_does(odd: str) -> None:
    text = f'a = "{odd}"\n{PYTHON}'
    [work] = works([("a.py", text)], seed=0, per_text=1, characters=1000)
    assert text.startswith(work.above + work.typed)


def test_a_work_is_a_part_of_its_text() -> None:
    parts = works([("p/a.py", PYTHON)], seed=1, per_text=3, characters=3000)
    assert len(parts) == 3
    for work in parts:
        assert PYTHON.startswith(work.above + work.typed)
        assert work.below in ("", PYTHON[len(work.above + work.typed) :])
        assert work.typed == work.typed.strip()
        assert work.source == "p/a.py"
        assert PYTHON.split("\n")[int(work.name.split(":")[1]) - 1].strip() == work.typed.split("\n")[0]
    assert {bool(work.below) for work in works([(f"{n}.py", PYTHON) for n in range(9)], seed=0)} == {True, False}


def test_long_bodies_are_typed_in_part_and_their_rest_is_not_there_yet() -> None:
    body = "".join(f"    value_{n} = {n}\n" for n in range(100, 130))
    [work] = works([("a.py", f"def f():\n{body}\nx = 1\n")], seed=0, per_text=1, characters=60)
    # lines of 20 characters with their end: three fit
    assert work.typed == "value_100 = 100\n    value_101 = 101\n    value_102 = 102"
    assert work.below in ("", "\n\nx = 1\n")


def test_a_text_gives_the_same_works_in_any_company() -> None:
    alone = works([("a.py", PYTHON)], seed=5, per_text=1)
    assert works([("b.py", PYTHON), ("a.py", PYTHON)], seed=5, per_text=1)[1:] == alone
    # one of three bodies by lot: over some seeds not always the same
    assert len({works([("a.py", PYTHON)], seed=seed, per_text=1)[0].name for seed in range(12)}) > 1


def test_a_text_without_bodies_is_begun_and_nothing_is_no_work() -> None:
    text = "import os\r\nimport sys\r\nprint(os, sys)\r\n"
    assert works([("a.py", text)], seed=0) == [Work("a.py:1", "", "import os\nimport sys\nprint(os, sys)", "")]
    assert works([("a.py", "x" * (LEAST - 1)), ("b.py", "")], seed=0) == []
