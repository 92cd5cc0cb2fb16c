"""An item of an answer: what of it is shown already, what may take its place, and how the editor is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from empower_lsp.session.query import Answer, Computed, Query
from empower_lsp.session.shown import Shown
from empower_model.engine import Token
from empower_model.request import Completion

CALM = 0.4
"""Seconds after which a text on the screen is no longer replaced by a better one."""


@dataclass(frozen=True, slots=True)
class Item:
    """One of the items of an answer."""

    shown: Shown
    computed: Computed | None = None
    """None for what was answered before."""


def answered(query: Query, item: Item) -> Answer:
    """Return an item as an answer to a query: with its line ends, and in place of a menu's item."""
    start, head, text, sure = query.offset, "", item.shown.text, item.shown.sure
    if query.selected is not None:
        start, head = query.selected.start, query.selected.text
    reached = len(query.with_line_ends(head + text[:sure])) if sure is not None else None
    return Answer(item.shown.id, start, query.offset, query.with_line_ends(head + text), item.computed, sure=reached)


def gone_on(before: Completion | None, text: str, after: Completion) -> Completion:
    """Return a text that was shown and the completion behind it as one; `before` is what the text is the end of.

    Of a text that is not the end of it, the tokens are not known: it then has one of its own, without a bit.
    """
    tokens: list[Token] = []
    if before is not None and text and before.text.endswith(text):
        skip, left = len(before.text.encode()) - len(text.encode()), len(text.encode())
        for token in before.tokens[: before.kept]:
            if (piece := token.piece[skip : skip + left]) and left:
                tokens.append(replace(token.beyond(skip), piece=piece))
                left -= len(piece)
            skip = max(0, skip - len(token.piece))
    if text and b"".join(token.piece for token in tokens) != text.encode():
        tokens = [Token(-1, text.encode(), 0.0, 0.0)]
    whole = (*tokens, *after.tokens)
    return replace(after, text=text + after.text, tokens=whole, kept=len(tokens) + after.kept)


def may_replace(shown: Shown, text: str) -> bool:
    """Return whether a text may take the place of one on the screen: a longer one may, another one only at first.

    No text may, where what is on the screen was shown before it was finished, and has come to nothing.
    """
    if not text or text == shown.text:
        return shown.partial and not text
    fresh = not shown.typed_along and asyncio.get_running_loop().time() - shown.since < CALM
    return fresh or text.startswith(shown.text)
