"""The prompt of a cursor: a fill-in-the-middle layout whose parts stay where they are while a person types on.

Layout: FIM-prefix + far text above, FIM-suffix + text below the cursor, FIM-middle + everything from an *anchor* some
lines above up to the cursor. It is kin to the suffix-prefix-middle order of Bavarian et al. (arXiv 2207.14255): what
was just written stands next to what is written now. Anchor and text below stay while a person types at one place, so
that a key, and a newline, only append; all before them stays in the engine's cache. Models without the FIM tokens get
far and near text in a row. The trainer lays its samples out with the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from empower_model.engine import Vocabulary
from empower_model.prompt.anchors import ANCHOR, CLOSE, LINE_CHARACTERS, STEADY, anchors
from empower_model.prompt.stages import Stages
from empower_model.prompt.token_healing import roll_back

CHARACTERS_A_TOKEN = 8
"""Text further up than this many characters for each token of context is not looked at."""
LINES_BELOW = 32
CLOSERS = ")]}\"'`"
"""What editors insert behind a cursor, and a person types over."""
PLACES = 8
"""Places whose layout is remembered; the engine keeps their states."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids to evaluate, and the bytes that the generated text must begin with."""

    tokens: list[int]
    forced: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a text where a person types: what stays while the cursor moves on."""

    anchor: int
    """Its offset when it was set; edits further up than the prompt reaches, and a window that moves, shift it."""
    reach: int
    """Characters from the anchor to where the cursor was last."""
    far: str
    """The text above the anchor as far as the prompt has it."""
    below: str
    """The text below as far as the prompt has it, without closers at its beginning."""
    head: tuple[int, ...]
    """The tokens before those of the text from the anchor to the cursor."""
    room: int
    """How many tokens it was laid out to have at most."""

    def near(self, prefix: str) -> str | None:
        """Return the text from the anchor to a cursor; None where another text stands above the anchor."""
        if len(self.far) in (0, self.anchor):  # it is all that there is, and does not move
            return prefix[self.anchor :] if prefix.startswith(self.far) and len(prefix) >= self.anchor else None
        start = _nearest(prefix, self.far, len(prefix) - self.reach - len(self.far))
        return prefix[start + len(self.far) :] if start >= 0 else None


@dataclass(frozen=True, slots=True)
class _Near:
    """The tokens from an anchor to the cursor: those of whole lines, and those of the cursor's own."""

    lines: Sequence[int]
    line: Sequence[int]
    characters: int
    """Length of their text."""

    def __len__(self) -> int:
        return len(self.lines) + len(self.line)

    def healed(self, vocabulary: Vocabulary) -> tuple[list[int], bytes]:
        """Take back the tokens of the line that are to be written again; what ends the line above is certain."""
        kept, forced = roll_back(self.line, vocabulary)
        return [*self.lines, *kept], forced


class Tokenizing(Protocol):
    """What of an engine a layout depends on: the trainer has tokenisers that are no engines."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's tokens."""
        ...

    @property
    def context_size(self) -> int:
        """Tokens that prompt and generation together may take."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text, without any put at its beginning."""
        ...


class Reader(Protocol):
    """Who reads prompts: an engine, of which is asked what that takes."""

    @property
    def speed(self) -> float:
        """Return how many tokens are read in a second."""
        ...

    def unread(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of a prompt are not known from before."""
        ...


class Layout:
    """Lays out prompts for one engine, and remembers the places they were for.

    With a `reader`, a place begins with what is soon read, and grows.
    """

    def __init__(self, engine: Tokenizing, reader: Reader | None = None) -> None:
        self._engine = engine
        self._reader = reader
        self._stages = Stages(engine.context_size, (lambda: reader.speed) if reader is not None else None)
        self._vocabulary = engine.vocabulary
        self._tokens = lru_cache(maxsize=512)(lambda text: tuple(engine.tokenize(text)))
        self._places: list[_Place] = []
        """The last one that was typed at comes last."""
        self._next: _Place | None = None
        """Takes over from the last place once its prompt is evaluated."""

    def prompt(self, prefix: str, suffix: str, reserve: int) -> Prompt:
        """Lay out a cursor between two texts, leaving `reserve` tokens of the context to generate.

        At a place that is known, the prompt is that of before with what was typed since; a text below that differs only
        by closers at its beginning is the same. Elsewhere an anchor is set anew.
        """
        room = self._room(reserve)
        for place in reversed(self._places):
            near = self._continued(place, prefix, suffix)
            if near is not None and len(place.head) + len(near) <= room and self._is_ready(place, near):
                break
        else:
            place, near = self._place(prefix, suffix, room, self._stages.first)
        self._visit(place, near.characters)
        kept, forced = near.healed(self._vocabulary)
        return Prompt([*place.head, *kept] or [self._beginning()], forced)

    def fresh(self, prefix: str, suffix: str, reserve: int) -> list[int]:
        """Lay out a cursor as where nobody has typed before, without taking tokens back, and remember nothing."""
        place, near = self._place(prefix, suffix, self._room(reserve), self._engine.context_size)
        return [*place.head, *near.lines, *near.line]

    def ahead(self, prefix: str, suffix: str, reserve: int) -> list[int]:
        """Lay out the place that is to take over from the last one; nothing if that is to stay.

        One takes over that has more text, where the last one has not all yet, or that begins anew, where it has little
        room left. For a time when nobody waits. Once its tokens are evaluated, `move` makes it the last place.
        """
        room = self._room(reserve)
        last = self._places[-1] if self._places else None
        near = self._continued(last, prefix, suffix) if last is not None else None
        if last is None or near is None:
            return []
        full = len(last.head) + len(near) > room - room // 8
        if last.room >= self._stages.whole and not full:
            return []
        ours = self._continued(self._next, prefix, suffix) if self._next is not None else None
        if self._next is None or ours is None:
            self._next, ours = self._place(prefix, suffix, room, self._stages.whole)
        if full and len(self._next.head) + len(ours) >= len(last.head) + len(near):
            return []  # one endless line, say: nothing is gained
        return [*self._next.head, *ours.healed(self._vocabulary)[0]]

    def move(self) -> None:
        """Let the place that was laid out ahead take over from the last one, which is forgotten if it had less text."""
        if self._next is not None:
            if self._places and self._places[-1].room < self._next.room:
                del self._places[-1]
            self._visit(self._next, self._next.reach)
            self._next = None

    def _is_ready(self, place: _Place, near: _Near) -> bool:
        """Tell whether the prompt of a known place takes hardly longer than one that begins: it may be forgotten."""
        if self._reader is None:
            return True
        return self._reader.unread([*place.head, *near.lines, *near.line]) <= 2 * self._stages.first

    def _room(self, reserve: int) -> int:
        return self._engine.context_size - reserve - 8  # the control tokens

    def _visit(self, place: _Place, reach: int) -> None:
        others = (other for other in self._places if other is not place)
        self._places = [*others, replace(place, reach=reach)][-PLACES:]

    def _continued(self, place: _Place, prefix: str, suffix: str) -> _Near | None:
        """Tokenise from a place's anchor to the cursor; None where the cursor is at another place."""
        near = place.near(prefix)
        if near is None or len(near) > self._engine.context_size * CHARACTERS_A_TOKEN:
            return None
        return self._near(near) if _without_closers(suffix) == place.below else None

    def _place(self, prefix: str, suffix: str, room: int, most: int) -> tuple[_Place, _Near]:
        """Set an anchor, and tokenise from there to the cursor: at most so many tokens, of the room that there is.

        A quarter is left for what is typed from there on, before the anchor has to move. Where the place will soon have
        more, as much as can be stands next to the cursor.
        """
        vocabulary, fim = self._vocabulary, self._vocabulary.fim
        room = min(room, most)
        stays = most >= self._stages.whole
        anchor = self._anchor(prefix, room // 4, STEADY) if stays else self._anchor(prefix, room - room // 4, CLOSE)
        near = self._near(prefix[anchor:])
        below = self._tokens(_lines_below(suffix))[: max(0, room // 4)] if fim is not None else ()
        text, far = self._far(prefix[:anchor], room - room // 4 - len(below) - len(near))
        head = [] if vocabulary.bos is None else [vocabulary.bos]
        head += far if fim is None else [fim.prefix, *far, fim.suffix, *below, fim.middle]
        return _Place(anchor, len(prefix) - anchor, text, _without_closers(suffix), tuple(head), most), near

    def _anchor(self, prefix: str, most: int, steps: Sequence[tuple[int, int]]) -> int:
        """Return the offset of the first anchor from which at most so many tokens lead to the cursor."""
        anchor = len(prefix)
        for anchor in anchors(prefix, most, steps):
            near = prefix[anchor:]
            if len(near) <= most * CHARACTERS_A_TOKEN and len(self._near(near)) <= most:
                break
        return anchor

    def _near(self, text: str) -> _Near:
        """Tokenise a text that ends at the cursor; the tokens of its whole lines are remembered."""
        head = text.rfind("\n") + 1
        return _Near(self._tokens(text[:head]), self._engine.tokenize(text[head:]), len(text))

    def _far(self, text: str, room: int) -> tuple[str, list[int]]:
        """Return the last whole lines of a text that fit, in blocks from multiples of ANCHOR on, and their tokens."""
        far = max(0, len(text) - self._engine.context_size * CHARACTERS_A_TOKEN)
        start = text.rfind("\n", 0, far) + 1
        first = text.count("\n", 0, start)
        lines = text[start:].splitlines(keepends=True)
        blocks: list[str] = []
        tokens: list[int] = []
        end = first + len(lines)
        while end > first and (begin := (end - 1) // ANCHOR * ANCHOR) >= first:
            block = "".join(lines[begin - first : end - first])
            if len(tokens) + len(self._tokens(block)) > room:
                break
            blocks.insert(0, block)
            tokens[:0] = self._tokens(block)
            end = begin
        if not blocks and room > 0:  # a single block is too long: its end is better than nothing
            blocks = ["".join(lines[-ANCHOR:])[-LINE_CHARACTERS * 2 :]]
            tokens = _last(self._tokens(blocks[0]), room)
        return "".join(blocks), tokens

    def _beginning(self) -> int:
        """Return the token that a text begins with, where nothing is written yet."""
        return min(self._vocabulary.end_of_generation, default=0)


def _nearest(text: str, part: str, at: int) -> int:
    """Return the offset at which a part of a text stands, the one nearest to `at` if there are several; else -1."""
    at = max(0, at)
    offsets = (text.rfind(part, 0, at + len(part)), text.find(part, at))
    return min((offset for offset in offsets if offset >= 0), key=lambda offset: abs(offset - at), default=-1)


def _last(tokens: Sequence[int], most: int) -> list[int]:
    """Return the last tokens, at most so many."""
    return list(tokens[max(0, len(tokens) - max(0, most)) :])


def _lines_below(suffix: str) -> str:
    """As much of the text below as a prompt has at most."""
    return "".join(suffix[: LINE_CHARACTERS * 4].splitlines(keepends=True)[:LINES_BELOW])


def _without_closers(suffix: str) -> str:
    """Return the text below as far as it must stay: closers come and go with the brackets that are typed.

    Where a name or a number follows them, they are no closers that an editor has inserted.
    """
    bare = suffix.lstrip(CLOSERS)
    return _lines_below(suffix if bare[:1].isalnum() or bare[:1] == "_" else bare)
