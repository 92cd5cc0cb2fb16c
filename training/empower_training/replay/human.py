"""The simulated person of the evaluation: what they do with a text that is shown to them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Protocol

_LINE = re.compile(r"\n?[^\n]*")
_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")


@dataclass(frozen=True, slots=True)
class Choice:
    """The part of a shown text that is taken: its first characters, and with how many keys."""

    characters: int
    """0: none, the person types on."""
    keystrokes: int


TYPE_ON = Choice(0, 0)


class Human(Protocol):
    """Somebody who knows what they mean to write."""

    def decide(self, name: str, offset: int, shown: str, meant: str) -> Choice:
        """Return what to take of a newly shown text; `meant` is all that is still to be written of that work."""
        ...


@dataclass(frozen=True, slots=True)
class Careful:
    """Takes what is right to the letter and nothing else."""

    partial: bool = True
    """Takes the beginning of a text that is only right up to there, by lines and words."""

    def decide(self, name: str, offset: int, shown: str, meant: str) -> Choice:
        """Return the whole if it is right, else a right beginning if that saves keys."""
        if meant.startswith(shown):
            return Choice(len(shown), 1)
        return beginning(shown, meant) if self.partial else TYPE_ON


@dataclass(frozen=True, slots=True)
class Fallible:
    """Careful, but now and then takes a wrong text as a whole, and has to delete it.

    Whether they err is drawn for a place in a work, not for what is shown there: all policies meet the same person.
    """

    probability: float
    """Of taking a text that is wrong."""
    seed: int = 0
    careful: Careful = Careful()

    def decide(self, name: str, offset: int, shown: str, meant: str) -> Choice:
        """Decide as the careful person does, unless they err."""
        errs = random.Random(f"{self.seed}-{name}-{offset}").random() < self.probability
        if errs and not meant.startswith(shown):
            return Choice(len(shown), 1)
        return self.careful.decide(name, offset, shown, meant)


def beginning(shown: str, meant: str) -> Choice:
    """Return the longest right beginning of a text that the keys for the next line and the next word can take."""
    at = keystrokes = 0
    while at < len(shown):
        for step in (_LINE.match(shown, at), _WORD.match(shown, at)):
            if step is not None and step.group() and meant.startswith(step.group(), at):
                at, keystrokes = step.end(), keystrokes + 1
                break
        else:
            break
    return Choice(at, keystrokes) if keystrokes < at else TYPE_ON
