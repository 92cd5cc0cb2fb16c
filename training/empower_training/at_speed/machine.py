"""What computing costs on a machine: seconds for tokens read and written, alone and beside the other model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from empower_model.engine import StopFlag
from empower_model.errors import EmpowerError
from empower_training.at_speed.clock import Clock, Process

TINY = 1e-9
"""Seconds of work that are none."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one model costs on a machine that has nothing else to do."""

    prompt: float
    """Tokens of a prompt evaluated in a second."""
    write: float
    """Seconds a token written; the last token of a prompt takes as long, since reading the weights takes it."""
    threads: int = 2
    """Processors at work meanwhile."""

    def evaluation(self, tokens: int) -> float:
        """Return the seconds to evaluate so many tokens at once."""
        return (tokens - 1) / self.prompt + max(self.write, 1 / self.prompt) if tokens else 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on which two models may be at work.

    They share it by the simplest rule that has what matters: each slows the other down by a constant factor for as
    long as both compute. The deep model has the lower priority and two threads that wait for each other, so it loses
    more than the instant one, which writes with one thread.
    """

    name: str
    deep: Costs
    instant: Costs = Costs(12_000, 0.0006)
    deep_beside: float = 0.5
    """Share of its speed that the deep model has while the instant one computes."""
    instant_beside: float = 0.7
    """Share of its speed that the instant model has while the deep one computes."""
    overhead: float = 0.004
    """Seconds a request takes beside the engine: messages, pipes, the layout of the prompt."""

    @classmethod
    def parse(cls, text: str) -> Machine:
        """Return a known machine by its name, or one of PROMPT,WRITE: tokens a second, and milliseconds a token.

        PROMPT,WRITE,PROMPT,WRITE says in the second pair what the instant model costs. Raises EmpowerError.
        """
        if text in MACHINES:
            return MACHINES[text]
        try:
            numbers = [float(each) for each in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) not in (2, 4) or not all(0 < number < float("inf") for number in numbers):
            raise EmpowerError(
                f"{text!r} is no machine: give one of {', '.join(MACHINES)}, or tokens a second and milliseconds "
                "a token, as in 350,17."
            )
        deep, *instant = (Costs(numbers[at], numbers[at + 1] / 1000) for at in range(0, len(numbers), 2))
        return cls(text, deep, instant[0]) if instant else cls(text, deep)


MACHINES = {
    machine.name: machine
    for machine in (
        Machine("two-cores", Costs(350, 0.017)),
        Machine("busy", Costs(150, 0.050), Costs(4_250, 0.0013)),
        Machine("laptop", Costs(1_200, 0.010, threads=4), Costs(20_000, 0.0005)),
        Machine("gpu", Costs(6_000, 0.005, threads=1), Costs(20_000, 0.0005)),
    )
}
"""Machines by name, with the costs of a model of half a billion parameters and of the bundled one."""


class Stop(StopFlag):
    """A stop flag that is heard in virtual time, at once."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: Callable[[], None] | None = None
        """Wakes whoever computes under this flag."""

    def set(self) -> None:
        """Ask for the end."""
        super().set()
        if self.heard is not None:
            self.heard()


@dataclass(slots=True, eq=False)
class _Work:
    process: Process
    beside: float
    """Share of its speed that is left beside another."""
    left: float
    """Seconds it would still take alone."""
    since: float
    """When `left` was so."""
    rate: float = 1.0

    def due(self) -> float:
        return self.since + self.left / self.rate


@dataclass(slots=True)
class Processors:
    """The processors of a machine in virtual time: work takes longer while another is at work too."""

    clock: Clock
    _works: list[_Work] = field(default_factory=list)

    def work(self, seconds: float, beside: float, stop: Stop | None) -> float:
        """Compute, in a process, what takes so many seconds alone; return how many were done when a flag was set.

        `beside` is the share of its speed that is left while others compute.
        """
        mine = _Work(self.clock.running, beside, seconds, self.clock.now)
        self._works.append(mine)
        self._share()
        if stop is not None:
            stop.heard = lambda: self.clock.wake(mine.process)
        while mine.left > TINY and not (stop is not None and stop.is_set()):
            self.clock.wait(mine.due())
            self._share()
        self._works.remove(mine)
        self._share()
        return seconds - max(mine.left, 0.0)

    def _share(self) -> None:
        """Take note of what was done so far, and of when each will be done from here on."""
        alone = len(self._works) == 1
        for work in self._works:
            work.left -= (self.clock.now - work.since) * work.rate
            work.since, work.rate = self.clock.now, 1.0 if alone else work.beside
            work.process.due = work.due()
