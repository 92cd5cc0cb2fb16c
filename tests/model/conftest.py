"""The bundled model, for tests that want a real one."""

from pathlib import Path

import pytest

from empower_model import store


@pytest.fixture(scope="session")
def weights() -> Path:
    return store.resolve(store.bundled()).path
