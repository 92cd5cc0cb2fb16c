"""What the report makes of a log: periods, shares, latencies, and probabilities against what became of them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count

import pytest

from empower_lsp.log.records import CompletionRecord, OutcomeRecord, TokenRecord
from empower_lsp.log.store import Store, log_path
from empower_lsp.log.summary import stats
from empower_lsp.personal.decision import decisions
from empower_training.report.log import LEAST_JUDGED, History, history, lean

MONDAY = date(2026, 11, 2)


class Log:
    """A log that is written into."""

    def __init__(self) -> None:
        self.store = Store(log_path())
        self._ids = count()

    def add(self, kind: str | None, day: int = 0, ms: float = 20.0, p: float = 0.5, model: str = "m") -> None:
        """Log a completion of 10 characters at noon, so many days after the Monday; seen if anything became of it."""
        at = datetime.combine(MONDAY + timedelta(day), datetime.min.time()).timestamp() + 43_200
        name = str(next(self._ids))
        self.store.write(
            CompletionRecord(
                name, at, "a.py", "w", "python", "above", "below", "text", 10, (TokenRecord("text", 1.0, 2.0),), 1,
                "uncertain", p, 2.0, 0.3, "gain", model, "", 9, 3, 4.0, ms, "0",
            )
        )  # fmt: skip
        if kind is not None:
            self.store.write(OutcomeRecord(name, at, "shown", False))
            taken = {"accepted": 10, "partially accepted": 4}.get(kind, 0)
            self.store.write(OutcomeRecord(name, at + 1, kind, True, taken, 10))

    def found(self) -> History:
        told = history(self.store)
        assert told is not None
        return told


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.store.close()


def test_an_empty_log_has_no_figures(log: Log) -> None:
    assert history(log.store) is None


def test_acceptance_is_of_what_was_decided_on(log: Log) -> None:
    for kind in ("accepted", "partially accepted", "diverged", "dismissed", "typed through", "superseded", None):
        log.add(kind)
    told = log.found()
    assert (told.total.completions, told.decided) == (7, 5)  # neither what was superseded nor what nobody saw
    assert told.share.estimate == pytest.approx(2 / 5)


def test_the_totals_are_those_of_the_statistics(log: Log) -> None:
    for kind in ("accepted", "partially accepted", "diverged", "superseded", None):
        log.add(kind)
    total = log.found().total
    assert total == stats(log.store).total
    assert (total.shown, total.accepted, total.accepted_characters) == (4, 2, 14)


def test_each_day_has_its_own_figures(log: Log) -> None:
    for ms in (10.0, 20.0, 30.0):
        log.add("accepted", day=0, ms=ms)
    log.add(None, day=1, ms=99)
    log.add("dismissed", day=3)
    told = log.found()
    assert told.unit == "day"
    assert [period.start for period in told.periods] == [MONDAY, MONDAY + timedelta(1), MONDAY + timedelta(3)]
    assert [(period.decided, period.accepted, period.answers) for period in told.periods] == [
        (3, 3, 3),
        (0, 0, 1),
        (1, 0, 1),
    ]
    first = told.periods[0]
    assert first.p50_ms == 20.0
    assert first.p95_ms == pytest.approx(29.0)  # 0.95 * 2 steps behind 10: 10 + 1.9 * 10
    # of four decisions, the two earlier ones were accepted, and one of the later two
    assert [half.estimate for half in told.halves] == [1.0, 0.5]


def test_a_long_log_is_shown_by_weeks(log: Log) -> None:
    for day in (0, 6, 7, 50):
        log.add("accepted", day=day)
    told = log.found()
    assert told.unit == "week"
    assert [period.start for period in told.periods] == [MONDAY, MONDAY + timedelta(7), MONDAY + timedelta(49)]
    assert [period.decided for period in told.periods] == [2, 1, 1]


def test_probabilities_are_judged_model_by_model(log: Log) -> None:
    for number in range(LEAST_JUDGED):
        # three in four were right, as the one half says, of those given 0.75; the others were given 0.75 as well
        log.add("diverged" if number % 4 == 0 else "accepted", p=0.75, model="often")
    for _ in range(LEAST_JUDGED - 1):
        log.add("accepted", model="seldom")
    [judged] = log.found().models
    assert (judged.model, judged.decided) == ("often", LEAST_JUDGED)
    [bin_] = judged.bins  # all of one probability are in one bin
    # 13 of 50 are wrong (0, 4, ..., 48): 0.74 right
    assert (bin_.spans, bin_.predicted) == (50, 0.75)
    assert bin_.right == pytest.approx(0.74)
    assert judged.error == pytest.approx(0.01)


def test_what_is_read_makes_the_same_decisions_without_the_text(log: Log) -> None:
    for kind in ("accepted", "partially accepted", "diverged", "superseded", None):
        log.add(kind)
    log.store.write(OutcomeRecord("0", 9e9, "changed", False, 3, 10, age=30.0))
    whole, some = decisions(log.store.entries()), decisions(lean(log.store))
    assert [(decision.kind, decision.accepted, decision.right, decision.kept) for decision in some] == [
        (decision.kind, decision.accepted, decision.right, decision.kept) for decision in whole
    ]
    assert not some[0].right  # looked back at, 3 of 10 characters were left
    assert all(decision.completion.text is None and decision.completion.tokens == () for decision in some)
