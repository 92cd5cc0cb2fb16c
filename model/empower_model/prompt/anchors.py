"""Where the anchor of a prompt may stand: at lines that do not change with every line that is typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

ANCHOR = 32
"""Anchors, and the window above, stand at multiples of so many lines: places in one file then share their far text."""
NEAREST = 16
"""Least lines from an anchor down to the cursor, where there are that many."""
STEADY = ((ANCHOR, NEAREST), (8, 4), (1, 0))
"""Steps of lines for the anchor, and the least lines below it: those for a place that stays, where lines are too long
finer ones."""
CLOSE = tuple((1, lines) for lines in range(NEAREST, -1, -1))
"""Those for a place that something larger soon takes over from: as many lines as there is room for."""
LINE_STEP = 1000
"""Where even the cursor's line is too long: the anchor stands within it, at a multiple of so many characters, or of a
part of them."""
LINE_CHARACTERS = 2 * LINE_STEP
"""Of a longer line at most so much stands before the cursor when an anchor is set; such lines are data."""


def anchors(prefix: str, most: int, steps: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Yield offsets where an anchor may stand, the furthest from the cursor first.

    From the last one at most `2 * most` tokens lead to the cursor, as a character takes up to four.
    """
    line = prefix.count("\n")
    for step, least in steps:
        yield _line_start(prefix, line - max(0, (line - least) // step * step))
    head = prefix.rfind("\n") + 1
    for step in (LINE_STEP, LINE_STEP // 4, LINE_STEP // 20, max(1, most // 4)):
        yield head + max(0, (len(prefix) - head - step) // step * step)


def _line_start(prefix: str, up: int) -> int:
    """Return the offset at which the line begins that is so many lines above the last."""
    start = prefix.rfind("\n") + 1
    for _ in range(up):
        start = prefix.rfind("\n", 0, start - 1) + 1
    return start
