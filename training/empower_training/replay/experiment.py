"""One run of the replay over models, policies and files: in several processes, and resumed where it was left.

FOLDER/setting.json     what is run; another setting needs another folder
       tallies.jsonl    a line for each model and file that is finished
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from empower_model.calibration import Calibration
from empower_model.engine import Engine, EngineConfig
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.llama_file import physical_cores
from empower_model.errors import EmpowerError, EngineCrashed
from empower_model.files import Model, digest, store, tunings, write_whole
from empower_model.memory import Project, WeightedMemory, Weights, memory_in_use
from empower_model.request import Limits
from empower_training.corpus import Document
from empower_training.replay.human import Careful, Fallible, Human
from empower_training.replay.policies import BASE, DEFAULT, cuts
from empower_training.replay.projects import projects
from empower_training.replay.recording import Price, Recording, measure_price
from empower_training.replay.typist import Tally, Typist, together
from empower_training.replay.work import Work, works

J_contra = TypeVar("J_contra", contravariant=True)
F_co = TypeVar("F_co", covariant=True)
RUN_FILE, TALLIES_FILE = "setting.json", "tallies.jsonl"


class SettingDiffers(EmpowerError):
    """A folder holds the results of another run."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All that decides what a run comes to, but for the speed of the machine."""

    models: tuple[str, ...]
    """Names or paths, in the order of the table."""
    policies: tuple[str, ...] = ()
    """For all models; if empty, all for the first, and for the others only what they do untuned and the default."""
    files: int = 200
    characters: int = 300
    """Most that is typed of a file."""
    seed: int = 0
    fallible: float = 0.0
    """Probability of taking a wrong text."""
    partial: bool = True
    """Whether beginnings of a text are taken."""
    memory: bool = False
    """Whether the models have a memory, of the other files of the package and of the one that is typed."""

    def human(self) -> Human:
        """Return the person who types."""
        careful = Careful(self.partial)
        return Fallible(self.fallible, self.seed, careful) if self.fallible else careful

    def chosen(self, model: str) -> tuple[str, ...]:
        """Return the names of the policies that judge a model."""
        if self.policies:
            return self.policies
        return tuple(cuts(Calibration())) if model == self.models[0] else (BASE, DEFAULT)


@dataclass(frozen=True, slots=True)
class Job:
    """One model on the works of one file."""

    model: str
    works: tuple[Work, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Return model and file."""
        return self.model, self.works[0].source


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a job: tallies by policy, in the order of its works."""

    model: str
    source: str
    tallies: dict[str, list[Tally]]


def distinct(documents: Sequence[Document]) -> list[Document]:
    """Return the documents, of several with one path the first: results know a file by its path."""
    first: dict[str, Document] = {}
    for document in documents:
        first.setdefault(document.path, document)
    return list(first.values())


def chosen_works(documents: Sequence[Document], setting: Setting) -> list[tuple[Work, ...]]:
    """Return the works of each chosen file: as many from one package as from another, while it has some."""
    packages: dict[str, list[Document]] = {}
    for document in sorted(documents, key=lambda document: (document.package, document.path)):
        packages.setdefault(document.package, []).append(document)
    for package, files in packages.items():
        random.Random(f"{setting.seed}-{package}").shuffle(files)
    chosen: list[tuple[Work, ...]] = []
    while any(packages.values()) and len(chosen) < setting.files:
        for files in packages.values():
            of_file = works(
                [(file.path, file.text) for file in files[:1]], seed=setting.seed, characters=setting.characters
            )
            del files[:1]
            if of_file and len(chosen) < setting.files:
                chosen.append(tuple(of_file))
    return chosen


def jobs(files: Sequence[tuple[Work, ...]], setting: Setting) -> list[Job]:
    """Return every model on every file, model by model, since one is loaded at a time."""
    return [Job(model, of_file) for model in setting.models for of_file in files]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model in memory, and what goes with it."""

    name: str
    engine: Engine
    price: Price
    calibration: Calibration
    """Of the model, or with a memory of the mixture."""
    weights: Weights | None
    """None without a memory."""
    project: Callable[[str], Project]
    """Of a package."""


class Worker:
    """Does one job after the other, with one model in memory."""

    def __init__(self, setting: Setting, threads: int, documents: Sequence[Document] = ()) -> None:
        """Take `threads` as in EngineConfig; `documents` are what there is to remember."""
        self._setting = setting
        self._threads = threads
        self._documents = documents
        self._packages = {document.path: document.package for document in documents}
        self._loaded: _Loaded | None = None

    def work(self, job: Job) -> Finished:
        """Let all policies of the model type the works of the file. Raises ModelError and EngineError."""
        loaded = self._with(job.model)
        recording = self._recording(loaded, job.key[1])
        table, names = cuts(loaded.calibration), self._setting.chosen(job.model)
        human, finished = self._setting.human(), Finished(*job.key, {name: [] for name in names})
        for work in job.works:
            recording.clear()
            completers = [recording.completer(loaded.calibration, table[name]) for name in names]
            tallies = together([Typist(completer, Limits(), work, human) for completer in completers])
            for name, tally in zip(names, tallies, strict=True):
                finished.tallies[name].append(tally)
        return finished

    def close(self) -> None:
        """Free the model."""
        if self._loaded is not None:
            self._loaded.engine.close()
            self._loaded = None

    def _recording(self, loaded: _Loaded, path: str) -> Recording:
        """Return an empty recording for a file, with the memory of whoever writes it if there is to be one."""
        if loaded.weights is None:
            return Recording(loaded.engine, loaded.price)
        memory = loaded.project(self._packages.get(path, "")).open(path)
        return Recording(loaded.engine, loaded.price, known=WeightedMemory(memory, loaded.weights))

    def _with(self, name: str) -> _Loaded:
        """Return the model of that name, loaded in the place of another if need be."""
        if self._loaded is None or name != self._loaded.name:
            self.close()
            model = store.checked(name)
            engine = LlamaEngine(EngineConfig(model.path, self._threads, adapter=model.adapter))
            weights = memory_in_use(model) if self._setting.memory else None
            self._loaded = _Loaded(
                name=name,
                engine=engine,
                price=measure_price(engine),
                calibration=model.calibration if weights is None else weights.calibration,
                weights=weights,
                project=projects(self._documents, engine.tokenize),
            )
        return self._loaded


class Working(Protocol[J_contra, F_co]):
    """Does one job after the other, with models in memory."""

    def work(self, job: J_contra, /) -> F_co:
        """Do a job. Raises ModelError and EngineError."""
        ...

    def close(self) -> None:
        """Free the models."""
        ...


_workers: list[Working[Any, Any]] = []
"""The one of this process, where it is one of several."""


def _begin(make: Callable[[int], Working[Any, Any]], threads: int) -> None:
    _workers[:] = [make(threads)]


def _work(job: Any) -> Any:
    return _workers[0].work(job)


def run(
    waiting: Sequence[Job], setting: Setting, processes: int, documents: Sequence[Document] = ()
) -> Iterator[Finished]:
    """Return the jobs as they are finished; `documents` are what a memory may hold.

    Raises ModelError and EngineError.
    """
    return in_processes(waiting, partial(_worker, setting, documents), processes)


def _worker(setting: Setting, documents: Sequence[Document], threads: int) -> Worker:
    return Worker(setting, threads, documents)


def in_processes(
    waiting: Sequence[J_contra], make: Callable[[int], Working[J_contra, F_co]], processes: int
) -> Iterator[F_co]:
    """Return what jobs came to as they are finished, each done by one of so many processes.

    `make`, which can be sent to a process, makes a worker there; it is told how many threads to use, as in
    EngineConfig. Raises ModelError and EngineError.
    """
    if processes == 1:
        worker = make(0)
        yield from map(worker.work, waiting)
        worker.close()
        return
    threads = max(1, physical_cores() // processes)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _begin, (make, threads))
    try:
        for done in as_completed([pool.submit(_work, job) for job in waiting]):
            yield done.result()
    except BrokenProcessPool as error:
        raise EngineCrashed(
            "A process of the replay ended unexpectedly, perhaps for want of memory: run it again with fewer "
            "--processes, and with --resume to keep what is finished."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


class Results:
    """The folder of a run: what is finished, and where the rest goes.

    Raises SettingDiffers for a folder that holds another run.
    """

    def __init__(
        self, folder: Path, setting: Setting, files: Sequence[tuple[Work, ...]], documents: Sequence[Document] = ()
    ) -> None:
        """Open or begin one; `documents` are what a memory may hold."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / TALLIES_FILE
        described, described_in = _described(setting, files, documents), folder / RUN_FILE
        if described_in.exists():
            before = json.loads(described_in.read_text(encoding="utf-8"))
            differing = sorted(key for key in described | before if described.get(key) != before.get(key))
            if differing:
                raise SettingDiffers(
                    f"{folder} holds a run with other {', '.join(differing)}: give another folder, or the same options."
                )
        write_whole(described_in, json.dumps(described, indent=1) + "\n")
        self.finished = self._read()

    def add(self, finished: Finished) -> None:
        """Append a line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(finished)) + "\n")
        self.finished.append(finished)

    def _read(self) -> list[Finished]:
        """Return what is finished; a line that was being written when a run was ended is taken out."""
        if not self._path.exists():
            return []
        *lines, torn = self._path.read_text(encoding="utf-8").split("\n")
        if torn:
            write_whole(self._path, "".join(line + "\n" for line in lines))
        return [_finished(json.loads(line)) for line in lines]


def weights_of(model: Model) -> list[str]:
    """Return the SHA-256 of the files that a model is loaded from; two of one shape have one size."""
    files = [path for path in (model.path, model.adapter) if path is not None]
    return [_sha256(path, tunings.state_of(path)) for path in files]


@lru_cache(maxsize=64)
def _sha256(path: Path, state: object) -> str:
    return digest(path)


def _described(setting: Setting, files: Sequence[tuple[Work, ...]], documents: Sequence[Document]) -> dict[str, Any]:
    """Return the setting, with what tells models and texts of the same name apart."""
    models = [store.checked(name) for name in setting.models]
    weights = [[*weights_of(model), asdict(model.calibration)] for model in models]
    memories = [memory_in_use(model).coefficients.tolist() for model in models] if setting.memory else []
    text = hashlib.sha256(repr((files, documents)).encode(errors="surrogatepass")).hexdigest()
    described: dict[str, Any] = json.loads(
        json.dumps({**asdict(setting), "weights": weights, "memories": memories, "corpus": text})
    )
    return described


def _finished(content: dict[str, Any]) -> Finished:
    tallies = {name: [_tally(row) for row in rows] for name, rows in content["tallies"].items()}
    return Finished(content["model"], content["source"], tallies)


def _tally(row: dict[str, Any]) -> Tally:
    row["latencies"] = tuple(row["latencies"])
    row["judged"] = tuple((probability, right) for probability, right in row["judged"])
    return Tally(**row)
