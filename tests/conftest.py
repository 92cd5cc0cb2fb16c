"""What holds for every test: nothing of the person who runs it is read or written."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, database=None, deadline=None, max_examples=100)
settings.register_profile("hard", database=None, deadline=None, max_examples=2000)
settings.load_profile("same")
"""Every run of a test has the same examples; `make test-hard` looks for more."""


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data folder of this test, not there yet; no other program keeps models here."""
    folder = tmp_path / "data"
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(folder))
    monkeypatch.setattr("empower_model.files.elsewhere.KEEPERS", ())
    return folder
