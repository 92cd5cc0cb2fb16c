"""The real model, pulled as a person would pull it who has the file already."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from empower_lsp.commands.model import model
from empower_model.engine import EngineConfig
from empower_model.engine.llama import LlamaEngine
from empower_model.files import Model, store
from tests.real.fetch import QWEN

CONTEXT = 512
"""Tokens of context: the places are small, and so the tests are quick."""


@pytest.fixture(scope="session")
def pull(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    """Pull the file that `make test-real` names into a data folder of its own, and delete it in the end."""
    file = os.environ.get("EMPOWER_REAL", "")
    assert Path(file).is_file(), "`make test-real` fetches the real model and says in EMPOWER_REAL where it is"
    folder = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMPOWER_LSP_DATA", str(folder))
        yield CliRunner().invoke(model, ["pull", QWEN.name, "--from", file])
    for path in folder.rglob("*.gguf"):
        path.unlink()


@pytest.fixture(scope="session")
def real(pull: Result) -> Model:
    """Return the model that was pulled."""
    assert pull.exit_code == 0, pull.output
    return store.checked(QWEN.name)


@pytest.fixture(scope="session")
def engine(real: Model) -> Iterator[LlamaEngine]:
    """Load it once for all tests: that takes some seconds."""
    engine = LlamaEngine(EngineConfig(real.path, context_size=CONTEXT))
    yield engine
    engine.close()
