"""How right a model's bits are, by the size of its prompt, with and without a memory: gathered, fitted, judged.

    python benchmarks/sizes.py weights CORPUS.jsonl FOLDER --model FILE     observes text, for the memory's weights
    python benchmarks/sizes.py spans   CORPUS.jsonl FOLDER --model FILE     writes spans at every size
    python benchmarks/sizes.py context FOLDER                               bits of the observed text by size
    python benchmarks/sizes.py report  FOLDER [--save FILE]                 how far off calibrations are by the spans

`report` shows that of models for which nothing was fitted, and one fitted to the spans, each package judged by what was
fitted to the others; with `--save` the latter, fitted to all, is written there. The memory is mixed in by the weights
for any model.

CORPUS.jsonl holds a document a line (`package`, `path`, `text`). A work is a piece of a file that is being typed, with
some cursors in it. What was gathered lies in FOLDER, and is not gathered again: stop and go on at any time.
"""

from __future__ import annotations

import argparse
import json
import pickle
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from empower_model.calibration import Calibration
from empower_model.completing import Written, assemble, stopping
from empower_model.engine import Drafts, EngineConfig, Token, Transform
from empower_model.engine.distribution import Distribution
from empower_model.engine.llama import LlamaEngine
from empower_model.files import DEFAULT_WEIGHTS, store
from empower_model.fitting import (
    MOST_BITS,
    Witness,
    calibration_error,
    fit,
    mixture_fitting,
    probabilities,
    reliability,
    share,
    still_to_type,
)
from empower_model.memory import Project, WeightedMemory, Weights, fitted_memory
from empower_model.prompt import ROLLBACK, Layout
from empower_model.request import Limits, Request
from empower_training.replay import Work, works

SIZES = (256, 512, 1024, 2048)
"""Tokens of a prompt at most."""
LIMITS = Limits(max_tokens=24, max_lines=4)
ABOVE = 4_000
"""Least characters above a work: else no prompt is larger than another."""
CURSORS = 5
"""In each work."""
TYPED = 300
"""Characters of a work."""
OPENINGS = ".(=,[: "


class Narrow:
    """An engine whose prompts are of at most so many tokens, and that evaluates no text twice behind one prompt."""

    def __init__(self, engine: LlamaEngine, size: int, reserve: int) -> None:
        self._engine = engine
        self._distribution = Distribution(len(engine.vocabulary.pieces))
        self._prompt: list[int] = []
        self._known: dict[tuple[int, ...], NDArray[np.float32]] = {}
        self.context_size = size + reserve + ROLLBACK + 8
        self.vocabulary, self.stop, self.tokenize, self.close = (
            engine.vocabulary,
            engine.stop,
            engine.tokenize,
            engine.close,
        )

    def prefill(self, prompt: Sequence[int]) -> int:
        if self._prompt != list(prompt):
            self._prompt, self._known = list(prompt), {}
        return self._engine.prefill(prompt) if not self._known else 1

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        return True

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        ids: list[int] = []
        while not ids or ids[-1] not in self.vocabulary.end_of_generation:
            self._distribution.read(self._logits(ids))
            log_probs = self._distribution.log_probs()
            for transform in transforms:
                log_probs = transform(ids, log_probs)
            self._distribution.replace(log_probs)
            ids.append(self._distribution.best())
            surprisal, entropy = self._distribution.surprisal(ids[-1]), self._distribution.entropy
            yield Token(ids[-1], self.vocabulary.pieces[ids[-1]], surprisal, entropy)

    def _logits(self, ids: Sequence[int]) -> NDArray[np.float32]:
        if (key := tuple(ids)) not in self._known:
            self._engine.prefill([*self._prompt, *ids])
            self._known[key] = self._engine.logits()
        return self._known[key]


@dataclass(frozen=True, slots=True)
class Span:
    """What was written at a cursor: of each beginning its bits, and whether the file says just that."""

    work: str
    package: str
    size: int
    memory: bool
    prompt: int
    """Tokens."""
    bits: tuple[float, ...]
    right: tuple[bool, ...]


def chosen(corpus: Path, per_package: int, seed: int) -> tuple[list[tuple[str, Work]], dict[str, dict[str, str]]]:
    """Return works, one of each package after the other, and the files of the packages."""
    files: dict[str, dict[str, str]] = {}
    for row in corpus.read_text(encoding="utf-8").splitlines():
        document = json.loads(row)
        files.setdefault(document["package"], {})[document["path"]] = document["text"]
    rng, taken = random.Random(seed), {}
    for package in sorted(files):
        names = sorted(files[package])
        rng.shuffle(names)
        every = works([(name, files[package][name]) for name in names], seed=seed, per_text=1, characters=TYPED)
        taken[package] = [work for work in every if len(work.above) >= ABOVE][:per_package]
    most = max(map(len, taken.values()))
    return [(package, taken[package][i]) for i in range(most) for package in taken if i < len(taken[package])], files


def offsets(work: Work, seed: int) -> list[int]:
    """Return places in a work in order: at a line's code, behind punctuation, inside a word, in equal parts."""
    text, rng = work.typed, random.Random(f"{seed}-{work.name}")
    starts = [i for i in range(len(text)) if not text[:i].rsplit("\n", 1)[-1].strip() and text[i].strip()]
    signs = [i for i in range(1, len(text)) if text[i - 1] in OPENINGS and text[i].strip()]
    words = [i for i in range(1, len(text)) if text[i - 1].isalnum() and text[i].isalnum()]
    kinds = [kind for kind in (starts, signs, words) if kind]
    return sorted({rng.choice(kinds[i % len(kinds)]) for i in range(CURSORS)})


def written(engine: LlamaEngine, package: str, work: Work, size: int, project: Project, weights: Weights) -> list[Span]:
    """Write at each cursor of a work, with and without the memory, until it would be nonsense."""
    narrow = Narrow(engine, size, LIMITS.max_tokens)
    known = WeightedMemory(project.open(work.source), weights)
    completers = [assemble(narrow, Calibration(), recalled, _until_nonsense) for recalled in (None, known)]
    spans = []
    for at in offsets(work, 0):
        request = Request(work.above + work.typed[:at], work.below, LIMITS)
        truth = work.typed[at:] + work.below
        for memory, completer in enumerate(completers):
            completion = completer.complete(request)
            pieces = [token.piece for token in completion.tokens]
            texts = [b"".join(pieces[: i + 1]).decode(errors="ignore") for i in range(len(pieces))]
            bits = accumulate(token.surprisal for token in completion.tokens)
            pairs = [(b, truth.startswith(t)) for b, t in zip(bits, texts, strict=True) if t and b <= MOST_BITS]
            values = tuple(round(b, 4) for b, _ in pairs), tuple(r for _, r in pairs)
            spans.append(Span(work.name, package, size, bool(memory), completion.prompt_tokens, *values))
    return spans


def _until_nonsense(span: Written) -> stopping.Verdict:
    return stopping.budget(span.surprisals, MOST_BITS)


def observe(engine: LlamaEngine, work: Work, size: int, project: Project) -> tuple[Witness, list[int]]:
    """Note what model and memory think of the text at the first cursor of a work; characters of each token."""
    witness, at = Witness(), offsets(work, 0)[0]
    around = (work.above + work.typed[:at], work.below)
    narrow = Narrow(engine, size, 64)
    with project.at(work.source, *around) as memory:
        ahead = still_to_type(work.typed[at:] + work.below, work.below)
        return witness, witness.read(narrow, Layout(narrow), memory, around, ahead)


def gather(options: argparse.Namespace) -> None:
    """Do what is not done yet, for so many seconds."""
    began = time.monotonic()
    there, files = chosen(options.corpus, options.per_package, options.seed)
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    done = {path.stem for path in folder.glob("*.json" if options.what == "spans" else "*.pickle")}
    jobs = [
        (package, work, size, f"{options.corpus.stem}-{i}-{size}")
        for i, (package, work) in enumerate(there)
        for size in options.sizes
    ]
    left = [job for job in jobs if job[-1] not in done]
    print(f"{len(jobs) - len(left)} of {len(jobs)} are done")
    if not left:
        raise SystemExit(0)
    model = store.checked(options.model)
    weights = (Weights.load(options.weights) if options.weights else None) or fitted_memory(model)
    engine = LlamaEngine(EngineConfig(model.path, context_size=max(options.sizes) + 128))
    held: tuple[str, Project] | None = None
    for package, work, size, name in left:
        if time.monotonic() - began > options.seconds:
            raise SystemExit(3)
        if held is None or held[0] != package:
            held = package, Project(files[package], engine.tokenize)
        if options.what == "spans":
            spans = written(engine, package, work, size, held[1], weights)
            _keep(folder / f"{name}.json", json.dumps([asdict(span) for span in spans]).encode())
        else:
            witness, characters = observe(engine, work, size, held[1])
            _keep(folder / f"{name}.pickle", pickle.dumps((package, size, witness.rows, characters)))


def _keep(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(data)
    draft.replace(path)


def report(folder: Path, model: str, save: Path | None) -> None:
    """Show how far the probabilities are from the shares that were right, by size, with and without a memory."""
    gathered = [Span(**span) for path in sorted(folder.glob("*.json")) for span in json.loads(path.read_bytes())]
    shipped = {False: Calibration.load(store.DEFAULT_CALIBRATION), True: _for_any_model().calibration}
    table = Table("memory", "tokens", "cursors", "spans", "default", "fitted to the other packages")
    for memory, default in shipped.items():
        those = [span for span in gathered if span.memory == memory and span.bits]
        by_package = {
            package: fit(*_pairs([span for span in those if span.package != package]))
            for package in {span.package for span in those}
        }
        for size in (*sorted({span.size for span in those}), None):
            part = [span for span in those if size in (None, span.size)]
            bits, right = _pairs(part)
            others = np.concatenate([probabilities(by_package[span.package], span.bits) for span in part])
            errors = [calibration_error(reliability(p, right)) for p in (probabilities(default, bits), others)]
            counts = str(len(part)), str(len(bits))
            table.add_row("with" if memory else "without", str(size or "all"), *counts, *(f"{e:.3f}" for e in errors))
        if save and not memory:
            count = len({span.work for span in those})
            fit(*_pairs(those)).save(save, fitted_on="programs", works=count, model=model, date=str(date.today()))
    Console(width=100).print(table)


def context(folder: Path) -> None:
    """Show the bits a character of the observed text by size of the prompt, of works that were read at every size."""
    rows: dict[str, dict[int, tuple[float, float, int]]] = {}
    coefficients = _for_any_model().coefficients
    for path in sorted(folder.glob("*.pickle")):
        _, size, noted, characters = pickle.loads(path.read_bytes())
        if noted:
            seen = Witness(noted).observations()
            mixed = mixture_fitting.probabilities(seen, coefficients)
            bits = [float(-np.log2(p).sum()) for p in (seen.model, mixed)]
            rows.setdefault(path.stem.rpartition("-")[0], {})[size] = (bits[0], bits[1], sum(characters))
    sizes = sorted({size for row in rows.values() for size in row})
    whole = np.array([[row[size] for size in sizes] for row in rows.values() if len(row) == len(sizes)])
    table = Table(f"{len(whole)} works", "model alone", "beside the largest", "with memory", "beside the largest")
    for i, size in enumerate(sizes):
        cells = []
        for kind in (0, 1):
            beside = share(whole[:, i, kind], whole[:, -1, kind], range(len(whole)))
            rate = whole[:, i, kind].sum() / whole[:, i, 2].sum()
            cells += [f"{rate:.3f}", f"{beside.low - 1:+.1%} to {beside.high - 1:+.1%}"]
        table.add_row(f"{size} tokens", *cells)
    Console(width=100).print(table)


def _for_any_model() -> Weights:
    weights = Weights.load(DEFAULT_WEIGHTS)
    assert weights is not None
    return weights


def _pairs(spans: Sequence[Span]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the bits of every beginning of some spans, and whether it was right."""
    return np.concatenate([span.bits for span in spans]), np.concatenate([np.array(span.right) for span in spans])


def main() -> None:
    """Gather, or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("weights", "spans", "context", "report"))
    parser.add_argument("corpus", type=Path, nargs="?", help="to gather from")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--weights", type=Path, help="of the memory; by default those in use")
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=list(SIZES))
    parser.add_argument("--per-package", type=int, default=6, help="works")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, help="write the fitted calibration there")
    options = parser.parse_args()
    if options.what == "report":
        report(options.folder, options.model, options.save)
    elif options.what == "context":
        context(options.folder)
    else:
        gather(options)


if __name__ == "__main__":
    main()
