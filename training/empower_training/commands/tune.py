"""`empower-lsp lab tune`: the last step of making a model, its fine-tune on packages that it was not pre-trained on."""

from __future__ import annotations

from pathlib import Path

import click

from empower_lsp.commands import errors_as_exit
from empower_training.commands import options
from empower_training.commands.options import FOLDER, ROWS, needs_model, needs_split, weights_folder
from empower_training.commands.progress import watching

SPLIT = "tuning"


@click.command()
@click.argument("source")
@options.corpus
@click.argument("target", type=FOLDER)
@options.method
@options.eta
@click.option("--examples", default=3000, show_default=True, type=click.IntRange(1), help="Places to learn from.")
@click.option("--context", default=256, show_default=True, type=click.IntRange(64), help="Most tokens of an example.")
@click.option("--epochs", default=1, show_default=True, type=click.IntRange(1))
@options.rate
@options.seed
@errors_as_exit()
def tune(
    *,
    source: str,
    corpus_folder: Path,
    target: Path,
    method: str,
    eta: float,
    examples: int,
    context: int,
    epochs: int,
    rate: float | None,
    seed: int,
) -> None:
    """Fine-tune all weights of SOURCE on CORPUS's tuning packages into TARGET.

    SOURCE is a `final` folder of `pretrain`, or a model by name or file. TARGET/final is what `export` takes. Run again
    with the same arguments to resume.
    """
    needs_split(corpus_folder, SPLIT)
    start = weights_folder(source)
    needs_model(start)
    from empower_training.corpus import corpus
    from empower_training.finetune import Recipe, finetune
    from empower_training.labels import Method, Text
    from empower_training.retrain import FinetunePlan, found_examples

    texts = [Text(f"{file.package}/{file.path}", file.text, 0.0) for file in corpus.load(corpus_folder, SPLIT)]
    batch = ROWS if method == "text" else Recipe().batch
    recipe = Recipe(adapter=False, rate=rate, epochs=epochs, batch=batch, seed=seed)
    plan = FinetunePlan(method=Method(method), eta=eta, count=examples, context=context, seed=seed, recipe=recipe)
    with watching(examples) as watch:
        watch.stage("labels")
        labelled = found_examples(start, texts, plan, target, watch.labelled)
        watch.stage("training")
        finetune(start, labelled, target, recipe, watch.step)
    click.echo((target / "final" / "training.json").read_text(encoding="utf-8"))
