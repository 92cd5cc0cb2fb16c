"""One arm of a comparison: the server's session with its tiers on a machine, and a person who types works into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from empower_lsp.session import KEPT, Session, Source, Tier
from empower_model.calibration import Calibration
from empower_model.completing import LocalCompleter, assemble
from empower_model.host import FILE_TOKENS, window
from empower_model.memory import WeightedMemory
from empower_model.request import Completer, Limits, Request
from empower_model.trim import inside_word
from empower_training.at_speed.clock import Clock, OneWorker
from empower_training.at_speed.desk import TimedDesk
from empower_training.at_speed.engine import VirtualEngine
from empower_training.at_speed.host import VirtualHost, digest
from empower_training.at_speed.loop import VirtualLoop
from empower_training.at_speed.machine import Machine, Processors
from empower_training.at_speed.typist import TimedTally, TimedTypist
from empower_training.replay import Human, Spans, Work

BETWEEN = 2.0
"""Seconds between two works: the person looks around."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A model at hand: what it writes at the cursors of a file, and how that is read."""

    name: str
    spans: Spans
    calibration: Calibration
    """Of the model, or with a memory of the mixture."""
    known: WeightedMemory | None = None
    state_size: int = 0
    """Bytes a token of a copy of its cache."""

    growing: bool = False
    """Whether its prompts grow."""

    def completer(self, engine: VirtualEngine) -> LocalCompleter:
        """Return a completer that has just been loaded."""
        reader = engine if self.growing else None
        return assemble(engine, self.calibration, self.known, reader=reader)

    @property
    def seen(self) -> int:
        """Return the tokens of text around a cursor that it is shown."""
        context = self.spans.engine.context_size
        return context if self.known is None else max(FILE_TOKENS, context)


@dataclass(frozen=True, slots=True)
class Scene:
    """The person and the machine."""

    machine: Machine
    keys_per_second: float
    human: Human
    limits: Limits


def simulate(
    scene: Scene, works: Sequence[Work], instant: Voice | None = None, deep: Voice | None = None
) -> list[TimedTally]:
    """Let the person type the works of one file, one after the other, and return what each came to.

    Either model may be missing. Raises what the engines raise.
    """
    clock = Clock()
    loop = VirtualLoop(clock)
    bench = _Bench(clock, scene.machine)
    try:
        tiers = bench.tier(instant, deep=False), bench.tier(deep, deep=True)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            typed = runner.run(_typed(scene, tiers, works, bench.spent))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        clock.close()
    silent = silence(deep or instant, scene.limits)
    return [typist.tally(silent(typist.work), *spent) for typist, spent in typed]


async def _typed(
    scene: Scene,
    tiers: tuple[Tier | None, Tier | None],
    works: Sequence[Work],
    spent: Callable[[], tuple[float, int]],
) -> list[tuple[TimedTypist, tuple[float, int]]]:
    desk = TimedDesk(scene.limits, scene.keys_per_second)
    session = desk.session = Session(*tiers, desk.ask)
    typists = []
    for work in works:
        seconds, tokens = spent()
        typist = await desk.type(work, scene.human)
        await asyncio.sleep(BETWEEN)  # what is computed in this pause belongs to the work too
        after = spent()
        typists.append((typist, (after[0] - seconds, after[1] - tokens)))
    session.close()
    return typists


class _Bench:
    """The processors of one machine, and the engines that share them."""

    def __init__(self, clock: Clock, machine: Machine) -> None:
        self._clock, self._machine = clock, machine
        self._processors = Processors(clock)
        self._engines: list[VirtualEngine] = []

    def tier(self, voice: Voice | None, deep: bool) -> Tier | None:
        """Return a tier of the session for a model that is loaded."""
        if voice is None:
            return None
        machine = self._machine
        costs, beside = (machine.deep, machine.deep_beside) if deep else (machine.instant, machine.instant_beside)
        engine = VirtualEngine(voice.spans, costs, self._processors, beside=beside, state_size=voice.state_size)
        self._engines.append(engine)
        host: Completer = VirtualHost(self._clock, voice.completer(engine), engine, voice.seen, machine.overhead)
        source = Source(voice.name, memory=voice.known is not None, tier="deep" if deep else "instant")
        return Tier(host, source, KEPT if deep else 0, OneWorker(self._clock, source.tier))

    def spent(self) -> tuple[float, int]:
        """Return the processor seconds, and the prompt tokens evaluated, of all engines so far."""
        spent = [engine.spent for engine in self._engines]
        return sum(of_engine.seconds for of_engine in spent), sum(of_engine.evaluated for of_engine in spent)


def silence(voice: Voice | None, limits: Limits) -> Callable[[Work], Callable[[str], bool]]:
    """Return what tells whether a model that has all the time there is says nothing behind a text."""

    def of_work(work: Work) -> Callable[[str], bool]:
        if voice is None:
            return lambda _: True
        engine = VirtualEngine(voice.spans)
        completer = replace(voice, growing=False).completer(engine)

        def silent(before: str) -> bool:
            if inside_word(work.below):
                return True
            request = window(Request(before, work.below, limits), voice.seen)
            engine.cursor = digest(request)
            return not completer.complete(request).text

        return silent

    return of_work
