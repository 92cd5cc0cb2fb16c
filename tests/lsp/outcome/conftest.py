"""A person at an editor, ready to be used."""

import pytest

from .desk import Desk


@pytest.fixture
def desk() -> Desk:
    desk = Desk("import os\n\ndef area(w, h):\n    |\n\nprint(area(2, 3))\n")
    desk.offer("return w * h")
    return desk
