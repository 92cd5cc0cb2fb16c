"""The minimal editor: positions, and the real server behind it."""

from pathlib import Path

import pytest

from empower_training.day.editor import Editor, ServerEnded, position


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [("", 0, (0, 0)), ("a = 1\nb = ", 10, (1, 4)), ("a\n\n", 3, (2, 0)), ("x = '\N{PARTY POPPER}' + ", 9, (0, 10))],
)
def test_positions_count_lines_and_utf16_units(text: str, offset: int, expected: tuple[int, int]) -> None:
    place = position(text, offset)
    assert (place["line"], place["character"]) == expected


def test_the_servers_documents_are_the_editors(tmp_path: Path) -> None:
    uri = "file:///shape.py"
    with Editor({}, tmp_path / "data", tmp_path) as editor:
        editor.initialize()
        editor.initialized()
        editor.open(uri, "a = '\N{PARTY POPPER}'\nb = \n")
        editor.replace(uri, 12, 12, "a")
        assert editor.text(uri) == "a = '\N{PARTY POPPER}'\nb = a\n"
        assert editor.run("empower.status")["on"] is True
        with pytest.raises(RuntimeError, match="unknown"):
            editor.request("unknown/method", None)
        editor.close(uri)


def test_the_end_of_the_server_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerEnded):
        ended_at_work(Editor({}, tmp_path / "data"))


def ended_at_work(editor: Editor) -> None:
    with editor:
        editor.initialize()
        editor.request("shutdown", None)
        editor.notify("exit", None)
        editor.run("empower.status")
