"""What training has of the real model: tokens and bits of the file that is served, and adapters that mean the same."""

import runpy
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from empower_model.engine.llama import LlamaEngine
from empower_model.files import Model
from empower_training.corpus import tokenizer as tokenizers
from empower_training.finetune import base_folder
from tests.real.test_qwen import GO, PYTHON, TYPESCRIPT

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
CODE = (ROOT / "empower_lsp", ROOT / "editor-clients")
SUFFIXES = (".py", ".ts", ".js", ".lua", ".el", ".vim", ".css", ".html", ".json", ".md", ".toml", ".yaml")
ODD = "é <|fim_middle|> <tool_call>\r\n\tüß 12345 \u4e2d\u6587\N{SNOWMAN} \u0065\u0301 \u00a0\u3000x  \n \n\t\n}"


@pytest.fixture(scope="module")
def base(real: Model) -> Iterator[Path]:
    """Return the weights in transformers' format, rebuilt from the file; 1.3 GB, deleted in the end."""
    folder = base_folder(real)
    yield folder
    shutil.rmtree(folder)


def code() -> list[tuple[str, str]]:
    """Return files of several languages: our own, and a header in C."""
    files = [path for folder in CODE for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES]
    files = [path for path in files if path.is_file() and "node_modules" not in path.parts]
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return [(path.name, path.read_text(encoding="utf-8")) for path in (*files, header) if path.exists()]


def test_text_is_cut_as_llama_cuts_it(base: Path, engine: LlamaEngine) -> None:
    tokenizer = tokenizers.load(base)
    texts = [*code(), *((place.expected, place.text) for place in (PYTHON, TYPESCRIPT, GO)), ("odd", ODD)]
    assert len({Path(name).suffix for name, _ in texts}) > 5
    other = [name for name, text in texts if tokenizer.encode(text).ids != engine.tokenize(text)]
    assert other == []


def test_bits_and_what_an_adapter_changes_are_those_of_llama(base: Path, real: Model) -> None:
    adapters: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "adapters.py"))
    texts = [text for text in code() if text[0].endswith(".py")]
    plain, change = adapters["compared"](real, base, texts, tokens=160, steps=2, rate=1e-2)
    assert plain.correlation > 0.99
    assert abs(plain.llama.mean() - plain.torch.mean()) < 0.02 * plain.torch.mean()
    assert abs(change.torch).mean() > 0.05
    assert change.correlation > 0.98
