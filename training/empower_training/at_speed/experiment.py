"""A comparison at speed: small model, large model, and both, on machines and files, resumed where it was left.

FOLDER/at-speed.jsonl           a line for each arm and file that is finished
       spans/MODEL/FILE.jsonl   what a model wrote at the cursors of a file, shared by all arms and all runs

What is finished is known by all that it depends on but the program itself: after a change of that, delete the first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from empower_model.engine import EngineConfig
from empower_model.engine.llama import LlamaEngine
from empower_model.files import store
from empower_model.memory import WeightedMemory, Weights, memory_in_use
from empower_model.request import Limits
from empower_training.at_speed.machine import Machine
from empower_training.at_speed.simulation import Scene, Voice, simulate
from empower_training.at_speed.typist import TimedTally
from empower_training.corpus import Document
from empower_training.replay import Setting, Spans, Work, in_processes, projects, weights_of

FINISHED_FILE, SPANS_FOLDER = "at-speed.jsonl", "spans"
INSTANT = "instant alone"
SAMPLE = "    value = self.convert(name, other=None)\n"
"""Text whose state in a cache is weighed."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Which models a session has, on which machine."""

    machine: Machine
    instant: str = ""
    """Name or path; empty for none."""
    deep: str = ""
    growing: bool = True
    """Whether the deep model's prompts grow."""
    confidence: float = Limits().confidence

    @property
    def name(self) -> str:
        """Return what a table calls it."""
        models = ("both" if self.instant else "deep alone") if self.deep else INSTANT
        prompts = "" if self.growing else ", whole prompts"
        return models + prompts + ("" if self.confidence == Limits().confidence else f", {self.confidence:g}")


def arms(
    models: Sequence[str], machines: Sequence[Machine], growing: bool = True, confidences: Sequence[float] = ()
) -> list[Arm]:
    """Return the arms of a comparison: on each machine the bundled model alone, each model alone, and both together.

    The large models' prompts grow, or not. All of it with the default confidence, and with further ones.
    """
    instant = store.bundled()
    deep = [model for model in models if store.checked(model).path != store.checked(instant).path]
    return [
        arm
        for machine in machines
        for confidence in dict.fromkeys((Limits().confidence, *confidences))
        for arm in (
            Arm(machine, instant, confidence=confidence),
            *(Arm(machine, alone, model, growing, confidence) for model in deep for alone in ("", instant)),
        )
    ]


@dataclass(frozen=True, slots=True)
class ArmsJob:
    """Some arms on the works of one file."""

    arms: tuple[Arm, ...]
    works: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class ArmFinished:
    """What an arm came to on one file: tallies in the order of its works."""

    arm: Arm
    source: str
    tallies: list[TimedTally]


@dataclass(frozen=True, slots=True)
class AtSpeed:
    """What is the same for all arms: setting, speed, and the folder where results are kept."""

    setting: Setting
    keys_per_second: float
    folder: Path

    def compare(
        self,
        of_files: Sequence[tuple[Work, ...]],
        chosen: Sequence[Arm],
        processes: int,
        documents: Sequence[Document] = (),
        report: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> dict[tuple[Arm, str], list[TimedTally]]:
        """Return the tallies of each arm on each file, those that are finished already read from the folder.

        `documents` are what a memory may hold; `report` is told how many are done, and of how many. Raises ModelError
        and EngineError.
        """
        path = self.folder / FINISHED_FILE
        before = _read(path)
        identities = {name: _identity(name, self.setting.memory) for arm in chosen for name in (arm.instant, arm.deep)}
        known = _digest(repr(documents))
        names = {
            (arm, works[0].source): self._name(arm, works, identities, known) for arm in chosen for works in of_files
        }
        finished = {key: before[name] for key, name in names.items() if name in before}
        jobs = [ArmsJob(_missing(chosen, works, finished), works) for works in of_files]
        jobs = [job for job in jobs if job.arms]
        report(len(finished), len(names))
        for done in in_processes(jobs, partial(ArmsWorker, self, documents), processes):
            for result in done:
                key = result.arm, result.source
                finished[key] = result.tallies
                _append(path, names[key], result.tallies)
            report(len(finished), len(names))
        return finished

    def _name(self, arm: Arm, works: Sequence[Work], identities: dict[str, str], known: str) -> str:
        """Return a digest of all that the tallies depend on."""
        setting = {**asdict(self.setting), "models": (), "files": 0, "policies": ()}
        parts = (
            asdict(arm),
            identities[arm.instant],
            identities[arm.deep],
            setting,
            self.keys_per_second,
            works,
            known,
        )
        return _digest(repr(parts))


def _missing(chosen: Sequence[Arm], works: Sequence[Work], finished: dict[tuple[Arm, str], Any]) -> tuple[Arm, ...]:
    return tuple(arm for arm in chosen if (arm, works[0].source) not in finished)


class Loaded:
    """A model in memory, with the memory of whoever writes a file if there is to be one."""

    def __init__(self, name: str, threads: int, documents: Sequence[Document], memory: bool) -> None:
        self.model = model = store.checked(name)
        self.engine = LlamaEngine(EngineConfig(model.path, threads, adapter=model.adapter))
        self._weights: Weights | None = memory_in_use(model) if memory else None
        self._project = projects(documents, self.engine.tokenize)

    @cached_property
    def state_size(self) -> int:
        """Return the bytes a token that a copy of the cache takes."""
        tokens = (self.engine.tokenize(SAMPLE) * 64)[:256]
        self.engine.prefill(tokens)
        return self.engine.state_size // len(tokens)

    def voice(self, source: str, package: str, path: Path | None = None) -> Voice:
        """Return the model as it writes a file; `path` is where its spans are kept, if they are."""
        known, calibration = None, self.model.calibration
        if self._weights is not None:
            known = WeightedMemory(self._project(package).open(source), self._weights)
            calibration = self._weights.calibration
        spans = Spans(self.engine, path=path)
        spans.clear()
        return Voice(self.model.name, spans, calibration, known, self.state_size)


class ArmsWorker:
    """Simulates one job after the other, with the models of its arms in memory."""

    def __init__(self, run: AtSpeed, documents: Sequence[Document], threads: int) -> None:
        self._run = run
        self._threads = threads
        self._documents = documents
        self._packages = {document.path: document.package for document in documents}
        self._loaded: dict[str, Loaded] = {}

    def work(self, job: ArmsJob) -> list[ArmFinished]:
        """Let the person type the works of a file in every arm. Raises ModelError and EngineError."""
        source = job.works[0].source
        voices = {name: self._voice(name, source) for arm in job.arms for name in (arm.instant, arm.deep) if name}
        finished = []
        for arm in job.arms:
            scene = Scene(arm.machine, self._run.keys_per_second, self._run.setting.human(), Limits(arm.confidence))
            deep = replace(voices[arm.deep], growing=arm.growing) if arm.deep else None
            tallies = simulate(scene, job.works, voices.get(arm.instant), deep)
            finished.append(ArmFinished(arm, source, tallies))
            for voice in voices.values():
                voice.spans.save()
        return finished

    def close(self) -> None:
        """Free the models."""
        for loaded in self._loaded.values():
            loaded.engine.close()
        self._loaded.clear()

    def _voice(self, name: str, source: str) -> Voice:
        memory = self._run.setting.memory
        if name not in self._loaded:
            self._loaded[name] = Loaded(name, self._threads, self._documents, memory)
        package = self._packages.get(source, "")
        others = [
            (document.path, document.text) for document in self._documents if memory and document.package == package
        ]
        model = _digest(repr((_identity(name, memory), others)))
        path = self._run.folder / SPANS_FOLDER / model / f"{_digest(source)}.jsonl"
        return self._loaded[name].voice(source, package, path)


def _identity(name: str, memory: bool) -> str:
    """Return what tells a model, its tuning, and its memory from others; empty without a name. Raises ModelError."""
    if not name:
        return ""
    model = store.checked(name)
    weights = memory_in_use(model) if memory else None
    calibration = asdict(model.calibration if weights is None else weights.calibration)
    known = None if weights is None else weights.coefficients.tolist()
    return _digest(repr((weights_of(model), calibration, known)))


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:24]


def _append(path: Path, name: str, tallies: Sequence[TimedTally]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(
            "\n" + json.dumps({"name": name, "tallies": [asdict(tally) for tally in tallies]})
        )  # a torn line stays alone


def _read(path: Path) -> dict[str, list[TimedTally]]:
    """Return what is finished, by name; a line that is torn is not."""
    return dict(_lines(path)) if path.exists() else {}


def _lines(path: Path) -> Iterator[tuple[str, list[TimedTally]]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        yield content["name"], [_tally(row) for row in content["tallies"]]


def _tally(row: dict[str, Any]) -> TimedTally:
    sequences = {name: tuple(row[name]) for name in ("latencies", "firsts", "deep_firsts")}
    return TimedTally(**{**row, **sequences, "judged": tuple((p, right) for p, right in row["judged"])})
