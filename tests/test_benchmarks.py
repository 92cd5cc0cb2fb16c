"""The benchmarks can be imported, their arithmetic is right, and what they make can be loaded; no timings."""

import importlib
import io
import random
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.files import store
from empower_training.corpus.licences import permitted

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def _scripts() -> Iterator[None]:
    """Let the scripts find each other as when they are run."""
    pytest.importorskip("gguf")
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))
    for name in {path.stem for path in FOLDER.glob("*.py")} - before:
        sys.modules.pop(name, None)


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_it_can_be_imported(name: str) -> None:
    assert script(name).__doc__


def test_ratios_are_of_pairs() -> None:
    figures = script("figures")
    figure = figures.compare("x", "ms", [2.0, 30.0, 4.0], [1.0, 10.0, 4.0], 2.0)
    assert (figure.ours, figure.reference, figure.ratio) == (4.0, 4.0, 2.0)
    assert (figure.low, figure.high) == (1.5, 2.5)
    assert figure.passed is True
    assert figures.alone("x", "ms", [1.0, 9.0, 2.0], 1.5).passed is False
    assert figures.alone("x", "ms", [1.0]).passed is None


def test_a_line_is_typed_from_its_indentation_to_its_end() -> None:
    workload = script("workload")
    cursors = workload.typing(200)
    line = workload.source().splitlines()[200]
    assert cursors[0].prefix.endswith("\n" + line[: len(line) - len(line.lstrip())])
    assert cursors[-1].prefix.endswith(line)
    assert {cursor.suffix for cursor in cursors} == {cursors[0].suffix}
    assert all(cursor.prefix + cursor.suffix == workload.source() for cursor in workload.scattered(5))


def test_an_adapter_changes_in_llama_what_it_changes_in_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a quantised file of Qwen2.5-Coder's architecture, with weights that training rebuilt from it."""
    from empower_training.finetune import base_folder

    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "data"))
    adapters, random_gguf, workload = script("adapters"), script("random_gguf"), script("workload")
    model = store.checked(str(random_gguf.made(random_gguf.TINY, tmp_path)), tuned=False)
    base = base_folder(model)
    source = workload.source()
    counts = adapters.same_tokens(model, base, [("a.py", source), ("b.py", source[99:])])
    assert counts[".py"][2] == 0
    texts = [("a.py", source[:900]), ("b.py", source[900:])]
    plain, change = adapters.compared(model, base, texts, tokens=200, steps=8, rate=1e-2)
    assert plain.correlation > 0.99
    assert abs(change.torch).mean() > 0.1
    assert change.correlation > 0.98


def test_the_random_model_loads_and_writes(tmp_path: Path) -> None:
    random_gguf, process = script("random_gguf"), script("process")
    path = random_gguf.made(random_gguf.TINY, tmp_path)
    assert path == random_gguf.made(random_gguf.TINY, tmp_path)
    assert process.cache_bytes(path, 100) == 2 * 2 * 1 * 32 * 100 * 2
    engine = LlamaEngine(EngineConfig(path))
    assert len(engine.vocabulary.pieces) == random_gguf.TINY.vocabulary
    engine.prefill(engine.tokenize("def add(a, b):\n    return"))
    tokens = [token for token, _ in zip(engine.decode(), range(20), strict=False)]
    assert len(tokens) == 20  # no control token ends it
    engine.close()


def test_the_reference_chooses_as_the_engine_does(tmp_path: Path) -> None:
    random_gguf, bare = script("random_gguf"), script("bare")
    path = random_gguf.made(random_gguf.TINY, tmp_path)
    engine = LlamaEngine(EngineConfig(path))
    reference = bare.Bare(bare.Weights(path))
    prompt = engine.tokenize("import os\n" * 40)
    engine.prefill(prompt)
    tokens = [token.id for token, _ in zip(engine.decode(), range(5), strict=False)]
    reference.prefill(prompt, len(prompt))
    assert reference.best() == tokens[0]
    reference.generate(tokens)
    assert reference.best() == tokens[-1]
    reference.prefill(prompt, 1)
    assert reference.best() == tokens[0]
    with pytest.raises(ValueError, match="cached"):
        reference.prefill([*prompt, 1, 2], 1)
    reference.close()
    engine.close()


def test_of_an_archive_the_files_of_its_languages_are_wanted(tmp_path: Path) -> None:
    languages = script("languages")
    texts = {
        "src/a.rs": "fn a() {}\n" * 150,
        "src/a.py": "a = 1\n" * 300,
        "tests/b.rs": "fn b() {}\n" * 150,
        "c.rs": "x",
    }
    with tarfile.open(tmp_path / "a-1.tar.gz", "w:gz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(f"a-1/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    program = languages.Program("a", "pypi", "1", "a-1.tar.gz", "", "MIT", "2025", ("rust",), without=("tests/*",))
    wanted = list(languages.wanted(program, tmp_path / "a-1.tar.gz"))
    assert [(language, document.path) for language, document in wanted] == [("rust", "rust/a/src/a.rs")]
    with pytest.raises(SystemExit, match="is not the file"):
        languages.archive(program, tmp_path)


def test_every_program_has_a_licence_that_permits_and_was_first_released_late_enough() -> None:
    programs = script("languages").programs()
    assert all(permitted(program.licence) and program.first >= "2025" for program in programs)
    for language in set(script("languages").ENDS.values()):
        assert sum(language in program.languages for program in programs) >= 3


def test_real_lines_that_stand_there_already_are_left_out() -> None:
    text = 'def area(width, height):\n    return measure("area", width * height)\n' * 20
    found = [each for seed in range(40) for each in script("real_lines").tries(text, random.Random(seed))]
    assert {kind for kind, _ in found} == {"rest", "wanted", "below", "closed"}
    assert not any(wrong for kind, wrong in found if kind in ("rest", "below"))
