"""Pre-training: a new model or one to go on with, the loop, its checkpoints, and what is kept at the end."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import Qwen3Config, Qwen3ForCausalLM

from empower_training.corpus import END, Stream
from empower_training.pretrain.copying_heads import initialise
from empower_training.pretrain.optimiser import Optimiser
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.precision import quickest
from empower_training.pretrain.rows_ahead import RowFeed, Rows


@dataclass(frozen=True, slots=True)
class PretrainProgress:
    """Report of a step; the loss is the mean over the step's tokens, in nats."""

    step: int
    tokens: int
    seconds: float
    share: float
    loss: float
    norm: float
    rate: float
    validation: float | None = None


def new_model(tokenizer: Tokenizer, shape: Shape, seed: int) -> Qwen3ForCausalLM:
    """Make an untrained model for a tokeniser; see `copying_heads` for its weights."""
    end = tokenizer.token_to_id(END)
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=shape.width,
            intermediate_size=shape.feed_forward,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.key_value_heads,
            head_dim=shape.head_width,
            max_position_embeddings=shape.context,
            rope_parameters={"rope_type": "default", "rope_theta": shape.rope_base},
            rms_norm_eps=1e-6,
            initializer_range=shape.spread,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=None,
        )
    )
    initialise(model, shape)
    return model


def token_losses(model: Qwen3ForCausalLM, ids: Tensor) -> Tensor:
    """Return the losses in nats of every token but the first of each row: ids (rows, n) to (rows, n - 1), fp32."""
    # a mask keeps `sdpa` from its fastest kernels, and transformers makes one when compiled; without one it is causal
    mask = {"full_attention": None} if model.config._attn_implementation == "sdpa" else None
    hidden = model.model(input_ids=ids[:, :-1], attention_mask=mask, use_cache=False).last_hidden_state
    logits = functional.linear(hidden, model.model.embed_tokens.weight).float()
    targets = ids[:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)


def _placed(model: Qwen3ForCausalLM, plan: Plan) -> Qwen3ForCausalLM:
    """Put the model in the plan's precision, or the quickest, on its device."""
    precision = getattr(torch, plan.precision or quickest(plan.device))
    frequencies = model.model.rotary_emb.inv_freq.to(plan.device)
    model.to(device=plan.device, dtype=precision)  # type: ignore[call-arg]
    model.set_attn_implementation(plan.attention)
    if plan.exact_positions:
        model.model.rotary_emb.inv_freq = frequencies
    return model


def _replica(model: Qwen3ForCausalLM) -> Qwen3ForCausalLM:
    """Return the same weights, not copied, with gradients of their own."""
    replica = copy.deepcopy(model)
    for own, shared in zip(replica.parameters(), model.parameters(), strict=True):
        own.data = shared.data
    return replica


class Run:
    """A training run: model, optimiser, data position and averages, savable at every step."""

    def __init__(self, plan: Plan, texts: Sequence[str], tokenizer: Tokenizer) -> None:
        """Stand at the beginning of a run."""
        self.plan = plan
        self.tokenizer = tokenizer
        self.model = _placed(new_model(tokenizer, plan.shape, plan.seed), plan)
        self._losses = torch.compile(token_losses, dynamic=False) if plan.compile else token_losses
        self._replicas = [self.model, *(_replica(self.model) for _ in range(plan.workers - 1))]
        self._pool = ThreadPoolExecutor(plan.workers, initializer=torch.set_num_threads, initargs=(1,))
        self.optimiser = Optimiser(self.model, plan.rates)
        self.stream: Rows = (
            RowFeed(texts, tokenizer, plan.seed, plan.fim, plan.feeders)
            if plan.feeders
            else Stream(texts, tokenizer, plan.seed, plan.fim)
        )
        self.average = {name: master.clone() for name, master in self.optimiser.masters.items()}
        self.step = self.tokens = self.first = 0
        self.seconds = 0.0

    @property
    def share(self) -> float:
        """Return how much of the plan is done, from 0 to 1."""
        done = (
            (self.step - self.first) / self.plan.steps if self.plan.steps else self.seconds / (60 * self.plan.minutes)
        )
        return min(1.0, done)

    def advance(self) -> PretrainProgress:
        """Make one optimiser step."""
        plan, share = self.plan, self.share
        context = plan.long_context if share >= plan.long_from else plan.context
        tokens = plan.tokens_per_step // (2 if share < plan.small_batch else 1)
        rows = max(1, tokens // context)
        batch = torch.from_numpy(self.stream.rows(rows, context)).to(plan.device)
        parts = torch.split(batch, max(1, plan.micro_batch // context))
        losses = list(self._pool.map(partial(self._learn, rows * (context - 1)), parts))
        total = sum(map(float, losses))  # only now: reading a loss waits for the device
        scale = plan.scale(share)
        norm = self.optimiser.step(scale, self._pool)
        for name, master in self.optimiser.masters.items():
            self.average[name].lerp_(master, 1 - min(plan.average, self.step / (self.step + 10)))
        self.step += 1
        self.tokens += rows * context
        return PretrainProgress(self.step, self.tokens, self.seconds, share, total, norm, scale)

    def _learn(self, tokens: int, part: Tensor) -> Tensor:
        """Add the gradient of a micro-batch; return its share of the mean loss over `tokens` tokens."""
        replica = self._replicas.pop()
        loss = self._losses(replica, part).sum() / tokens
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.accumulate(replica)
        self._replicas.append(replica)
        return loss.detach()

    def save(self, folder: Path) -> None:
        """Write a checkpoint, replacing the last one in one step."""
        state = {
            "shape": asdict(self.plan.shape),
            "optimiser": self.optimiser.state(),
            "average": self.average,
            "stream": self.stream.state(),
            "counts": (self.step, self.tokens, self.seconds),
            "first": self.first,
            "torch": torch.get_rng_state(),
        }
        torch.save(state, folder / "checkpoint.new")
        (folder / "checkpoint.new").replace(folder / "checkpoint.pt")

    def restore(self, folder: Path) -> None:
        """Go on from the checkpoint in `folder`, exactly where it was written.

        Raises ValueError when it is of a model of another shape.
        """
        state = self._checkpoint(folder)
        self.first = state["first"]

    def begin(self, folder: Path) -> None:
        """Begin the plan with what `folder` holds: a run's checkpoint, or the weights of a model.

        Of a run come its optimiser and its place in the text too. Raises ValueError for a model of another shape.
        """
        if (folder / "checkpoint.pt").exists():
            self._checkpoint(folder)
            self.first = self.step
            return
        weights = load_file(folder / "model.safetensors")
        self.optimiser.begin(weights)
        for name, value in self.average.items():
            value.copy_(weights[name])

    def _checkpoint(self, folder: Path) -> dict[str, Any]:
        # the file is our own: the stream's state is plain Python data that the weights-only loader refuses
        state: dict[str, Any] = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=False)
        if state["shape"] != asdict(self.plan.shape):
            raise ValueError(f"{folder} has a checkpoint of another shape, {state['shape']}: use another folder.")
        self.optimiser.restore(state["optimiser"])
        for name, value in state["average"].items():
            self.average[name].copy_(value)
        self.stream.restore(state["stream"])
        self.step, self.tokens, self.seconds = state["counts"]
        torch.set_rng_state(state["torch"])
        return state

    def export(self, folder: Path, averaged: bool = False) -> None:
        """Write the fp32 weights, configuration and tokeniser in the Hugging Face format."""
        masters = self.average if averaged else self.optimiser.masters
        model = new_model(self.tokenizer, self.plan.shape, self.plan.seed)
        model.load_state_dict(masters, strict=False)
        model.tie_weights()
        model.save_pretrained(folder)
        self.tokenizer.save(str(folder / "tokenizer.json"))

    def validation_loss(self, rows: Tensor, averaged: bool = False) -> float:
        """Return the mean loss on fixed rows in nats a token."""
        kept = {name: weight.detach().clone() for name, weight in self.model.named_parameters()}
        if averaged:
            self._write(self.average)
        with torch.no_grad():
            losses = [float(token_losses(self.model, row[None]).mean()) for row in rows.to(self.plan.device)]
        self._write(kept)
        return sum(losses) / len(losses)

    @torch.no_grad()
    def _write(self, weights: dict[str, Tensor]) -> None:
        for name, weight in self.model.named_parameters():
            weight.copy_(weights[name])


def pretrain(
    run: Run,
    folder: Path,
    validation: Sequence[str] = (),
    report: Callable[[PretrainProgress], None] = lambda progress: None,
    seconds: float = math.inf,
    start: Path | None = None,
) -> None:
    """Train to the end of the plan, from the folder's checkpoint if there is one; the result is in `folder/final`.

    Without a checkpoint it begins with `start`, a folder for `Run.begin`, or with a new model.

    After `seconds` of wall-clock time it stops at a checkpoint instead, to be resumed later.

    Also written: `plan.json`, `tokenizer.json`, `log.jsonl` (a line per step), checkpoints, `final/training.json`. With
    validation texts, the better of the last and the averaged weights is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(asdict(run.plan), indent=1) + "\n", encoding="utf-8")
    run.tokenizer.save(str(folder / "tokenizer.json"))
    if (folder / "checkpoint.pt").exists():
        run.restore(folder)
    elif start is not None:
        run.begin(start)
    rows = torch.from_numpy(Stream(validation, run.tokenizer, 0, run.plan.fim).rows(96, 512)) if validation else None
    before, began = run.seconds, time.monotonic()
    saved = time.process_time()
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        while run.share < 1 and time.monotonic() - began < seconds:
            progress = run.advance()
            run.seconds = before + time.monotonic() - began
            if time.process_time() - saved > 60 * run.plan.checkpoint_minutes:
                saved = time.process_time()
                run.save(folder)
                loss = run.validation_loss(rows) if rows is not None else None
                progress = replace(progress, validation=loss)
            log.write(json.dumps(asdict(progress)) + "\n")
            log.flush()
            report(progress)
    run.save(folder)
    if run.share >= 1:
        _finish(run, folder / "final", rows)


def _finish(run: Run, folder: Path, rows: Tensor | None) -> None:
    losses = {} if rows is None else {key: run.validation_loss(rows, key == "average") for key in ("last", "average")}
    averaged = bool(losses) and losses["average"] < losses["last"]
    run.export(folder, averaged)
    result = {
        "tokens": run.tokens,
        "steps": run.step,
        "seconds": run.seconds,
        "epochs": run.stream.epoch,
        "validation_loss": losses,
        "averaged": averaged,
        "plan": asdict(run.plan),
    }
    (folder / "training.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
