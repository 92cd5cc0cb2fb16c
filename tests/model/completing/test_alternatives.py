"""Other completions for a cursor: how they must begin, and which of them are worth showing."""

import inspect
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from empower_model.calibration import Calibration
from empower_model.completing import alternatives
from empower_model.completing.alternatives import FLOOR, MOST_SECONDS, further, unlike
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.drafting import Drafts
from empower_model.engine.seam import IMPOSSIBLE, EngineConfig, FakeEngine, Token, Transform, Vocabulary
from empower_model.prompt.token_healing import healing
from empower_model.request import Completion, End, Limits, Request, alike

PIECES = (b"", b"re", b"return", b"raise", b"ret", b" x", b"x", b"xs", b"r")
VOCABULARY = Vocabulary(PIECES, frozenset({0}))
EVEN = np.log(np.full(len(PIECES), 1 / len(PIECES), dtype=np.float32))


def allowed(texts: Sequence[bytes], forced: bytes, ids: Sequence[int] = ()) -> set[bytes]:
    """Return what can come next."""
    out = unlike(texts, forced, VOCABULARY)(ids, EVEN)
    left = np.flatnonzero(out > IMPOSSIBLE / 2)
    assert out[left] == pytest.approx(EVEN[left]), "as probable as it was"
    return {PIECES[i] for i in left}


def test_what_begins_alike_is_ruled_out() -> None:
    # `re`, `ret`, `r` are how `return x` begins, and `return` is as well; the empty token ends the text
    assert allowed([b"return x"], b"") == {b"raise", b" x", b"x", b"xs"}
    assert allowed([b"return x", b"x"], b"") == {b"raise", b" x"}  # `xs` begins as `x`
    assert EVEN.max() == EVEN.min(), "the given row is left alone"


def test_after_the_first_token_that_writes_something_nothing_is_bound() -> None:
    assert len(allowed([b"return x"], b"", ids=[3])) == len(PIECES)


def test_what_only_writes_again_what_was_typed_is_no_difference() -> None:
    # `r` was typed and is taken back; the first completion was `eturn`
    assert b"r" in allowed([b"eturn"], b"r")
    assert b"re" not in allowed([b"eturn"], b"r")
    assert b"raise" in allowed([b"eturn"], b"r")
    after = allowed([b"eturn"], b"r", ids=[8])
    assert b"x" in after
    assert b"r" in after, "`rr` is not how `return` begins"
    healed = healing(b"r", VOCABULARY)([], EVEN)
    both = unlike([b"eturn"], b"r", VOCABULARY)([], healed)
    assert {PIECES[i] for i in np.flatnonzero(both > IMPOSSIBLE / 2)} == {b"r", b"raise"}


def test_texts_are_alike_when_one_is_how_the_other_begins() -> None:
    assert alike("x", "x + 1")
    assert alike("x + 1", "x")
    assert not alike("x + 1", "x - 1")


def completion(
    text: str, share: float, probability: float = 0.5, end: End = End.UNCERTAIN, raw: str = ""
) -> Completion:
    """One whose first token has a probability of `share`."""
    tokens = (Token(1, (raw or text).encode(), -float(np.log2(share)), 1.0),)
    return Completion(text, tokens, 1, end, probability, 1.0, 9, 1, 1.0, 2.0)


class Writer:
    """Writes what it is told to, and keeps what it was asked."""

    def __init__(self, *script: Completion) -> None:
        self.script = list(script)
        self.asked: list[list[bytes]] = []

    def __call__(self, texts: Sequence[bytes]) -> Completion:
        self.asked.append(list(texts))
        return self.script.pop(0)


def texts(first: Completion, count: int, write: Writer, started: float | None = None) -> list[str]:
    began = time.perf_counter() if started is None else started
    return [each.text for each in further(first, count, write, began)]


def test_each_is_asked_to_begin_unlike_all_before_it() -> None:
    write = Writer(completion("b", 0.5), completion("c", 0.5), completion("never", 0.5))
    assert texts(completion("a", 0.5, raw="a, and on"), 2, write) == ["b", "c"]
    assert write.asked == [[b"a, and on"], [b"a, and on", b"b"]]


def test_none_is_computed_for_who_wants_none_or_where_too_little_is_left() -> None:
    assert texts(completion("a", 0.5), 0, Writer()) == []
    assert texts(completion("a", 1 - FLOOR / 2), 2, Writer()) == []


def test_an_improbable_one_is_not_shown_and_ends_the_search() -> None:
    write = Writer(completion("b", 0.2, FLOOR), completion("c", 0.1, FLOOR / 2))
    assert texts(completion("a", 0.7), 3, write) == ["b"]
    assert len(write.asked) == 2


@pytest.mark.parametrize("second", ["", "a", "abc"])
def test_one_that_says_nothing_new_is_passed_over(second: str) -> None:
    write = Writer(completion(second, 0.1, raw="raw"), completion("c", 0.5))
    assert texts(completion("ab", 0.5), 1, write) == ["c"]


def test_a_model_with_nothing_else_to_say_is_not_asked_for_ever() -> None:
    write = Writer(*[completion("", 0.1, raw="raw") for _ in range(9)])
    assert texts(completion("a", 0.5), 2, write) == []
    assert len(write.asked) == 3


def test_stopped_or_too_slow_what_is_there_is_enough() -> None:
    stopped = completion("", 0.5, end=End.STOPPED)
    assert texts(completion("a", 0.2), 2, Writer(completion("b", 0.2), stopped)) == ["b"]
    late = time.perf_counter() - MOST_SECONDS - 1
    assert texts(completion("a", 0.5), 2, Writer(), started=late) == []


class Table(FakeEngine):
    """An engine that draws from a table: what has been written to what may follow, with its probability."""

    def __init__(self, table: dict[bytes, dict[bytes, float]]) -> None:
        super().__init__(lambda _: [])
        self.table = table
        pieces = sorted({piece for row in table.values() for piece in row if piece})
        self.vocabulary = replace(self.vocabulary, pieces=(*self.vocabulary.pieces, *pieces))

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        pieces = self.vocabulary.pieces
        ids: list[int] = []
        while not self.stop.is_set():
            row = np.full(len(pieces), IMPOSSIBLE, dtype=np.float32)
            for piece, share in self.table.get(b"".join(pieces[i] for i in ids), {b"": 1.0}).items():
                row[pieces.index(piece, 260) if piece else 256] = np.log(share)
            for transform in transforms:
                row = transform(ids, row)
            best = int(row.argmax())
            yield Token(best, pieces[best], max(0.0, -float(row[best]) / float(np.log(2))), 1.0)
            if not pieces[best]:
                return
            ids.append(best)


CALLS = {name: {b"(x)": 0.875, b"": 0.125} for name in (b"first", b"second", b"third")}
TABLE = {b"": {b"first": 0.5, b"second": 0.25, b"third": 0.125, b"": 0.125}, **CALLS}
ONE_BIT = Calibration(midpoint=1.0, slope=1.0)
"""p(U) = 1 / (1 + U)."""


def test_a_person_judges_how_an_alternative_begins_and_the_rule_how_it_goes_on() -> None:
    answer = LocalCompleter(Table(TABLE), ONE_BIT).complete(Request("", "", alternatives=5))
    assert answer == replace(
        LocalCompleter(Table(TABLE), ONE_BIT).complete(Request("", "")),
        alternatives=answer.alternatives,
        prompt_ms=answer.prompt_ms,
        total_ms=answer.total_ms,
    ), "the first is as it was"
    # `first` has 1 bit, `second` 2 and `third` 3; `(x)` has log2(8/7) = 0.193. At a confidence of 0.3 the rule ends
    # spans of more than 7/3 bits: `third` has too many, but its start is the person's choice, and `(x)` has few.
    assert [answer.text, *(each.text for each in answer.alternatives)] == ["first(x)", "second(x)", "third(x)"]
    assert [each.probability for each in answer.alternatives] == pytest.approx([1 / 3.193, 1 / 4.193], abs=1e-3)
    assert [each.tokens[0].surprisal for each in answer.alternatives] == pytest.approx([2, 3])


def test_what_was_typed_of_a_word_is_not_how_it_begins() -> None:
    answer = LocalCompleter(Table(TABLE), ONE_BIT).complete(Request("s", "", alternatives=2))
    assert (answer.text, answer.alternatives) == ("econd(x)", ()), "nothing else begins with `s`"


def test_nothing_stands_beside_a_completion_that_is_not_shown() -> None:
    short = {b"": {b"a": 0.6, b"other": 0.4}}
    assert LocalCompleter(Table(short), ONE_BIT).complete(Request("", "", alternatives=2)).alternatives == ()


def test_stopped_after_the_first_the_first_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    completer = LocalCompleter(Table(TABLE), ONE_BIT)
    plain = alternatives.unlike

    def unlike(*arguments: object) -> Transform:
        completer.stop()
        return plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(alternatives, "unlike", unlike)
    answer = completer.complete(Request("", "", alternatives=2))
    assert (answer.text, answer.alternatives) == ("first(x)", ())


def test_the_bundled_model_has_others_at_some_places_and_its_first_stays(weights: Path) -> None:
    from empower_model.engine.llama import LlamaEngine

    engine = LlamaEngine(EngineConfig(weights, threads=1))
    completer = LocalCompleter(engine, Calibration.load(weights.with_suffix(".calibration.json")))
    text = inspect.getsource(inspect)
    several = 0
    for at in range(5_000, 25_000, 1_250):
        request = Request(text[:at], text[text.index("\n", at) :], Limits(confidence=0.1))
        first = completer.complete(request)
        answer = completer.complete(replace(request, alternatives=2))
        assert answer.text == first.text
        shown = [answer.text, *(each.text for each in answer.alternatives)]
        assert len(shown) <= 3
        assert not any(alike(begun, other) for i, begun in enumerate(shown) for other in shown[:i])
        assert all(each.probability >= FLOOR for each in answer.alternatives)
        several += len(shown) > 1
    engine.close()
    assert several > 0
