"""Trimming against golden files, and against what people really wrote.

A golden file says why in its first line; below `---` it shows the document with the completion in its place,
between « and ». ¦ is where the text must end; without it, all of the text must stay.
"""

from __future__ import annotations

import random
import re
import sysconfig
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from empower_model.trim.trimming import reindent, trim

GOLDEN = Path(__file__).parent / "golden" / "trim"
FILES = sorted(GOLDEN.glob("*/*.txt"))


def golden(path: Path) -> tuple[str, str, str, str]:
    """Return the text, the prefix, the suffix, and what must stay of the text."""
    _, _, document = path.read_text(encoding="utf-8").partition("\n---\n")
    prefix, _, document = document.partition("«")
    marked, _, suffix = document.partition("»")
    return marked.replace("¦", ""), prefix, suffix.removesuffix("\n"), marked.partition("¦")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden(path: Path) -> None:
    text, prefix, suffix, expected = golden(path)
    assert trim(text, prefix, suffix) == expected
    assert (text != expected) == (path.parent.name == "must-trim")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_length_is_a_stable_prefix(path: Path) -> None:
    text, prefix, suffix, _ = golden(path)
    for length in range(len(text) + 1):
        kept = trim(text[:length], prefix, suffix)
        assert text.startswith(kept)
        assert trim(kept, prefix, suffix) == kept
        assert trim(text[:length], prefix, suffix) == kept


def test_there_are_enough_cases() -> None:
    assert all(len(list((GOLDEN / kind).iterdir())) >= 25 for kind in ("must-trim", "must-not-trim"))


def cursors(count: int) -> Iterator[tuple[str, int]]:
    """Random places in the standard library, the same each time for the same library."""
    library = Path(sysconfig.get_path("stdlib"))
    names = [*library.glob("*.py"), *library.glob("*/*.py")]
    files = sorted(file for file in names if file.stat().st_size > 3000)
    choose = random.Random(7)
    for _ in range(count):
        document = choose.choice(files).read_text(encoding="utf-8", errors="replace")
        yield document, choose.randrange(len(document))


def end_of_line(document: str, at: int) -> int:
    end = document.find("\n", at)
    return len(document) if end < 0 else end


def test_keeps_the_rest_of_lines_people_wrote() -> None:
    kept = 0
    for document, at in cursors(200):
        end = end_of_line(document, at)
        kept += trim(document[at:end], document[:at], document[end:]) == document[at:end].rstrip()
    assert kept >= 0.97 * 200


def test_keeps_text_before_the_rest_of_lines_people_wrote() -> None:
    kept = 0
    for document, at in cursors(200):
        end = at + (end_of_line(document, at) - at) // 2
        kept += trim(document[at:end], document[:at], document[end:]).rstrip() == document[at:end].rstrip()
    assert kept >= 0.97 * 200


def test_keeps_three_lines_people_wrote_within_a_block() -> None:
    kept = tried = 0
    for document, at in cursors(400):
        end = end_of_line(document, end_of_line(document, end_of_line(document, at) + 1) + 1)
        lines = document[document.rfind("\n", 0, at) + 1 : end].split("\n")
        indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
        if not indents or min(indents) < indents[0]:
            continue  # leaving the block is what trimming is to prevent
        tried += 1
        kept += trim(document[at:end], document[:at], document[end:]) == document[at:end].rstrip()
    assert tried > 200
    assert kept >= 0.9 * tried


def test_is_fast_enough_for_every_keystroke() -> None:
    text = "value) + other(value)\n        if value:\n            return [value]\n        total += value * 2\n" * 2
    prefix = "    def method(self, value):\n        # it's (a) comment\n        self.x = {'key': [value]}\n" * 50
    suffix = "\n        return None\n\n    def other(self):\n        return (1, 2, [3], {'a': 4})\n" * 50
    words = re.compile(r"\w+|[^\w\s]")
    trimming, reading = [], []
    for _ in range(30):  # in turns: what else the machine does slows both
        start = time.thread_time()
        trim(text, prefix, suffix)
        trimmed = time.thread_time()
        words.findall(prefix + suffix)
        trimming.append(trimmed - start)
        reading.append(time.thread_time() - trimmed)
    assert min(trimming) < 2 * min(reading)  # about as long as finding the words around the cursor


def test_no_run_of_signs_takes_for_ever() -> None:
    signs = "-|:#*/`'\"([{<=.\\ "
    for run in (*signs, *map("".join, product(signs, repeat=2))):
        many = run * (200 // len(run))
        start = time.thread_time()
        trim(many + "x|", "| a |\n| --- |\n", "\n| " + many)
        trim(f"a {many} = x", f"f({many}\n    ", f")\n{many}z\n")
        assert time.thread_time() - start < 1, repr(run)


def test_a_large_document_costs_no_more() -> None:
    line = "    total = compute(first, second)  # and so on\n"
    start = time.thread_time()
    assert trim("x)", line * 20_000 + "    foo(bar(", ")\n" + line * 20_000) == "x)"
    assert time.thread_time() - start < 0.1


@pytest.mark.parametrize(
    ("text", "prefix", "expected"),
    [
        ("x:\n        return 1", "def f():\n\tif ", "x:\n\t\treturn 1"),
        ("x:\n  return 1", "def f():\n\tpass\nif ", "x:\n\treturn 1"),
        ("x {\n\t\treturn 1\n\t}", "f() {\n  if ", "x {\n    return 1\n  }"),
        ("x:\n\treturn 1", "class A:\n    pass\nif ", "x:\n    return 1"),
        ("x:\n\treturn 1", "class A:\n\tpass\nif ", "x:\n\treturn 1"),
        ("x:\n    return 1", "class A:\n        pass\nif ", "x:\n    return 1"),
        ("x:\n    return 1", "if ", "x:\n    return 1"),
        ("    return 1\n    # two", "def g():\n\tpass\ndef f():\n", "\treturn 1\n\t# two"),
        ("a,\n\t    b)", "\tf(", "a,\n\t    b)"),
        ("x)\n        return 1;", "/*\n * A\n * B\n * C\n */\n{\n\tif (", "x)\n\t\treturn 1;"),
    ],
    ids=[
        "deeper",
        "narrow",
        "to-two",
        "to-four",
        "tabs-both",
        "spaces-both",
        "unknown",
        "new-line",
        "aligned",
        "comment",
    ],
)
def test_reindent(text: str, prefix: str, expected: str) -> None:
    assert reindent(text, prefix) == expected
    assert reindent(expected, prefix) == expected
