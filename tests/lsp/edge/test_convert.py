"""Positions, documents, queries and items, between the protocol and the session."""

import itertools
import random

import pytest
from lsprotocol import types

from empower_lsp.edge.convert import (
    OpenDocument,
    characters,
    item,
    item_id,
    items,
    left,
    offset_at,
    position_at,
    query,
    units,
)
from empower_lsp.session.query import Answer, Query, Selected

ENCODINGS = ["utf-8", "utf-16", "utf-32"]
UNITS = {"utf-8": [1, 2, 3, 4], "utf-16": [1, 1, 1, 2], "utf-32": [1, 1, 1, 1]}


def document(text: str, encoding: str = "utf-16") -> OpenDocument:
    return OpenDocument(types.TextDocumentItem("file:///a.py", "python", 7, text), encoding)


def at(line: int, character: int) -> types.Position:
    return types.Position(line, character)


def edit(start: types.Position, end: types.Position, text: str) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(types.Range(start, end), text)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_units_of_one_to_four_byte_characters(encoding: str) -> None:
    assert [units(character, encoding) for character in "aé世😀"] == UNITS[encoding]
    text = "aé世😀z"
    ends = [0, *itertools.accumulate([*UNITS[encoding], 1])]
    assert [characters(text, count, encoding) for count in ends] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("encoding", "count", "expected"), [("utf-8", 8, 3), ("utf-16", 4, 3), ("utf-8", 2, 1)])
def test_a_count_within_a_character_goes_to_its_start(encoding: str, count: int, expected: int) -> None:
    assert characters("aé世😀z", count, encoding) == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a\n", "é😀\n世b\r\n\r\nend", "a\rb\r\nc\n\rd", "x\x0cy\u2028z\x85\nq"]
)
def test_every_offset_has_a_position_that_leads_back(text: str, encoding: str) -> None:
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] != "\r\n" or offset == 0:
            assert offset_at(text, position_at(text, offset, encoding), encoding) == offset


@pytest.mark.parametrize(
    ("position", "offset"),
    [((0, 99), 2), ((1, 99), 6), ((2, 0), 8), ((2, 99), 9), ((3, 0), 9), ((9, 9), 9), ((2**31 - 1, 2**31 - 1), 9)],
)
def test_positions_are_clamped_to_their_line_and_to_the_text(position: tuple[int, int], offset: int) -> None:
    assert offset_at("ab\ncde\r\nf", at(*position), "utf-16") == offset


def test_lines_end_only_where_the_protocol_says() -> None:
    assert position_at("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g", 13, "utf-16") == at(0, 13)
    assert position_at("a\rb\nc\r\nd", 7, "utf-16") == at(3, 0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_random_edits_agree_with_edits_by_code_point(encoding: str) -> None:
    dice = random.Random(0)
    text = "import é\n\tprint('😀')\r\n\x0c\nclass 世:\r\n"
    edited = document(text, encoding)
    for _ in range(300):
        start, end = sorted(dice.choices([i for i in range(len(text) + 1) if text[i - 1 : i + 1] != "\r\n"], k=2))
        new = "".join(dice.choices(["a", "é", "世", "😀", "\n", "\r\n", "\x0c", " "], k=dice.randrange(4)))
        edited.apply_change(edit(position_at(text, start, encoding), position_at(text, end, encoding), new))
        text = text[:start] + new + text[end:]
        assert edited.source == text


def test_a_change_without_a_range_replaces_the_text() -> None:
    changed = document("old")
    changed.apply_change(types.TextDocumentContentChangeWholeDocument("new"))
    assert changed.source == "new"
    changed.apply_change(edit(at(0, 0), at(9, 9), ""))
    assert changed.source == ""
    changed.apply_change(edit(at(0, 0), at(0, 0), "x"))
    assert changed.source == "x"


def test_half_characters_are_replaced_and_take_as_much_room() -> None:
    opened = document("a\ud83db")
    assert opened.source == "a\ufffdb"
    opened.apply_change(edit(at(0, 2), at(0, 2), "\udc00"))
    assert opened.source == "a\ufffd\ufffdb"


def params(line: int, character: int, info: types.SelectedCompletionInfo | None = None) -> types.InlineCompletionParams:
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic, info)
    return types.InlineCompletionParams(context, types.TextDocumentIdentifier("file:///a.py"), at(line, character))


def asked_of(document: OpenDocument, params: types.InlineCompletionParams, encoding: str) -> Query:
    asked = query(document, params, encoding)
    assert asked is not None
    return asked


def test_a_line_that_is_not_there_is_no_query() -> None:
    for text, lines in (("", 1), ("a\n", 2), ("a\r\nb", 2), ("a\rb\n", 3), ("a\fb", 1)):
        assert query(document(text), params(lines - 1, 99), "utf-16") is not None
        for line in (lines, lines + 1, 2**31 - 1):
            assert query(document(text), params(line, 0), "utf-16") is None


def halves(text: str) -> list[str]:
    """Return the UTF-16 units of a text, as a client with such strings holds it."""
    data = text.encode("utf-16-le", "surrogatepass")
    return [data[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(data), 2)]


@pytest.mark.parametrize("seed", range(20))
def test_edits_that_cut_characters_in_two_shift_nothing(seed: int) -> None:
    rng = random.Random(seed)
    ours, theirs = document("a😀b😀😀\n😀c"), [halves("a😀b😀😀"), halves("😀c")]
    for _ in range(200):
        line = rng.randrange(2)
        start, end = sorted(rng.randrange(len(theirs[line]) + 1) for _ in range(2))
        text = "".join(rng.choice(["x", "😀", "\ud83d", "\ude00", ""]) for _ in range(rng.randrange(3)))
        theirs[line][start:end] = halves(text)
        change = types.TextDocumentContentChangePartial(types.Range(at(line, start), at(line, end)), text)
        ours.apply_change(change)
        there = ours.source.split("\n")
        assert [units(text, "utf-16") for text in there] == [len(text) for text in theirs]
        for mine, client in zip(there, theirs, strict=True):
            for unit, other in zip(halves(mine), client, strict=True):
                assert unit in (other, "\N{REPLACEMENT CHARACTER}")
    said = document("a😀b😀😀\n😀c").source
    for start, end, text in ours.take_edits():
        said = said[:start] + text + said[end:]
    assert said == ours.source


def test_bytes_of_a_character_that_is_cut_in_two_are_counted() -> None:
    ours = OpenDocument(types.TextDocumentItem("file:///a.py", "python", 1, "a😀b"), "utf-8")
    ours.apply_change(types.TextDocumentContentChangePartial(types.Range(at(0, 3), at(0, 4)), "x"))
    assert ours.source == "a??x?b"


def test_a_query_holds_the_document_as_it_is() -> None:
    opened = document("x = 1\r\ny = 😀")
    asked = asked_of(opened, params(1, 6), "utf-16")
    opened.apply_change(edit(at(0, 0), at(0, 0), "# "))
    assert (asked.uri, asked.by_hand, asked.language) == ("file:///a.py", False, "python")
    assert (asked.text, asked.offset, asked.selected) == ("x = 1\r\ny = 😀", 12, None)


@pytest.mark.parametrize(
    ("start", "selected"),
    [((1, 3), Selected(7, "path")), ((1, 5), Selected(9, "path")), ((0, 1), None), ((1, 6), None)],
)
def test_a_selected_item_counts_from_the_cursor_s_line(start: tuple[int, int], selected: Selected | None) -> None:
    info = types.SelectedCompletionInfo(types.Range(at(*start), at(1, 5)), "path")
    assert asked_of(document("abc\nos.pa = 1"), params(1, 5, info), "utf-16").selected == selected


def test_an_item_always_has_a_range() -> None:
    text = "😀 = \r\n😀y"
    assert item(Answer("id", 6, 8, "z"), text, "utf-16") == types.InlineCompletionItem(
        insert_text="z",
        range=types.Range(at(1, 0), at(1, 3)),
        command=types.Command("Accept", "empower.accept", arguments=["id"]),
    )


def test_what_clients_send_back_is_read_with_care() -> None:
    assert item_id({"item": {"command": {"command": "empower.accept", "arguments": ["id"]}}}) == "id"
    garbage: list[object] = [None, 5, [], {}, {"item": []}, {"item": {"command": {"arguments": []}}}]
    for strange in garbage:
        assert item_id(strange) is None


def test_what_is_left_is_counted_in_code_points_of_what_was_sent() -> None:
    item = {"insertText": "'𝄞é'\r\nx"}
    for inserted, rest in ((1, 6), (3, 5), (5, 3), (7, 1), (8, 0), (99, 0)):
        assert left({"item": item, "acceptedLength": inserted}) == rest
    for strange in (None, {"item": item}, {"item": item, "acceptedLength": 0}, {"item": 5, "acceptedLength": 1}):
        assert left(strange) is None


def test_a_query_says_whether_a_person_has_asked() -> None:
    asked = params(1, 0)
    asked.context.trigger_kind = types.InlineCompletionTriggerKind.Invoked
    assert asked_of(document("a\nb"), asked, "utf-16").by_hand


def test_no_answer_is_no_items_and_alternatives_come_after_the_first() -> None:
    assert items(None, "x = ", "utf-16") == []
    answer = Answer("a", 4, 4, "1", others=(Answer("b", 4, 4, "2"),))
    assert [each.insert_text for each in items(answer, "x = ", "utf-16")] == ["1", "2"]
