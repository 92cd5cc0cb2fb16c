"""A tokeniser trained on a little of the standard library, and documents to train tiny models on."""

import runpy
import sysconfig
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from empower_training.corpus import tokenizer as module

ROOT = Path(__file__).parents[2]
STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny models are slower on several threads, and the order of sums must not vary."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    names = ("argparse.py", "ast.py", "bisect.py", "heapq.py", "queue.py", "shlex.py", "string.py", "textwrap.py")
    return [(STANDARD_LIBRARY / name).read_text(encoding="utf-8") for name in names]


@pytest.fixture(scope="session")
def tokenizer_folder(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    module.train(texts, 1024).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def tokenizer(tokenizer_folder: Path) -> Tokenizer:
    return module.load(tokenizer_folder)


@pytest.fixture(scope="session")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model file of Qwen2.5-Coder's architecture, tiny, with random weights in Q8_0."""
    script = runpy.run_path(str(ROOT / "benchmarks" / "random_gguf.py"))
    target = tmp_path_factory.mktemp("qwen2") / "random.gguf"
    script["write"](target, script["TINY"])
    return target
