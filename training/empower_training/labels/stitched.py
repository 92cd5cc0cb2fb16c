"""The text of a file, put together from the log's windows of text around the cursor.

Each window shows some lines of the file at one moment. A later window knows better wherever it reaches; an earlier one
adds what lies above and below. Windows are laid over each other where they share a run of lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from empower_lsp.log import MARKER, PREFIX_WINDOW, SUFFIX_WINDOW, Entry
from empower_training.labels.standing import Learnt, standing

RUN, RUN_CHARACTERS = 3, 40
"""A run of at least so many lines and characters is taken for the same place of the file."""
LONGEST_LINE = 400
"""A window that lacks more characters than this of its full size lacks no whole line: it ends where the file does."""
CLOSERS = ")]}>\"'`,:; \t"
"""What an editor may have put behind the cursor of a line that is still being written."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some whole lines of a file, without their line ends."""

    lines: tuple[str, ...]
    at: float
    """When it was seen last."""
    top: bool
    """Whether the file begins with it."""
    bottom: bool
    """Whether the file ends with it."""

    @property
    def text(self) -> str:
        """Return the lines as they stand in a file."""
        return "".join(f"{line}\n" for line in self.lines)


def stretches(entry: Entry) -> list[Stretch]:
    """Return the lines of the window around one completion, with what was written in its place.

    Where nobody knows how the cursor's line went on, it is left out; so are lines with a secret taken out of them.
    Where only the beginning of what was written is known, its last line is left out, and the lines below stand apart.
    """
    completion = entry.completion
    prefix, suffix = completion.prefix or "", completion.suffix or ""
    top = len(prefix) < PREFIX_WINDOW - LONGEST_LINE
    bottom = len(suffix) < SUFFIX_WINDOW - LONGEST_LINE
    written = standing(entry)
    behind, _, below = suffix.partition("\n")
    if written is None and not behind.strip(CLOSERS):
        parts = [(_whole_lines(prefix) + below, top, bottom)]
    elif written is None or written.whole:
        parts = [(_joined(prefix, written) + suffix, top, bottom)]
    else:
        parts = [(_whole_lines(_joined(prefix, written)), top, False), (below, False, bottom)]
    return [
        Stretch(tuple(line for line in text.removesuffix("\n").split("\n") if MARKER not in line), completion.at, *ends)
        for text, *ends in parts
        if text
    ]


def _whole_lines(text: str) -> str:
    return text[: text.rfind("\n") + 1]


def _joined(prefix: str, written: Learnt | None) -> str:
    """Return the text before the cursor with what was written there."""
    if written is None:
        return prefix
    return (prefix[: -written.before] if written.before else prefix) + written.text


def assembled(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Lay the stretches of one file, given in any order, over each other; what shares no lines stays apart."""
    pieces: list[tuple[Stretch, frozenset[str]]] = []
    for stretch in sorted(stretches, key=lambda stretch: -stretch.at):
        if not stretch.lines or any(known.issuperset(stretch.lines) for _, known in pieces):
            continue
        apart = []
        for pair in reversed(pieces):  # the newest has the last word
            laid = _laid(pair[0], over=stretch)
            if laid is None:
                apart.append(pair)
            else:
                stretch = laid  # noqa: PLW2901
        pieces = [(stretch, frozenset(stretch.lines)), *reversed(apart)]
    return [stretch for stretch, _ in pieces]


def _laid(newer: Stretch, over: Stretch) -> Stretch | None:
    """Return both as one, the newer lines as they are; None where nothing says that they belong together."""
    matcher = SequenceMatcher(None, over.lines, newer.lines, autojunk=False)
    same = [block for block in matcher.get_matching_blocks() if _telling(newer.lines[block.b : block.b + block.size])]
    if not same:
        return newer if (newer.top and over.top) or (newer.bottom and over.bottom) else None
    first, last = same[0], same[-1]
    # lines of the older one beside the newer one's edges are earlier forms of what stands at those edges
    above = over.lines[: max(0, first.a - first.b)]
    below = over.lines[last.a + len(newer.lines) - last.b :]
    return Stretch(
        (() if newer.top else above) + newer.lines + (() if newer.bottom else below),
        max(newer.at, over.at),
        newer.top or over.top,
        newer.bottom or over.bottom,
    )


def _telling(lines: Sequence[str]) -> bool:
    return len(lines) >= RUN and sum(len(line.strip()) for line in lines) >= RUN_CHARACTERS
