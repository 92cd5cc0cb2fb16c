"""What is read of files that others have made, and what of no file is waited for."""

import os
from pathlib import Path

import pytest

from empower_model.regular_file import LARGEST_JSON, is_regular, open_regular, read_json, read_regular


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to("a")
    assert read_regular(tmp_path / "a", 10) == read_regular(tmp_path / "link", 10) == b"0123456789"
    with pytest.raises(OSError, match="more than 9 bytes"):
        read_regular(tmp_path / "a", 9)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, fifo: Path) -> None:
    (tmp_path / "link").symlink_to(fifo)
    for path in (fifo, tmp_path / "link", Path("/dev/zero"), Path("/dev/tty")):
        assert not is_regular(path)
        with pytest.raises(OSError, match=r"not a regular file|No such device"):
            open_regular(path)
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


@pytest.mark.parametrize("name", ["n" * 300, "a\0b", "/".join(["d"] * 3000)])
def test_names_that_no_file_can_have_are_errors_of_the_file(tmp_path: Path, name: str) -> None:
    assert not is_regular(tmp_path / name)
    with pytest.raises(OSError, match=r"too long|no file has such a name"):
        open_regular(tmp_path / name)


def test_nothing_stays_open(tmp_path: Path, fifo: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    for path in (fifo, tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError):
            read_regular(path, 10)
    assert before in {0, len(os.listdir("/proc/self/fd"))}  # noqa: PTH208


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        ('{"a": ' + "9" * 400 + "}", "whole number of 400 digits"),
        ('{"a": ' + "9" * 5000 + "}", "whole number of 5000 digits"),
        ('{"a": 1e999}', "1e999"),
        ('{"a": [NaN]}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ("", "Expecting value"),
        (" " * (LARGEST_JSON + 1), "more than"),
    ],
)
def test_json_that_cannot_be_reckoned_with_is_an_error_that_says_so(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises((OSError, ValueError), match=words):
        read_json(tmp_path / "a.json")


def test_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1.5, -7, "é", null, 9223372036854775807]}', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"a": [1.5, -7, "é", None, 2**63 - 1]}
    (tmp_path / "a.json").write_bytes(b'"\xff"')
    with pytest.raises(ValueError, match="utf-8"):
        read_json(tmp_path / "a.json")
