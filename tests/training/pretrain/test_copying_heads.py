import pytest
import torch
from tokenizers import Tokenizer

from empower_training.pretrain.plan import Shape
from empower_training.pretrain.pretrain import new_model, token_losses

SHAPE = Shape(width=256, layers=2, feed_forward=64, heads=4, key_value_heads=2, head_width=64)


def test_the_first_layer_looks_back(tokenizer: Tokenizer) -> None:
    model = new_model(tokenizer, SHAPE, seed=0)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        first = model(input_ids=torch.randint(7, 1024, (2, 128)), output_attentions=True).attentions[0]
    for head in range(4):
        back = torch.diagonal(first, -(head + 1), 2, 3)[:, head, 16:].mean()
        assert back > 0.5


def test_an_untrained_model_repeats_what_followed_before(tokenizer: Tokenizer) -> None:
    """Random tokens cannot be known the first time, but the second time they can be copied."""
    model = new_model(tokenizer, SHAPE, seed=0)
    torch.manual_seed(1)
    ids = torch.randint(7, 1024, (4, 60))
    with torch.no_grad():
        losses = token_losses(model, torch.cat([ids, ids], dim=1))
    assert losses[:, 60:].mean() < losses[:, :59].mean() - 1.5


@pytest.mark.parametrize(
    "shape",
    [
        Shape(width=64, layers=1, feed_forward=64, heads=1, key_value_heads=1, head_width=64),
        Shape(width=64, layers=2, feed_forward=128, heads=2, key_value_heads=1, head_width=32),
        Shape(width=128, layers=3, feed_forward=128, heads=2, key_value_heads=2, head_width=64),
    ],
)
def test_other_shapes_begin_near_the_uniform_distribution(tokenizer: Tokenizer, shape: Shape) -> None:
    model = new_model(tokenizer, shape, seed=0)
    with torch.no_grad():
        loss = float(token_losses(model, torch.randint(7, 1024, (2, 64))).mean())
    assert loss == pytest.approx(6.93, abs=0.6)
