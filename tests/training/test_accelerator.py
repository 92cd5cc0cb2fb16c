"""The script for a machine with a GPU, tried whole on this one: two runs, one resuming the other, pieces, joining."""

import importlib.util
import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from empower_training.corpus import pack
from empower_training.finetune import gguf_export
from empower_training.pretrain.pretrain import new_model, token_losses

SCRIPT = Path(__file__).parents[2] / "training" / "accelerator.py"
NOT_THERE = ("accelerate", "click", "datasketch", "gguf", "llama_cpp", "peft", "pygls", "rich")
"""Installed here, but not needed on the machine."""
RUN = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({NOT_THERE}))
main = runpy.run_path({str(SCRIPT)!r})["main"]
import empower_training.pretrain.pretrain  # takes seconds, which are not to count here
common = ["--shape", "small", "--device", "cpu", "--no-compile", "--finish", "0.5", "--fallback", "1"]
main(["train", "pack", "work", "first", *common, "--seconds", "5", "--later", "6"])
main(["train", "pack", "work", "second", *common, "--seconds", "6"])
main(["pieces", "work", "further", "0", "9"])
main(["train", "pack", "work", "third", *common, "--seconds", "0"])
"""

needs_fork = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="needs processes that fork"
)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("accelerator", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, texts: list[str], tokenizer_folder: Path) -> Path:
    """Where both runs were, in a Python without what the machine lacks."""
    folder = tmp_path_factory.mktemp("machine")
    trained = (tokenizer_folder / "tokenizer.json").read_text(encoding="utf-8")
    pack.write(pack.Pack(texts[2:], texts[:1], trained), folder / "pack")
    done = subprocess.run([sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True, check=False)
    assert (folder / "further").exists(), done.stdout + done.stderr
    (folder / "said.txt").write_text(done.stderr, encoding="utf-8")
    return folder


def steps(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@needs_fork
def test_the_first_run_leaves_a_run_and_brings_a_decayed_copy(folder: Path) -> None:
    constant, decayed = steps(folder / "first" / "log.jsonl"), steps(folder / "work" / "fallback" / "log.jsonl")
    assert constant[-1]["rate"] == 1.0
    assert decayed[0]["step"] == constant[-1]["step"] + 1
    assert decayed[-1]["rate"] < 0.7
    result = json.loads((folder / "first" / "training.json").read_text(encoding="utf-8"))
    assert result["steps"] == decayed[-1]["step"]
    assert result["validation_loss"]["last"] < 7.0
    assert len(list((folder / "first").iterdir())) <= 8
    log = (folder / "first" / "log.txt").read_text(encoding="utf-8")
    assert "tokens/s made" in log
    assert "tokens/s learnt from" in log


@needs_fork
def test_the_second_run_goes_on_from_the_run_and_not_from_the_copy(folder: Path) -> None:
    first, both = steps(folder / "first" / "log.jsonl"), steps(folder / "second" / "log.jsonl")
    assert both[: len(first)] == first
    assert [line["step"] for line in both] == list(range(1, len(both) + 1))
    assert both[len(first)]["seconds"] >= first[-1]["seconds"]
    assert both[-1]["rate"] < 0.7
    result = json.loads((folder / "second" / "training.json").read_text(encoding="utf-8"))
    assert result["steps"] == len(both)
    assert result["tokens"] == 512 * len(both)


@needs_fork
def test_joined_pieces_are_the_trained_model_in_bfloat16(folder: Path, script: ModuleType, tmp_path: Path) -> None:
    script.join(folder / "further", tmp_path / "model")
    trained = load_file(folder / "work" / "final" / "model.safetensors")
    joined = load_file(tmp_path / "model" / "model.safetensors")
    assert joined.keys() == trained.keys()
    assert all(torch.equal(joined[name], trained[name].bfloat16().float()) for name in trained)
    gguf_export.export(tmp_path / "model", tmp_path / "model.gguf", "f32")
    assert (tmp_path / "model.gguf").read_bytes()[:4] == b"GGUF"


@pytest.fixture
def final(tmp_path: Path, tokenizer: Tokenizer, script: ModuleType) -> Path:
    folder = tmp_path / "final"
    new_model(tokenizer, script.plans()["small"].shape, 0).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "training.json").write_text("{}", encoding="utf-8")
    return folder


def test_pieces_are_brought_in_parts(final: Path, script: ModuleType, tmp_path: Path) -> None:
    count = script.cut(final, tmp_path / "pieces", size=50_000)
    assert 4 <= count < 99
    script.bring(tmp_path / "pieces", tmp_path / "out", 0, 3)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "weights.00",
        "weights.01",
        "weights.02",
        "weights.sha256",
    ]
    assert all(path.stat().st_size <= 50_000 for path in (tmp_path / "pieces").iterdir())
    with pytest.raises(SystemExit, match="not all pieces"):
        script.join(tmp_path / "out", tmp_path / "model")
    assert not (tmp_path / "model").exists()
    script.bring(tmp_path / "pieces", tmp_path / "out", 3, 99)
    script.main(["join", str(tmp_path / "out"), str(tmp_path / "model")])
    gguf_export.check(tmp_path / "model")


def test_pieces_without_a_checksum_are_refused(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="checksum"):
        script.join(tmp_path, tmp_path / "model")


@needs_fork
def test_too_little_time_is_refused_in_one_sentence(folder: Path) -> None:
    said = (folder / "said.txt").read_text(encoding="utf-8").strip().splitlines()
    assert said[-1].startswith("No time is left to train: give more --seconds")
    assert "Traceback" not in "".join(said)


def test_the_large_shape_copies_before_it_is_trained(script: ModuleType, tokenizer: Tokenizer) -> None:
    """Its heads look back as those of the bundled model's shape do; see test_initial."""
    plan = script.plans()["recipe-b"]
    model = new_model(tokenizer, plan.shape, seed=0)
    assert sum(weight.numel() for weight in model.parameters()) == 45_627_136 + 1024 * 768
    model.set_attn_implementation("eager")
    torch.manual_seed(1)
    ids = torch.randint(7, 1024, (2, 60))
    with torch.no_grad():
        losses = token_losses(model, torch.cat([ids, ids], dim=1))
        first = model(input_ids=ids, output_attentions=True).attentions[0]
    assert losses[:, 60:].mean() < losses[:, :59].mean() - 2.5
    for head in range(12):
        assert torch.diagonal(first, -(head + 1), 2, 3)[:, head, 16:].mean() > 0.6
    rates, width = plan.rates, plan.shape.width
    assert rates.muon * 0.2 * width**0.5 == pytest.approx(0.02, rel=0.01)
    assert rates.muon * rates.weight_decay == pytest.approx(0.02 * 0.4 / 2, rel=0.02)
