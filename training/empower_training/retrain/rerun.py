"""From texts to a better model in use: labels, fine-tune, export, calibration, gate, promotion."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empower_lsp import __version__
from empower_model.errors import EmpowerError
from empower_model.files import Model, Provenance, digest, requantised, store, tunings, write_whole
from empower_model.regular_file import read_json
from empower_training.finetune import Recipe, base_folder, is_large, labelling_folder, parameters
from empower_training.labels import Example, Method, Text, split
from empower_training.retrain import gate

if TYPE_CHECKING:
    from empower_training.finetune import Progress
    from empower_training.retrain.gate import Judgement

LEAST_EXAMPLES = 200
"""Cut points to learn from; a working day has thousands."""
CALIBRATING = 0.15
"""Share of the earlier texts that is not trained on: the tuned model's probabilities are fitted on it."""
CURSORS = 400
"""Random cursors to fit them at."""
CONTEXT, LARGE_CONTEXT = 512, 768
"""Most tokens of an example, of a small model's and of a large one's."""
TOGETHER, LARGE_TOGETHER = 1, 8
"""Cut points taken close together, which share an evaluation: a large model takes seconds for one."""
LABELS, BEGUN = "labels.jsonl", "begun.json"


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """Wish for a fine-tune: of which model, on how much, and how."""

    model: str = ""
    """A name or path, as in `store.resolve`; empty for the one in use."""
    weights: str = ""
    """Where its weights are, if it is not of our own making."""
    method: Method = Method.EMPOWER
    eta: float = 32.0
    """Bits of an Empower target. The paper's few leave little to learn, and the server's rule ends what is shown
    earlier anyway (LOG.md)."""
    share: float = 0.7
    """Of the text, the earlier part, is trained on; what was written later judges."""
    count: int = 4000
    """Most examples."""
    context: int | None = None
    """Most tokens of an example; None for what suits the model's size."""
    together: int | None = None
    """Cut points taken close together, which share an evaluation; None for what suits the model's size."""
    seed: int = 0
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True)
class Watch:
    """Whom to tell how far it is."""

    stage: Callable[[str], None] = lambda name: None
    labelled: Callable[[int], None] = lambda done: None
    step: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True, slots=True)
class Rerun:
    """Result of a rerun."""

    tuning: str
    """Id of the new tuning."""
    promoted: bool
    judgement: Judgement
    examples: int
    empty: int
    """Of them, with nothing but end-of-text to learn."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A run on the log that was interrupted."""

    folder: Path
    until: float
    """When it began, in seconds since 1970: what was logged later is not of it."""


def begun(plan: FinetunePlan) -> Begun | None:
    """Return the run on the log, with this plan, that was interrupted; None without one."""
    found = []
    for path in (store.data_folder() / "training").glob(f"*/{BEGUN}"):
        try:
            content = read_json(path)
            if content["plan"] == _plain(plan):
                found.append(Begun(path.parent, float(content["until"])))
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return max(found, key=lambda run: run.until, default=None)


def retrain(
    texts: Sequence[Text], plan: FinetunePlan, watch: Watch | None = None, until: float | None = None
) -> Rerun | None:
    """Train on the earlier texts, judge on the later ones, promote what is better. None in a process that only helps.

    A run that was interrupted goes on where it was when the plan and the texts to learn from are the same; `until` is
    noted for `begun`, where they are those that the log has up to then. Raises EmpowerError.
    """
    from empower_training.finetune import finetune, leads

    watch = watch or Watch()
    name = plan.model or store.default_model()  # once: another may be in use when the training is over
    parent, current = store.checked(name, tuned=False), store.checked(name)
    earlier, later = split(texts, plan.share)
    learned, fitted = split(earlier, 1 - CALIBRATING)
    chosen = gate.later_works(later, plan.seed)
    base = base_folder(parent, plan.weights)
    if not plan.recipe.adapter:
        from empower_training.finetune import check

        check(base)
    run = store.data_folder() / "training" / _fingerprint(base, learned, plan)
    if until is not None and leads():
        _note(plan, run, until)
    watch.stage("labels")
    examples = found_examples(labelling_folder(parent, plan.weights), learned, plan, run, watch.labelled)
    watch.stage("training")
    finetune(base, examples, run, plan.recipe, watch.step)
    if not leads():
        return None
    watch.stage("export")
    weights = _exported(run, base, plan)
    quick = requantised.copy_of(parent) or parent.path  # which the model in use is loaded from too
    candidate = replace(parent, path=quick, adapter=weights) if plan.recipe.adapter else replace(parent, path=weights)
    watch.stage("calibration")
    candidate = replace(candidate, calibration=gate.calibrated(candidate, fitted, CURSORS, plan.seed))
    watch.stage("judging")
    judgement = gate.judge(current, candidate, chosen, plan.seed, project=earlier)
    provenance = _provenance(parent, texts, plan, judgement)
    tuning = tunings.keep(parent, weights, provenance, candidate.calibration)
    for name in ("arguments.json", "log.jsonl"):
        shutil.copyfile(run / name, tuning.path.with_name(name))
    if judgement.passed:
        tunings.promote(parent, tuning.id)
    shutil.rmtree(run, ignore_errors=True)
    return Rerun(
        tuning.id, judgement.passed, judgement, len(examples), sum(len(example.target) == 1 for example in examples)
    )


def found_examples(
    labelling: Path, texts: Sequence[Text], plan: FinetunePlan, run: Path, report: Callable[[int], None]
) -> list[Example]:
    """Make a plan's examples of the texts, measured by weights in a folder. Raises EmpowerError for too few.

    What was measured is kept in the folder `run`: after an interruption it goes on there.
    """
    from tokenizers import Tokenizer

    from empower_training.finetune import fingerprint_of_base, leads, load, processes
    from empower_training.labels import Measured, examples

    large = is_large(parameters(labelling))
    tokenizer = Tokenizer.from_file(str(labelling / "tokenizer.json"))
    run.mkdir(parents=True, exist_ok=True)
    try:
        made = examples(
            load(labelling).to(processes().device),
            tokenizer,
            texts,
            method=plan.method,
            eta=plan.eta,
            seed=plan.seed,
            count=plan.count,
            context=plan.context or (LARGE_CONTEXT if large else CONTEXT),
            together=plan.together or (LARGE_TOGETHER if large else TOGETHER),
            measure=Measured(run / LABELS, fingerprint_of_base(labelling), write=leads()),
            report=report,
        )
    except ValueError as error:
        raise EmpowerError(f"These texts cannot be labelled: {error}.") from error
    least, what = (plan.recipe.batch, "rows") if plan.method is Method.TEXT else (LEAST_EXAMPLES, "places")
    if len(made) < least:
        raise EmpowerError(
            f"There is too little to learn from: {len(made)} {what} in {len(texts)} texts, and {least} are needed. "
            "Come back when more is written, or give a folder of code with --from."
        )
    return made


def _exported(run: Path, base: Path, plan: FinetunePlan) -> Path:
    """Export what was trained as a GGUF file: an adapter, or a whole model."""
    if plan.recipe.adapter:
        from empower_training.finetune import write_adapter

        write_adapter(run / "final", base, run / tunings.ADAPTER)
        return run / tunings.ADAPTER
    from empower_training.finetune import export

    export(run / "final", run / tunings.WHOLE)
    return run / tunings.WHOLE


def _provenance(parent: Model, texts: Sequence[Text], plan: FinetunePlan, judgement: Judgement) -> Provenance:
    before, after = judgement.before, judgement.after
    scores = {
        "net_effort_before": before.effort,
        "net_effort": after.effort,
        "difference": judgement.effort.estimate,
        "difference_low": judgement.effort.low,
        "difference_high": judgement.effort.high,
        "kept_before": before.kept / before.characters,
        "kept": after.kept / after.characters,
    }
    assert parent.size is not None
    return Provenance(
        base_sha256=parent.sha256 or digest(parent.path),
        base_size=parent.size,
        data=_fingerprint_of(texts),
        method=plan.method.value,
        eta=plan.eta if plan.method is Method.EMPOWER else None,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        scores={name: round(value, 4) for name, value in scores.items()},
        kept_aside=judgement.reason,
    )


def _note(plan: FinetunePlan, run: Path, until: float) -> None:
    """Write when a run began; one of the same plan that can no longer be gone on with makes room."""
    before = begun(plan)
    if before is not None and before.folder != run:
        shutil.rmtree(before.folder, ignore_errors=True)
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(run / BEGUN, json.dumps({"plan": _plain(plan), "until": until}) + "\n")


def _plain(plan: FinetunePlan) -> Any:
    return json.loads(json.dumps(asdict(plan), default=str))


def _fingerprint(base: Path, texts: Sequence[Text], plan: FinetunePlan) -> str:
    """Return the name of a run's folder: the same wish goes on there, another one begins anew."""
    content = json.dumps([str(base), _fingerprint_of(texts), _plain(plan)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _fingerprint_of(texts: Sequence[Text]) -> str:
    return hashlib.sha256(repr([(text.name, text.text) for text in texts]).encode(errors="replace")).hexdigest()
