"""What passes beside requests: the newest value, and reports that are seldom."""

import threading
import time
from multiprocessing import Pipe

import pytest

from empower_model.host.aside import Newest, Reports, listen


def test_of_many_values_the_newest_is_taken() -> None:
    gate, begun, taken = threading.Event(), threading.Event(), list[int]()

    def take(value: int) -> None:
        taken.append(value)
        begun.set()
        assert gate.wait(5)

    newest = Newest(take)
    newest.put(0)
    assert begun.wait(5)
    for value in (1, 2, 3):
        newest.put(value)
    gate.set()
    deadline = time.monotonic() + 5
    while taken != [0, 3] and time.monotonic() < deadline:
        time.sleep(0.001)
    assert taken == [0, 3]


def test_a_value_that_was_dropped_is_not_taken() -> None:
    gate, begun, done, taken = threading.Event(), threading.Event(), threading.Event(), list[int]()

    def take(value: int) -> None:
        taken.append(value)
        begun.set()
        assert gate.wait(5)
        if value == 2:
            done.set()

    newest = Newest(take)
    newest.put(0)
    assert begun.wait(5)
    newest.put(1)
    newest.drop()
    gate.set()
    newest.put(2)
    assert done.wait(5)
    assert taken == [0, 2]


class Clocked:
    """Reports at given times."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[int, int]] = []
        self.reports = Reports(self.sent.append, lambda: self.now)

    def at(self, now: float, read: int, whole: int) -> None:
        self.now = now
        self.reports.note(read, whole)


def test_what_is_read_at_once_is_not_reported() -> None:
    clocked = Clocked()
    for key in range(10):
        clocked.at(key * 0.2, 63, 64)
        clocked.at(key * 0.2 + 0.1, 64, 64)
    assert clocked.sent == []


def test_a_long_prompt_is_reported_four_times_a_second_at_most_and_its_end() -> None:
    clocked = Clocked()
    for piece in range(1, 101):
        clocked.at(piece * 0.05, piece * 10, 1000)
    assert clocked.sent[0] == (60, 1000)
    assert clocked.sent[-1] == (1000, 1000)
    assert len(clocked.sent) == pytest.approx(4 * 5, abs=1)


def test_a_short_prompt_that_is_read_meanwhile_is_not_the_end_of_the_long_one() -> None:
    clocked = Clocked()
    clocked.at(0, 8, 1000)
    clocked.at(0.3, 16, 1000)
    clocked.at(0.4, 64, 64)
    assert clocked.sent == [(16, 1000)]
    clocked.at(0.6, 24, 1000)
    clocked.at(5.0, 64, 64)  # that was left
    assert clocked.sent == [(16, 1000), (24, 1000), (64, 64)]


def test_reports_are_heard_until_their_end() -> None:
    heard, reports = Pipe(duplex=False)
    told = list[tuple[int, int]]()
    listen(heard, lambda read, whole: told.append((read, whole)))
    reports.send((1, 2))
    reports.send((2, 2))
    reports.close()
    deadline = time.monotonic() + 5
    while not heard.closed and time.monotonic() < deadline:
        time.sleep(0.001)
    assert told == [(1, 2), (2, 2)]
