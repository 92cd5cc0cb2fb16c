"""How far a long command is, shown on stderr while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

    from empower_training.finetune import Progress as Step
    from empower_training.retrain import Watch


@contextmanager
def bar() -> Iterator[Progress]:
    """Show a progress bar on stderr with the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield progress


@contextmanager
def watching(examples: int) -> Iterator[Watch]:
    """Show a line for each stage on stderr, with the time left; `examples` is how many are to be labelled."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from empower_training.retrain import Watch

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def stage(name: str) -> None:
            for task in progress.tasks:
                progress.update(task.id, total=1, completed=1)
            progress.add_task(name, total=examples if name == "labels" else None, said="")

        def step(now: Step) -> None:
            said = f"loss {now.loss:.2f}"
            progress.update(progress.task_ids[-1], total=now.steps, completed=now.step, said=said)

        yield Watch(stage, lambda done: progress.update(progress.task_ids[-1], completed=done), step)
