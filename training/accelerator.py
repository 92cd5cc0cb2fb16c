"""Pre-training on another machine with a GPU: runs of limited time that resume each other, weights in pieces.

The machine needs Python, torch, transformers, tokenizers, numpy and safetensors, and neither a network nor anything of
ours installed. `train` there, `pieces` there for the weights that `train` did not copy, `join` at home.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "model")]

if TYPE_CHECKING:
    from empower_training.pretrain.plan import Plan
    from empower_training.pretrain.pretrain import PretrainProgress, Run

_PIECE = 15 * 2**20
"""Bytes; so much of a file goes through where a transfer limits its size."""
_FIRST = 3
"""Pieces that `train` itself copies, beside its four small files; `pieces` copies the others."""
_SIDE_FILES = ("config.json", "tokenizer.json", "training.json")
"""They travel in the header of the weights."""
_SHAPES = ("recipe-b", "small")
_log = logging.getLogger("accelerator")


def plans() -> dict[str, Plan]:
    """Return the runs to choose from: `recipe-b`, and `small` to try the way on any computer."""
    from empower_training.pretrain.optimiser import Rates
    from empower_training.pretrain.plan import Plan, Shape, spread

    small = Shape(width=64, layers=2, feed_forward=128, heads=2, key_value_heads=1, head_width=32, context=128)
    return {
        "small": Plan(
            tokens_per_step=512, small_batch=0.0, micro_batch=256, context=64, long_context=128, feeders=1, shape=small
        ),
        "recipe-b": Plan(
            tokens_per_step=131_072,
            small_batch=0.0,
            micro_batch=65_536,
            context=1024,
            long_context=2048,
            long_from=0.65,
            fim=0.6,
            feeders=14,
            shape=Shape(
                width=768,
                layers=8,
                feed_forward=1792,
                heads=12,
                key_value_heads=4,
                context=2048,
                spread=spread(768),
            ),
            # Keller's Muon 0.02 and cautious decay 0.4 at width 768: 0.02 / (0.2 sqrt(768)), and half of
            # 0.4 * 0.2 sqrt(768), since without the mask that makes it cautious all weights decay and not about half
            rates=Rates(muon=3.6e-3, adam=5e-3, beta2=0.991, weight_decay=1.1),
        ),
    }


def train(options: argparse.Namespace) -> None:
    """Check the machine, train or resume in `work`, and write what comes home into `out`.

    While runs are to follow, the last part of this one decays a copy to a fallback; else the training itself decays to
    its end. What is learnt in the check is thrown away: the run goes on from its checkpoint.
    """
    deadline = time.monotonic() + options.seconds - options.finish
    options.out.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(options.out / "log.txt", encoding="utf-8")
    handlers = (logging.StreamHandler(sys.stdout), file)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers, force=True)
    logging.captureWarnings(True)
    from tokenizers import Tokenizer

    from empower_training.corpus import pack as packs
    from empower_training.pretrain.pretrain import Run, pretrain

    pack = packs.read(options.pack)
    tokenizer = Tokenizer.from_str(pack.tokenizer)
    tokenizer.encode_special_tokens = True
    plan = replace(plans()[options.shape], device=options.device, compile=options.compile)
    run = Run(replace(plan, attention="sdpa", exact_positions=True), pack.train, tokenizer)
    options.work.mkdir(parents=True, exist_ok=True)
    if not (options.work / "checkpoint.pt").exists():
        run.save(options.work)
    _check(run, options.seconds / 100, longest=not options.later)
    run.restore(options.work)
    left = deadline - time.monotonic() - (options.fallback if options.later else 0)
    if left <= 0:
        raise SystemExit("No time is left to train: give more --seconds, or less --fallback and --finish.")
    run.plan = replace(run.plan, minutes=(run.seconds + left + options.later) / 60)
    _log.info("%s after %.0f s: %.0f s to train, %.0f s later", options.shape, run.seconds, left, options.later)
    pretrain(run, options.work, pack.validation, _reporter(), left if options.later else math.inf)
    done = options.work
    if options.later:
        done = options.work / "fallback"
        shutil.rmtree(done, ignore_errors=True)
        run.plan = _decaying(run, max(1.0, deadline - time.monotonic()))
        pretrain(run, done, pack.validation, _reporter())
    shutil.copy(options.work / "log.jsonl", options.out)
    shutil.copy(done / "final" / "training.json", options.out)
    _log.info("%s", json.loads((done / "final" / "training.json").read_text(encoding="utf-8"))["validation_loss"])
    cut(done / "final", options.work / "pieces")
    bring(options.work / "pieces", options.out, 0, _FIRST)


def _decaying(run: Run, seconds: float) -> Plan:
    """Return a plan that ends `seconds` from here, decaying all the way, with rows no longer than now."""
    end = run.seconds + seconds
    return replace(run.plan, minutes=end / 60, decay=seconds / end, long_from=1.0)


def _check(run: Run, seconds: float, longest: bool) -> None:
    """Log how fast rows are made and learnt from, each measured for so many seconds; the run is no longer of use."""
    import torch

    plan = run.plan
    size = plan.tokens_per_step // plan.context, plan.context
    start = time.monotonic()
    made = _rate(lambda: run.stream.rows(*size).size, seconds, skipped=1 + plan.feeders)
    learnt = _rate(lambda: _learnt(run), seconds, skipped=1)
    if longest:  # compiled here, since the run's clock would go on meanwhile
        run.seconds = 60 * plan.minutes * plan.long_from + 1
        _learnt(run)
    memory = torch.cuda.max_memory_allocated() / 2**30
    _log.info("check: %.0f tokens/s made, %.0f tokens/s learnt from", made, learnt)
    _log.info("check: took %.0f s, %.1f GiB of the device's memory", time.monotonic() - start, memory)
    if made < learnt * 1.2:
        _log.info("check: THE FEED IS TOO SLOW for the device; it has %d processes", plan.feeders)


def _learnt(run: Run) -> int:
    before = run.tokens
    run.advance()
    return run.tokens - before


def _rate(step: Callable[[], int], seconds: float, skipped: int) -> float:
    """Tokens a second of a step that returns its tokens, after the first `skipped`."""
    for _ in range(skipped):
        step()
    start, tokens = time.monotonic(), step()
    while time.monotonic() < start + seconds:
        tokens += step()
    return tokens / (time.monotonic() - start)


def _reporter() -> Callable[[PretrainProgress], None]:
    """Return a report that logs a line every ten seconds, and all validation losses."""
    due = 0.0

    def report(now: PretrainProgress) -> None:
        nonlocal due
        if time.monotonic() >= due or now.validation is not None:
            due = time.monotonic() + 10
            watched = "" if now.validation is None else f", validation {now.validation:.3f}"
            figures = (now.step, now.seconds, now.tokens / 1e6, now.loss, watched)
            _log.info("step %d, %.1f s, %.2f M tokens, loss %.3f%s", *figures)

    return report


def cut(final: Path, target: Path, size: int = _PIECE) -> int:
    """Write the model in `final` in bfloat16 as pieces of `size` bytes, with their checksum; returns how many.

    `cat weights.[0-9]*` joins them to a safetensors file whose sha256 is in `weights.sha256`.
    """
    import torch
    from safetensors.torch import load_file, save

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    tensors = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(final / "model.safetensors").items()}
    whole = save(tensors, {name: (final / name).read_text(encoding="utf-8") for name in _SIDE_FILES})
    starts = range(0, len(whole), size)
    for index, start in enumerate(starts):
        (target / f"weights.{index:02d}").write_bytes(whole[start : start + size])
    checksum = f"{hashlib.sha256(whole).hexdigest()}  weights.safetensors\n"
    (target / "weights.sha256").write_text(checksum, encoding="utf-8")
    _log.info("weights: %d pieces, %s", len(starts), checksum.strip())
    return len(starts)


def bring(pieces: Path, out: Path, first: int, last: int) -> None:
    """Copy the pieces from `first` until before `last`, and the checksum, into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for path in [*sorted(pieces.glob("weights.[0-9][0-9]"))[first:last], pieces / "weights.sha256"]:
        shutil.copy(path, out)


def join(pieces: Path, target: Path) -> None:
    """Make of the pieces in a folder one in the Hugging Face format, in fp32, as `empower-lsp lab export` takes it."""
    from safetensors.torch import load, save_file

    whole = b"".join(path.read_bytes() for path in sorted(pieces.glob("weights.[0-9][0-9]")))
    checksum = pieces / "weights.sha256"
    if not checksum.exists() or checksum.read_text(encoding="utf-8").split()[0] != hashlib.sha256(whole).hexdigest():
        raise SystemExit(f"{pieces} has not all pieces of one model and their checksum: bring back those of one run.")
    target.mkdir(parents=True, exist_ok=True)
    header = json.loads(whole[8 : 8 + int.from_bytes(whole[:8], "little")])
    for name in _SIDE_FILES:
        (target / name).write_text(header["__metadata__"][name], encoding="utf-8")
    tensors = {name: tensor.float() for name, tensor in load(whole).items()}
    save_file(tensors, target / "model.safetensors", {"format": "pt"})


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train", help="train or resume in WORK, and write what comes home into OUT")
    for name in ("pack", "work", "out"):
        command.add_argument(name, type=Path)
    command.add_argument("--seconds", type=float, default=520.0, help="of this run, all counted")
    command.add_argument("--later", type=float, default=0.0, help="seconds of runs to follow; 0: decay to the end now")
    command.add_argument("--fallback", type=float, default=60.0, help="seconds of its decay, where runs are to follow")
    command.add_argument("--finish", type=float, default=30.0, help="seconds to measure and write at the end")
    command.add_argument("--shape", choices=_SHAPES, default=_SHAPES[0])
    command.add_argument("--device", default="cuda")
    command.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    command = commands.add_parser("pieces", help="copy further pieces from WORK into OUT")
    command.add_argument("work", type=Path)
    command.add_argument("out", type=Path)
    command.add_argument("first", type=int)
    command.add_argument("last", type=int)
    command = commands.add_parser("join", help="at home: make a model folder of the pieces")
    command.add_argument("pieces", type=Path)
    command.add_argument("target", type=Path)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that is named."""
    options = _options(arguments)
    if options.command == "train":
        train(options)
    elif options.command == "pieces":
        bring(options.work / "pieces", options.out, options.first, options.last)
    else:
        join(options.pieces, options.target)


if __name__ == "__main__":
    main()
