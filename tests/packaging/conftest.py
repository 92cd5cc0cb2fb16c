"""A llama.cpp that works here, for the tests of installing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.wheels import compiled


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of llama-cpp-python that works here."""
    return compiled(tmp_path_factory.mktemp("good"))
