"""The rule for every cut point against the rule for one, by hand and by brute force; the pass against single passes."""

import math
import random

import numpy as np
import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from empower_model.completing import stopping
from empower_model.errors import ModelError
from empower_training.labels.labelling import Labelled, label, spans, summary, surprisals
from empower_training.labels.strips import Strip


def model(vocabulary: int = 50, dropout: float = 0.0) -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        initializer_range=0.5,
        attention_dropout=dropout,
        tie_word_embeddings=True,
    )
    made = Qwen3ForCausalLM(config)
    made.train(False)
    return made


def strip(ids: list[int], prompt: tuple[int, ...] = (0,)) -> Strip:
    return Strip("a.py", prompt, tuple(ids), tuple(range(2, 2 * len(ids) + 2, 2)), tuple(range(len(ids))))


def test_spans_by_hand() -> None:
    # before token 0: 1 + 0.5 fit into 2 bits, 1 + 0.5 + 3 do not; token 2 alone does not; 0.25 + 1.75 fit exactly
    assert spans([1.0, 0.5, 3.0, 0.25, 1.75], 2.0).tolist() == [2, 1, 0, 2, 1]
    assert spans([1.0, 0.5, 3.0, 0.25, 1.75], 0.0).tolist() == [0, 0, 0, 0, 0]
    assert spans([0.0, 0.0, 1.0], 0.0).tolist() == [2, 1, 0]
    assert spans([1.0, 2.0], math.inf).tolist() == [2, 1]
    assert spans([], 1.0).tolist() == []


@pytest.mark.parametrize("eta", [0.32, 1.0, 4.0, 40.0])
def test_every_cut_point_is_as_the_rule_at_that_cut_point(eta: float) -> None:
    rng = random.Random(0)
    bits = [rng.choice([rng.expovariate(4), rng.expovariate(0.3)]) for _ in range(400)]
    expected = [stopping.budget(bits[cut:], eta).keep for cut in range(len(bits))]
    assert spans(bits, eta).tolist() == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("bits", [[1.0, math.nan], [math.inf], [-0.1]])
def test_what_is_no_surprisal_is_refused(bits: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        spans(bits, 1.0)


@pytest.mark.parametrize("eta", [-0.1, math.nan])
def test_a_budget_is_not_negative(eta: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        spans([1.0], eta)


def test_one_pass_is_as_a_pass_for_every_prefix() -> None:
    ids = [random.Random(1).randrange(50) for _ in range(40)]
    expected = []
    with torch.no_grad():
        for end in range(1, len(ids)):
            distribution = model()(input_ids=torch.tensor([ids[:end]])).logits[0, -1].double().softmax(0)
            expected.append(-math.log2(distribution[ids[end]]))
    assert surprisals(model(), ids, 39) == pytest.approx(expected, rel=1e-4)
    assert surprisals(model(), ids, 5) == pytest.approx(expected[-5:], rel=1e-4)
    assert len(surprisals(model(), ids, 0)) == 0


def test_dropout_is_off_while_labelling_and_on_again_after_it() -> None:
    trained = model(dropout=0.5).train()
    assert surprisals(trained, range(20), 19).tolist() == surprisals(model(), range(20), 19).tolist()
    assert trained.training


def test_a_model_behind_another_signature_is_measured_alike() -> None:
    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model()

        def forward(self, input_ids: torch.Tensor, use_cache: bool) -> object:
            return self.inner(input_ids=input_ids, use_cache=use_cache)

    assert surprisals(Wrapped(), range(20), 7) == pytest.approx(surprisals(model(), range(20), 7))


def test_no_numbers_are_said_so() -> None:
    broken = model()
    torch.nn.init.constant_(broken.model.norm.weight, math.nan)
    with pytest.raises(ModelError, match="float32"):
        surprisals(broken, range(5), 4)


def test_a_long_text_is_read_in_windows_of_half_a_context() -> None:
    made, ids = model(), [random.Random(2).randrange(50) for _ in range(23)]
    bits = label(made, strip(ids), 8).bits
    row = [0, *ids]
    assert len(bits) == 23
    assert bits[:7] == pytest.approx(surprisals(made, row[:8], 7))
    assert bits[7:11] == pytest.approx(surprisals(made, row[4:12], 4))  # tokens 8 to 11, after 4 others
    assert bits[19:] == pytest.approx(surprisals(made, row[16:24], 4))
    assert label(made, strip(ids), 24).bits == pytest.approx(surprisals(made, row, 23))


def test_spans_are_counted_in_tokens_and_characters() -> None:
    # 2, 1, 0, 2, 1 tokens as above, of two characters each; the cut before token 1 is none
    labelled = Labelled(
        Strip("a", (0,), (1,) * 5, (2, 4, 6, 8, 10), (0, 2, 3, 4)), np.array([1.0, 0.5, 3.0, 0.25, 1.75])
    )
    assert labelled.spans(2.0).tolist() == [2, 0, 2, 1]
    assert labelled.characters(2.0).tolist() == [4, 0, 4, 2]
    summed = summary([labelled, labelled], 2.0)
    assert (summed.cuts, summed.empty) == (8, 0.25)
    assert (summed.tokens.mean, summed.tokens.quantiles[0]) == (1.25, 1.5)
    assert summed.characters.mean == 2.5
    with pytest.raises(ValueError, match="no cut point"):
        summary([], 2.0)
