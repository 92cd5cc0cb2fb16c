"""What is asked for at a cursor, what comes of it, and who answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from empower_model.engine import Token

STATEMENT = "statement"
"""The rule that ends a span with the statement, or the block that it opens, and not where it gets unsure."""
MORE_TOKENS, MORE_LINES = 128, 24
"""Most that is written of a statement at a time."""


class End(StrEnum):
    """Why a span ends where it ends."""

    UNCERTAIN = "uncertain"
    """The rule handed the decision back to the human."""
    END_OF_TEXT = "end-of-text"
    """The model itself ended the span."""
    MAX_TOKENS = "max-tokens"
    MAX_LINES = "max-lines"
    TRIMMED = "trimmed"
    """The span was cut to fit the text around it."""
    ASKED = "asked"
    """A person asked for the rest of the statement, and has got it, or as much as is written at a time."""
    STOPPED = "stopped"
    """Ended on request: a newer request superseded it."""
    UNFINISHED = "unfinished"
    """Still being written when it was shown; it only becomes longer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a completion; every field is an option of the server."""

    confidence: float = 0.3
    """Least calibrated probability that all shown text is what the human would type."""
    rule: str = "gain"
    """`gain`, `budget` or `peak` (`stopping.py`); `statement` for who asks for the rest of one (`statement.py`)."""
    max_tokens: int = 48
    max_lines: int = 8

    def __post_init__(self) -> None:
        if self.rule not in ("gain", "budget", "peak", STATEMENT):
            raise ValueError(f"no rule is named {self.rule!r}")

    def to_the_end(self) -> Limits:
        """Return the bounds of the rest of a statement, for who asks for that, however unsure it is."""
        return replace(self, rule=STATEMENT, max_tokens=MORE_TOKENS, max_lines=MORE_LINES)


@dataclass(frozen=True, slots=True)
class Request:
    """A cursor: the text before and after it, with line ends already normalised to `\\n`."""

    prefix: str
    suffix: str
    limits: Limits = Limits()
    alternatives: int = 0
    """How many other completions are wanted at most, by a person who has asked by hand."""
    draft: str = field(default="", compare=False)
    """Text that another model expects at the cursor: it may save time, and decides nothing."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to a request; `text` is empty when nothing is worth showing."""

    text: str
    """To insert at the cursor, after trimming."""
    tokens: tuple[Token, ...]
    """All tokens generated, those after the end of `text` included; of the first, which write again what the human
    had typed, only the bytes beyond that."""
    kept: int
    """How many of `tokens` the rule kept."""
    end: End
    probability: float
    """Calibrated probability that the whole of `text` is what the human would type."""
    eta: float
    """The budget in bits at which that probability reaches the asked confidence."""
    prompt_tokens: int
    evaluated_tokens: int
    """Prompt tokens that had to be evaluated anew."""
    prompt_ms: float
    total_ms: float
    alternatives: tuple[Completion, ...] = ()
    """Others for the same request, which begin differently, most probable start first."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A completion that is being written."""

    text: str
    """Raw text so far."""
    completion: Completion
    """What may be shown of it already: how the whole begins."""


OnPartial = Callable[[Partial], None]


class Completer(Protocol):
    """Answers requests one at a time; `stop()` may be called from any thread and ends the one at work."""

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        """Block until the completion is there; `on_partial` is told now and then how far it is."""
        ...

    def expect(self, request: Request | None) -> None:
        """Take note, on any thread and without waiting, of a request that will probably come; None: of none.

        What it will need is made ready while nobody waits. Another request than the expected one ends that.
        """
        ...

    def stop(self) -> None:
        """End the completion at work within one token; without one, nothing happens."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


def alike(text: str, other: str) -> bool:
    """Tell whether two texts for one cursor are no choice, since one is how the other begins."""
    return text.startswith(other) or other.startswith(text)
