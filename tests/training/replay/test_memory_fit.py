"""The memory on a corpus: what it holds at a cursor, what is read on from there, and that the fit finds its worth."""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from empower_model.calibration import Calibration
from empower_model.engine.distribution import Distribution
from empower_model.engine.drafting import Drafts
from empower_model.engine.seam import FimTokens, StopFlag, Token, Transform, Vocabulary
from empower_model.memory.index import Memory, Scope
from empower_model.memory.mixture import SHAPE, Weights
from empower_training.corpus.corpus import Document
from empower_training.replay.cursors import Cursor
from empower_training.replay.memory_fit import (
    KINDS,
    ahead,
    fit,
    grouped,
    judge,
    read,
    write,
)
from empower_training.replay.projects import projects

END = 256
SIZE = 260


FAVOURITES = {ord("("): (ord("x"), 400), ord("x"): (ord(")"), 400), ord(" "): (ord("v"), 20)}
"""What the model below often writes after a letter, and how sure it is; the most sure is not always right."""


def preference(before: int) -> np.ndarray:
    """Return a model that knows letters, and a little of what follows them."""
    weights = np.full(SIZE, 0.01)
    weights[[*b"abcdefghijklmnopqrstuvwxyz _=().,0123456789\n"]] = 1.0
    if before in FAVOURITES:
        favourite, weight = FAVOURITES[before]
        weights[favourite] = weight
    return np.asarray(np.log(weights / weights.sum()), np.float32)


@dataclass
class Letters:
    """An engine of single bytes; it consults transforms."""

    last: int = 0
    prompts: list[str] = field(default_factory=list)
    stop: StopFlag = field(default_factory=StopFlag)
    context_size: int = 4000
    vocabulary: Vocabulary = field(
        default_factory=lambda: Vocabulary(
            (*(bytes([b]) for b in range(256)), b"", b"", b"", b""), frozenset({END}), FimTokens(257, 258, 259)
        )
    )

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def prefill(self, prompt: Sequence[int]) -> int:
        self.last = prompt[-1]
        self.prompts.append(b"".join(self.vocabulary.pieces[token] for token in prompt).decode())
        return len(prompt)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        return True

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        written: list[int] = []
        distribution = Distribution(SIZE)
        while True:
            log_probs = preference(written[-1] if written else self.last)
            for transform in transforms:
                log_probs = transform(written, log_probs)
            distribution.read(log_probs)
            token = distribution.best()
            yield Token(token, self.vocabulary.pieces[token], distribution.surprisal(token), distribution.entropy)
            written.append(token)

    def close(self) -> None:
        pass


def text(verb: str) -> str:
    """Lines that say the same of other names."""
    names = ("alpha", "beta", "gamma", "delta", "omega")
    return "".join(f"def {verb}_{name}(x):\n    value = call_{name}(x, {n})\n\n" for n, name in enumerate(names))


def package(name: str) -> list[Document]:
    verbs = ("load", "store", "check")
    return [Document(name, f"{name}/{verb}.py", text(verb)) for verb in verbs] + [
        Document(name, f"{name}/sub/load.py", "unrelated = 'only here'\n" * 3)
    ]


def known(memory: Memory, words: str) -> dict[Scope, int]:
    """How often what ends these words has followed the seven characters before it."""
    *context, last = words.encode()[-8:]
    continuations = memory.continuations(context)
    assert continuations is not None
    counts = continuations.counts[6, :, continuations.tokens == last].sum(axis=0)
    return {scope: int(counts[scope]) for scope in Scope}


def test_namesakes_and_what_lies_below_are_not_in_the_memory() -> None:
    documents = package("one")
    project = projects([*package("two"), *documents], Letters().tokenize)

    def held(cursor: Cursor, kind: str) -> AbstractContextManager[Memory]:
        return project(cursor.package).at(cursor.path, cursor.prefix, cursor.suffix, KINDS[kind])

    above = documents[0].text.index("def load_gamma")
    place = Cursor("one", documents[0].path, documents[0].text[:above], documents[0].text[above:], "")
    with held(place, "both") as memory:
        assert known(memory, "call_beta") == {Scope.PROJECT: 2, Scope.RECENT: 0, Scope.FILE: 1}
        assert known(memory, "call_gamma") == {Scope.PROJECT: 2, Scope.RECENT: 0, Scope.FILE: 0}
        assert memory.continuations(list(b"unrelate"))  # ends as "load.py" does, but "d" followed "e" elsewhere
        assert memory.size == len(documents[1].text) + len(documents[2].text) + above
    with held(place, "file") as memory:
        assert memory.size == above
    with held(place, "project") as memory:
        assert memory.size == len(documents[1].text) + len(documents[2].text)
    with held(place, "none") as memory:
        assert memory.size == 0
    other = Cursor("one", documents[1].path, "", documents[1].text, "")
    with held(other, "project") as memory:  # the namesakes are back
        assert memory.size == sum(len(documents[n].text) for n in (0, 2, 3))


def test_what_is_ahead_ends_with_a_line_and_before_what_stands_below() -> None:
    assert ahead(Cursor("p", "", "a", "bc\nd\ne\n", "\ne\n")) == "bc\nd\n"
    assert ahead(Cursor("p", "", "a", "bc\nde", "")) == "bc\n"
    assert ahead(Cursor("p", "", "a", "bc", "")) == "bc"


def test_reading_leaves_out_what_healing_binds() -> None:
    [document, *_] = documents = package("one")
    at = document.text.index("value") + 3  # inside a word: the last byte is taken back and written again
    place = Cursor("one", document.path, document.text[:at], document.text[at:], "")
    reading = read(Letters(), documents, [place])
    typed = ahead(place)[:63]  # 64 tokens, one of which was there
    assert sum(reading.characters) == len(typed) == len(reading.observed.model)
    logs = [preference(ord(before))[ord(letter)] for before, letter in pairwise(document.text[at - 1] + typed)]
    assert reading.observed.model == pytest.approx(np.exp(logs), rel=1e-5)
    alone = reading.rates(reading.observed.model)
    assert alone.keys() == {"all", "one"}
    assert alone["all"] == pytest.approx(-sum(logs) / math.log(2) / len(typed))


def test_without_a_memory_the_engine_itself_writes() -> None:
    documents = package("one")
    at = documents[1].text.index("call_gamma") + len("call_gam")
    place = Cursor("one", documents[1].path, documents[1].text[:at], documents[1].text[at:], "")
    trusting = np.zeros(SHAPE)
    trusting[:, :, 0] = 4.0
    weights = Weights(trusting, Calibration())
    written = write(Letters(), documents, [place], {"none": weights, "both": weights})
    assert not written["none"][0].text.startswith("ma(x")
    assert written["both"][0].text.startswith("ma(x")


def test_a_fit_on_some_packages_pays_on_another() -> None:
    fitted = fit(Letters(), [*package("one"), *package("two")], count=40, seed=0)
    assert fitted.keys() == KINDS.keys()
    judged = judge(Letters(), package("three"), fitted, count=30, seed=1)
    bits = {kind: row["all"] for kind, row in judged.rates.items()}
    assert bits["both"] < bits["project"] < bits["none"]
    assert bits["file"] < bits["none"]
    assert all(row["all"] == pytest.approx(row["three"]) for row in judged.rates.values())
    kept = {kind: max(score.gain for score in scores) for kind, scores in judged.scores.items()}
    assert kept["both"] > kept["none"]


def test_cursors_are_grouped_by_package() -> None:
    places = [Cursor(name, "", "", "", "") for name in ("b", "a", "b")]
    assert [place.package for place in grouped(places)] == ["a", "b", "b"]
