"""Rows for a device that learns faster than one process can cut and tokenise: made ahead by several processes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from empower_training.corpus import Stream

Batch = tuple[NDArray[np.int64], float]
"""Rows, and how often the texts they come from have been passed."""


class Rows(Protocol):
    """An endless, resumable source of rows: `Stream` in this process, `RowFeed` in others."""

    @property
    def epoch(self) -> float:
        """Return the passes over the texts."""

    def rows(self, count: int, context: int) -> NDArray[np.int64]:
        """Return the next rows, shape (count, context)."""

    def state(self) -> dict[str, Any]:
        """Return where the source is, for `restore`."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""


class Shares(IterableDataset[Batch]):
    """Endless batches; each process that iterates takes every n-th text, in a `Stream` of its own."""

    def __init__(
        self, texts: Sequence[str], tokenizer: Tokenizer, fim: float, seed: str, size: tuple[int, int]
    ) -> None:
        """Take texts to iterate over; `size` is that of a batch: rows, and tokens of a row."""
        self._texts = texts
        self._tokenizer = tokenizer
        self._fim = fim
        self._seed = seed
        self._size = size

    def __iter__(self) -> Iterator[Batch]:
        """Yield this process's batches."""
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        texts = self._texts[worker::workers]
        seed = random.Random(f"{self._seed}-{worker}").getrandbits(32)
        stream = Stream(texts, self._tokenizer, seed, self._fim)
        while True:
            rows = stream.rows(*self._size)
            state = stream.state()
            yield rows, state["epoch"] + state["index"] / len(texts)


class RowFeed:
    """Endless rows from several processes, a few batches ahead of what is asked for.

    A restored feed, or one asked for rows of another size, begins a new pass whose order and cuts are seeded by the
    tokens handed out so far. So a resumed run sees none of the old rows again; texts that the old pass had not reached
    wait for their turn in the new one.
    """

    def __init__(
        self, texts: Sequence[str], tokenizer: Tokenizer, seed: int = 0, fim: float = 0.5, workers: int = 0
    ) -> None:
        """Make the rows in so many processes, at most one a text; with 0 `workers` in this one."""
        self._texts = texts
        self._tokenizer = tokenizer
        self._seed = seed
        self._fim = fim
        self._workers = min(workers, len(texts))
        self._tokens = 0
        self._size: tuple[int, int] | None = None
        self._batches: Iterator[Batch] = iter(())
        self._passed = 0.0
        self.epoch = 0.0

    def rows(self, count: int, context: int) -> NDArray[np.int64]:
        """Return the next rows, shape (count, context)."""
        if self._size != (count, context):
            self._size = (count, context)
            self._passed = self.epoch
            self._batches = self._started(self._size)
        rows, passes = next(self._batches)
        self._tokens += rows.size
        self.epoch = self._passed + passes
        return rows

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from: the tokens handed out and the passes over the texts."""
        return {"tokens": self._tokens, "epoch": self.epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on after `state` with rows that were not handed out before it."""
        self._tokens, self.epoch = state["tokens"], state["epoch"]
        self._size, self._batches = None, iter(())

    def _started(self, size: tuple[int, int]) -> Iterator[Batch]:
        shares = Shares(self._texts, self._tokenizer, self._fim, f"{self._seed}-{self._tokens}", size)
        # forked, the processes share the texts instead of each getting a copy; arrays left as they are travel through
        # pipes, while tensors would need shared memory, of which a container may have little
        return iter(
            DataLoader(
                shares,
                batch_size=None,
                num_workers=self._workers,
                collate_fn=_as_it_is,
                multiprocessing_context="fork" if self._workers else None,
            )
        )


def _as_it_is(batch: Any) -> Any:
    return batch
