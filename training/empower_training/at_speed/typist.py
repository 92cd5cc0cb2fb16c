"""A person who types at a speed: reads what comes onto the screen, and takes it with the next key if it is right.

Knows no clock and no server: it is told what the screen shows and when, and says at each key what is typed. So the
same person sits before the server in virtual time and before the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from empower_training.replay import TYPE_ON, Choice, Human, Tally, Work, alike, counted, indented

WITHIN = 0.150
"""Seconds in which a key should have its answer: arXiv 2510.13709's interface waits 100 ms before it asks."""


@dataclass(frozen=True, slots=True)
class TimedTally(Tally):
    """What a work came to, and when: as of somebody who types at a speed."""

    keys: int = 0
    """Keys after which something could have been shown: edits, each typed character or taken text."""
    with_text: int = 0
    """Keys that had a text on the screen within WITHIN seconds, or that one was typed along."""
    answered: int = 0
    """Those, and keys without a text where the same policy, had it all the time there is, shows none either."""
    replaced: int = 0
    """Texts that gave way to another while nothing was typed against them; each was read for nothing."""
    firsts: tuple[float, ...] = ()
    """Seconds from coming to the place to the first text; empty where none ever came."""
    deep_firsts: tuple[float, ...] = ()
    """The same to the first text of the deep model."""
    processor_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Key:
    """What a key does: `text` is inserted at the cursor, after so many keystrokes in all."""

    text: str
    keystrokes: int
    finished: bool = False
    """Whether all of a shown text was taken."""


@dataclass(slots=True)
class _Asked:
    """The state after a key, for which a text may come."""

    offset: int
    time: float
    has_text: bool = False
    answered: bool = False


@dataclass(slots=True)
class TimedTypist:
    """One work on its way, by somebody who never waits."""

    work: Work
    human: Human
    began: float = 0.0
    """When they came to the place, in seconds."""
    offset: int = 0
    """Characters of the work's text that stand before the cursor."""
    screen: str = ""
    """The text that is shown behind the cursor."""
    _new: bool = False
    """Whether it was not yet decided on."""
    _asked: _Asked | None = None
    _unanswered: list[int] = field(default_factory=list)
    """Offsets of the keys that had none."""
    _latencies: list[float] = field(default_factory=list)
    _judged: list[tuple[float, bool]] = field(default_factory=list)
    _first: float | None = None
    _first_deep: float | None = None
    _keys: int = 0
    _with_text: int = 0
    _replaced: int = 0
    _counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("typed", "kept", "shown", "accepted", "partially", "mistaken", "read", "deleted", "keystrokes"), 0
        )
    )

    @property
    def done(self) -> bool:
        """Tell whether all is written."""
        return self.offset >= len(self.work.typed)

    @property
    def before(self) -> str:
        """Return the text before the cursor."""
        return self.work.above + self.work.typed[: self.offset]

    def shows(self, time: float, text: str, probability: float | None = None, deep: bool = False) -> None:
        """See what stands on the screen from then on; empty for nothing.

        A text that only became longer is read on; any other one is read. `probability` is what the model gave it.
        """
        before, self.screen = self.screen, text
        if not text:
            return
        self._note(time, deep)
        if text == before:
            return
        self._new = True
        if before and text.startswith(before):
            self._counts["read"] += counted(text) - counted(before)
            return
        self._replaced += bool(before)
        self._counts["shown"] += 1
        self._counts["read"] += counted(text)
        if probability is not None:
            self._judged.append((probability, self.work.typed.startswith(text, self.offset)))

    def answered(self, time: float) -> None:
        """Take note that the last key has its answer, whatever it is."""
        if self._asked is not None and not self._asked.answered:
            self._asked.answered = True
            self._latencies.append((time - self._asked.time) * 1000)

    def key(self, time: float) -> Key:
        """Press the next key: take what is shown, or some of it, if it is new and right, else type a character."""
        self._conclude()
        choice, meant = TYPE_ON, self.work.typed[self.offset :]
        if self.screen and self._new:
            choice = self.human.decide(self.work.name, self.offset, self.screen, meant)
        self._new = False
        start, finished, strokes, right = self.offset, False, 0, False
        if choice.characters:
            finished, strokes, right = self._take(choice, meant)
        if not right and not self.done:  # after a mistake too, before they look again
            self._counts["typed"] += 1
            strokes += 1
            self.offset += 1
        self._counts["keystrokes"] += strokes
        self.offset = indented(self.work.typed, self.offset)
        text = self.work.typed[start : self.offset]
        self.screen = self.screen[len(text) :] if not finished and self.screen.startswith(text) else ""
        self._asked = _Asked(self.offset, time)
        if self.screen:
            self._note(time, deep=False)
        return Key(text, strokes, finished)

    def tally(self, silent: Callable[[str], bool], processor_seconds: float = 0.0, evaluated: int = 0) -> TimedTally:
        """Return what the work has come to; `silent` tells of a text before the cursor whether nothing is said there.

        It is asked of the keys that had no text in time.
        """
        above = self.work.above
        return TimedTally(
            self.work.name,
            counted(self.work.typed),
            **self._counts,
            requests=len(self._latencies),
            evaluated=evaluated,
            engine_ms=processor_seconds * 1000,
            latencies=tuple(self._latencies),
            judged=tuple(self._judged),
            keys=self._keys,
            with_text=self._with_text,
            answered=self._keys - sum(not silent(above + self.work.typed[:at]) for at in self._unanswered),
            replaced=self._replaced,
            firsts=() if self._first is None else (self._first,),
            deep_firsts=() if self._first_deep is None else (self._first_deep,),
            processor_seconds=processor_seconds,
        )

    def _note(self, time: float, deep: bool) -> None:
        if self._first is None:
            self._first = time - self.began
        if deep and self._first_deep is None:
            self._first_deep = time - self.began
        if self._asked is not None and time - self._asked.time <= WITHIN:
            self._asked.has_text = True

    def _conclude(self) -> None:
        """Count the last key, now that its time is over."""
        if self._asked is not None:
            self._keys += 1
            self._with_text += self._asked.has_text
            if not self._asked.has_text:
                self._unanswered.append(self._asked.offset)

    def _take(self, choice: Choice, meant: str) -> tuple[bool, int, bool]:
        """Take some of the text on the screen, and delete what is wrong.

        Returns whether all of it was taken, the keystrokes, and whether it was right.
        """
        taken = self.screen[: choice.characters]
        right = alike(taken, meant)
        wrong = counted(taken) - counted(right)
        whole = len(taken) == len(self.screen)
        strokes = choice.keystrokes + wrong
        self._counts["mistaken" if wrong else "accepted" if whole else "partially"] += 1
        self._counts["kept"] += counted(right)
        self._counts["deleted"] += wrong
        self.offset += len(right)
        return whole or bool(wrong), strokes, not wrong
