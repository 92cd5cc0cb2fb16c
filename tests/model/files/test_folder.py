"""The data folder, and files that are never half written."""

from pathlib import Path

import pytest

from empower_model.files.folder import data_folder, default_file, write_whole


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert default_file() == tmp_path / "default.json"
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("USERPROFILE", "/home/somebody")
    monkeypatch.setenv("EMPOWER_LSP_DATA", "~/here")
    assert data_folder() == Path("/home/somebody/here")
    monkeypatch.delenv("EMPOWER_LSP_DATA")
    assert data_folder().name == "empower-lsp"


def test_a_small_file_is_replaced(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", "old")
    write_whole(tmp_path / "a.json", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "new")]


def test_a_failed_write_leaves_the_old_text_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a.json", "old")

    def full(self: Path, text: str, encoding: str) -> None:
        self.write_bytes(text.encode()[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a.json", "new text")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "old")]
