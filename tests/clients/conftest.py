"""The editors of the tests that several of their modules use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .neovim.editor import Neovim, until


@pytest.fixture
def answered(tmp_path: Path, data_folder: Path) -> Iterator[Neovim]:
    """Return a Neovim whose server answers what it is told to."""
    editor = Neovim(tmp_path, data_folder, "fake.lua")
    try:
        until(lambda: editor.lua("return #vim.lsp.get_clients({ bufnr = 0 }) == 1"))
        yield editor
    finally:
        editor.kill()
