"""What the log says a person decided, event by event."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from empower_lsp.log.records import CompletionRecord, OutcomeRecord, TokenRecord, without_text
from empower_lsp.log.store import Entry
from empower_lsp.outcome.outcome import Kind
from empower_lsp.personal.decision import Decision, decisions, grouped, still_shown
from empower_model.calibration import Calibration

TOKENS = (TokenRecord("ret", 0.25, 1.0), TokenRecord("urn", 0.5, 2.0), TokenRecord(" x", 1.0, 3.0))
AFTER = TokenRecord(" + 1", 4.0, 3.0)
"""Generated, and cut off."""
DONE = CompletionRecord(
    id="a",
    at=1000.0,
    path="src/a.py",
    workspace="w-1",
    language="python",
    prefix="",
    suffix="",
    text="return x",
    characters=8,
    tokens=(*TOKENS, AFTER),
    kept=3,
    end="uncertain",
    probability=0.5,
    eta=2.0,
    confidence=0.2,
    rule="gain",
    model="m",
    adapter="",
    prompt_tokens=9,
    evaluated_tokens=3,
    prompt_ms=4.0,
    total_ms=20.0,
    version="0",
)
SHOWN = OutcomeRecord("a", 1000.0, "shown", False)


def outcome(kind: str, characters: int = 0, of: int = 8, typed: int = 0, **changes: Any) -> OutcomeRecord:
    return replace(OutcomeRecord("a", 1001.0, kind, False, characters, of, typed), **changes)


def decided(*outcomes: OutcomeRecord, completion: CompletionRecord = DONE) -> Decision | None:
    found = decisions([Entry(completion, outcomes)])
    return found[0] if found else None


def one(*outcomes: OutcomeRecord, completion: CompletionRecord = DONE) -> Decision:
    found = decided(*outcomes, completion=completion)
    assert found is not None
    return found


def test_what_was_asked_for_past_the_rule_is_no_decision_on_the_rule() -> None:
    accepted = outcome("accepted", 8)
    assert decided(SHOWN, accepted) is not None
    assert decided(SHOWN, accepted, completion=replace(DONE, rule="statement", end="asked")) is None


def test_an_accepted_completion() -> None:
    found = one(SHOWN, outcome("accepted", 8, explicit=True))
    assert (found.kind, found.explicit, found.characters, found.reached, found.accepted) == (
        Kind.ACCEPTED,
        True,
        8,
        8,
        8,
    )
    assert found.right
    assert found.bits == 1.75  # of the three tokens kept, not of the one cut off
    assert found.kept == 8.0
    assert found.file == "w-1/src/a.py"
    assert found.day == time.strftime("%Y-%m-%d", time.localtime(1000.0))


@pytest.mark.parametrize(
    ("final", "reached", "right"),
    [
        (outcome("accepted", 5, typed=3), 8, True),
        (outcome("typed through", typed=8), 8, True),
        (outcome("partially accepted", 6), 6, False),
        (outcome("partially accepted", 6, typed=2), 8, True),  # a word accepted, and the rest typed
        (outcome("diverged", typed=3, text="retry"), 3, False),
        (outcome("diverged", text="if"), 0, False),
        (outcome("dismissed"), 0, False),
    ],
)
def test_how_far_a_completion_was_right(final: OutcomeRecord, reached: int, right: bool) -> None:
    found = one(SHOWN, final)
    assert (found.reached, found.right) == (reached, right)


@pytest.mark.parametrize(
    "outcomes",
    [
        (),
        (SHOWN,),  # the end of it is not known
        (SHOWN, outcome("superseded")),
        (outcome("superseded", typed=4),),
        (outcome("typed through", typed=8),),  # before it can have been seen
    ],
)
def test_what_says_nothing(outcomes: Sequence[OutcomeRecord]) -> None:
    assert decided(*outcomes) is None


def test_what_was_accepted_was_seen_whether_that_was_said_or_not() -> None:
    assert one(outcome("accepted", 8)).right


def test_an_accepted_text_that_is_gone_at_once_was_a_mistake() -> None:
    accepted = outcome("accepted", 8)
    gone = (outcome("changed", 1, of=7, age=30.0), outcome("changed", 0, of=7, age=120.0))
    found = one(SHOWN, accepted, *gone)
    assert found.looks == (1 / 7, 0.0)
    assert not found.right
    assert found.kept == 0.0
    later = (outcome("kept", 7, of=7, age=30.0), outcome("changed", 2, of=7, age=120.0))
    found = one(SHOWN, accepted, *later)
    assert found.right
    assert found.kept == pytest.approx(8 * 2 / 7)


def test_what_was_typed_before_the_answer_came_was_not_decided() -> None:
    # The request was for "", and by the time of the answer "ret" was typed along: only "urn x" was seen.
    found = one(SHOWN, outcome("dismissed", of=5))
    assert found.characters == 5
    assert found.bits == 1.5
    assert not found.right
    found = one(SHOWN, outcome("diverged", of=5, typed=2))
    assert found.reached == 2
    assert one(SHOWN, outcome("accepted", 5, of=5)).right
    # inside a token: its bits are of what was seen too
    assert one(SHOWN, outcome("dismissed", of=6)).bits == 1.75


def test_line_ends_and_menus_that_lengthen_what_was_offered() -> None:
    found = one(SHOWN, outcome("accepted", 9, of=9))
    assert (found.characters, found.accepted, found.bits) == (8, 8, 1.75)
    assert found.right


def test_a_log_without_text_gives_the_same_decision() -> None:
    completion = without_text(DONE)
    assert isinstance(completion, CompletionRecord)
    found = one(SHOWN, outcome("diverged", typed=3, text=None), completion=completion)
    assert (found.bits, found.reached, found.right) == (1.75, 3, False)


def test_what_stands_around_what_was_seen() -> None:
    record = replace(DONE, prefix="def f(x):\n    ")
    whole, end = (one(outcome("accepted", of, of), SHOWN, completion=record) for of in (8, 3))
    assert (whole.line, whole.behind) == ("    ", 3.0)
    assert end.line == "    retur"  # which had been typed along before it came
    bare = without_text(record)
    assert isinstance(bare, CompletionRecord)
    assert one(outcome("accepted", 8), SHOWN, completion=bare).line is None
    assert one(outcome("accepted", 8), SHOWN, completion=replace(record, tokens=TOKENS)).behind is None


def test_only_those_of_one_model_and_adapter() -> None:
    names = [("m", ""), ("m", "t-1"), ("n", "")]
    entries = [
        Entry(replace(DONE, model=model, adapter=adapter), (SHOWN, outcome("accepted", 8))) for model, adapter in names
    ]
    assert [(d.completion.model, d.completion.adapter) for d in decisions(entries)] == names
    assert [d.completion.adapter for d in decisions(entries, "m")] == [""]
    assert [d.completion.adapter for d in decisions(entries, "m", "t-1")] == ["t-1"]


def test_a_memory_is_told_and_chooses_nothing() -> None:
    entries = [
        Entry(replace(DONE, adapter="t-1", memory=memory), (SHOWN, outcome("accepted", 8))) for memory in (True, False)
    ]
    assert [d.memory for d in decisions(entries, "m", "t-1")] == [True, False]


def test_still_shown_asks_the_rule_it_was_made_with() -> None:
    # Bits add up to 0.25, 0.75, 1.75, 5.75; the confidence 0.2 is reached at twice the midpoint where the slope is 2.
    wide, narrow, none = Calibration(3.0, 2.0), Calibration(1.0, 2.0), Calibration(0.1, 2.0)
    assert still_shown(DONE, wide)
    assert still_shown(DONE, narrow)  # "return": (0.64 - 0.2) * 6 is more than (0.94 - 0.2) * 3 and (0.25 - 0.2) * 8
    # "ret" would pay most, but the name goes on: of (0.8 - 0.2) * 3 and (0.31 - 0.2) * 6 only the second counts
    assert still_shown(DONE, Calibration(0.5, 2.0))
    assert not still_shown(DONE, none)
    budget = replace(DONE, rule="budget")
    assert still_shown(budget, Calibration(0.5, 2.0))  # "return", within one bit
    assert not still_shown(budget, none)
    assert still_shown(replace(DONE, rule="peak"), none)  # its calibration is not asked


def test_still_shown_is_not_for_what_is_too_short() -> None:
    short = replace(DONE, tokens=(TokenRecord("x ", 0.1, 1.0), TokenRecord("=", 9.0, 3.0)), kept=1, text="x")
    assert not still_shown(short, Calibration(3.0, 2.0))


def test_still_shown_without_text_goes_by_the_probability() -> None:
    bare = without_text(DONE)
    assert isinstance(bare, CompletionRecord)
    assert still_shown(bare, Calibration(1.0, 2.0))  # p(1.75) = 1 / (1 + 1.75 ** 2) = 0.246
    assert not still_shown(bare, Calibration(0.8, 2.0))  # 0.173
    assert still_shown(replace(bare, rule="peak"), Calibration(0.8, 2.0))


def at(day: int, file: int) -> Decision:
    return one(
        SHOWN, outcome("accepted", 8), completion=replace(DONE, at=1.7e9 + 86_400.0 * day + file, path=f"{file}.py")
    )


def test_decisions_are_grouped_by_days_else_files_else_stretches_of_time() -> None:
    unit, groups = grouped([at(day, 0) for day in (1, 2, 3, 3, 4, 5)])
    assert unit == "days"
    assert groups == sorted(groups)
    assert [groups.count(one) for one in sorted(set(groups))] == [1, 1, 2, 1, 1]
    unit, groups = grouped([at(1, file) for file in (3, 1, 2, 0, 4, 0)])
    assert (unit, groups[3] == groups[5], len(set(groups))) == ("files", True, 5)
    unit, groups = grouped([at(day, 0) for day in (2, 2, 1, 1)], least=2)
    assert (unit, len(set(groups))) == ("days", 2)
    unit, groups = grouped([at(1, 2), at(1, 1), at(1, 3), at(1, 0)], least=5)
    assert unit == "stretches of time"
    assert groups == ["2", "1", "3", "0"]
    assert grouped([at(1, file % 3) for file in range(10)])[1].count("0") == 2
    assert grouped([]) == ("stretches of time", [])
