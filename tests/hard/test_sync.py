"""Ten thousand edits in each encoding, over the wire: the server's text is the client's."""

import random

import pytest

from empower_lsp.log import level
from tests.lsp.edge.reference import Reference
from tests.lsp.edge.wire import URI, Wire, hang_up

from .table import Table

EDITS = 10_000
PIECES = [
    "a",
    "word ",
    "\n",
    "\r\n",
    "\r",
    "é",
    "世",
    "😀",
    "e\u0301",
    "\x0c",
    "\u2028",
    "(x)\n",
    "    ",
    "\ud83d",
    "\0",
]
LONGEST = 400
"""Units at which what is deleted is more than what is written."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_edits_leave_the_client_s_text(encoding: str, table: Table) -> None:
    level.choose(level.Level.FULL)
    wire, rng = Wire(), random.Random(encoding)
    result = await wire.initialize(general={"positionEncodings": [encoding]})
    assert result["capabilities"]["positionEncoding"] == encoding
    reference = Reference("one\ntwo\n", encoding)
    wire.open("one\ntwo\n")
    apart = 0
    for number in range(EDITS):
        start, end = sorted((rng.randrange(12), rng.randrange(24)) for _ in range(2))
        if len(reference.text) < LONGEST:
            end = (start[0], start[1] + rng.randrange(3))
        text = "".join(rng.choices(PIECES, k=rng.randrange(5)))
        wire.change(text, start, end)
        reference.replace(start, end, text)
        if number % 10 == 9:
            await wire.settle()
            document = wire.server.document(URI)
            apart += document is None or document.source != reference.text
    await hang_up(wire)
    what = f"{EDITS} edits in {encoding}, half pairs among them: looks at a text that is not the client's"
    table.judge(what, f"{apart} of {EDITS // 10}", apart == 0, before="0; with half pairs, the rest shifted")
