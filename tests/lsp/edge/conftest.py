"""A client over a wire, ready to be used."""

from collections.abc import AsyncIterator

import pytest

from empower_lsp.log import level

from .wire import Wire, hang_up


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    level.choose(level.Level.FULL)  # who has chosen is not told that there is a log
    wire = Wire()
    yield wire
    await hang_up(wire)
