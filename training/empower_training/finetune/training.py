"""Fine-tuning on labelled spans: a LoRA adapter or all weights, in one process or several, resumable after a kill.

Every process holds the whole model, takes its share of each batch and learns the sum of all gradients, so that one
process and several learn the same up to the order of sums. Started by `python`, `accelerate launch` or `torchrun`.
"""

from __future__ import annotations

import json
import math
import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce

from empower_model.files import write_whole
from empower_training.finetune.arguments import FinetuneError, check, describe, remember
from empower_training.finetune.batches import epoch, evaluations, micro_batches, target_loss
from empower_training.finetune.loading import load, precision
from empower_training.finetune.recipe import Recipe
from empower_training.finetune.starting_weights import TOKENIZER_FILES

if TYPE_CHECKING:
    from empower_training.labels import Example

__all__ = ["FinetuneError", "Progress", "Recipe", "finetune", "leads"]

_BETAS = (0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Progress:
    """Report of a step; the loss is the mean over the step's target tokens, in nats."""

    step: int
    steps: int
    loss: float
    norm: float
    """Of the gradient, before it is clipped."""
    rate: float
    tokens: int
    """Of all that was evaluated, prompts included."""
    seconds: float
    left: float
    """Estimated seconds to the end."""


def processes() -> PartialState:
    """Return the processes that were started together; on a machine without a GPU they talk through gloo."""
    return PartialState(cpu=not torch.accelerator.is_available())


def leads() -> bool:
    """Return whether this process is the one that writes files and talks."""
    return bool(processes().is_main_process)


class FinetuneRun:
    """A fine-tune: model, optimiser and position, savable after every step."""

    def __init__(self, base: Path, examples: Sequence[Example], recipe: Recipe, rate: float) -> None:
        """Load the weights and stand at the beginning of the run."""
        self.recipe, self.rate, self.examples = recipe, rate, examples
        self.state = processes()
        self.evaluations = evaluations(examples)
        longest = [examples[group[0]] for group in self.evaluations]
        self.lengths = [len(example.prompt) + len(example.target) for example in longest]
        prompts = [len(example.prompt) for example in longest]
        batch = max(1, round(recipe.batch * len(self.evaluations) / len(examples)))
        epochs = (epoch(prompts, batch, recipe.seed, number) for number in range(recipe.epochs))
        self.batches = [batch for batches in epochs for batch in batches]
        self.model = _model(base, recipe).to(self.state.device)
        self.trained = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        self.optimiser = torch.optim.AdamW(self.trained.values(), lr=rate, betas=_BETAS, weight_decay=0.0)
        self.step = 0
        self.seconds = 0.0

    def tokens(self, first: int, last: int) -> int:
        """Count the tokens of the steps from `first` up to but not including `last`."""
        return sum(self.lengths[number] for batch in self.batches[first:last] for number in batch)

    def learned(self, batch: Sequence[int]) -> list[Example]:
        """Return the examples of some evaluations."""
        return [self.examples[index] for number in batch for index in self.evaluations[number]]

    def advance(self) -> tuple[float, float, float]:
        """Make one optimiser step; return its loss, the norm of its gradient, and its rate."""
        recipe, batch = self.recipe, self.batches[self.step]
        torch.manual_seed(recipe.seed * 1_000_003 + self.step)  # a base with dropout resumes alike
        targets = sum(len(example.target) for example in self.learned(batch))
        loss = torch.zeros((), device=self.state.device)
        mine = batch[self.state.process_index :: self.state.num_processes]
        for part in micro_batches(mine, self.lengths, recipe.micro_batch):
            with torch.autocast(self.state.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                share = target_loss(self.model, self.learned(part), self.state.device) / targets
            share.backward()  # type: ignore[no-untyped-call]
            loss += share.detach()
        self._gather()
        norm = torch.nn.utils.clip_grad_norm_(self.trained.values(), recipe.clip)
        rate = self.rate * recipe.scale((self.step + 0.5) / len(self.batches))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        total = float(_sum(loss))
        if not math.isfinite(total):
            raise FinetuneError(f"The loss is {total} at step {self.step}, which no step mends: take a lower rate.")
        return total, float(norm), rate

    def _gather(self) -> None:
        """Replace every gradient by its sum over the processes; a process without examples adds nothing."""
        for weight in self.trained.values():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            weight.grad = _sum(weight.grad)

    def save(self, folder: Path) -> None:
        """Write a checkpoint, replacing the last one in one step; raises FinetuneError when the disk is full."""
        state = {
            "weights": {name: weight.detach() for name, weight in self.trained.items()},
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        draft = folder / "checkpoint.new"
        try:
            torch.save(state, draft)
        except (OSError, RuntimeError) as error:  # torch tells of a full disk by a RuntimeError
            draft.unlink(missing_ok=True)
            raise FinetuneError(f"{draft} could not be written ({error}): free some space and start again.") from error
        draft.replace(folder / "checkpoint.pt")

    @torch.no_grad()
    def restore(self, folder: Path) -> None:
        """Go on exactly where the checkpoint in `folder` was written."""
        state = torch.load(folder / "checkpoint.pt", map_location=self.state.device, weights_only=True)
        for name, weight in self.trained.items():
            weight.copy_(state["weights"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]


def finetune(
    base: Path,
    examples: Sequence[Example],
    folder: Path,
    recipe: Recipe | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Train the weights in `base` on the targets of `examples`; the result is in `folder/final`.

    `folder` also gets `arguments.json`, `log.jsonl` (a line per step) and, while it runs, a checkpoint: on the same
    folder with the same arguments it resumes, or returns at once when all is done. `final` holds an adapter in peft's
    format or all weights in that of transformers, a tokeniser, and `training.json`. Only the process that `leads`
    writes and reports; all must see the folder, and return together. On a CPU, one process repeats bit for bit.

    Raises FinetuneError for too few or foreign examples, for a folder with another fine-tune, when the loss is no
    number any more, and when a checkpoint cannot be written.
    """
    recipe, state = recipe or Recipe(), processes()
    recipe = replace(recipe, precision=recipe.precision or precision(base))
    check(base, examples, recipe)
    arguments = describe(base, examples, recipe)
    if state.is_main_process:
        remember(arguments, folder)
    state.wait_for_everyone()
    remember(arguments, folder)  # the others' must be the same
    if (folder / "final" / "training.json").exists():
        return
    run = FinetuneRun(base, examples, recipe, float(arguments["rate"]))
    if (folder / "checkpoint.pt").exists():
        run.restore(folder)
    state.wait_for_everyone()
    losses = _loop(run, folder, report)
    if state.is_main_process:
        result = {"seconds": run.seconds, "steps": run.step, "evaluations": len(run.evaluations), "losses": losses}
        _finish(run, base, folder, arguments | result)
    state.wait_for_everyone()


def _loop(run: FinetuneRun, folder: Path, report: Callable[[Progress], None]) -> dict[str, float]:
    """Train to the end; return the mean loss of the first and of the last tenth of the steps."""
    steps, begun, before = len(run.batches), run.step, run.seconds
    losses = _shorten(folder / "log.jsonl", begun) if run.state.is_main_process else []
    start = saved = time.monotonic()
    while run.step < steps:
        loss, norm, rate = run.advance()
        if not run.state.is_main_process:
            continue
        now = time.monotonic()
        run.seconds = before + now - start
        left = (now - start) / run.tokens(begun, run.step) * run.tokens(run.step, steps)
        seen = run.tokens(0, run.step)
        progress = Progress(run.step, steps, loss, norm, rate, seen, round(run.seconds, 3), round(left, 3))
        losses.append(loss)
        with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(asdict(progress)) + "\n")
        if now - saved >= 60 * run.recipe.checkpoint_minutes:
            saved = now
            run.save(folder)
        report(progress)
    tenth = max(1, len(losses) // 10)
    ends = {"first": losses[:tenth], "last": losses[-tenth:]}
    return {name: sum(part) / len(part) for name, part in ends.items() if part}


def _shorten(log: Path, steps: int) -> list[float]:
    """Drop the lines of steps that came after the checkpoint; return the losses of those kept."""
    lines = log.read_text(encoding="utf-8").splitlines()[:steps] if log.exists() else []
    write_whole(log, "".join(f"{line}\n" for line in lines))
    return [float(json.loads(line)["loss"]) for line in lines]


def _finish(run: FinetuneRun, base: Path, folder: Path, result: dict[str, Any]) -> None:
    """Write `final`: it appears whole or not at all. The checkpoint is not needed any more."""
    draft = folder / "final.new"
    shutil.rmtree(draft, ignore_errors=True)
    run.model.save_pretrained(draft)
    for name in TOKENIZER_FILES:
        if (base / name).exists():
            shutil.copyfile(base / name, draft / name)
    (draft / "training.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / "final")
    (folder / "checkpoint.pt").unlink(missing_ok=True)


def _model(base: Path, recipe: Recipe) -> Any:
    """Return the base, or the base frozen under a new adapter; ready to train."""
    from peft import LoraConfig, get_peft_model

    model = load(base, recipe.precision if recipe.adapter else "float32")
    if recipe.adapter:
        torch.manual_seed(recipe.seed)
        shape = LoraConfig(  # all but the output: an adapter on that, where it is the embedding too, ends llama.cpp
            r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", bias="none", task_type="CAUSAL_LM"
        )
        with warnings.catch_warnings():
            # peft asks transformers for `is_gradient_checkpointing`, which is now called something else
            warnings.simplefilter("ignore", FutureWarning)
            model = get_peft_model(model, shape)
    return model.train()


def _sum(value: torch.Tensor) -> torch.Tensor:
    """Return the sum over all processes, of the same shape."""
    summed: torch.Tensor = reduce(value, "sum") if PartialState().num_processes > 1 else value
    return summed
