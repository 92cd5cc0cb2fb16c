"""Translates between the protocol's types and the session's: positions, documents, queries, items."""

from __future__ import annotations

import re
from collections.abc import Callable

from lsprotocol import types
from pygls.workspace import TextDocument

from empower_lsp.session import Answer, Query, Selected

ACCEPT = "empower.accept"
"""The command that every item runs when it is accepted; its argument is the completion's id."""

REPLACED = "\N{REPLACEMENT CHARACTER}"
_LONE_RETURN = re.compile(r"\r(?!\n)")
_CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
"""By position encoding: the codec whose output it counts, and the bytes of one unit."""


def units(text: str, encoding: str) -> int:
    """Return the length of a text in the code units of a position encoding."""
    codec, width = _CODECS[encoding]
    return len(text.encode(codec)) // width


def characters(text: str, count: int, encoding: str) -> int:
    """Return the code points in the first `count` units; clamped to the text and, within a code point, to its start."""
    codec, width = _CODECS[encoding]
    return len(text.encode(codec)[: count * width].decode(codec, "ignore"))


def offset_at(text: str, position: types.Position, encoding: str) -> int:
    """Return the code-point offset of a position, clamped to its line's text and to the end of the text."""
    return _place(text, position, encoding)[0]


def _place(text: str, position: types.Position, encoding: str) -> tuple[int, int]:
    """Return the offset of a position, as `offset_at`, and how many units beyond that it lies, within a character."""
    counted = _countable(text)
    above = counted.split("\n", position.line)
    if len(above) <= position.line:
        return len(text), 0
    start = len(text) - len(above[-1])
    end = counted.find("\n", start)
    line = text[start : end if end >= 0 else None].removesuffix("\r")
    count = characters(line, position.character, encoding)
    if count == len(line):
        return start + count, 0
    return start + count, position.character - units(line[:count], encoding)


def position_at(text: str, offset: int, encoding: str) -> types.Position:
    """Return the position of a code-point offset."""
    counted = _countable(text)
    start = counted.rfind("\n", 0, offset) + 1
    return types.Position(counted.count("\n", 0, offset), units(text[start:offset], encoding))


def _countable(text: str) -> str:
    """Put a newline in place of each carriage return that ends a line by itself."""
    return text if text.count("\r") == text.count("\r\n") else _LONE_RETURN.sub("\n", text)


class OpenDocument(TextDocument):
    """An open document that counts lines as the protocol does, and holds no half characters.

    pygls also ends lines at form feeds and other separators, and so edits the wrong place in files that have them.
    """

    def __init__(self, item: types.TextDocumentItem, encoding: str) -> None:
        super().__init__(item.uri, _whole(item.text), item.version, item.language_id)
        self._encoding = encoding
        self._edits: list[tuple[int, int, str]] = []

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Replace a range, or the whole text."""
        text, source = _whole(change.text), self.source
        start, end = 0, len(source)
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, cut = _place(source, change.range.start, self._encoding)
            end, gone = _place(source, change.range.end, self._encoding)
            if gone and not text and (start, cut) == (end, gone):
                return  # nothing, put within a character
            # Of a character that the range cuts in two, the other half stays: what follows on the line keeps its place.
            text = _half(cut, self._encoding) + text
            if gone:
                text += _half(units(source[end], self._encoding) - gone, self._encoding)
                end += 1
        self._edits.append((start, end, text))
        self._source = source[:start] + text + source[end:]

    def take_edits(self) -> list[tuple[int, int, str]]:
        """Return the edits since the last call, each in what the one before left: code points from, to, and text."""
        edits, self._edits = self._edits, []
        return edits


def _half(count: int, encoding: str) -> str:
    """Return what stands for a part of a character, of so many units."""
    return (REPLACED if encoding == "utf-16" else "?") * count


def query(document: TextDocument, params: types.InlineCompletionParams, encoding: str) -> Query | None:
    """Return the session's question about a document as it is now; None for a line that it does not have."""
    text = document.source
    if params.position.line > _countable(text).count("\n"):
        return None
    offset = offset_at(text, params.position, encoding)
    selected = None
    if info := params.context.selected_completion_info:
        start = offset_at(text, info.range.start, encoding)
        if start <= offset and info.range.start.line == params.position.line:
            selected = Selected(start, _whole(info.text))
    by_hand = params.context.trigger_kind is not types.InlineCompletionTriggerKind.Automatic
    return Query(document.uri, text, offset, document.language_id or "", selected, by_hand)


def resting(params: object, document_of: Callable[[str], TextDocument | None], encoding: str) -> Query | None:
    """Return what would be asked at the cursor of `{textDocument, position}`; None where no open document is named."""
    match params:
        case {"textDocument": {"uri": str(uri)}, "position": {"line": int(line), "character": int(character)}}:
            document = document_of(uri)
            if document is not None and line >= 0 and character >= 0:
                offset = offset_at(document.source, types.Position(line, character), encoding)
                return Query(document.uri, document.source, offset, document.language_id or "")
    return None


def items(answer: Answer | None, text: str, encoding: str) -> list[types.InlineCompletionItem]:
    """Return the protocol's items for an answer about `text`, its alternatives after it; none for None."""
    return [item(each, text, encoding) for each in ((answer, *answer.others) if answer is not None else ())]


def item(answer: Answer, text: str, encoding: str) -> types.InlineCompletionItem:
    """Return the protocol's item for an answer about `text`; always with a range, since Neovim relies on it.

    Where not all of it is sure, the command's second argument says how much is: `{"sure": UTF-16 units}`.
    """
    sure = [{"sure": units(answer.text[: answer.sure], "utf-16")}] if answer.sure is not None else []
    return types.InlineCompletionItem(
        insert_text=answer.text,
        range=types.Range(position_at(text, answer.start, encoding), position_at(text, answer.end, encoding)),
        command=types.Command(title="Accept", command=ACCEPT, arguments=[answer.id, *sure]),
    )


def item_id(params: object) -> str | None:
    """Return the completion id of `{item}` as a client sends it back; None when there is none."""
    match params:
        case {"item": {"command": {"arguments": [str(id), *_]}}}:
            return id
    return None


def left(params: object) -> int | None:
    """Return the code points at the end of an item's text that a client has not inserted; None when it does not say.

    The client says what it has inserted, in UTF-16 units.
    """
    match params:
        case {"item": {"insertText": str(text)}, "acceptedLength": int(count)} if count > 0:
            whole = _whole(text)
            return len(whole) - characters(whole, count, "utf-16")
    return None


def _whole(text: str) -> str:
    """Replace lone surrogates, which no file and no tokeniser can hold, one by one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
