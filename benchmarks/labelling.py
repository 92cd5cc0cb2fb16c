"""Labelling every cut point of a text with the paper's rule: beside a plain forward pass, and prefix by prefix."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from figures import Figure, compare
from workload import source

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_training.labels.labelling import ETAS, label, spans, surprisals
from empower_training.labels.strips import Strip

if TYPE_CHECKING:  # torch in this process is no business of the other benchmarks
    from transformers import Qwen3ForCausalLM

ETA = ETAS[2]


def labelling(path: Path, *, tokens: int, rounds: int, short: int) -> list[Figure]:
    """Seconds to label a text of so many tokens, in turns with what it is compared to.

    The model has the bundled model's shape and tokens, and random weights: its speed does not depend on them. Prefix by
    prefix, all tokens before each one are evaluated again; that is run in full, once, on `short` tokens.
    """
    import torch

    torch.set_num_threads(1)
    engine = LlamaEngine(EngineConfig(path))
    ids, vocabulary = engine.tokenize(source())[:tokens], len(engine.vocabulary.pieces)
    engine.close()
    model = _model(vocabulary)
    row = torch.tensor([ids])

    def plain() -> None:
        with torch.inference_mode():
            model(input_ids=row[:, :-1], use_cache=False)

    def ours() -> None:
        label(model, _strip(ids), tokens).spans(ETA)

    def of_few() -> None:
        label(model, few, tokens).spans(ETA)

    plain()
    ours()
    pairs = [(_seconds(ours), _seconds(plain)) for _ in range(rounds)]
    few = _strip(ids[:short])
    slowly: list[float] = []
    apart = _seconds(lambda: slowly.extend(_prefix_by_prefix(model, ids[:short])))
    together = [_seconds(of_few) for _ in range(3)]
    same = np.mean(spans(slowly, ETA) == label(model, few, tokens).spans(ETA))
    return [
        compare(
            f"labels of {tokens} tokens, over a plain forward pass",
            "ms",
            [1000 * ours for ours, _ in pairs],
            [1000 * plain for _, plain in pairs],
            1.1,
        ),
        compare(
            f"labels of {short} tokens, over prefix by prefix",
            "ms",
            [1000 * float(np.median(together))],
            [1000 * apart],
            note=f"{apart / np.median(together):.0f} times as fast; {same:.1%} of the labels are the same",
        ),
    ]


def _model(vocabulary: int) -> Qwen3ForCausalLM:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from empower_training.pretrain.plan import Shape

    torch.manual_seed(0)
    shape = Shape()
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.head_width,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
    )
    model = Qwen3ForCausalLM(config)
    model.train(False)
    return model


def _strip(ids: list[int]) -> Strip:
    """All of a text after its first token; lengths in characters are not wanted here."""
    rest = len(ids) - 1
    return Strip("", tuple(ids[:1]), tuple(ids[1:]), tuple(range(1, rest + 1)), tuple(range(rest)))


def _prefix_by_prefix(model: Qwen3ForCausalLM, ids: list[int]) -> list[float]:
    """Return the surprisal of every token but the first, each from a pass over all before it."""
    return [float(surprisals(model, ids[: end + 1], 1)[0]) for end in range(1, len(ids))]


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
