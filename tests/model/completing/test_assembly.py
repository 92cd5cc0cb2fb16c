"""What belongs together is put together: the memory sees each request, is mixed in, and drafts."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from empower_model.calibration import Calibration
from empower_model.completing.assembly import assemble
from empower_model.engine.drafting import Drafts, Guess
from empower_model.engine.seam import FakeEngine, Token, Transform
from empower_model.memory.index import Memory, Scope
from empower_model.memory.mixture import SHAPE, Weights
from empower_model.memory.remembering import WeightedMemory
from empower_model.request import Request


@dataclass
class Asked(FakeEngine):
    """Notes what it is handed: how many transforms, and what is drafted after its prompt."""

    transforms: list[int] = field(default_factory=list)
    drafted: list[list[Guess]] = field(default_factory=list)

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        self.transforms.append(len(transforms))
        self.drafted.append(list(islice(drafts([]), 5)) if drafts is not None else [])
        return super().decode(transforms)


def asked() -> Asked:
    return Asked(lambda _: [("one ", 0.1, 0.1), ("two", 0.1, 0.1)])


def trusted() -> WeightedMemory:
    coefficients = np.zeros(SHAPE)
    coefficients[:, :, 0] = math.log(9)
    return WeightedMemory(Memory(), Weights(coefficients, Calibration()))


def file(memory: Memory) -> Mapping[str, str]:
    return {
        name: bytes(segment.text.document(name).tolist()).decode()
        for segment in memory.scopes[Scope.FILE].segments
        for name in segment.text.spans
    }


def test_without_a_memory_the_engine_is_alone() -> None:
    engine = asked()
    assert assemble(engine, Calibration(8.0, 2.0)).complete(Request("", "")).text == "one two"
    assert (engine.transforms, engine.drafted) == ([0], [[]])


def test_the_memory_sees_each_request_and_is_mixed_in_and_drafts() -> None:
    alone, engine, known = asked(), asked(), trusted()
    without, completer = assemble(alone, Calibration()), assemble(engine, Calibration(), known)
    for request in (Request("above\nx = ", "\nbelow\n"), Request("abcd\nabcd\n", "")):
        without.complete(request)
        completer.complete(request)
        prefix, suffix = request.prefix, request.suffix
        there = {"above": prefix[: prefix.rfind("\n") + 1], "below": suffix[1:]}
        assert file(known.memory) == {part: text for part, text in there.items() if text}
    assert engine.transforms == [1 + number for number in alone.transforms]
    assert alone.drafted == [[], []]
    assert bytes(guess.id for guess in engine.drafted[1]) in b"\nabcd\nabcd\n"
    assert len(engine.drafted[1]) == 5


def test_completers_may_share_a_memory() -> None:
    known = trusted()
    first, second = (assemble(asked(), Calibration(), known) for _ in range(2))
    for completer, above in ((first, "a\n"), (second, "b\n"), (first, "a\n"), (second, "b\n")):
        completer.complete(Request(above, ""))
        assert file(known.memory) == {"above": above}


def test_a_cut_ends_the_spans() -> None:
    from empower_model.completing.stopping import Verdict

    completer = assemble(asked(), Calibration(), None, lambda written: Verdict(1, ended=True))
    assert completer.complete(Request("", "")).text == "one"
