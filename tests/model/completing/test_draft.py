"""A text that another model expects, as guesses: which, for how long, and how much they are trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter
from empower_model.completing.draft import RECENT, RIGHT, WRONG, Draft, Trust
from empower_model.engine import Drafts, Guess, Token, Transform
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig, FakeEngine
from empower_model.request import Limits, Request


def spelt(draft: Draft, written: bytes, others: bytes = b"") -> bytes:
    """Return what is guessed behind some bytes, each of them a token."""

    def guess(ids: Sequence[int]) -> Iterator[Guess]:
        assert bytes(ids).startswith(written)
        return (Guess(byte, 0.5) for byte in others)

    guesses = draft.guesses(Trust(), guess if others else None)(list(written))
    return bytes(guess.id for guess in guesses)


def test_the_last_token_is_perhaps_cut_off_and_not_guessed() -> None:
    draft = Draft.of("turn value", b"re", FakeEngine(lambda _: []))
    assert spelt(draft, b"") == b"return valu"
    assert spelt(draft, b"retu") == b"rn valu"
    assert spelt(draft, b"return valu") == b""
    assert spelt(draft, b"return value + 1") == b""


def test_where_something_else_is_written_others_guess() -> None:
    draft = Draft.of("turn value", b"re", FakeEngine(lambda _: []))
    assert spelt(draft, b"raise", b" Error") == b" Error"
    assert spelt(draft, b"return", b"e + 1") == b" value + 1"


def test_a_text_that_is_split_otherwise_is_still_the_text(weights: Path) -> None:
    engine = LlamaEngine(EngineConfig(weights))
    draft = Draft.of("return self.value\n", b"    ", engine)
    [letter] = engine.tokenize("r")
    written = [*engine.tokenize("    "), letter]
    assert written != draft.tokens[: len(written)]
    rest = [guess.id for guess in draft.guesses(Trust(), None)(written)]
    assert b"".join(engine.vocabulary.pieces[token] for token in rest).startswith(b"eturn self.")
    engine.close()


def test_half_a_character_is_no_error() -> None:
    whole = "ééé".encode()
    draft = Draft.of("éé", whole[:2], FakeEngine(lambda _: []))
    assert spelt(draft, b"") == whole[:-1]
    assert spelt(draft, whole[:3]).endswith(whole[4:-1])
    assert Draft.of("\ud800", b"", FakeEngine(lambda _: [])).tokens == []


def test_trust_is_learnt_from_tokens_behind_the_first() -> None:
    trust = Trust()
    assert trust.probability == pytest.approx(RIGHT / (RIGHT + WRONG))
    trust.note([1, 2, 3], [9, 2, 3])  # they did not agree at all: nothing was guessed
    assert trust.probability == pytest.approx(RIGHT / (RIGHT + WRONG))
    trust.note([1, 2, 3, 4], [1, 2, 3, 9])
    assert trust.probability == pytest.approx((RIGHT + 2) / (RIGHT + WRONG + 3))
    trust.note([1, 2, 3], [1, 2])  # it ended before
    assert trust.probability == pytest.approx((RIGHT + 3) / (RIGHT + WRONG + 4))


def test_trust_forgets() -> None:
    trust = Trust()
    for _ in range(int(RECENT)):
        trust.note([1, 2], [1, 3])
    assert trust.probability < 0.05
    for _ in range(int(RECENT)):
        trust.note([1, 2, 3, 4], [1, 2, 3, 4])
    assert trust.probability > 0.9


class Noting(FakeEngine):
    """Asks the drafts once, for what follows nothing."""

    guessed: list[int]

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        self.guessed = [guess.id for guess in drafts([])] if drafts is not None else []
        return super().decode(transforms, drafts)


def test_a_request_hands_its_draft_to_the_engine() -> None:
    engine = Noting(lambda _: [("turn x", 0.1, 0.1)])
    completer = LocalCompleter(engine, Calibration(), drafts=lambda ids: iter([Guess(33, 0.9)]))
    without = completer.complete(Request("    (", "", Limits()))
    assert engine.guessed == [33]
    assert completer.complete(Request("    (", "", Limits(), draft="first, second")).text == without.text
    assert bytes(engine.guessed) == b"(first, secon!"
