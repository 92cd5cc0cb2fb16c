"""The data folder."""

from pathlib import Path

import pytest

from empower_model.folder import data_folder, default_file


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
