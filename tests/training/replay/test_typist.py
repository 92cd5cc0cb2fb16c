"""A person types with an assistant at hand: what it costs, with the arithmetic written out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.seam import FakeEngine
from empower_model.request import Completion, End, Limits, OnPartial, Request
from empower_training.replay.human import Careful, Fallible
from empower_training.replay.typist import Tally, Typist, counted, replay, together, total, unassisted
from empower_training.replay.work import Work


@dataclass
class Scripted:
    """A completer that shows what stands under the text typed so far."""

    script: Mapping[str, str]
    above: str = "def f():\n    "
    asked: list[str] = field(default_factory=list)

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        typed = request.prefix.removeprefix(self.above)
        self.asked.append(typed)
        text = self.script.get(typed, "")
        return Completion(text, (), 0, End.UNCERTAIN, 0.25, 2.0, 10, 2, 1.0, 1.5)

    def expect(self, request: Request | None) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


def typed(text: str, script: Mapping[str, str], human: Careful | Fallible | None = None) -> tuple[Tally, list[str]]:
    completer = Scripted(script)
    work = Work("a.py:2", completer.above, text, "\n\nx = 1\n")
    [tally] = replay(completer, Limits(), [work], human or Careful())
    return tally, completer.asked


def test_without_help_everything_is_typed() -> None:
    tally, asked = typed("abc", {})
    assert tally == Tally(
        "a.py:2", 3, typed=3, keystrokes=3, requests=3, evaluated=6, engine_ms=4.5, latencies=(1.5, 1.5, 1.5)
    )
    assert asked == ["", "a", "ab"]
    assert tally.effort == 1
    nobody = unassisted(Work("a.py:2", "", "a\n  b", ""))
    assert nobody == Tally("a.py:2", 3, typed=3, keystrokes=3)
    assert nobody.effort == 1


def test_what_is_right_is_read_and_taken() -> None:
    tally, asked = typed("return value", {"re": "turn value"})
    assert asked == ["", "r", "re"]
    assert (tally.shown, tally.accepted, tally.partially, tally.kept, tally.typed) == (1, 1, 0, 10, 2)
    assert tally.keystrokes == 3
    # 0.1 * 10 read + 0.5 * 2 typed, of 0.5 * 12
    assert tally.effort == pytest.approx(2 / 6)
    assert tally.judged == ((0.25, True),)


def test_what_is_wrong_is_read_each_time_it_is_new() -> None:
    tally, _ = typed("abcd", {"": "xyz", "a": "xyz", "ab": "xyzzy"})
    assert (tally.shown, tally.accepted, tally.read, tally.kept) == (3, 0, 11, 0)
    assert tally.effort == pytest.approx((0.1 * 11 + 0.5 * 4) / 2)
    assert tally.judged == ((0.25, False),) * 3


def test_a_text_that_is_typed_along_is_not_asked_for_or_read_again() -> None:
    tally, asked = typed("abcd.", {"": "abcx"}, Careful(partial=False))
    # at "abc" an x is still shown, which the d contradicts
    assert asked == ["", "abcd"]
    assert (tally.shown, tally.read, tally.typed) == (1, 4, 5)


def test_a_beginning_is_taken_and_the_rest_stays_until_it_is_contradicted() -> None:
    tally, asked = typed("self.name = 1", {"": "self.name += 2", "self.name =": " 1"})
    # self / . / name, then ` =` is typed: the blank goes along with what is shown, the = does not
    assert asked == ["", "self.name ="]
    assert (tally.partially, tally.accepted, tally.kept, tally.typed) == (1, 1, 9 + 2, 2)
    assert tally.keystrokes == 3 + 2 + 1
    assert tally.effort == pytest.approx((0.1 * (14 + 2) + 0.5 * 2) / (0.5 * 13))


def test_a_wrong_text_that_is_taken_is_deleted_where_it_is_wrong() -> None:
    tally, asked = typed("write it", {"": "wrong"}, Fallible(1.0))
    # `wr` stays, `ong` goes, `ite it` is typed, its first character before another look
    assert asked == ["", *("write it"[:n] for n in range(3, 8))]
    assert (tally.mistaken, tally.accepted, tally.kept, tally.deleted, tally.typed) == (1, 0, 2, 3, 6)
    assert tally.keystrokes == 1 + 3 + 6
    assert tally.effort == pytest.approx((0.1 * 5 + 0.5 * (6 + 3)) / 4)


def test_indentation_is_the_editors() -> None:
    assert counted("if x:\n        y\n\n    z") == 5 + 1 + 1 + 1 + 1 + 1
    text = "if x:\n        y\n    z"
    tally, asked = typed(text, {})
    assert tally.characters == tally.typed == 9
    assert asked == [
        "",
        "i",
        "if",
        "if ",
        "if x",
        "if x:",
        "if x:\n        ",
        "if x:\n        y",
        "if x:\n        y\n    ",
    ]
    tally, _ = typed(text, {"if x:": "\n        y\n    z"})
    assert (tally.kept, tally.typed, tally.read) == (4, 5, 4)
    # a beginning that ends in the midst of it: the editor writes the rest
    tally, asked = typed(text, {"if x:": "\n    yy"}, Fallible(1.0))
    assert asked[-2:] == ["if x:\n        y", "if x:\n        y\n    "]
    assert (tally.kept, tally.deleted) == (1, 2)


def test_whoever_errs_everywhere_still_gets_done() -> None:
    text = "abc"
    tally, _ = typed(text, {text[:n]: "xyz" for n in range(3)}, Fallible(1.0))
    assert (tally.mistaken, tally.deleted, tally.typed) == (3, 9, 3)


def test_kept_and_typed_add_up() -> None:
    text = "for one in many:\n    one.do(something)\n    other.do()\nreturn None"
    guesses = {text[:n]: text[n : n + n % 7] + ("?" if n % 3 else "") for n in range(len(text))}
    for human in (Careful(), Careful(partial=False), Fallible(0.5, seed=4), Fallible(1.0)):
        tally, _ = typed(text, guesses, human)
        assert tally.kept + tally.typed == tally.characters == counted(text)
        assert tally.accepted + tally.partially + tally.mistaken <= tally.shown == len(tally.judged)
    whole = typed(text, guesses, Careful(partial=False))[0]
    assert typed(text, guesses)[0].kept > whole.kept > 0


def test_sums() -> None:
    first = Tally("a:1", 4, typed=1, kept=3, latencies=(1.0,), judged=((0.5, True),))
    second = Tally("b:1", 6, typed=5, kept=1, latencies=(2.0, 3.0))
    expected = Tally("both", 10, typed=6, kept=4, latencies=(1.0, 2.0, 3.0), judged=((0.5, True),))
    assert total([first, second], "both") == expected


def test_together_goes_on_with_the_one_furthest_behind() -> None:
    work = Work("a.py:2", "def f():\n    ", "abcdef", "")
    quick, slow = Scripted({"": "abc"}), Scripted({})
    order: list[str] = []
    for name, completer in (("quick", quick), ("slow", slow)):
        completer.asked = type("Log", (list,), {"append": lambda _, at, name=name: order.append(f"{name} {at}")})()
    typists = [Typist(completer, Limits(), work, Careful()) for completer in (quick, slow)]
    tallies = together(typists)
    assert [tally.kept for tally in tallies] == [3, 0]
    assert order[:5] == ["quick ", "slow ", "slow a", "slow ab", "quick abc"]
    assert sorted(order[4:6]) == ["quick abc", "slow abc"]


def test_it_is_the_servers_own_completer_that_answers() -> None:
    # healing, the rule, trimming and the least length: a `)` stands behind the cursor, and what is sure is 2 tokens
    script = [("(alpha, ", 0.1, 1.0), ("beta", 0.1, 1.0), (")", 0.1, 1.0), ("\nmore", 9.0, 9.0)]
    completer = LocalCompleter(FakeEngine(lambda prompt: script if prompt.endswith("call") else []), Calibration())
    work = Work("a.py:1", "x = ", "call(alpha, beta", ")\n")
    [tally] = replay(completer, Limits(), [work], Careful())
    assert (tally.accepted, tally.kept, tally.typed) == (1, 11, 5)
    assert tally.engine_ms == pytest.approx(sum(tally.latencies))
