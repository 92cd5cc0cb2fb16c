"""The child's side of the engine host, in this process: what belongs together is put together."""

from collections.abc import Iterable
from itertools import islice
from multiprocessing import Pipe
from pathlib import Path

import pytest

from empower_model.calibration import Calibration
from empower_model.engine import llama
from empower_model.engine.drafting import Guess, Pace
from empower_model.engine.seam import EngineConfig, StopFlag
from empower_model.errors import EngineError
from empower_model.files.memory_files import memory_sidecar
from empower_model.host import child
from empower_model.request import Limits, Request

REPEATED = "def first(value):\n    return quantified_zebra_margin(value, width=12)\n\n\n"


class Free(Pace):
    """A pace for which guesses cost nothing."""

    tokens = 0

    def worth(self, guesses: Iterable[Guess]) -> list[int]:
        ids = [guess.id for guess in islice(guesses, 7)]
        Free.tokens += len(ids)
        return ids

    def note(self, length: int, seconds: float) -> None:
        pass


def test_the_memory_guesses_for_a_model_large_enough(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama, "Pace", Free)
    request = Request(REPEATED * 3 + "def last(value):\n    return quant", "", Limits(max_tokens=16))
    texts = []
    for small in (llama.SMALL, 0):
        monkeypatch.setattr(llama, "SMALL", small)
        news, feed = Pipe(duplex=False)
        memory = child.ChildMemory(memory_sidecar(weights), None, news)
        completer, _ = child._loaded(EngineConfig(weights, threads=1), StopFlag(), Calibration(), memory, pytest.fail)
        before = Free.tokens
        texts.append(completer.complete(request).text)
        assert (Free.tokens > before) == (small == 0)
        completer.close()
        feed.close()
    assert texts[0] == texts[1] != ""


class Preparing:
    """Work of so many tokens at so many seconds a token, and somebody who asks after so many pieces."""

    def __init__(self, left: int, seconds: float, asked_after: int = 1000) -> None:
        self.left, self.seconds, self.asked_after = left, seconds, asked_after
        self.now = 0.0
        self.pieces: list[int] = []

    def prepare(self, most: int) -> bool:
        self.pieces.append(min(most, self.left))
        self.left -= self.pieces[-1]
        self.now += self.pieces[-1] * self.seconds
        return self.left > 0

    def asked(self) -> bool:
        return len(self.pieces) >= self.asked_after


@pytest.mark.parametrize(
    ("seconds", "tokens"),
    [(0.0001, child.MOST_TOKENS), (0.001, 30), (0.01, child.FEWEST_TOKENS)],
)
def test_a_pause_is_used_in_pieces_that_a_request_may_wait_for(seconds: float, tokens: int) -> None:
    work = Preparing(2000, seconds)
    child.Pause(lambda: work.now).use(work.prepare, work.asked)
    assert work.left == 0
    assert work.pieces[0] == child.FEWEST_TOKENS
    assert set(work.pieces[2:-1]) == {tokens}


def test_who_asks_does_not_wait_for_the_rest() -> None:
    work = Preparing(2000, 0.001, asked_after=3)
    child.Pause(lambda: work.now).use(work.prepare, work.asked)
    assert len(work.pieces) == 3


def test_what_cannot_be_prepared_is_left_to_the_next_request() -> None:
    def prepare(most: int) -> bool:
        raise EngineError("llama.cpp could not")

    child.Pause().use(prepare, lambda: False)
