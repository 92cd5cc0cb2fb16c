"""What the hard tests share: which server they try, with how many engines, and the table they end with."""

import os
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from empower_lsp.log.level import Level, choose
from empower_model.files import store

from .client import OPEN_HANDED
from .table import Table

TABLE = pytest.StashKey[Table]()
HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.hard)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[TABLE].lines:
        terminalreporter.section("what was found")
        terminalreporter.write_line(config.stash[TABLE].text())


@pytest.fixture
def table(pytestconfig: pytest.Config) -> Table:
    return pytestconfig.stash[TABLE]


@pytest.fixture(scope="session")
def program() -> str:
    """Return the server that is tried: the one installed here, or another version's, to compare with."""
    found = os.environ.get("EMPOWER_HARD_PROGRAM") or shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
    assert found, "empower-lsp is not installed: pip install -e ."
    return found


@pytest.fixture(params=[1, 2], ids=["one engine", "two engines"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, object]]:
    """Return settings with which so many engines are at work, open-handed; two small ones are enough to try both."""
    open_handed = OPEN_HANDED | {"rest": "never"}
    if request.param == 2:
        open_handed["model"] = str(copied(tmp_path / "chosen.gguf"))
    yield open_handed
    (tmp_path / "chosen.gguf").unlink(missing_ok=True)


@pytest.fixture
def data(data_folder: Path) -> Path:
    """Return the data folder of somebody who has been told that there is a log."""
    choose(Level.FULL)
    return data_folder


def copied(path: Path) -> Path:
    """Put the bundled model at a path, with its sidecars: a model that a person has chosen."""
    bundled = store.checked(store.bundled()).path
    for file in bundled.parent.glob(f"{bundled.stem}.*"):
        shutil.copy(file, path.with_name(path.stem + file.name.removeprefix(bundled.stem)))
    return path
