"""A model that people really use: Qwen2.5-Coder 0.5B, by the product's own way from the file to the text shown."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest
from click.testing import Result

from empower_model.completing import assemble
from empower_model.completing.completer import LocalCompleter
from empower_model.engine import FimTokens
from empower_model.engine.llama import LlamaEngine
from empower_model.files import Model, store
from empower_model.files.store import Origin
from empower_model.request import Completion, Limits, Request
from tests.real.fetch import QWEN

pytestmark = pytest.mark.real

LIMITS = Limits(max_tokens=14)
"""Enough for what is expected; what a model writes beyond that is time."""

BRIEF = Limits(max_tokens=5)


@dataclass(frozen=True)
class Place:
    """A text with a cursor in it, and what can hardly stand there but this."""

    text: str
    expected: str

    @property
    def request(self) -> Request:
        prefix, suffix = self.text.split("‸")
        return Request(prefix, suffix, LIMITS)


PYTHON = Place(
    """\
def celsius_to_fahrenheit(celsius: float) -> float:
    return celsius * 9 / 5 + 32


def fahrenheit_to_celsius(fahrenheit: float) -> float:
    return ‸


print(fahrenheit_to_celsius(212))
""",
    "(fahrenheit - 32) * 5 / 9",
)
TYPESCRIPT = Place(
    """\
export interface Point {
  x: number;
  y: number;
}

export function distance(a: Point, b: Point): number {
  const dx = a.x - b.x;
  const dy = ‸
  return Math.sqrt(dx * dx + dy * dy);
}
""",
    "a.y - b.y;",
)
GO = Place(
    """\
package main

import "os"

func read(path string) ([]byte, error) {
\tdata, err := os.ReadFile(path)
\tif err ‸
\t\treturn nil, err
\t}
\treturn data, nil
}
""",
    "!= nil {",
)
RUST = Place(
    """\
pub struct Counter {
    count: u32,
}

impl Counter {
    pub fn new() -> Self {
        Counter { ‸ }
    }

    pub fn increment(&mut self) {
        self.count += 1;
    }
}
""",
    "count: 0",
)
SHELL = Place(
    """\
#!/bin/sh
set -eu

for file in *.txt; do
    if [ -f "$file" ]; then
        wc -l "‸"
    fi
done
""",
    "$file",
)
YAML = Place(
    """\
name: ci
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
  lint:
    runs-on: ‸
    steps:
      - uses: actions/checkout@v4
      - run: make lint
""",
    "ubuntu-latest",
)
MARKDOWN = Place(
    """\
# Colours

| name  | hex     |
|-------|---------|
| red   | #ff0000 |
| green | #00ff00 |
| blue  | ‸
""",
    "#0000ff",
)


@pytest.fixture(scope="module")
def completer(engine: LlamaEngine, real: Model) -> LocalCompleter:
    return assemble(engine, real.calibration)


@pytest.fixture(scope="module")
def shown(completer: LocalCompleter) -> Callable[[Place], Completion]:
    """Complete at a place, once for all tests: each costs some seconds."""
    return cache(lambda place: completer.complete(place.request))


def briefly(completer: LocalCompleter, place: Place) -> Completion:
    return completer.complete(replace(place.request, limits=BRIEF))


def test_a_file_that_is_here_is_pulled_and_verified(pull: Result, real: Model) -> None:
    assert pull.stdout.splitlines()[0] == f"Pulled and verified: {real.path}"
    assert (real.name, real.origin, real.size) == (QWEN.name, Origin.PULLED, QWEN.size)
    assert json.loads(store.record(real.path).read_text())["sha256"] == real.sha256 == QWEN.sha256
    partials = real.path.parents[2] / ".partial"
    assert list(partials.iterdir()) == []


def test_fill_in_the_middle_is_known(engine: LlamaEngine) -> None:
    vocabulary = engine.vocabulary
    assert vocabulary.fim == FimTokens(prefix=151659, suffix=151661, middle=151660)
    assert len(vocabulary.pieces) > 151_000
    assert b"".join(vocabulary.pieces[token] for token in engine.tokenize("naïve 界 <|fim_middle|>")).decode() == (
        "naïve 界 <|fim_middle|>"
    )


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(PYTHON, id="Python"),
        pytest.param(TYPESCRIPT, id="TypeScript"),
        pytest.param(GO, id="Go"),
        pytest.param(RUST, id="Rust"),
        pytest.param(SHELL, id="shell"),
        pytest.param(YAML, id="YAML"),
        pytest.param(MARKDOWN, id="Markdown"),
    ],
)
def test_what_is_plain_is_completed(shown: Callable[[Place], Completion], place: Place) -> None:
    completion = shown(place)
    assert completion.text == place.expected
    assert completion.probability > 0.5


@pytest.mark.parametrize(
    ("place", "written"),
    [
        pytest.param(RUST, b"count: 0 }", id="the bracket behind the cursor"),
        pytest.param(SHELL, b'$file"', id="the quote behind the cursor"),
        pytest.param(GO, b"!= nil {\n\t\treturn nil, err", id="the line below"),
        pytest.param(TYPESCRIPT, b"a.y - b.y;\n  return Math", id="the line below, and more"),
    ],
)
def test_what_stands_behind_the_cursor_is_not_shown_again(
    shown: Callable[[Place], Completion], place: Place, written: bytes
) -> None:
    completion = shown(place)
    raw = b"".join(token.piece for token in completion.tokens)
    assert raw.startswith(written), "the model goes on into what is there"
    assert completion.text == place.expected


def test_a_place_left_and_come_back_to_evaluates_one_token(completer: LocalCompleter) -> None:
    first = briefly(completer, YAML)  # long enough for its state to be kept
    assert briefly(completer, SHELL).text == SHELL.expected
    again = briefly(completer, YAML)
    assert (again.evaluated_tokens, again.text) == (1, first.text)


def test_a_key_evaluates_little(completer: LocalCompleter) -> None:
    before = briefly(completer, YAML)
    typed = Place(YAML.text.replace("‸", "ub‸"), "untu-latest")
    after = briefly(completer, typed)
    assert after.text == typed.expected
    assert after.evaluated_tokens <= 3 < before.prompt_tokens
