"""A client over a wire, and a person at an editor, ready to be used."""

from collections.abc import AsyncIterator

import pytest

from empower_lsp.log import level

from .desk import Desk
from .wire import Wire, hang_up


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    level.choose(level.Level.FULL)  # who has chosen is not told that there is a log
    wire = Wire()
    yield wire
    await hang_up(wire)


@pytest.fixture
def desk() -> Desk:
    desk = Desk("import os\n\ndef area(w, h):\n    |\n\nprint(area(2, 3))\n")
    desk.offer("return w * h")
    return desk
