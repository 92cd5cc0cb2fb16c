import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from empower_training.pretrain.optimiser import Optimiser, Rates, orthogonalise
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.precision import HALF, quickest
from empower_training.pretrain.pretrain import Run, new_model, pretrain, token_losses

SHAPE = Shape(width=64, layers=2, feed_forward=128, heads=2, key_value_heads=1, head_width=32)
PLAN = Plan(steps=8, tokens_per_step=512, micro_batch=256, context=64, long_context=128, shape=SHAPE)


class Interrupted(Exception):
    pass


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {**run.optimiser.masters, **{f"average {name}": value for name, value in run.average.items()}}


def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path, texts: list[str], tokenizer: Tokenizer) -> None:
    whole = Run(PLAN, texts, tokenizer)
    pretrain(whole, tmp_path / "whole")

    def die(progress: object) -> None:
        if killed.step == 5:
            raise Interrupted

    plan = replace(PLAN, checkpoint_minutes=0.0)
    killed = Run(plan, texts, tokenizer)
    with pytest.raises(Interrupted):
        pretrain(killed, tmp_path / "killed", report=die)
    resumed = Run(plan, texts, tokenizer)
    pretrain(resumed, tmp_path / "killed")
    assert resumed.step == whole.step == 8
    assert resumed.tokens == whole.tokens
    assert all(torch.equal(value, weights(resumed)[name]) for name, value in weights(whole).items())


def test_training_learns_and_writes_a_model(tmp_path: Path, texts: list[str], tokenizer: Tokenizer) -> None:
    plan = Plan(steps=25, tokens_per_step=512, micro_batch=512, context=64, long_context=64, shape=SHAPE)
    losses: list[float] = []
    run = Run(plan, texts, tokenizer)
    pretrain(run, tmp_path, texts[:1], lambda progress: losses.append(progress.loss))
    assert losses[0] == pytest.approx(math.log(1024), abs=0.3)
    assert sum(losses[-5:]) / 5 < losses[0] - 0.35
    result = json.loads((tmp_path / "final" / "training.json").read_text())
    assert result["steps"] == 25
    assert result["plan"]["shape"]["width"] == 64
    assert (tmp_path / "final" / "model.safetensors").exists()
    assert json.loads((tmp_path / "plan.json").read_text())["steps"] == 25
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 25


def test_schedule() -> None:
    plan = Plan(warm_up=0.1, decay=0.5)
    assert plan.scale(0.0) == pytest.approx(0.0, abs=1e-6)
    assert plan.scale(0.05) == pytest.approx(0.5)
    assert plan.scale(0.3) == 1.0
    assert plan.scale(0.75) == pytest.approx(0.5)
    assert plan.scale(1.0) == 0.0
    assert replace(plan, decay=0.0).scale(0.999) == 1.0


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(8, 24), (24, 8), (16, 16)])
def test_orthogonalise(shape: tuple[int, int], precision: torch.dtype) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(3, *shape).to(precision)).float())
    assert values.min() > 0.5
    assert values.max() < 1.4


@pytest.mark.parametrize(("has", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_it_is_computed_in_what_the_machine_is_quick_at(
    texts: list[str], tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, has: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {HALF: has})
    run = Run(PLAN, texts, tokenizer)
    assert run.model.dtype == expected
    assert quickest("cuda") == "bfloat16"
    run.advance()
    assert {master.dtype for master in run.optimiser.masters.values()} == {torch.float32}


def test_adam_moves_by_its_rate_at_first(texts: list[str], tokenizer: Tokenizer) -> None:
    """The first bias-corrected step of Adam is the rate in the direction of the gradient's sign."""
    module = torch.nn.Linear(3, 1, bias=False)
    optimiser = Optimiser(module, Rates(adam=0.01, clip=1e9))
    before = module.weight.detach().clone()
    module(torch.tensor([[1.0, -2.0, 3.0]])).sum().backward()
    optimiser.accumulate(module)
    optimiser.step(1.0, ThreadPoolExecutor(1))
    assert torch.allclose(module.weight - before, torch.tensor([[-0.01, 0.01, -0.01]]), atol=1e-5)


def test_muon_moves_by_moonlights_scale() -> None:
    """The first update of a matrix is rate x 0.2 sqrt(max(m, n)) x U V^T, whose root mean square is about 0.2 rate."""

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.Linear(32, 32, bias=False)])

    module = torch.nn.ModuleDict({"model": Block()})
    optimiser = Optimiser(module, Rates(muon=0.01, weight_decay=0.0))
    [weight] = module.parameters()
    before = weight.detach().clone()
    torch.manual_seed(0)
    weight.grad = torch.randn(32, 32)
    optimiser.accumulate(module)
    optimiser.step(1.0, ThreadPoolExecutor(1))
    assert float((weight - before).detach().square().mean().sqrt()) == pytest.approx(0.002, rel=0.25)


def test_losses_are_those_of_transformers(texts: list[str], tokenizer: Tokenizer) -> None:
    run = Run(Plan(shape=SHAPE, precision="float32"), texts, tokenizer)
    ids = torch.from_numpy(run.stream.rows(2, 64))
    with torch.no_grad():
        expected = run.model(input_ids=ids, labels=ids).loss
        losses = token_losses(run.model, ids)
    assert losses.shape == (2, 63)
    assert float(losses.mean()) == pytest.approx(float(expected), rel=1e-5)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path, texts: list[str], tokenizer: Tokenizer) -> None:
    Run(PLAN, texts, tokenizer).save(tmp_path)
    other = Run(replace(PLAN, shape=replace(SHAPE, layers=1)), texts, tokenizer)
    with pytest.raises(ValueError, match="another shape"):
        other.restore(tmp_path)


def test_a_run_begins_where_another_one_ended(tmp_path: Path, texts: list[str], tokenizer: Tokenizer) -> None:
    """Weights, optimiser and place in the text are the other's, the schedule is its own; and it can be resumed."""
    other, folder = Run(replace(PLAN, decay=0.0), texts, tokenizer), tmp_path / "decay"
    pretrain(other, tmp_path)
    plan = replace(PLAN, steps=4, decay=1.0, checkpoint_minutes=0.0).going_on()
    rates: list[float] = []

    def die(progress: Any) -> None:
        rates.append(progress.rate)
        if len(rates) == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        pretrain(Run(plan, texts, tokenizer), folder, report=die, start=tmp_path)
    run = Run(plan, texts, tokenizer)
    pretrain(run, folder, report=lambda progress: rates.append(progress.rate), start=tmp_path)
    assert rates == pytest.approx([0.0, 0.75, 0.5, 0.25], abs=1e-6)
    assert (run.first, run.step, run.share) == (8, 12, 1.0)
    assert run.tokens == other.tokens + 4 * 512
    assert (tmp_path / "final" / "model.safetensors").exists()


def test_a_run_begins_with_the_weights_of_a_model(tmp_path: Path, texts: list[str], tokenizer: Tokenizer) -> None:
    model = Run(replace(PLAN, seed=1), texts, tokenizer)
    model.export(tmp_path)
    run = Run(replace(PLAN, precision="float32"), texts, tokenizer)
    run.begin(tmp_path)
    assert all(torch.equal(value, weights(run)[name]) for name, value in weights(model).items())
    assert all(torch.equal(value, run.optimiser.masters[name]) for name, value in run.model.named_parameters())
    assert run.share == 0
    other = Run(replace(PLAN, shape=replace(SHAPE, layers=1)), texts, tokenizer)
    with pytest.raises(ValueError, match="another shape"):
        other.begin(tmp_path)


def test_with_other_texts_a_run_goes_on_in_the_next_epoch(
    tmp_path: Path, texts: list[str], tokenizer: Tokenizer
) -> None:
    before = Run(PLAN, texts, tokenizer)
    before.advance()
    before.save(tmp_path)
    after = Run(PLAN, texts[:3], tokenizer)
    after.restore(tmp_path)
    assert after.stream.epoch == before.stream.epoch + 1
    after.advance()
    assert after.step == 2


def test_workers_learn_the_same(texts: list[str], tokenizer: Tokenizer) -> None:
    """Up to the order of sums, the gradient does not depend on who computes it."""
    runs = [Run(replace(PLAN, precision="float32", workers=n), texts, tokenizer) for n in (1, 2)]
    first, second = ([run.advance().loss for _ in range(4)] for run in runs)
    assert first == pytest.approx(second, rel=1e-4)


def test_a_run_stops_when_its_time_is_over_and_is_finished_later(
    tmp_path: Path, texts: list[str], tokenizer: Tokenizer
) -> None:
    pretrain(Run(PLAN, texts, tokenizer), tmp_path, seconds=0.0)
    assert (tmp_path / "checkpoint.pt").exists()
    assert not (tmp_path / "final").exists()
    run = Run(PLAN, texts, tokenizer)
    pretrain(run, tmp_path)
    assert run.step == 8
    assert (tmp_path / "final" / "model.safetensors").exists()


def test_a_compiled_loss_is_the_same_and_needs_no_mask(
    texts: list[str], tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced but not translated; a mask would keep attention from the kernels that are fast on a GPU."""
    graphs: list[torch.fx.GraphModule] = []

    def kept(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    original = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, **options: original(function, backend=kept, **options))
    plan = replace(PLAN, precision="float32", attention="sdpa", small_batch=0.0)
    plain, compiled = (Run(replace(plan, compile=wanted), texts, tokenizer) for wanted in (False, True))
    expected = [plain.advance().loss for _ in range(3)]
    assert [compiled.advance().loss for _ in range(3)] == pytest.approx(expected, rel=1e-4)
    [graph] = graphs  # one, without breaks, for all layers and micro-batches
    calls = [node for node in graph.graph.nodes if "scaled_dot_product_attention" in str(node.target)]
    assert len(calls) == SHAPE.layers
    assert all(call.kwargs["attn_mask"] is None and call.kwargs["is_causal"] for call in calls)


def test_positions_stay_exact_when_asked(texts: list[str], tokenizer: Tokenizer) -> None:
    run = Run(replace(PLAN, exact_positions=True, precision="bfloat16"), texts, tokenizer)
    exact = new_model(tokenizer, SHAPE, PLAN.seed).model.rotary_emb.inv_freq
    assert run.model.dtype == torch.bfloat16
    assert torch.equal(run.model.model.rotary_emb.inv_freq, exact)
