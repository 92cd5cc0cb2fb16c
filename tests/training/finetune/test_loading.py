"""In which precision a model is loaded, by its size and the machine."""

from pathlib import Path

import pytest
import torch

from empower_model.files import store
from empower_training.finetune import loading
from empower_training.finetune.starting_weights import base_folder
from empower_training.pretrain.precision import HALF


@pytest.fixture
def small(qwen2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path))
    return base_folder(store.checked(str(qwen2), tuned=False))


def test_a_small_model_is_computed_in_full(small: Path) -> None:
    assert loading.precision(small) == "float32"
    assert loading.load(small).dtype == torch.float32
    assert loading.load(small, "bfloat16").dtype == torch.bfloat16


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_large_one_where_the_machine_is_quick_at_it(
    small: Path, monkeypatch: pytest.MonkeyPatch, has: bool, expected: str
) -> None:
    monkeypatch.setattr(loading, "parameters", lambda _: 500_000_000)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {HALF: has})
    assert loading.precision(small) == expected
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert loading.precision(small) == "bfloat16"


def test_positions_stay_exact_in_half_precision(small: Path) -> None:
    """Rounded to eight bits, the angle of a far token would be another's."""
    exact, half = (loading.load(small, wanted).model.rotary_emb.inv_freq for wanted in ("float32", "bfloat16"))
    assert torch.equal(exact, half)
