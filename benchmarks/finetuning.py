"""How many cut points a model learns from in an hour on this machine, labels included, and how much memory that takes.

    python benchmarks/finetuning.py [MODEL] [--code PATH] [--context N] [--together N] [--places N] [--threads N]

Cut points are laid out as the server does it. Those taken together share an evaluation; with `--together 1` there is
none to share. What is printed is for one epoch: the labels are made once, and each epoch takes the training once more.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from adapters import ROOT, code

from empower_model.files import store

if TYPE_CHECKING:
    from empower_training.finetune import Progress
    from empower_training.labels import Text


def peak() -> float:
    """Return the most memory that this process has had, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(base: Path, texts: Sequence[Text], *, context: int, together: int, places: int, precision: str) -> None:
    """Label `places` places and learn from them, one a step, and print what that takes."""
    from empower_training.corpus import tokenizer as tokenizers
    from empower_training.finetune import Recipe, finetune, load
    from empower_training.finetune.recipe import Precision
    from empower_training.labels import Method, examples

    chosen: Precision | None = next((name for name in get_args(Precision) if name == precision), None)
    before_all = time.perf_counter(), time.process_time()
    started = time.perf_counter()
    model = load(base, chosen)
    print(f"loaded as {model.dtype} in {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    made = examples(
        model,
        tokenizers.load(base),
        texts,
        method=Method.EMPOWER,
        eta=32.0,
        seed=0,
        count=places * together,
        context=context,
        together=together,
    )
    labels = (time.perf_counter() - started) / len(made)
    tokens = max(len(example.prompt) + len(example.target) for example in made)
    print(f"labels: {labels:.2f} s a cut point, rows of up to {tokens} tokens; {peak():.1f} GiB at the peak")
    del model
    seen: list[Progress] = []
    with tempfile.TemporaryDirectory(prefix="empower-finetuning-") as folder:
        recipe = Recipe(rank=8, alpha=16, epochs=1, batch=together, precision=chosen)
        finetune(base, made, Path(folder), recipe, seen.append)
    # the first step also sets things up, which all that follow have
    steady = seen[1:] or seen
    before = seen[0] if len(seen) > 1 else None
    seconds = seen[-1].seconds - (before.seconds if before else 0.0)
    training = seconds / len(steady) / together
    print(
        f"training: {training:.2f} s a cut point, {seconds / len(steady):.1f} s a place; {peak():.1f} GiB at the peak"
    )
    print(f"{3600 / (labels + training):.0f} cut points an hour, {3600 / (labels + 2 * training):.0f} for two epochs")
    had = (time.process_time() - before_all[1]) / (time.perf_counter() - before_all[0])
    print(f"The machine gave this process {had:.0%} of the time of a core; with more, it is quicker by as much.")


def main() -> None:
    """Measure the model that was named, or the one in use."""
    import torch

    from empower_training.finetune import base_folder
    from empower_training.labels import Text

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="")
    parser.add_argument("--code", type=Path, default=ROOT, help="as for adapters.py")
    parser.add_argument("--context", type=int, default=768)
    parser.add_argument("--together", type=int, default=8)
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="", help="float32 or bfloat16 [default: as in training]")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    measure(
        base_folder(store.checked(given.model, tuned=False)),
        [Text(name, text, 0.0) for name, text in code(given.code)],
        context=given.context,
        together=given.together,
        places=given.places,
        precision=given.precision,
    )


if __name__ == "__main__":
    main()
