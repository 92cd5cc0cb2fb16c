"""Texts that occur twice.

Near-duplicate files: MinHash over five-token shingles, looked up by locality-sensitive hashing. Copied passages: runs
of lines that are the same to the letter.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WIDTH = 5
_PERMUTATIONS = 64
_RUN = 8
"""Lines; fewer may be the same by chance."""


def shingles(text: str) -> NDArray[np.uint32]:
    """Return sorted distinct hashes of the text's runs of five tokens, shape (n,); a shorter text is one shingle."""
    tokens = _TOKEN.findall(text)
    known = {token: zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in set(tokens)}
    hashes = np.array([known[token] for token in tokens], dtype=np.uint64)
    count = max(1, len(hashes) - _WIDTH + 1)
    mixed = np.zeros(count, dtype=np.uint64)
    for offset in range(min(_WIDTH, len(hashes))):
        # the multiplier is the 64-bit golden ratio of Fibonacci hashing; uint64 arithmetic wraps by design
        mixed = (mixed ^ hashes[offset : offset + count]) * np.uint64(0x9E3779B97F4A7C15)
    return np.unique((mixed >> np.uint64(32)).astype(np.uint32))


class NearDuplicates:
    """The texts seen so far, and whether a new one resembles any of them."""

    def __init__(self, threshold: float = 0.7) -> None:
        """Count two texts as the same from a Jaccard similarity of their shingle sets of `threshold`."""
        from datasketch import MinHashLSH  # only who builds a corpus has it

        self._index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS)
        self._count = 0

    def add(self, text: str) -> bool:
        """Remember a text; return False, and do not remember it, when one like it is there already."""
        from datasketch import MinHash

        sketch = MinHash(num_perm=_PERMUTATIONS, hashfunc=int)
        sketch.update_batch(shingles(text).tolist())
        if self._index.query(sketch):
            return False
        self._index.insert(str(self._count), sketch)
        self._count += 1
        return True


def copied(texts: Mapping[str, Sequence[str]], others: Iterable[str]) -> dict[str, float]:
    """Return for each name the share of its texts' lines that stand in a run of eight that `others` have too.

    Lines count without their indentation; blank ones and comments, which may be a licence's text, not at all.
    """
    mine = {name: [runs(text) for text in named] for name, named in texts.items()}
    wanted = {run for named in mine.values() for each in named for run in each}
    shared = {run for other in others for run in runs(other) if run in wanted}
    shares = {}
    for name, named in mine.items():
        lines = sum(len(each) + _RUN - 1 for each in named if each)
        there = {
            (index, line)
            for index, each in enumerate(named)
            for first, run in enumerate(each)
            if run in shared
            for line in range(first, first + _RUN)
        }
        shares[name] = len(there) / max(1, lines)
    return shares


def runs(text: str) -> list[int]:
    """Return the hashes of all runs of eight lines; blank lines and comments do not count, nor does indentation."""
    lines = [stripped for line in text.splitlines() if (stripped := line.strip()) and not stripped.startswith("#")]
    return [hash(tuple(lines[first : first + _RUN])) for first in range(len(lines) - _RUN + 1)]
