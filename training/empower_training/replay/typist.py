"""The replay: a simulated person types real text with an assistant at hand, and what that costs is counted.

They ask after every keystroke, as editors do, and through the server's own code. Indentation is the editor's: it comes
with the line end, and neither counts as text nor costs anything, whoever writes it. Costs are those of arXiv
2510.13709: 0.1 a character read, 0.5 one typed or deleted, nothing for taking a text.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields

from empower_lsp.session import Shown
from empower_model.request import Completer, Limits, Request
from empower_training.replay.human import TYPE_ON, Choice, Human
from empower_training.replay.work import Work

TYPED, READ = 0.5, 0.1
"""Cost of a character typed or deleted, and of one read."""

_INDENT = re.compile(r"(?<=\n)[ \t]+")


@dataclass(frozen=True, slots=True)
class Tally:
    """The result of one work under one policy; characters never include indentation."""

    name: str
    characters: int
    """Length of the text; `typed` and `kept` add up to it."""
    typed: int = 0
    kept: int = 0
    """Characters that were taken from texts shown, and stayed."""
    shown: int = 0
    """Texts newly shown; one that is typed along is not shown anew."""
    accepted: int = 0
    """Texts taken as a whole, rightly."""
    partially: int = 0
    """Texts of which a beginning was taken."""
    mistaken: int = 0
    """Texts taken as a whole that were wrong."""
    read: int = 0
    """Characters of all texts newly shown."""
    deleted: int = 0
    """Characters of texts taken that were wrong."""
    keystrokes: int = 0
    """Characters typed and deleted, and keys that took a text."""
    requests: int = 0
    """Answers that had to be computed."""
    evaluated: int = 0
    """Prompt tokens evaluated for them."""
    engine_ms: float = 0.0
    latencies: tuple[float, ...] = ()
    """Milliseconds of each of these answers."""
    judged: tuple[tuple[float, bool], ...] = ()
    """For each text shown: the probability the model gave it, and whether the whole was what was typed next."""

    @property
    def cost(self) -> float:
        """Return what reading, typing and deleting cost."""
        return READ * self.read + TYPED * (self.typed + self.deleted)

    @property
    def effort(self) -> float:
        """Return the net effort: the cost as a share of that of typing all of it. Below 1 the assistant helps."""
        return self.cost / (TYPED * self.characters)


def counted(text: str) -> int:
    """Count the characters of a text without the indentation of its lines, the first excepted."""
    return len(_INDENT.sub("", text))


def alike(text: str, meant: str) -> str:
    """Return the beginning of `text` that is right."""
    wrong = (at for at, (character, other) in enumerate(zip(text, meant, strict=False)) if character != other)
    return text[: next(wrong, len(meant))]


def indented(text: str, offset: int) -> int:
    """Return where the cursor stands once the editor has written the indentation of a line that was begun."""
    line = text.rfind("\n", 0, offset) + 1
    if line and not text[line:offset].strip(" \t"):
        while text[offset : offset + 1] in (" ", "\t"):
            offset += 1
    return offset


def unassisted(work: Work) -> Tally:
    """Return the tally of a work typed with nothing shown at all."""
    length = counted(work.typed)
    return Tally(work.name, length, typed=length, keystrokes=length)


def total(tallies: Iterable[Tally], name: str = "all") -> Tally:
    """Return the sums of some tallies."""
    summands = list(tallies)
    columns = [column.name for column in fields(Tally) if column.name not in ("name", "latencies", "judged")]
    return Tally(
        name=name,
        **{column: sum(getattr(tally, column) for tally in summands) for column in columns},
        latencies=tuple(ms for tally in summands for ms in tally.latencies),
        judged=tuple(pair for tally in summands for pair in tally.judged),
    )


_COUNTS = (
    "typed", "kept", "shown", "accepted", "partially", "mistaken", "read", "deleted", "keystrokes", "requests",
    "evaluated",
)  # fmt: skip


@dataclass(slots=True)
class Typist:
    """One work on its way: where the person stands, what they see, and what it has cost so far."""

    completer: Completer
    limits: Limits
    work: Work
    human: Human
    offset: int = 0
    """Characters of the work's text that stand before the cursor."""
    _shown: Shown | None = None
    """As the server's session keeps it, which answers from it as long as it is typed along."""
    _counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    _latencies: list[float] = field(default_factory=list)
    _judged: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Tell whether all is written."""
        return self.offset >= len(self.work.typed)

    def step(self) -> None:
        """Look at what is shown, and take it or type one character: that too after a mistake, before looking again."""
        request = Request(self.work.above + self.work.typed[: self.offset], self.work.below, self.limits)
        choice = TYPE_ON
        if self._shown is None or not self._shown.rest(request.prefix, request.suffix, request.limits):
            self._shown = self._ask(request)
            if self._shown is not None:
                meant = self.work.typed[self.offset :]
                choice = self.human.decide(self.work.name, self.offset, self._shown.text, meant)
        right = self._take(self._shown.text, choice) if self._shown is not None and choice.characters else False
        if not right and not self.done:
            self._counts["typed"] += 1
            self._counts["keystrokes"] += 1
            self._move(1)

    def tally(self) -> Tally:
        """Return what the work has come to so far."""
        return Tally(
            self.work.name,
            counted(self.work.typed),
            **self._counts,
            engine_ms=sum(self._latencies),
            latencies=tuple(self._latencies),
            judged=tuple(self._judged),
        )

    def _ask(self, request: Request) -> Shown | None:
        completion = self.completer.complete(request)
        self._counts["requests"] += 1
        self._counts["evaluated"] += completion.evaluated_tokens
        self._latencies.append(completion.total_ms)
        if not completion.text:
            return None
        self._counts["shown"] += 1
        self._counts["read"] += counted(completion.text)
        self._judged.append((completion.probability, self.work.typed.startswith(completion.text, self.offset)))
        return Shown("", request.prefix, request.suffix, request.limits, completion.text)

    def _take(self, text: str, choice: Choice) -> bool:
        """Take some of a text; return whether that is right. What is not is deleted at once."""
        taken = text[: choice.characters]
        right = alike(taken, self.work.typed[self.offset :])
        wrong = counted(taken) - counted(right)
        whole = len(taken) == len(text)
        self._counts["mistaken" if wrong else "accepted" if whole else "partially"] += 1
        self._counts["kept"] += counted(right)
        self._counts["deleted"] += wrong
        self._counts["keystrokes"] += choice.keystrokes + wrong
        if wrong or whole:
            self._shown = None
        self._move(len(right))
        return not wrong

    def _move(self, characters: int) -> None:
        """Go on, and over the indentation that the editor writes."""
        self.offset = indented(self.work.typed, self.offset + characters)


def replay(completer: Completer, limits: Limits, works: Sequence[Work], human: Human) -> list[Tally]:
    """Type the works one after the other, and return their tallies; raise what the completer raises."""
    typists = [Typist(completer, limits, work, human) for work in works]
    for typist in typists:
        while not typist.done:
            typist.step()
    return [typist.tally() for typist in typists]


def together(typists: Sequence[Typist]) -> list[Tally]:
    """Type all works in turns, the one furthest behind first; return their tallies in the order given.

    So several policies on one text ask for one cursor after the other, and share what the model writes there.
    """
    waiting = [(typist.offset, number) for number, typist in enumerate(typists)]
    while waiting:
        _, number = heapq.heappop(waiting)
        typist = typists[number]
        if not typist.done:
            typist.step()
            heapq.heappush(waiting, (typist.offset, number))
    return [typist.tally() for typist in typists]
