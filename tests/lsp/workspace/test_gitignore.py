"""Asked about one path, the rules say what a look through the folder finds; what they say is in `test_texts.py`."""

from pathlib import Path

import pytest

from empower_lsp.workspace import gitignore

RULES = {
    ".gitignore": "*.log\n/out/\nbuild\n!keep.log\ndeep/**\n!deep/here.py\n",
    "in/.gitignore": "!b.log\nc.py\n/only.py\n",
    "in/below/.gitignore": "*\n!a.py\n",
}
FILES = [
    f"{folder}{name}"
    for folder in ("", "in/", "in/below/", "out/", "build/", "in/out/", "deep/", "deep/er/", "venv/lib/", ".git/hooks/")
    for name in ("a.py", "b.log", "c.py", "keep.log", "only.py", "here.py")
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {**dict.fromkeys(FILES, "x"), **RULES, "venv/pyvenv.cfg": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    return tmp_path


@pytest.mark.parametrize("where", ["", "in", "out", "deep"])
def test_one_file_is_listed_as_in_a_look_through_all(folder: Path, where: str) -> None:
    listed = {name for _, name in gitignore.files(folder / where)}
    here = [path.relative_to(folder / where).as_posix() for path in (folder / where).rglob("*") if path.is_file()]
    assert {name for name in here if gitignore.lists(folder / where, name)} == listed
    assert listed
    assert (len(listed) < len(here)) == (where != "out")  # named after all, an ignored folder is looked through


def test_a_file_that_is_not_there_yet_is_judged_by_its_path(folder: Path) -> None:
    assert gitignore.lists(folder, "new/file.py")
    assert not gitignore.lists(folder, "new/file.log")
    assert not gitignore.lists(folder, "in/below/new.py")
    assert not gitignore.lists(folder, "link/a.py")
    assert not gitignore.lists(folder, "link.py")
    assert not gitignore.lists(folder, "node_modules/a.js")
