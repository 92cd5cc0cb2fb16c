"""A tokeniser trained on a little of the standard library, and documents to train tiny models on."""

import sysconfig
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from empower_training.corpus import tokenizer as module

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
