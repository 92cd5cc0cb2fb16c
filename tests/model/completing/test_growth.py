"""A slow machine in virtual time: places begin small, grow while nobody waits, and a person types on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter
from empower_model.engine import Drafts, StopFlag, Token, Transform, Vocabulary
from empower_model.engine.reading import pieces
from empower_model.engine.seam import FakeEngine
from empower_model.engine.states import GAIN, WORTH, States, common
from empower_model.errors import EngineStopped
from empower_model.host.pause import Pause
from empower_model.request import Completion, End, Limits, Request

DOCUMENT = "".join(f"value_{n} = {n}\n" for n in range(60))
BELOW = "\n\n" + DOCUMENT
TYPED = "result = compute(first, second)\nprint(result)\n" * 4
KEY_SECONDS = 0.2
LIMITS = Limits(rule="budget", confidence=0.0, max_tokens=8)


@dataclass
class Machine:
    """An engine that reads and writes so many tokens a second, and a person whose next key is due at some time.

    A token is a character. It writes `x`, and as llama.cpp's engine it keeps states and is stopped between pieces.
    """

    reads: float
    writes: float
    now: float = 0.0
    due: float = float("inf")
    """When the next key comes: it stops what is written or read, and ends a pause."""
    context_size: int = 1024
    stop: StopFlag = field(default_factory=StopFlag)
    vocabulary: Vocabulary = field(default_factory=lambda: FakeEngine(lambda _: []).vocabulary)
    state: list[int] = field(default_factory=list)
    worth: int = WORTH
    lost: float = 0.0
    """Seconds of evaluations that were ended before their end."""

    def __post_init__(self) -> None:
        self.states: States[bytes] = States(lambda _: b"\0", lambda _: True)

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    @property
    def speed(self) -> float:
        return self.reads

    def unread(self, prompt: Sequence[int]) -> int:
        return len(prompt) - max(common(self.state, prompt), self.states.known(prompt))

    def prefill(self, prompt: Sequence[int]) -> int:
        fresh, start = self._missing(prompt), 0
        for size in pieces(len(fresh), self.reads):
            if start and self.now >= self.due:
                raise EngineStopped("a key")
            self._take(fresh[start : start + size], self.reads, ends=start > 0)
            start += size
        return len(fresh)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        self.worth = GAIN
        fresh = self._missing(prompt)
        self.worth = GAIN
        self._take(fresh[:most], self.reads, ends=True)
        return len(fresh) <= most

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        while self.now < self.due:
            yield Token(ord("x"), b"x", 0.1, 0.1)
            try:
                self._take([ord("x")], self.writes, ends=True)
            except EngineStopped:
                break
        self.stop.set()

    def close(self) -> None:
        pass

    def _missing(self, prompt: Sequence[int]) -> list[int]:
        wanted = list(prompt)
        taken = self.states.exchange(self.state, wanted, self.worth)
        self.state = taken if taken is not None else self.state
        self.worth = WORTH
        del self.state[min(common(self.state, wanted), len(wanted) - 1) :]
        return wanted[len(self.state) :]

    def _take(self, tokens: Sequence[int], speed: float, ends: bool) -> None:
        seconds = len(tokens) / speed
        if ends and self.now + seconds > self.due:
            self.lost += max(0.0, self.due - self.now)
            self.now = max(self.now, self.due)
            raise EngineStopped("a key")
        self.now += seconds
        self.state += tokens


class Typist:
    """Types, and asks at each key; what an answer leaves of the time until the next key is a pause."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.completer = LocalCompleter(machine, Calibration(), reader=machine)
        self.pause = Pause(lambda: machine.now, lambda: machine.now)
        self.text = DOCUMENT
        self.answers: list[Completion] = []

    def ask(self) -> Completion:
        answer = self.completer.complete(Request(self.text, BELOW, LIMITS))
        self.answers.append(answer)
        return answer

    def wait(self, until: float) -> None:
        """Let the time until the next key pass."""
        machine = self.machine
        self.pause.end()
        self.pause.use(self.completer.prepare, lambda: machine.now >= until)
        machine.now = max(machine.now, until)

    def type(self, text: str) -> None:
        for key in text:
            self.text += key
            self.machine.due = self.machine.now + KEY_SECONDS
            self.ask()
            self.wait(self.machine.due)


@pytest.mark.parametrize("reads", [30, 50, 100, 300])
def test_at_five_keys_a_second_a_new_place_is_read_and_a_text_comes(reads: float) -> None:
    typist = Typist(Machine(reads, writes=50))
    typist.type(TYPED[:20])
    ends = [answer.evaluated_tokens > 0 for answer in typist.answers]  # else it was stopped while it read
    first = ends.index(True)
    assert all(ends[first:])
    assert first * KEY_SECONDS <= 64 / reads + 3 * KEY_SECONDS
    assert any(answer.tokens for answer in typist.answers[first : first + 2])
    assert typist.machine.lost <= 0.5 * typist.machine.now


def test_a_place_grows_while_a_person_types_where_requests_leave_time() -> None:
    """Each answer takes some 0.06 s at 300 tokens a second, of the 0.2 s between keys."""
    typist = Typist(Machine(300, writes=200))
    typist.type(TYPED)
    sizes = [answer.prompt_tokens for answer in typist.answers]
    assert sizes[1] < 150
    grown = next(number for number, size in enumerate(sizes) if size > 300)
    assert grown * KEY_SECONDS < 3 * 512 / 300
    assert max(answer.evaluated_tokens for answer in typist.answers[2:]) <= 4  # no key waits for it


def test_a_rest_is_enough_to_grow() -> None:
    typist = Typist(Machine(200, writes=50))
    typist.ask()
    typist.wait(typist.machine.now + 6)
    typist.text += "v"
    answer = typist.ask()
    assert answer.prompt_tokens > 300
    assert answer.evaluated_tokens <= 4


def test_what_is_expected_is_read_and_grown_before_it_is_asked_for() -> None:
    typist = Typist(Machine(200, writes=50))
    typist.completer.expect(Request(typist.text, BELOW, LIMITS))
    typist.wait(typist.machine.now + 8)
    answer = typist.ask()
    assert answer.prompt_tokens > 300
    assert answer.evaluated_tokens <= 4


def test_what_is_expected_is_dropped_when_another_place_is_asked_for() -> None:
    typist = Typist(Machine(200, writes=50))
    expected = Request("x = 1\n" * 100, "\n", LIMITS)
    typist.completer.expect(expected)
    typist.wait(typist.machine.now + 0.5)
    typist.ask()
    typist.wait(typist.machine.now + 8)
    typist.text += "v"
    assert typist.ask().evaluated_tokens <= 4
    began = typist.machine.now
    typist.completer.expect(None)
    typist.wait(began + 8)
    assert typist.pause.seconds < 10
    assert typist.completer.complete(expected).prompt_tokens < 150  # it had just begun


def test_what_was_stopped_is_read_on_in_the_pause() -> None:
    typist = Typist(Machine(50, writes=50))
    typist.machine.due = 0.2
    stopped = typist.ask()
    assert stopped.end is End.STOPPED
    assert not stopped.evaluated_tokens
    typist.machine.due = float("inf")
    typist.wait(typist.machine.now + 2)
    assert typist.ask().evaluated_tokens <= 2
