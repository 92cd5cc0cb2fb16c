"""Documents follow any edits: compared with a text that a client would have."""

from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from empower_lsp.edge.convert import OpenDocument, offset_at, position_at, units

from .reference import WIDTHS, Reference

Edge: TypeAlias = tuple[int, int]

ENCODINGS = st.sampled_from(sorted(WIDTHS))
PIECES = ["a", "bc", "\n", "\r\n", "\r", "é", "世", "😀", "e\u0301", "\x0c", "\u2028", "\x85", "\ud83d", "\ude00", "\0"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
EDGES = st.tuples(st.integers(0, 8), st.integers(0, 12))
EDITS = st.lists(st.tuples(st.tuples(EDGES, EDGES).map(sorted), st.text("aé😀\n\r", max_size=6)), max_size=12)


def position(edge: Edge) -> types.Position:
    return types.Position(*edge)


def opened(text: str, encoding: str) -> OpenDocument:
    return OpenDocument(types.TextDocumentItem("file:///a.py", "python", 1, text), encoding)


@given(TEXTS, EDITS, ENCODINGS)
def test_edits_leave_the_client_s_text(text: str, edits: list[tuple[list[Edge], str]], encoding: str) -> None:
    document, reference = opened(text, encoding), Reference(text, encoding)
    before = document.source
    for (start, end), new in edits:
        place = types.Range(position(start), position(end))
        document.apply_change(types.TextDocumentContentChangePartial(place, new))
        reference.replace(start, end, new)
        assert document.source == reference.text
    for start_at, end_at, new in document.take_edits():
        before = before[:start_at] + new + before[end_at:]
    assert before == document.source, "what is told of the edits makes the same of the text"


@given(TEXTS, ENCODINGS)
def test_every_place_has_a_position_that_leads_back(text: str, encoding: str) -> None:
    source = opened(text, encoding).source
    for offset in range(len(source) + 1):
        place = position_at(source, offset, encoding)
        if source[offset - 1 : offset + 1] != "\r\n":  # within a line end there is no place
            assert offset_at(source, place, encoding) == offset


@given(TEXTS, EDGES, ENCODINGS)
def test_a_position_is_clamped_to_a_place_of_the_text(text: str, edge: Edge, encoding: str) -> None:
    source = opened(text, encoding).source
    offset = offset_at(source, position(edge), encoding)
    place = position_at(source, offset, encoding)
    assert 0 <= offset <= len(source)
    assert (place.line, place.character) <= edge or place.line < edge[0]


@given(TEXTS, ENCODINGS)
def test_units_are_those_of_the_characters(text: str, encoding: str) -> None:
    source = opened(text, encoding).source
    assert units(source, encoding) == sum(map(WIDTHS[encoding], source))
