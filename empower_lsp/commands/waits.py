"""How long a person waits for a model: at a new place, after a newline, after a key; timed on a piece of real text."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empower_model.request import Request

if TYPE_CHECKING:
    from empower_model.calibration import Calibration
    from empower_model.completing import LocalCompleter
    from empower_model.engine.llama import LlamaEngine

LONG_PLACE, LONG_KEY = 1.0, 0.5
"""Seconds from which on a person has given up waiting: at a new place, and after a key."""
KEYS = 6
LEAST_CODE = 30
"""Characters of the line that is typed."""
PIECE = 512
"""Tokens prepared at a time."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What a completion took."""

    seconds: float
    evaluated: int
    """Tokens of the prompt."""
    written: int
    """Tokens."""


@dataclass(frozen=True, slots=True)
class Waits:
    """What completions take with one model."""

    place: Wait
    """The first one where nobody has typed before."""
    tokens: int
    """Of the prompt there, once all of it is read."""
    reading: float
    """Seconds that it takes to read it, while nobody types."""
    newline: Wait
    key: Wait
    """The median of some."""

    @property
    def long(self) -> bool:
        """Tell whether a person waits in vain somewhere."""
        return self.place.seconds > LONG_PLACE or max(self.newline.seconds, self.key.seconds) > LONG_KEY


def spelled(seconds: float) -> str:
    """Return a time as a person reads it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.095 else f"{seconds:.1f} s"


def timed(engine: LlamaEngine, calibration: Calibration) -> Waits:
    """Complete as in the server, in the middle of a text. Raises EngineError."""
    from empower_model.completing import assemble

    completer = assemble(engine, calibration, reader=None if engine.is_small else engine)
    # as good a text as any, and longer than a prompt
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py")))
    start, end = _line(text)
    below, indent = text[end:], text[text.rfind("\n", 0, start) : start]
    place = _timed(completer, text[:start], below)
    began = time.perf_counter()
    while completer.prepare(PIECE):
        pass
    reading = time.perf_counter() - began
    keys = sorted(
        (_timed(completer, text[: start + count], below) for count in range(1, KEYS + 1)), key=lambda wait: wait.seconds
    )
    tokens = completer.complete(Request(text[: start + KEYS], below)).prompt_tokens
    newline = _timed(completer, text[:end] + indent, below)
    return Waits(place, tokens, reading, newline, keys[len(keys) // 2])


def _line(text: str) -> tuple[int, int]:
    """Return where the code of a line in the middle begins, and where it ends."""
    end = len(text) // 2
    while True:
        start, end = text.index("\n", end) + 1, text.index("\n", text.index("\n", end) + 1)
        line = text[start:end]
        if len(line.strip()) >= LEAST_CODE:
            return start + len(line) - len(line.lstrip()), end


def _timed(completer: LocalCompleter, prefix: str, suffix: str) -> Wait:
    began = time.perf_counter()
    completion = completer.complete(Request(prefix, suffix))
    return Wait(time.perf_counter() - began, completion.evaluated_tokens, len(completion.tokens))
