import multiprocessing

import numpy as np
import pytest
from tokenizers import Tokenizer

from empower_training.pretrain.rows_ahead import RowFeed

pytestmark = [
    pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs processes that fork"),
    # the processes only cut and tokenise, so no lock of another thread concerns them
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),  # torch, where there is one core
]


def spelt(tokenizer: Tokenizer, rows: np.ndarray) -> str:
    return "".join(tokenizer.decode(row) for row in rows.tolist())


def test_every_process_has_texts_of_its_own(tokenizer: Tokenizer) -> None:
    feed = RowFeed(["a = 1\n" * 400, "b = 2\n" * 400], tokenizer, fim=0.0, workers=2)
    batches = [spelt(tokenizer, feed.rows(2, 64)) for _ in range(6)]
    assert ["a" in batch for batch in batches] == [True, False] * 3
    assert ["b" in batch for batch in batches] == [False, True] * 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_feed_is_seeded(tokenizer: Tokenizer, texts: list[str], workers: int) -> None:
    first, same, other = (RowFeed(texts, tokenizer, seed, workers=workers).rows(4, 64) for seed in (1, 1, 2))
    assert first.shape == (4, 64)
    assert first.dtype == np.int64
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_feed_repeats_no_row(tokenizer: Tokenizer, texts: list[str], workers: int) -> None:
    feed = RowFeed(texts, tokenizer, workers=workers)
    before = {row.tobytes() for _ in range(5) for row in feed.rows(4, 64)}
    state = feed.state()
    assert state["tokens"] == 5 * 4 * 64
    resumed = RowFeed(texts, tokenizer, workers=workers)
    resumed.restore(state)
    after = {row.tobytes() for _ in range(5) for row in resumed.rows(4, 64)}
    assert len(before) == len(after) == 20
    assert not before & after
    assert resumed.state()["tokens"] == 2 * state["tokens"]


def test_rows_of_another_size_are_new_ones(tokenizer: Tokenizer, texts: list[str]) -> None:
    feed = RowFeed(texts, tokenizer, fim=0.0)
    short = feed.rows(2, 64)
    long = feed.rows(1, 128)
    assert long.shape == (1, 128)
    assert not np.array_equal(long[0, :64], short[0])


def test_passes_are_counted_over_pieces(tokenizer: Tokenizer, texts: list[str]) -> None:
    """Two short texts: a row of 64 tokens takes in more than one of them."""
    feed = RowFeed(["x = 1\n" * 5, "y = 2\n" * 5], tokenizer, fim=0.0, workers=1)
    counted = [feed.epoch]
    for context in (64, 64, 128, 128):
        feed.rows(1, context)
        counted.append(feed.epoch)
    assert counted == sorted(counted)
    assert counted[0] == 0.0
    assert counted[-1] > counted[1] >= 1.0


def test_no_process_is_without_texts(tokenizer: Tokenizer, texts: list[str]) -> None:
    feed = RowFeed(texts[2:3], tokenizer, workers=2)
    assert [feed.rows(1, 64).shape for _ in range(3)] == [(1, 64)] * 3
