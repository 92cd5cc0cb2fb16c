import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config

from empower_training.finetune.batches import epoch, evaluations, mean_loss, micro_batches, target_loss
from empower_training.labels.example import Example

LENGTHS = [5, 40, 12, 7, 33, 18, 9, 21, 14, 30]


class Counting(torch.nn.Module):
    """Over four tokens, gives the successor of each token e times the probability of any other."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, input_ids: torch.Tensor, logits_to_keep: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        successors = (input_ids + 1) % 4
        return SimpleNamespace(logits=torch.nn.functional.one_hot(successors, 4)[:, logits_to_keep])


def test_an_epoch_has_every_example_once() -> None:
    batches = epoch(LENGTHS, 3, seed=0, number=0)
    assert [len(batch) for batch in batches].count(3) == 3
    assert sorted(index for batch in batches for index in batch) == list(range(10))


def test_epochs_differ_and_repeat() -> None:
    lengths = list(range(1, 200))
    assert epoch(lengths, 4, 0, 0) == epoch(lengths, 4, 0, 0)
    assert epoch(lengths, 4, 0, 0) != epoch(lengths, 4, 0, 1)
    assert epoch(lengths, 4, 0, 0) != epoch(lengths, 4, 1, 0)


def test_a_batch_is_of_about_one_length() -> None:
    """Nine examples are one bucket, and further apart than by what counts as equal."""
    prompts = [390, 170, 3, 200, 330, 60, 164, 20, 350]
    batches = epoch(prompts, 3, seed=5, number=0)
    lengths = sorted(sorted(prompts[index] for index in batch) for batch in batches)
    assert lengths == [[3, 20, 60], [164, 170, 200], [330, 350, 390]]


def test_prompts_that_fill_the_context_stay_shuffled() -> None:
    """They are of nearly one length; an order by length, say by what their targets left of it, would be lasting."""
    prompts = [500 - index % 4 for index in range(320)]
    batches = [batch for number in range(20) for batch in epoch(prompts, 32, 0, number)]
    mixed = sum(len({prompts[index] for index in batch}) == 4 for batch in batches)
    assert mixed > 0.9 * len(batches)  # now and then the border lies between them


@pytest.mark.parametrize("batch", [1, 3, 8, 1000])
def test_buckets_lose_no_example(batch: int) -> None:
    lengths = [index % 17 for index in range(301)]
    assert sorted(index for part in epoch(lengths, batch, 0, 0) for index in part) == list(range(301))


def test_micro_batches_hold_their_room() -> None:
    """A fifth row of 14 would make 5 x 14 = 70 tokens, a third of 21 would make 63; two of 30 are just 60."""
    parts = [[LENGTHS[index] for index in part] for part in micro_batches(range(10), LENGTHS, 60)]
    assert parts == [[5, 7, 9, 12], [14, 18], [21, 30], [33], [40]]


def test_a_row_longer_than_the_room_goes_alone() -> None:
    assert list(micro_batches([0, 1], [100, 4], 50)) == [[1], [0]]


def test_loss_counts_targets_only() -> None:
    """A foreseen target token costs ln(e + 3) - 1 nats, another ln(e + 3); what the prompts hold costs nothing."""
    examples = [
        Example((0, 3, 0), (1, 2), "both foreseen"),
        Example((2, 2), (0,), "not foreseen: 3 was"),
        Example((1, 1, 1, 1), (2, 2), "the first one foreseen"),
    ]
    other = math.log(math.e + 3)
    assert float(target_loss(Counting(), examples)) == pytest.approx(2 * (other - 1) + other + (other - 1) + other)
    assert mean_loss(Counting(), examples, tokens=6) == pytest.approx((5 * other - 3) / 5)


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    examples = [Example((1,) * size, (2, 3), "") for size in (1, 4, 9)]
    alone = sum(float(target_loss(Counting(), [example])) for example in examples)
    assert float(target_loss(Counting(), examples)) == pytest.approx(alone)


def test_cut_points_of_one_text_share_an_evaluation() -> None:
    text = (5, 6, 7, 8, 9)
    examples = [
        Example(text[:1], (*text[1:3], 0), "evaluates 5 6 7"),
        Example((5, 9), (0,), "another text"),
        Example(text[:4], (*text[4:], 0), "evaluates all five"),
        Example(text, (0,), "evaluates them too, for nothing but the end"),
        Example(text[:2], (0,), "evaluates 5 6"),
    ]
    assert evaluations(examples) == [[2, 3, 0, 4], [1]]


def test_texts_that_part_do_not() -> None:
    examples = [Example((1, 2), tail, "") for tail in ((3, 0), (4, 0), (0,), (3, 5, 0))]
    assert evaluations(examples) == [[3, 0, 2], [1]]


def gradients(model: Any, losses: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the gradient of the sum of losses, each of which was computed by itself."""
    model.zero_grad()
    for loss in losses:
        loss.backward()  # type: ignore[no-untyped-call]
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def test_the_gradient_is_that_of_separate_evaluations() -> None:
    """Cut points of two texts, spans that overlap, one with nothing but its end, and one that two examples have."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.5,
    )
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float64)  # type: ignore[no-untyped-call]
    texts = torch.randint(1, 50, (2, 30)).tolist()
    cuts = [(0, 10, 14), (0, 10, 10), (0, 12, 20), (1, 3, 9), (0, 18, 29), (1, 20, 30), (1, 4, 5), (0, 10, 14)]
    examples = [Example(tuple(texts[of][:cut]), (*texts[of][cut:end], 0), "") for of, cut, end in cuts]
    assert len(evaluations(examples)) == 2
    together = gradients(model, [target_loss(model, examples)])
    apart = gradients(model, [target_loss(model, [example]) for example in examples])
    for name, gradient in apart.items():
        assert torch.allclose(together[name], gradient, rtol=1e-4, atol=1e-6 * float(gradient.abs().max())), name
    with torch.no_grad():
        alone = sum(float(target_loss(model, [example])) for example in examples)
        assert float(target_loss(model, examples)) == pytest.approx(alone, rel=1e-6)
