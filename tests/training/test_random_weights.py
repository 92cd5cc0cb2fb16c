"""The replay cannot flatter: with a model of random weights no policy saves anybody anything.

All such a model has is the tokeniser's dictionary, which now and then completes a word from its beginning.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from tokenizers import Tokenizer

from empower_training.evaluate_command import evaluate
from empower_training.export import export
from empower_training.plan import Shape
from empower_training.pretrain import new_model

ROOT = Path(__file__).parent.parent.parent
SHAPE = Shape(width=64, layers=2, feed_forward=96, heads=2, key_value_heads=1, head_width=32, context=512)
FILES = ("session", "settings", "outcome", "edits", "convert", "workspace")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    """Not as training begins: that model copies from the start."""
    folder = tmp_path_factory.mktemp("random")
    untrained = new_model(tokenizer, SHAPE, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in untrained.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.02, generator=generator)
    untrained.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    export(folder, folder / "random.gguf", "f32")
    return folder / "random.gguf"


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    texts = [(name, (ROOT / "empower_lsp" / f"{name}.py").read_text(encoding="utf-8")) for name in FILES]
    rows = [{"package": "p", "path": f"{name}.py", "text": text} for name, text in texts]
    (tmp_path / "heldout.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def test_no_policy_gains(model: Path, corpus_folder: Path) -> None:
    options = ("--model", str(model), "--files", str(len(FILES)), "--characters", "150", "--processes", "1", "--json")
    result = CliRunner().invoke(evaluate, ["replay", str(corpus_folder), *options])
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    efforts = {row["policy"]: row["net_effort"] for row in found}
    assert {name: high for name, (_, _, high) in efforts.items() if high < 1} == {}
    assert min(estimate for _, estimate, _ in efforts.values()) > 0.97
    assert min(efforts[name][0] for name in ("Base", "Base-20", "Base-10", "end of line")) > 1.2
