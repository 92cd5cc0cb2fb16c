"""The use case with a scripted engine: where a span ends, what is shown, what is told of it."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.completing.stopping import Verdict, Written
from empower_model.engine.seam import FakeEngine
from empower_model.request import Completion, End, Limits, Partial, Request

CALIBRATION = Calibration(midpoint=1.0, slope=1.0)
"""p(U) = 1 / (1 + U)."""

Script = Sequence[tuple[str, float, float]]


def complete(script: Script, request: Request | None = None) -> Completion:
    completer = LocalCompleter(FakeEngine(lambda _: script), CALIBRATION)
    return completer.complete(request or Request("x = \n", ""))


def test_a_span_ends_where_the_uncertainty_peaks() -> None:
    completion = complete([("return", 0.1, 1.0), (" value", 0.2, 1.0), (" + ", 0.1, 1), ("offset", 6.0, 4.0)])
    assert completion.text == "return value +"
    assert (completion.kept, len(completion.tokens), completion.end) == (3, 4, End.UNCERTAIN)
    assert completion.probability == pytest.approx(1 / 1.4)
    assert completion.eta == pytest.approx(7 / 3)  # 1 / (1 + 7 / 3) = 0.3, the confidence asked for


def test_nothing_is_generated_once_the_span_has_ended() -> None:
    drawn = []

    def script(_: str) -> Any:
        for token in [("sure", 0.0, 0.0), ("?", 9.0, 9.0), ("never", 0.0, 0.0)]:
            drawn.append(token[0])
            yield token

    LocalCompleter(FakeEngine(script), CALIBRATION).complete(Request("", ""))
    assert drawn == ["sure", "?"]


def test_the_model_may_end_the_span_itself() -> None:
    completion = complete([("return x", 0.1, 1.0), ("", 0.1, 1.0), ("more", 0.0, 0.0)])
    assert (completion.text, completion.end, len(completion.tokens)) == ("return x", End.END_OF_TEXT, 1)


def test_typed_text_that_is_written_again_is_no_text() -> None:
    # the cursor stands behind `ret`, which the engine writes again as part of `return`
    request = Request("def f():\n    x; ret", "\n")
    script = [("return", 0.5, 1.0), (" None", 0.5, 1.0), ("", 0, 0)]
    engine = FakeEngine(lambda _: script)
    engine.vocabulary = replace(engine.vocabulary, pieces=(*engine.vocabulary.pieces, b"return"))
    completion = LocalCompleter(engine, CALIBRATION).complete(request)
    assert completion.text == "urn None"
    assert [token.piece for token in completion.tokens] == [b"urn", b" None"]
    assert completion.probability == pytest.approx(0.5)  # the choice of the first token counts


def test_a_character_split_between_tokens_comes_out_whole() -> None:
    rocket = "🚀".encode()

    class Bytes(FakeEngine):
        def decode(self, transforms=(), drafts=None):  # type: ignore[no-untyped-def]
            from empower_model.engine.seam import Token

            for piece in (b"say ", rocket[:2], rocket[2:], "界".encode()[:1]):
                yield Token(0, piece, 0.0, 0.0)

    parts: list[Partial] = []
    completion = LocalCompleter(Bytes(lambda _: []), CALIBRATION).complete(Request("", ""), parts.append)
    assert completion.text == "say 🚀"
    assert [part.text for part in parts] == ["say ", "say ", "say 🚀", "say 🚀"]


def test_what_may_be_shown_while_it_is_written_is_how_the_whole_begins() -> None:
    script = [
        ("comp", 0.01, 1.0),
        ("ute", 0.01, 1.0),
        ("(", 0.01, 1.0),
        ("first", 0.01, 1.0),
        (")", 0.01, 1.0),
        ("#", 9.0, 9.0),
    ]
    parts: list[Partial] = []
    completer = LocalCompleter(FakeEngine(lambda _: script), CALIBRATION)
    completion = completer.complete(Request("x = \n", ""), parts.append)
    assert completion.text == "compute(first)"
    # a name is shown once it is known that it does not go on
    assert [part.completion.text for part in parts] == ["", "", "compute(", "compute(", "compute(first)"]
    assert {part.completion.end for part in parts} == {End.UNFINISHED}
    assert [part.completion.kept for part in parts] == [0, 0, 3, 3, 5]
    assert parts[-1].completion.probability == completion.probability


def test_limits_bound_the_span() -> None:
    forever = [(f"line{i}\n", 0.0, 0.0) for i in range(100)]
    assert complete(forever, Request("", "", Limits(max_tokens=5))).end is End.MAX_TOKENS
    completion = complete(forever, Request("", "", Limits(max_lines=2)))
    assert (completion.text, completion.end) == ("line0\nline1", End.MAX_LINES)


def test_what_does_not_fit_the_surroundings_is_trimmed() -> None:
    completion = complete([("(a, b", 0.0, 0.0), (")", 0.0, 0.0), ("", 0, 0)], Request("foo(", ")\n"))
    assert (completion.text, completion.end, completion.kept) == ("a, b", End.TRIMMED, 1)


@pytest.mark.parametrize("text", ["x", "  \n", "ab"])
def test_too_little_is_not_shown(text: str) -> None:
    assert complete([(text, 0.0, 0.0), ("", 0, 0)]).text == ""


def test_rules_are_chosen_by_name() -> None:
    script = [("one ", 0.1, 1.0), ("two ", 2.0, 3.0), ("three", 1.0, 0.5), (" four", 1.5, 0.1)]
    by_rule = {rule: complete(script, Request("", "", Limits(0.2, rule))).text for rule in ("gain", "budget", "peak")}
    # budget: U = 0.1, 2.1, 3.1, 4.6 within 4 bits; peak: before the 3.0; gain: (.909-.2)*4 = 2.8, (.32-.2)*8 = 1.0
    assert by_rule == {"gain": "one", "budget": "one two three", "peak": "one"}
    with pytest.raises(ValueError, match="no rule"):
        Limits(rule="vibes")


def test_a_cut_of_ones_own_takes_the_place_of_the_rule() -> None:
    script = [("one ", 0.1, 1.0), ("two ", 9.0, 3.0), ("three ", 0.5, 0.5), ("four", 0.0, 0.0)]
    seen: list[Written] = []

    def until_three(written: Written) -> Verdict:
        seen.append(written)
        return Verdict(len(written.lengths), ended="three" in written.text)

    completer = LocalCompleter(FakeEngine(lambda _: script), CALIBRATION, until_three)
    completion = completer.complete(Request("", "", Limits(rule="peak")))
    assert (completion.text, completion.kept, completion.end) == ("one two three", 3, End.UNCERTAIN)
    # it is asked after every token, and told all that is known of the span
    assert [len(written.surprisals) for written in seen] == [1, 2, 3]
    last = seen[-1]
    assert (last.text, list(last.lengths)) == ("one two three ", [4, 8, 14])
    assert (list(last.surprisals), list(last.entropies)) == ([0.1, 9.0, 0.5], [1.0, 3.0, 0.5])


def test_an_engine_with_a_memory_sees_the_request_before_it_is_asked() -> None:
    seen: list[str] = []
    engine = FakeEngine(lambda prompt: seen.append("asked") or [("text", 0.0, 0.0)])  # type: ignore[func-returns-value]
    completer = LocalCompleter(engine, CALIBRATION, look=lambda request: seen.append(request.prefix))
    completer.complete(Request("x = ", ""))
    assert seen == ["x = ", "asked"]


def test_a_stop_ends_it_within_one_token() -> None:
    engine = FakeEngine(lambda _: [(f"word{i} ", 0.0, 0.0) for i in range(100)])
    completer = LocalCompleter(engine, CALIBRATION)
    completion = completer.complete(Request("", ""), lambda part: completer.stop() if "word3" in part.text else None)
    assert (completion.text, completion.end, len(completion.tokens)) == ("", End.STOPPED, 4)
    assert completer.complete(Request("", "")).end is not End.STOPPED  # the next is not affected


def test_a_stopped_span_is_not_called_trimmed() -> None:
    # what was written by then would be trimmed: the closer stands behind the cursor
    engine = FakeEngine(lambda _: [("(a, b", 0.0, 0.0), (")", 0.0, 0.0), ("more", 0.0, 0.0)])
    completer = LocalCompleter(engine, CALIBRATION)
    completion = completer.complete(Request("foo(", ")\n"), lambda part: completer.stop() if ")" in part.text else None)
    assert (completion.text, completion.end) == ("", End.STOPPED)


def test_a_stop_before_the_answer_holds_when_the_caller_arms_the_flag() -> None:
    engine = FakeEngine(lambda _: [("text", 0.0, 0.0)])
    completer = LocalCompleter(engine, CALIBRATION)
    thread = threading.Thread(target=completer.stop)
    thread.start()
    thread.join()
    assert completer.answer(Request("", "")).end is End.STOPPED


@pytest.mark.parametrize(
    ("prefix", "text", "suffix", "expected"),
    [
        ("raise Ke", "yError(key)", "yError(key) from None\n", ""),
        ("raise Ke", "yError", "yError(key)\n", ""),
        ("raise K", "ey_Error(key)", "Error(key)\n", "ey_"),
        ("raise K", "eyed(Error(key)", "Error(key)\n", ""),
        ("self.assert", "AlmostEqual(a, b)", "Equal(a, b)\n", "Almost"),
        ("self.assert", "AlmostEquals(a, b)", "Equal(a, b)\n", ""),
        ("self.assert", "Almost", "Equal(a, b)\n", ""),
        ("x = ", "first + second", "second\n", "first + "),
        ("x = ", "first + ", "second\n", "first + "),
        ("x = ", "compute", "second\n", ""),
        ("    ", "y = 1\n    return x", "return x\n", ""),
    ],
)
def test_in_front_of_a_word_it_makes_a_word_of_both_sides_or_nothing(
    prefix: str, text: str, suffix: str, expected: str
) -> None:
    written = prefix[-1] + text  # the last of what was typed is written again
    assert complete([(written, 0.0, 0.0), ("", 0, 0)], Request(prefix, suffix)).text == expected


@pytest.mark.parametrize("char", ["\\", "#", "=", "a", "0"])
def test_one_character_again_and_again_ends_early_and_is_not_shown(char: str) -> None:
    completion = complete([(2 * char, 0.0, 0.0)] * 100, Request("x = \n", ""))
    assert (completion.text, completion.end, len(completion.tokens)) == ("", End.TRIMMED, 9)


def test_a_ruler_in_few_tokens_is_written_to_its_end() -> None:
    ruler = 5 * [(16 * "-", 0.0, 0.0)] + [("\nnext", 0.0, 0.0), ("", 0, 0)]
    assert complete(ruler, Request("", "")).text == 80 * "-" + "\nnext"
