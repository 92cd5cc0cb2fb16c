import json
import os
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from empower_training.finetune.arguments import fingerprint, parameters
from empower_training.finetune.batches import mean_loss
from empower_training.finetune.training import FinetuneError, Progress, Recipe, finetune
from empower_training.labels.example import Example
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.pretrain import Run

SHAPE = Shape(width=32, layers=2, feed_forward=48, heads=2, key_value_heads=1, head_width=16, context=128, spread=0.2)
ADAPTER = Recipe(rank=4, alpha=8, rate=3e-2, epochs=2, batch=8, micro_batch=128)
WHOLE = replace(ADAPTER, adapter=False, rate=1e-2)

SCRIPT = """
import os, pickle, signal, sys
from pathlib import Path
from empower_training.labels.example import Example
from empower_training.finetune.training import Recipe, finetune, processes

base, data, folder, last = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
recipe, examples = pickle.loads(Path(data).read_bytes())

def report(progress):
    if progress.step == last:
        os.kill(os.getpid(), signal.SIGKILL)

finetune(base, [Example(*example) for example in examples], folder, Recipe(**recipe), report)
sys.stdout.write(f"processes: {processes().num_processes}\\n")  # one write, which another process cannot part
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, texts: list[str], tokenizer: Tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("base")
    Run(Plan(shape=SHAPE), texts, tokenizer).export(folder)
    return folder


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """Return examples that count upwards; every fourth target is empty but for the end."""
    rng = random.Random(0)
    made = []
    for index, start in enumerate(rng.sample(range(100, 143), 43)):  # each its own: none shares an evaluation
        size = rng.randrange(2, 30)
        run = range(start, start + size + 3)
        target = () if index % 4 == 0 else tuple(run[size:])
        made.append(Example(tuple(run[:size]), (*target, 0), f"{index}.py"))
    return made


def weights(folder: Path) -> dict[str, torch.Tensor]:
    [path] = (folder / "final").glob("*.safetensors")
    return load_file(path)


def same(first: Path, second: Path) -> bool:
    left, right = weights(first), weights(second)
    return left.keys() == right.keys() and all(torch.equal(value, right[name]) for name, value in left.items())


def start(base: Path, examples: Sequence[Example], folder: Path, recipe: Recipe, *launcher: str, last: int = -1) -> str:
    """Run a fine-tune in processes of its own, killed after step `last`; what they printed."""
    script, data = folder.with_suffix(".py"), folder.with_suffix(".pickle")
    script.write_text(SCRIPT)
    plain = [(example.prompt, example.target, example.name) for example in examples]
    data.write_bytes(pickle.dumps((asdict(recipe), plain)))
    command = [sys.executable, *launcher, str(script), str(base), str(data), str(folder), str(last)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == (-signal.SIGKILL if last >= 0 else 0), done.stderr
    return done.stdout


@pytest.mark.parametrize("recipe", [ADAPTER, WHOLE], ids=["adapter", "all weights"])
def test_learns_and_repeats_itself(tmp_path: Path, base: Path, examples: list[Example], recipe: Recipe) -> None:
    seen: list[Progress] = []
    finetune(base, examples, tmp_path / "one", recipe, seen.append)
    finetune(base, examples, tmp_path / "two", recipe)
    assert same(tmp_path / "one", tmp_path / "two")
    assert [progress.step for progress in seen] == list(range(1, 13))  # 43 examples are 6 batches of 8, twice
    assert seen[-1].tokens == 2 * sum(len(example.prompt) + len(example.target) for example in examples)
    assert seen[-1].left == 0 < seen[0].left
    assert seen[-1].loss < 0.8 * seen[0].loss
    other = replace(recipe, seed=1)
    finetune(base, examples, tmp_path / "three", other)
    assert not same(tmp_path / "one", tmp_path / "three")


def test_cut_points_of_a_text_share_an_evaluation(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    """Of nine examples three share one: that is seven evaluations, and four a step hold about five examples."""
    text = range(100, 120)
    shared = [Example(tuple(text[:cut]), (*text[cut : cut + 4], 0), "") for cut in (3, 8, 12)]
    seen: list[Progress] = []
    finetune(base, [*examples[:6], *shared], tmp_path, replace(ADAPTER, batch=5), seen.append)
    assert [progress.step for progress in seen] == [1, 2, 3, 4]
    result = json.loads((tmp_path / "final" / "training.json").read_text())
    assert (result["count"], result["evaluations"]) == (9, 7)
    assert seen[-1].tokens == 2 * sum(
        len(example.prompt) + len(example.target) for example in (*examples[:6], shared[-1])
    )


def test_the_first_loss_is_that_of_the_base(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    from transformers import AutoModelForCausalLM

    seen: list[Progress] = []
    recipe = replace(ADAPTER, batch=len(examples), epochs=1)
    finetune(base, examples, tmp_path, recipe, seen.append)
    expected = mean_loss(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), examples)
    assert seen[0].loss == pytest.approx(expected, rel=1e-5)


def test_what_is_written(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    finetune(base, examples, tmp_path, WHOLE)
    arguments = json.loads((tmp_path / "arguments.json").read_text())
    assert arguments["examples"] == fingerprint(examples)
    assert (arguments["count"], arguments["empty"], arguments["rate"]) == (43, 11, 1e-2)
    assert arguments["recipe"]["batch"] == 8
    result = json.loads((tmp_path / "final" / "training.json").read_text())
    assert result["steps"] == 12
    assert result["losses"]["last"] < result["losses"]["first"]
    assert arguments.items() <= result.items()
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 13))
    names = {path.name for path in (tmp_path / "final").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert {path.name for path in tmp_path.iterdir()} == {"arguments.json", "log.jsonl", "final"}


def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    recipe = replace(ADAPTER, checkpoint_minutes=0.0)
    finetune(base, examples, tmp_path / "whole", recipe)
    start(base, examples, tmp_path / "killed", recipe, last=7)
    assert not (tmp_path / "killed" / "final").exists()
    with (tmp_path / "killed" / "log.jsonl").open("a") as log:
        log.write('{"step": 8, "lo')  # a line that was being written
    seen: list[Progress] = []
    finetune(base, examples, tmp_path / "killed", recipe, seen.append)
    assert seen[0].step == 8
    assert same(tmp_path / "whole", tmp_path / "killed")
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("whole", "killed")]
    whole, resumed = ([json.loads(line)["loss"] for line in log] for log in logs)
    assert whole == resumed


def test_a_finished_run_is_left_alone(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    finetune(base, examples, tmp_path, ADAPTER)
    before = (tmp_path / "final" / "training.json").stat().st_mtime_ns
    seen: list[Progress] = []
    finetune(base, examples, tmp_path, ADAPTER, seen.append)
    assert seen == []
    assert (tmp_path / "final" / "training.json").stat().st_mtime_ns == before


def test_two_processes_learn_what_one_does(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    """Of 43 examples the last batch of an epoch has one: the other process is without any."""
    launcher = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0")
    recipe = replace(WHOLE, batch=7, rate=2e-3)
    printed = start(base, examples, tmp_path / "two", recipe, *launcher)
    assert printed.count("processes: 2") == 2
    finetune(base, examples, tmp_path / "one", recipe)
    before, alone, both = load_file(base / "model.safetensors"), weights(tmp_path / "one"), weights(tmp_path / "two")
    learned = sum(float((alone[name] - before[name]).square().sum()) for name in alone)
    apart = sum(float((alone[name] - both[name]).square().sum()) for name in alone)
    assert learned > 0.1
    assert apart < 1e-6 * learned  # Adam blows up rounding errors where a gradient is next to nothing
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    losses = [[json.loads(line)["loss"] for line in log] for log in logs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(
    ("recipe", "more", "named"),
    [
        (replace(ADAPTER, epochs=3), [], "recipe"),
        (ADAPTER, [Example((101, 102), (103, 0), "new.py")], "examples"),
        (replace(ADAPTER, rate=None), [], "rate"),
    ],
)
def test_another_run_in_the_same_folder(
    tmp_path: Path, base: Path, examples: list[Example], recipe: Recipe, more: list[Example], named: str
) -> None:
    finetune(base, examples, tmp_path, ADAPTER)
    with pytest.raises(FinetuneError, match=rf"{named}.* differ\): use another folder"):
        finetune(base, [*examples, *more], tmp_path, recipe)


def test_too_few_examples(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    with pytest.raises(FinetuneError, match="There are 7 examples to learn from, fewer than one batch of 8"):
        finetune(base, examples[:7], tmp_path / "run", ADAPTER)
    assert not (tmp_path / "run").exists()


def test_examples_of_another_tokeniser(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    with pytest.raises(FinetuneError, match="label the texts with its tokeniser"):
        finetune(base, [*examples, Example((1024,), (0,), "")], tmp_path, ADAPTER)


def test_an_example_to_be_foreseen_from_nothing(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    with pytest.raises(FinetuneError, match="no prompt or no target"):
        finetune(base, [*examples, Example((), (0,), "")], tmp_path, ADAPTER)


def test_parameters(base: Path) -> None:
    """Embeddings and the last norm; in each layer queries and output, keys and values, feed-forward, four norms."""
    assert parameters(base) == 1024 * 32 + 32 + 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48 + 2 * 32 + 2 * 16)


def test_half_precision_learns(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    seen: list[Progress] = []
    finetune(base, examples, tmp_path, replace(ADAPTER, precision="bfloat16"), seen.append)
    assert seen[-1].loss < 0.8 * seen[0].loss
    assert {value.dtype for value in weights(tmp_path).values()} == {torch.float32}


def test_a_rate_that_is_far_too_high(tmp_path: Path, base: Path, examples: list[Example]) -> None:
    with pytest.raises(FinetuneError, match=r"The loss is (nan|inf) at step \d+, .*: take a lower rate"):
        finetune(base, examples, tmp_path, replace(WHOLE, rate=1e30))
    assert not (tmp_path / "final").exists()


def test_a_checkpoint_without_room(
    tmp_path: Path, base: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(state: object, path: Path) -> None:
        path.write_bytes(b"the beginning")
        raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(FinetuneError, match=r"could not be written .* free some space and start again"):
        finetune(base, examples, tmp_path, replace(ADAPTER, checkpoint_minutes=0.0))
    assert {path.name for path in tmp_path.iterdir()} == {"arguments.json", "log.jsonl"}
