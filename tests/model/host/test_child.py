"""The child's side of the engine host, in this process: what belongs together is put together."""

import ctypes
from collections.abc import Iterable
from itertools import islice
from multiprocessing import Pipe
from pathlib import Path

import pytest

from empower_model.calibration import Calibration
from empower_model.engine import llama
from empower_model.engine.drafting import Guess, Pace
from empower_model.engine.seam import EngineConfig
from empower_model.files.memory_files import memory_sidecar
from empower_model.host import child
from empower_model.request import Limits, Request

FLAGS = (ctypes.c_char * 2)(), (ctypes.c_char * 2)()
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
        config, shared = EngineConfig(weights, threads=1), child.Shared(*FLAGS, (ctypes.c_double * 1)())
        completer, _ = child._loaded(config, shared, Calibration(), memory, pytest.fail)
        before = Free.tokens
        texts.append(completer.complete(request).text)
        assert (Free.tokens > before) == (small == 0)
        completer.close()
        feed.close()
    assert texts[0] == texts[1] != ""
