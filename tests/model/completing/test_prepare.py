"""Typed on at one place with the bundled model: anchors move in the pauses, and never under a typing hand."""

import sysconfig
from pathlib import Path

from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.request import Limits, Request

SOURCE = (Path(sysconfig.get_paths()["stdlib"]) / "argparse.py").read_text(encoding="utf-8")
START = SOURCE.index("class HelpFormatter")
LIMITS = Limits(max_tokens=4)


def test_no_key_waits_for_a_new_anchor(weights: Path) -> None:
    engine = LlamaEngine(EngineConfig(weights, context_size=384))
    completer = LocalCompleter(engine, Calibration())
    below = "\n" + SOURCE[START + 4000 : START + 6000]
    completer.complete(Request(SOURCE[:START], below, LIMITS))
    pieces, whole = 0, 0
    for end in range(START + 1, START + 2400, 3):
        answer = completer.complete(Request(SOURCE[:end], below, LIMITS))
        assert answer.evaluated_tokens <= 6
        while completer.prepare(64):
            pieces += 1
        whole = max(whole, answer.prompt_tokens)
    assert pieces >= 6  # the anchor did move
    assert whole > 250
    completer.close()


def test_a_key_that_comes_while_an_anchor_is_prepared_does_not_lose_its_prompt(weights: Path) -> None:
    engine = LlamaEngine(EngineConfig(weights, context_size=384))
    completer = LocalCompleter(engine, Calibration())
    completer.complete(Request(SOURCE[:START], "", LIMITS))
    half_done = 0
    for end in range(START + 1, START + 2400, 3):
        answer = completer.complete(Request(SOURCE[:end], "", LIMITS))
        assert answer.evaluated_tokens <= 6
        half_done += completer.prepare(24)  # one piece, then the next key
    assert half_done >= 6
    completer.close()


def test_without_anything_to_prepare_nothing_is_done(weights: Path) -> None:
    engine = LlamaEngine(EngineConfig(weights, context_size=384))
    completer = LocalCompleter(engine, Calibration())
    assert completer.prepare(64) is False
    completer.complete(Request("x = 1\n", "", LIMITS))
    assert completer.prepare(64) is False
    completer.close()
