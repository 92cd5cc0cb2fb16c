"""Many policies hear one engine: the same answers as with an engine each, and a fair charge for them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.engine.drafting import Drafts
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig, FakeEngine, Token, Transform
from empower_model.files import store
from empower_model.request import Limits, Request
from empower_training.replay.policies import BASE, cuts, first
from empower_training.replay.recording import Price, Recording, measure_price

TEXT = '''def area(width, height):
    """The area of a rectangle."""
    if width < 0 or height < 0:
        raise ValueError("width and height must not be negative")
    return width * height
'''
FREE = Price((1,), (0.0,))


@dataclass
class Counting(FakeEngine):
    """Writes `w0 w1 w2 ...`, going on behind what is in the prompt already, and counts what it had to write."""

    drawn: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def prefill(self, prompt: Sequence[int]) -> int:
        self.seconds += 0.5
        return super().prefill(prompt)

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        start = self.prompts[-1].count("\0")  # the id of all written tokens
        for number in range(start, 6):
            piece = f"w{number} "
            self.drawn.append(piece)
            self.seconds += 0.002
            yield Token(0, piece.encode(), 0.01, 0.1)


def counting() -> Counting:
    return Counting(lambda _: [])


def test_a_token_is_written_once_for_all_policies() -> None:
    engine = counting()
    recording = Recording(engine, FREE)
    shown = [
        recording.completer(Calibration(), first(count)).complete(Request("x\n", "")).text for count in (2, 5, 3, 5)
    ]
    assert shown == ["w0 w1", "w0 w1 w2 w3 w4", "w0 w1 w2", "w0 w1 w2 w3 w4"]
    assert engine.drawn == ["w0 ", "w1 ", "w2 ", "w3 ", "w4 "]
    assert len(engine.prompts) == 1


def test_a_span_is_taken_up_again_where_it_was_left() -> None:
    engine = counting()
    recording = Recording(engine, FREE)
    short, long = recording.completer(Calibration(), first(2)), recording.completer(Calibration(), first(4))
    assert short.complete(Request("x\n", "")).text == "w0 w1"
    assert short.complete(Request("y\n", "")).text == "w0 w1"
    assert long.complete(Request("x\n", "")).text == "w0 w1 w2 w3"  # the engine has been elsewhere since
    assert engine.drawn == ["w0 ", "w1 ", "w0 ", "w1 ", "w2 ", "w3 "]
    assert engine.prompts[-1].endswith("<MID>x\n\0\0")


def test_after_clearing_all_is_written_anew() -> None:
    engine = counting()
    recording = Recording(engine, FREE)
    completer = recording.completer(Calibration(), first(1))
    completer.complete(Request("x\n", ""))
    recording.clear()
    completer.complete(Request("x\n", ""))
    assert engine.drawn == ["w0 ", "w0 "]


def test_what_is_to_be_written_again_tells_spans_apart() -> None:
    # both words are taken back, so both prompts end before them
    engine = LlamaEngine(EngineConfig(store.checked("").path, threads=1))
    completer = Recording(engine, FREE).completer(Calibration(), first(1))
    texts = [completer.complete(Request(f"def f(x):\n    {start}", "")).text for start in ("re", "pa")]
    assert texts[0] == "turn"
    assert not texts[1].startswith("turn")
    engine.close()


def test_each_is_charged_what_it_would_have_spent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = counting()
    monkeypatch.setattr(time, "perf_counter", lambda: engine.seconds)
    recording = Recording(engine, Price((1, 100), (1.0, 100.0)), clock=lambda: engine.seconds)
    for count in (3, 1, 4):
        completer = recording.completer(Calibration(), first(count))
        completion = completer.complete(Request("x = 1\ny = ", ""))
        # its own cache is empty: 1 ms a prompt token, and 2 ms for each token that it asked for, whoever came first
        assert completion.evaluated_tokens == completion.prompt_tokens
        assert completion.total_ms == pytest.approx(completion.prompt_tokens + 2 * count)
        again = completer.complete(Request("x = 1\ny = w", ""))
        assert again.evaluated_tokens == 1  # nothing before what was typed has changed
        assert again.total_ms == pytest.approx(1 + 2 * count)


def test_answers_and_evaluated_tokens_are_those_of_an_engine_alone() -> None:
    model = store.checked("")
    alone, shared = (LlamaEngine(EngineConfig(model.path, threads=1)) for _ in range(2))
    recording = Recording(shared, FREE)
    table = cuts(model.calibration)
    names = (BASE, "gain 0.2", "Base-10")
    views = [recording.completer(model.calibration, table[name]) for name in names]
    start = TEXT.index("if width")
    requests = [Request(TEXT[:at], "\n\nprint(area(2, 3))\n", Limits()) for at in range(start, start + 24)]
    ours = [[view.complete(request) for view in views] for request in requests]
    for number, name in enumerate(names):
        alone.prefill(alone.tokenize("\n")[:1])
        completer = LocalCompleter(alone, model.calibration, table[name])
        theirs = [completer.complete(request) for request in requests]
        assert [row[number].text for row in ours] == [completion.text for completion in theirs]
        # with an empty cache the very first differs by the token that clearing leaves there
        assert [row[number].evaluated_tokens for row in ours][1:] == [
            completion.evaluated_tokens for completion in theirs
        ][1:]
    alone.close()
    shared.close()


@dataclass
class Timed(FakeEngine):
    """Takes 5 ms and one more for each token that its cache lacks."""

    seconds: float = 0.0
    state: list[int] = field(default_factory=list)

    def prefill(self, prompt: Sequence[int]) -> int:
        same = 0
        while same < min(len(self.state), len(prompt)) and self.state[same] == prompt[same]:
            same += 1
        fresh = max(1, len(prompt) - same)
        self.state = list(prompt)
        self.seconds += 0.005 + 0.001 * fresh
        return fresh


def test_the_price_of_a_prompt_is_measured() -> None:
    engine = Timed(lambda _: [], context_size=64)
    price = measure_price(engine, clock=lambda: engine.seconds)
    assert price.tokens == (1, 2, 4, 8, 16)
    assert price.milliseconds == pytest.approx((6, 7, 9, 13, 21))
    assert price(3) == pytest.approx(8)
    assert price(32) == pytest.approx(42)  # beyond the last point in proportion
