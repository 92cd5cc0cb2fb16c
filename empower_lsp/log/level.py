"""The level of logging, and the person's choice of it: `<data folder>/log.json`, which every server reads."""

from __future__ import annotations

import json
from enum import IntEnum
from pathlib import Path
from typing import Any

from empower_model.files import data_folder, write_whole
from empower_model.regular_file import read_json


class Level(IntEnum):
    """Amount of what the log holds; of several wishes the lowest counts: `min(wishes)`."""

    OFF = 0
    """Nothing, and no file is touched."""
    METADATA = 1
    """When, where, how long, how likely and what became of it, but no text."""
    FULL = 2
    """The text too, with secrets redacted."""

    @property
    def word(self) -> str:
        """Return the level's name on the outside: `off`, `metadata` or `full`."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Level:
        """Return the level of that name. Raises KeyError."""
        return cls[word.upper()]


def chosen() -> Level:
    """Return what the person chose with `empower-lsp log on` or `off`; full where nothing was chosen.

    A choice that cannot be read counts as off: it may have been that.
    """
    try:
        return Level.of(_content().get("level", Level.FULL.word))
    except (OSError, ValueError, KeyError, AttributeError):
        return Level.OFF


def choose(level: Level) -> None:
    """Remember a choice; running servers follow it. Raises OSError."""
    _write({"level": level.word, "told": True})


def tell_once() -> bool:
    """Return whether the person must still be told that there is a log: True only once. Raises OSError."""
    try:
        content = _content()
    except ValueError:
        return False
    if content.get("told"):
        return False
    _write(content | {"told": True})
    return True


def _content() -> dict[str, Any]:
    try:
        content = read_json(_path())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def _write(content: dict[str, Any]) -> None:
    data_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(_path(), json.dumps(content) + "\n")


def _path() -> Path:
    return data_folder() / "log.json"
