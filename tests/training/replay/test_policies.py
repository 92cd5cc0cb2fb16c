"""Where the compared rules end a span."""

from itertools import accumulate

import pytest

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.completing.stopping import Verdict, Written
from empower_model.engine.seam import FakeEngine
from empower_model.request import Limits, Request
from empower_training.replay.policies import BASE, DEFAULT, cuts, everything, first, to_line_end, until, within


def written(*tokens: str, bits: tuple[float, ...] = ()) -> Written:
    text = "".join(tokens)
    surprisals = bits or (0.1,) * len(tokens)
    return Written(text, list(accumulate(map(len, tokens))), surprisals, (1.0,) * len(tokens))


def test_base_never_ends_and_base_n_ends_at_n() -> None:
    three = written("a", "b", "c")
    assert everything(three) == Verdict(3, ended=False)
    assert first(4)(three) == Verdict(3, ended=False)
    assert first(3)(three) == Verdict(3, ended=True)


def test_the_line_end_comes_with_what_its_token_holds() -> None:
    assert to_line_end(written("f(", "x")) == Verdict(2, ended=False)
    assert to_line_end(written("f(", "x", ")\n  ")) == Verdict(3, ended=True)


def test_the_first_improbable_token_is_left_out() -> None:
    # 2.0 bits are p = 0.25, 2.4 bits p = 0.19
    assert until(2.32)(written("a", "b", "c", bits=(2.0, 2.4, 0.0))) == Verdict(1, ended=True)
    assert until(2.32)(written("a", "b", bits=(2.0, 2.0))) == Verdict(2, ended=False)
    assert cuts(Calibration())["stop at p < 0.2"](written("a", bits=(2.33,))) == Verdict(0, ended=True)
    assert cuts(Calibration())["stop at p < 0.2"](written("a", bits=(2.32,))) == Verdict(1, ended=False)


def test_a_budget_is_of_the_sum() -> None:
    assert within(1.0)(written("a", "b", bits=(0.6, 0.6))) == Verdict(1, ended=True)


@pytest.mark.parametrize("bits", [(0.1, 0.1, 3.0), (0.5, 1.0, 0.1), (2.0, 0.0, 0.0)])
def test_the_default_is_what_the_server_does(bits: tuple[float, ...]) -> None:
    calibration = Calibration(0.8, 2.0)
    engine = FakeEngine(lambda _: [(f"word{n} ", surprisal, 1.0) for n, surprisal in enumerate(bits)])
    request = Request("x = ", "", Limits())
    server = LocalCompleter(engine, calibration).complete(request)
    ours = LocalCompleter(engine, calibration, cuts(calibration)[DEFAULT]).complete(request)
    assert (ours.text, ours.kept, ours.end) == (server.text, server.kept, server.end)


def test_more_of_a_kind_shows_no_less() -> None:
    table = cuts(Calibration())
    span = written(*(f"t{n}" for n in range(30)), bits=tuple(0.1 + n % 4 / 4 for n in range(30)))
    keep = {name: cut(span).keep for name, cut in table.items()}
    assert keep["budget 0.32"] <= keep["budget 1.0"] <= keep["budget 2.0"] <= keep["budget 4.0"] <= keep["budget 8.0"]
    assert keep["budget 8.0"] <= keep[BASE] == 30
    assert keep["gain 0.5"] <= keep["gain 0.3"] <= keep["gain 0.1"]
    assert (keep["Base-10"], keep["Base-20"]) == (10, 20)
