"""What the simulated typist writes: bodies of functions and classes of real files, with the text around them."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

APPENDING = 1 / 3
"""Share of the works with nothing below: a file that is being written from top to bottom."""
LEAST = 24
"""Characters of a body worth typing."""

Block = tuple[int, int]
"""The lines of a body, from 0: first, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Work:
    """A text to type, and what stands around it; all with `\\n` line ends."""

    name: str
    """The text it is from, a colon and the line it begins on, counted from 1."""
    above: str
    """Down to the cursor, the indentation of its line included."""
    typed: str
    below: str

    @property
    def source(self) -> str:
        """Return the text it is from."""
        return self.name.rpartition(":")[0]


def works(texts: Sequence[tuple[str, str]], *, seed: int, per_text: int = 2, characters: int = 300) -> list[Work]:
    """Choose bodies at random from each of the (name, text) pairs, in the order of the texts.

    At most `per_text` a text, and about `characters` of a text in all: a longer body is typed from its first line to
    the last whole line within that. A text gives the same works whatever the other texts are; one without bodies
    gives its own beginning, if that is long enough.
    """
    return [work for name, text in texts for work in _of_text(name, text, seed, per_text, characters)]


def _of_text(name: str, text: str, seed: int, per_text: int, characters: int) -> Iterator[Work]:
    text = text.replace("\r\n", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    rng = random.Random(f"{seed}-{name}")
    worth = [block for block in blocks(name, text) if len("".join(lines[slice(*block)]).strip()) >= LEAST]
    chosen = sorted(rng.sample(worth, min(per_text, len(worth))))
    appended = [rng.random() < APPENDING for _ in chosen]
    if not chosen and len(text.strip()) >= LEAST:
        chosen, appended = [(0, len(lines))], [True]
    for (first, end), alone in zip(chosen, appended, strict=True):
        body = _capped(lines[first:end], characters // per_text)
        typed = body.lstrip()
        indent = body[: len(body) - len(typed)]
        below = "" if alone else "\n" + "".join(lines[end:])[:-1]
        yield Work(f"{name}:{first + 1}", "".join(lines[:first]) + indent, typed.rstrip(), below)


def _capped(lines: Sequence[str], characters: int) -> str:
    """Return the first lines that are together no longer than that, but always one that is not blank."""
    text = ""
    for line in lines:
        if text.strip() and len(text) + len(line) > characters:
            break
        text += line
    return text


def blocks(name: str, text: str) -> list[Block]:
    """Return the lines of each body in a text with `\n` line ends: by syntax in Python that parses, else by indent."""
    if name.endswith(".py"):
        try:
            return sorted(_python_bodies(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError):  # ValueError: a null byte
            pass
    return list(_indented(text.split("\n")))


def _python_bodies(tree: ast.Module) -> Iterator[Block]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        statement = node.body[0]
        decorators = getattr(statement, "decorator_list", [])
        first = (
            min(statement.lineno, *(decorator.lineno for decorator in decorators)) if decorators else statement.lineno
        )
        if first > node.lineno and node.end_lineno is not None:  # else `def f(): return 1`
            yield first - 1, node.end_lineno


def _indented(lines: Sequence[str]) -> Iterator[Block]:
    """Yield runs of lines deeper than the line above them; blank lines belong to the run they are in."""
    depths = [len(line) - len(line.lstrip()) if line.strip() else None for line in lines]
    for first in range(1, len(lines)):
        header, depth = depths[first - 1], depths[first]
        if header is None or depth is None or depth <= header:
            continue
        end = first
        for row in range(first, len(lines)):
            deep = depths[row]
            if deep is not None and deep <= header:
                break
            end = row + 1 if deep is not None else end
        yield first, end
