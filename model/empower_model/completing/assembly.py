"""Puts an engine, a memory beside it if there is one, and the completer together: for all who complete the same way."""

from __future__ import annotations

from empower_model.calibration import Calibration
from empower_model.completing.completer import LocalCompleter
from empower_model.completing.stopping import Cut
from empower_model.engine import Engine
from empower_model.memory import RememberingEngine, WeightedMemory
from empower_model.prompt import Reader


def assemble(
    engine: Engine,
    calibration: Calibration,
    known: WeightedMemory | None = None,
    cut: Cut | None = None,
    reader: Reader | None = None,
) -> LocalCompleter:
    """Return the completer of an engine; what is `known` is mixed into all that the engine writes.

    The memory is shown each request before it is answered, and drafts for the engine. `calibration` is that of what is
    chosen from, so with a memory that of the mixture (`Weights.calibration`, or one fitted to a person since). Several
    completers may share a memory, as long as they answer one at a time. With a `reader`, prompts grow (`Layout`).
    """
    if known is None:
        return LocalCompleter(engine, calibration, cut, reader=reader)
    remembering = RememberingEngine(engine, known.memory, known.weights)
    return LocalCompleter(
        remembering, calibration, cut, look=remembering.look, drafts=remembering.guesses, reader=reader
    )
