"""The seam between the token loop and a language model: prompt tokens in, a stream of measured tokens out."""

from __future__ import annotations

import bisect
import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from empower_model.engine.drafting import Drafts

if TYPE_CHECKING:  # the server's own process does without numpy
    import numpy as np
    from numpy.typing import NDArray

LogProbs: TypeAlias = "NDArray[np.float32]"
"""Natural log-probabilities over the vocabulary, shape (n_vocab,), summing to one after exp."""

Transform: TypeAlias = "Callable[[Sequence[int], LogProbs], LogProbs]"
"""A pure step between the model and the choice of a token: (ids generated so far, log-probabilities) to
log-probabilities. What comes out is what is chosen from and what is measured."""

IMPOSSIBLE = -1e9
"""Log-probability of a ruled-out token: finite, so that p * log p is 0 and not NaN."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """All that an engine is started with; a change of any field means another engine."""

    path: Path
    threads: int = 0
    """0 = what was measured to be best for the model on this machine; else the physical cores this process may use, and
    to write one fewer, or for a small model just one."""
    gpu_layers: int = 0
    """Layers offloaded to the GPU; -1 = all."""
    context_size: int = 2048
    """Tokens of context; the model's own training context is never exceeded."""
    adapter: Path | None = None
    """A LoRA adapter made for the model, as a GGUF file."""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token and what the model thought of it."""

    id: int
    piece: bytes
    """The bytes it stands for: possibly part of a character, empty for control tokens."""
    surprisal: float
    """-log2 p of this token in the distribution it was chosen from, in bits."""
    entropy: float
    """Entropy of that distribution, in bits."""
    others: tuple[tuple[bytes, float], ...] = ()
    """Where this one was not nearly certain, the likeliest others of that distribution: bytes and probability each."""

    def beyond(self, count: int) -> Token:
        """Return it without the first bytes, which stood there already."""
        others = tuple((piece[count:], probability) for piece, probability in self.others)
        return Token(self.id, self.piece[count:], self.surprisal, self.entropy, others)

    def __reduce__(self) -> tuple[type[Token], tuple[int, bytes, float, float, tuple[tuple[bytes, float], ...]]]:
        """Pickle for the way between processes: four times as fast as what frozen slots bring."""
        return Token, (self.id, self.piece, self.surprisal, self.entropy, self.others)


class FimTokens(NamedTuple):
    """The fill-in-the-middle tokens, as the model file's metadata names them."""

    prefix: int
    suffix: int
    middle: int


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The part of a tokeniser that the rest of the program must know."""

    pieces: tuple[bytes, ...]
    end_of_generation: frozenset[int]
    fim: FimTokens | None = None
    bos: int | None = None
    """The token every prompt must begin with, if the model was trained so."""

    @cached_property
    def _sorted(self) -> tuple[list[bytes], list[int]]:
        order = sorted((piece, i) for i, piece in enumerate(self.pieces) if piece)
        return [piece for piece, _ in order], [i for _, i in order]

    def begins(self, text: bytes) -> bool:
        """Tell whether some token begins with these bytes."""
        pieces, _ = self._sorted
        at = bisect.bisect_left(pieces, text)
        return at < len(pieces) and pieces[at].startswith(text)

    def compatible(self, forced: bytes) -> list[int]:
        """Return the ids of the tokens that can come next when the text must begin with `forced`.

        These are the tokens that begin with `forced` and those that `forced` begins with.
        """
        pieces, ids = self._sorted
        if not forced:
            return ids
        after = forced[:-1] + bytes([forced[-1] + 1])  # 0xff never ends UTF-8
        compatible = ids[bisect.bisect_left(pieces, forced) : bisect.bisect_left(pieces, after)]
        for length in range(1, len(forced)):
            at = bisect.bisect_left(pieces, forced[:length])
            if at < len(pieces) and pieces[at] == forced[:length]:
                compatible.append(ids[at])
        return compatible


class StopFlag:
    """A byte that another thread or process sets to end the work at hand within one token.

    Two bytes, the second always zero: as a C string its length is 0 or 1, which lets llama.cpp poll it with
    `strlen` and without Python's lock. `memory` may be shared between processes.
    """

    def __init__(self, memory: ctypes.Array[ctypes.c_char] | None = None) -> None:
        self.memory = memory if memory is not None else (ctypes.c_char * 2)()

    def set(self) -> None:
        """Ask for the end."""
        self.memory[0] = b"\x01"

    def clear(self) -> None:
        """Arm the flag for new work."""
        self.memory[0] = b"\0"

    def is_set(self) -> bool:
        """Tell whether the work should end."""
        return self.memory[0] != b"\0"

    @property
    def address(self) -> int:
        """Return where the bytes lie in this process."""
        return ctypes.addressof(self.memory)


class Engine(Protocol):
    """A language model that keeps the state of its last prompt.

    Not thread-safe: one thread at a time.
    """

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the model's tokens."""
        ...

    @property
    def stop(self) -> StopFlag:
        """Set from anywhere, it ends prefill and decode within one token."""
        ...

    @property
    def context_size(self) -> int:
        """Return how many tokens prompt and generation together may take."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text; text that looks like a control token stays text."""
        ...

    def prefill(self, prompt: Sequence[int]) -> int:
        """Make `prompt` the state; returns how many tokens had to be evaluated (at least 1).

        Raises PromptTooLong, and EngineStopped when ended on request.
        """
        ...

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        """Evaluate at most `most` more tokens of a prompt that will be asked for; return whether all are.

        The state of the last prompt is not lost by it. Raises PromptTooLong, and EngineStopped when ended on request.
        """
        ...

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        """Continue the prefilled prompt greedily, token by token.

        `drafts` may be asked what probably comes next, to evaluate it along; what is written does not depend on it.
        Ends after an end-of-generation token, at the end of the context, or when told to stop.
        """
        ...

    def close(self) -> None:
        """Free the model's memory."""
        ...


@dataclass
class FakeEngine:
    """An engine that writes a script: for tests and for front ends without a model.

    `script` maps the prompt's text to (piece, surprisal, entropy) triples; tokens are single bytes when text is
    tokenised, and scripted pieces get ids of their own.
    """

    script: Callable[[str], Sequence[tuple[str, float, float]]]
    stop: StopFlag = field(default_factory=StopFlag)
    context_size: int = 2048
    prompts: list[str] = field(default_factory=list)
    prepared: list[list[int]] = field(default_factory=list)
    vocabulary: Vocabulary = field(
        default_factory=lambda: Vocabulary(
            pieces=(*(bytes([b]) for b in range(256)), b"", b"", b"", b""),
            end_of_generation=frozenset({256}),
            fim=FimTokens(257, 258, 259),
        )
    )

    def tokenize(self, text: str) -> list[int]:
        """Return one token a byte."""
        return list(text.encode())

    def prefill(self, prompt: Sequence[int]) -> int:
        """Remember the prompt; the whole of it counts as evaluated."""
        marks = {257: b"<PRE>", 258: b"<SUF>", 259: b"<MID>"}
        self.prompts.append(b"".join(marks.get(i) or self.vocabulary.pieces[i] for i in prompt).decode())
        return len(prompt)

    def prepare(self, prompt: Sequence[int], most: int) -> bool:
        """Remember that the prompt was prepared; it is at once."""
        self.prepared.append(list(prompt))
        return True

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        """Yield the script of the last prompt; neither transforms nor drafts are consulted."""
        for piece, surprisal, entropy in self.script(self.prompts[-1]):
            if self.stop.is_set():
                return
            yield Token(0 if piece else 256, piece.encode(), surprisal, entropy)

    def close(self) -> None:
        """Do nothing: there is nothing to free."""
