"""The engine with real llama.cpp and the bundled model."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from empower_model.calibration import Calibration
from empower_model.completing import stopping
from empower_model.completing.completer import LocalCompleter
from empower_model.engine import llama_file
from empower_model.engine.context import BATCH
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import IMPOSSIBLE, EngineConfig, LogProbs
from empower_model.errors import EngineError, EngineStopped, ModelFileInvalid, PromptTooLong
from empower_model.request import Request

SOURCE = Path(stopping.__file__).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def engine(weights: Path) -> Iterator[LlamaEngine]:
    engine = LlamaEngine(EngineConfig(weights))
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def armed(engine: LlamaEngine) -> None:
    engine.stop.clear()


@pytest.fixture
def prompt(engine: LlamaEngine) -> list[int]:
    return engine.tokenize(SOURCE)[:300]


def test_tokens_spell_the_text(engine: LlamaEngine) -> None:
    for text in (SOURCE, "naïve 界 🚀\t\r\n\x00 x", "<|fim_prefix|> is text here", ""):
        assert b"".join(engine.vocabulary.pieces[i] for i in engine.tokenize(text)).decode() == text


def test_the_file_names_its_fim_tokens_and_its_end(engine: LlamaEngine) -> None:
    fim = engine.vocabulary.fim
    assert fim is not None
    assert len({*fim, *engine.vocabulary.end_of_generation}) > 3
    assert all(engine.vocabulary.pieces[i] == b"" for i in fim)


def test_only_the_changed_tail_is_evaluated(engine: LlamaEngine, prompt: list[int]) -> None:
    engine.prefill([1])
    assert engine.prefill(prompt) == len(prompt)
    assert engine.prefill(prompt) == 1  # logits are needed anew
    assert engine.prefill([*prompt, 5, 6]) == 2
    assert engine.prefill(prompt[:-10]) == 1
    assert engine.prefill([*prompt[:-10], 7]) == 1


def test_a_reused_cache_gives_the_same_tokens_as_a_fresh_one(engine: LlamaEngine, prompt: list[int]) -> None:
    engine.prefill(prompt[:200])
    fresh = list(islice(engine.decode(), 16))
    engine.prefill(prompt)
    list(islice(engine.decode(), 8))
    assert engine.prefill(prompt[:200]) == 1
    again = list(islice(engine.decode(), 16))
    assert [t.id for t in again] == [t.id for t in fresh]
    assert [t.surprisal for t in again] == pytest.approx([t.surprisal for t in fresh], abs=0.05)


def test_tokens_carry_the_bits_of_the_full_distribution(engine: LlamaEngine, prompt: list[int]) -> None:
    engine.prefill(prompt)
    logits = engine.logits().astype(np.float64)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    token = next(iter(engine.decode()))
    assert token.id == p.argmax()
    assert token.surprisal == pytest.approx(-np.log2(p[token.id]), abs=1e-4)
    assert token.entropy == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-3)


def test_what_a_transform_leaves_is_chosen_and_measured(engine: LlamaEngine, prompt: list[int]) -> None:
    def coin(_: object, log_probs: LogProbs) -> LogProbs:
        out = np.full_like(log_probs, IMPOSSIBLE)
        out[[11, 12]] = np.log(0.5)
        return out

    engine.prefill(prompt)
    tokens = list(islice(engine.decode([coin]), 3))
    assert {t.id for t in tokens} <= {11, 12}
    assert [t.surprisal for t in tokens] == pytest.approx([1.0] * 3)
    assert [t.entropy for t in tokens] == pytest.approx([1.0] * 3)


def test_an_aborted_evaluation_can_be_taken_up_again(engine: LlamaEngine, prompt: list[int]) -> None:
    engine.prefill([1])
    engine.prefill(prompt)
    expected = engine.logits()
    engine.prefill([1])
    engine.stop.set()
    with pytest.raises(EngineStopped):
        engine.prefill(prompt)
    with pytest.raises(EngineError, match="no logits"):
        engine.logits()
    assert list(engine.decode()) == []
    engine.stop.clear()
    engine.prefill(prompt)
    np.testing.assert_allclose(engine.logits(), expected, atol=0.05)


def test_a_stop_from_another_thread_interrupts_a_long_evaluation(engine: LlamaEngine) -> None:
    long = (engine.tokenize(SOURCE) * 8)[: engine.context_size - 1]
    engine.prefill([1])
    started = time.perf_counter()
    engine.prefill(long)
    whole = time.perf_counter() - started
    engine.prefill([1])
    long[0] += 1  # else what was evaluated is found again
    timer = threading.Timer(whole / 10, engine.stop.set)
    timer.start()
    with pytest.raises(EngineStopped):
        engine.prefill(long)
    timer.join()
    engine.stop.clear()
    left = engine.prefill(long)
    assert 1 <= left <= len(long)  # whole micro-batches are kept


def test_a_stop_ends_generation_within_one_token(engine: LlamaEngine, prompt: list[int]) -> None:
    engine.prefill(prompt)
    written = []
    for token in engine.decode():
        written.append(token)
        if len(written) == 3:
            engine.stop.set()
    assert len(written) == 3


def test_generation_ends_at_the_end_of_the_context(weights: Path) -> None:
    small = LlamaEngine(EngineConfig(weights, context_size=64))
    small.prefill(small.tokenize(SOURCE)[:60])

    def never_ends(_: object, log_probs: LogProbs) -> LogProbs:
        out = log_probs.copy()
        out[list(small.vocabulary.end_of_generation)] = IMPOSSIBLE
        return out

    assert len(list(small.decode([never_ends]))) == 5
    small.close()


@pytest.mark.parametrize("length", [0, 100_000])
def test_prompts_that_would_abort_the_process_are_refused(engine: LlamaEngine, length: int) -> None:
    with pytest.raises(PromptTooLong):
        engine.prefill([1] * length)


def test_a_long_prompt_spans_several_batches(engine: LlamaEngine) -> None:
    long = (engine.tokenize(SOURCE) * 8)[: engine.context_size - 8]
    assert len(long) > BATCH
    engine.prefill([1])
    long[0] += 2  # a prompt that no test before had
    assert engine.prefill(long) == len(long)
    assert next(iter(engine.decode())).piece is not None


def damaged(weights: Path, how: str) -> bytes:
    data = weights.read_bytes()
    return {
        "truncated": data[: len(data) // 2],
        "header only": data[:4096],
        "not a model": b"GIF89a" + data[6:],
        "empty": b"",
        "metadata overwritten": data[:200] + b"\xff" * 400 + data[600:],
    }[how]


@pytest.mark.parametrize("how", ["truncated", "header only", "not a model", "empty", "metadata overwritten"])
def test_a_damaged_file_is_one_clear_error(weights: Path, tmp_path: Path, how: str) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(damaged(weights, how))
    with pytest.raises(ModelFileInvalid, match=r"broken\.gguf.*(damaged|verify)"):
        LlamaEngine(EngineConfig(broken))


def test_threads_default_to_physical_cores(engine: LlamaEngine) -> None:
    assert engine.threads == llama_file.physical_cores() >= engine.writing_threads >= 1


def test_an_unknown_quantisation_is_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="knows no quantisation"):
        llama_file.quantise(weights, tmp_path / "x.gguf", "q99")


def test_a_keystroke_inside_a_line_evaluates_at_most_four_tokens(engine: LlamaEngine) -> None:
    completer = LocalCompleter(engine, Calibration())
    middle = SOURCE.index("\n", len(SOURCE) // 2) + 1
    head, tail = SOURCE[:middle], SOURCE[middle:]
    line = "    keep, best = compute(self.value, 12.5)"
    evaluated = [
        completer.complete(Request(head + line[:column], "\n" + tail)).evaluated_tokens
        for column in range(4, len(line))
    ]
    assert max(evaluated[1:]) <= 4


# Adapters

QUERY = "blk.0.attn_q.weight"
Write = Callable[..., Path]
Matrices = Callable[..., dict[str, NDArray[Any]]]


def logits(weights: Path, adapter: Path | None) -> NDArray[np.float32]:
    engine = LlamaEngine(EngineConfig(weights, threads=1, context_size=512, adapter=adapter))
    engine.prefill(engine.tokenize(SOURCE)[:100])
    computed = engine.logits()
    engine.close()
    return computed


def test_an_adapter_that_changes_nothing_changes_nothing(
    weights: Path, write_adapter: Write, matrices: Matrices, tmp_path: Path
) -> None:
    idle = write_adapter(tmp_path / "idle.gguf", matrices(QUERY, 256, 256, spread=0))
    np.testing.assert_array_equal(logits(weights, idle), logits(weights, None))


def test_an_adapter_is_what_its_matrices_say(
    weights: Path, write_adapter: Write, matrices: Matrices, tmp_path: Path
) -> None:
    tensors = matrices(QUERY, 256, 256)
    changed = logits(weights, write_adapter(tmp_path / "a.gguf", tensors))
    assert np.abs(changed - logits(weights, None)).max() > 0.1
    # The change is alpha / rank * B A: twice the alpha is the same as twice the matrix B.
    doubled = write_adapter(tmp_path / "alpha.gguf", tensors, alpha=8.0)
    tensors[f"{QUERY}.lora_b"] = 2 * tensors[f"{QUERY}.lora_b"]
    np.testing.assert_allclose(
        logits(weights, write_adapter(tmp_path / "b.gguf", tensors)), logits(weights, doubled), atol=1e-4
    )
    assert np.abs(logits(weights, doubled) - changed).max() > 0.1


@pytest.mark.parametrize(
    ("name", "inputs", "architecture", "reason"),
    [
        (QUERY, 256, "llama", "arch"),
        ("blk.99.attn_q.weight", 256, "qwen3", "does not exist in base model"),
        (QUERY, 512, "qwen3", "incorrect shape"),
    ],
)
def test_an_adapter_of_another_model_is_one_clear_error(
    weights: Path,
    write_adapter: Write,
    matrices: Matrices,
    tmp_path: Path,
    name: str,
    inputs: int,
    architecture: str,
    reason: str,
) -> None:
    path = write_adapter(tmp_path / "other.gguf", matrices(name, inputs, 256), architecture=architecture)
    with pytest.raises(ModelFileInvalid, match=rf"other\.gguf cannot be used with .*{reason}.*model rollback"):
        LlamaEngine(EngineConfig(weights, adapter=path))


def test_a_damaged_adapter_is_one_clear_error(
    weights: Path, write_adapter: Write, matrices: Matrices, tmp_path: Path
) -> None:
    path = write_adapter(tmp_path / "broken.gguf", matrices(QUERY, 256, 256))
    content = path.read_bytes()
    for cut in (len(content) - 100, 300, 0):
        path.write_bytes(content[:cut])
        with pytest.raises(ModelFileInvalid, match=r"broken\.gguf .*damaged"):
            LlamaEngine(EngineConfig(weights, adapter=path))


def test_an_adapter_goes_with_its_engine(
    weights: Path, write_adapter: Write, matrices: Matrices, tmp_path: Path
) -> None:
    tensors: dict[str, NDArray[Any]] = {}
    for block in range(6):
        tensors |= matrices(f"blk.{block}.ffn_up.weight", 256, 768, rank=64)
    path = write_adapter(tmp_path / "a.gguf", tensors)

    def memory_after(times: int) -> int:
        for _ in range(times):
            LlamaEngine(EngineConfig(weights, threads=1, context_size=64, adapter=path)).close()
        return int(psutil.Process().memory_info().rss)

    settled = memory_after(5)
    assert memory_after(20) - settled < 5 * path.stat().st_size  # 20 if they stayed
