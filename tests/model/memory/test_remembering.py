"""What the engine with a memory takes from a request: the file at the cursor."""

import math

import numpy as np
import pytest

from empower_model.calibration import Calibration
from empower_model.engine.seam import FakeEngine
from empower_model.memory.index import Memory, Scope
from empower_model.memory.mixture import SHAPE, Weights
from empower_model.memory.remembering import RememberingEngine
from empower_model.request import Request


class Counting(FakeEngine):
    """An engine that counts the characters it was given to tokenise."""

    characters = 0

    def tokenize(self, text: str) -> list[int]:
        self.characters += len(text)
        return super().tokenize(text)


def file(memory: Memory) -> dict[str, str]:
    return {
        name: bytes(segment.text.document(name).tolist()).decode()
        for segment in memory.scopes[Scope.FILE].segments
        for name in segment.text.spans
    }


def remembering() -> tuple[RememberingEngine, Memory, Counting]:
    memory, engine = Memory(), Counting(lambda _: [])
    return RememberingEngine(engine, memory, Weights(np.zeros(SHAPE), Calibration())), memory, engine


def test_the_lines_above_and_below_are_the_file_and_the_line_itself_is_not() -> None:
    engine, memory, _ = remembering()
    engine.look(Request("a\nb\nc = ", " + 1\nd\ne"))
    assert file(memory) == {"above": "a\nb\n", "below": "d\ne"}
    engine.look(Request("a\nc = ", ""))
    assert file(memory) == {"above": "a\n"}
    engine.look(Request("c = ", " + 1"))
    assert file(memory) == {}


def test_a_key_on_the_same_line_tokenises_nothing_and_a_new_line_one_block() -> None:
    engine, memory, inner = remembering()
    above, below = "line\n" * 320, "\n" + "below\n" * 10
    engine.look(Request(above + "x", below))
    before = inner.characters
    engine.look(Request(above + "xy", below))
    assert inner.characters == before
    engine.look(Request(above + "xy\n", below))
    assert inner.characters == before + 3
    assert file(memory)["above"] == above + "xy\n"


def test_it_guesses_what_the_memory_expects_to_follow_as_long_as_it_knows() -> None:
    coefficients = np.zeros(SHAPE)
    coefficients[:, :, 0] = math.log(9)  # each order takes nine tenths of what is left
    memory, inner = Memory(), FakeEngine(lambda _: [])
    engine = RememberingEngine(inner, memory, Weights(coefficients, Calibration()))
    memory.update("x", np.array(list(b"abcd"), dtype=np.int32))
    engine.prefill([257, *b"za\n", 258, 259, *b"a"])
    guesses = list(engine.guesses([]))
    assert bytes(guess.id for guess in guesses) == b"bcd"
    assert [guess.probability for guess in guesses] == pytest.approx([0.9, 0.99, 0.999])
    assert bytes(guess.id for guess in engine.guesses(list(b"bc"))) == b"d"
    assert list(engine.guesses(list(b"z"))) == []
