"""Random cursors and what a rule is worth at them, with the arithmetic written out."""

from itertools import pairwise

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.seam import FakeEngine
from empower_training.corpus.corpus import Document
from empower_training.replay.cursors import Cursor, JudgedSpan, calibrate, cursors, rules, score, spans

TEXT = "".join(f"def f{n}(x):\n    value = call(x, {n})\n    return value\n\n" for n in range(20))


def document(package: str) -> Document:
    return Document(package, f"{package}/a.py", TEXT)


def span(text: str, truth: str, bits: float) -> JudgedSpan:
    return JudgedSpan(Cursor("p", "", "", truth, ""), text, (bits,), (1.0,), (len(text),))


def test_cursors_lie_in_the_text_and_leave_what_is_below() -> None:
    places = list(cursors([document("a"), document("b")], 60, seed=1))
    assert {cursor.package for cursor in places} == {"a", "b"}
    assert all(cursor.path == f"{cursor.package}/a.py" for cursor in places)
    for cursor in places:
        assert cursor.prefix + cursor.truth == TEXT
        assert cursor.suffix == "" or TEXT.endswith(cursor.suffix[1:])
    assert any(cursor.suffix for cursor in places)
    assert any(not cursor.suffix for cursor in places)
    inside = [c for c in places if c.prefix[-1:].isalnum() and c.truth[:1].isalnum()]
    assert len(inside) >= 15  # a third of them, inside a word


def test_cursors_are_the_same_for_a_seed() -> None:
    first, again, other = (list(cursors([document("a")], 9, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_spans_are_what_the_model_writes() -> None:
    engine = FakeEngine(lambda _: [("ab", 1.0, 2.0), ("é", 0.5, 1.0), ("", 0.0, 0.0)])
    place = Cursor("p", "", "", "abé", "")
    [written] = spans(LocalCompleter(engine, Calibration()), [place])
    assert written == JudgedSpan(place, "abé", (1.0, 0.5), (2.0, 1.0), (2, 3))


def test_a_score_counts_kept_and_read_characters() -> None:
    judged = [
        span("right", "right and more", 0.1),
        span("wrong!", "no", 0.1),
        span("ab", "ab", 0.1),
        span("", "x", 0.1),
    ]
    result = score("all", lambda s: len(s.lengths), judged)
    # shown: 5 and 6 characters of 4 cursors; two characters are too few, none are none
    assert (result.shown, result.accepted, result.length) == (0.5, 0.5, 5.5)
    assert result.kept == 5 / 4
    assert result.gain == pytest.approx((0.5 * 5 - 0.1 * 11) / 4)


def test_rules_that_ask_for_more_show_less() -> None:
    judged = [span("text", "text" if n % 3 else "else", n / 10) for n in range(40)]
    table = rules(Calibration())
    shown = [score(name, table[name], judged).shown for name in ("gain 0.1", "gain 0.2", "gain 0.3", "gain 0.5")]
    assert all(more >= less for more, less in pairwise(shown))
    assert shown[0] > shown[-1]
    assert score("budget", table["budget 2.0"], judged).shown == 21 / 40  # 0.0 to 2.0 bits
    assert score("Base-20", table["Base-20"], judged).shown == 1


def test_a_calibration_is_fitted_to_what_was_right() -> None:
    judged = [
        span("text", "text" if bits < 2 or n % 4 == 0 else "else", bits) for n in range(20) for bits in (1.5, 2.5)
    ]
    judged += [span("text", "else", 1.0), span("text", "text", 4.0)]
    fitted = calibrate(judged)
    assert fitted.probability(1.0) > 0.5 > fitted.probability(4.0)
