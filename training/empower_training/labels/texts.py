"""The texts that a model is fine-tuned and judged on, which people wrote, from a folder of code or from the log."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

import pathspec

from empower_lsp.log import Store
from empower_lsp.workspace import UNWRITTEN, gitignore, is_denied
from empower_model.errors import EmpowerError
from empower_training.corpus import FileLimits, duplicates, refusal
from empower_training.labels.stitched import Stretch, assembled, stretches

LEAST = 40
"""Characters; there is nothing to learn from less."""
LIMITS = FileLimits(smallest_file=LEAST)


@dataclass(frozen=True, slots=True)
class Text:
    """A text with `\\n` line ends: a file, or some whole lines of one."""

    name: str
    """Path relative to the folder or the workspace, with `/`."""
    text: str
    at: float
    """When it was last written, in seconds since 1970."""


def from_folder(folder: Path, only: Sequence[str] = ()) -> list[Text]:
    """Return the files of a folder that a person may have written, by name; `only` has globs, gitignore style.

    Left out are files that git would ignore, that the server would not read either (`workspace.DENIED`), and binary,
    huge and generated ones. Raises EmpowerError where there is no such folder, or on an invalid glob.
    """
    if not folder.is_dir():
        raise EmpowerError(f"There is no folder {folder}: name one with code in it.")
    wanted = globs(only)
    texts = []
    for path, name in gitignore.files(folder):
        if is_denied(f"/{name}") or UNWRITTEN.match_file(name) or (only and not wanted.match_file(name)):
            continue
        try:
            status = path.stat()
            raw = path.read_bytes() if status.st_size <= LIMITS.largest_file else b""
        except OSError:  # gone meanwhile, or not ours to read
            continue
        if refusal(raw, LIMITS) is None:
            text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
            texts.append(Text(name, text, status.st_mtime))
    return sorted(texts, key=lambda text: text.name)


def from_log(store: Store, only: Sequence[str] = (), since: float = 0.0, until: float = inf) -> list[Text]:
    """Return what ended up in the files that the log tells of, by time; `only` has globs to keep, gitignore style.

    The log knows no files, only lines around completions; `stitched.py` puts them together. A file seen at places far
    apart makes several texts. Only completions from `since` up to but not including `until` count, both in seconds
    since 1970. Raises EmpowerError on an invalid glob.
    """
    wanted = globs(only)
    files: dict[tuple[str, str], list[Stretch]] = {}
    for entry in store.entries():
        completion = entry.completion
        if (
            completion.prefix is not None
            and since <= completion.at < until
            and (not only or wanted.match_file(completion.path))
        ):
            files.setdefault((completion.workspace, completion.path), []).extend(stretches(entry))
    texts = [Text(path, part.text, part.at) for (_, path), parts in files.items() for part in assembled(parts)]
    return _by_time([text for text in texts if len(text.text.strip()) >= LEAST])


def split(texts: Sequence[Text], share: float = 0.7) -> tuple[list[Text], list[Text]]:
    """Part the texts into those written earlier, about `share` of all characters, and later ones; each side by time.

    All texts of a file are on the side of the last of them; so is what half of one stands in under another name, since
    files are copied and moved. With two files or more neither side is empty.
    """
    groups = sorted(_files(_by_time(texts)), key=lambda group: (group[-1].at, group[-1].name))
    aim = share * sum(len(text.text) for text in texts)
    before, cut, miss = 0, len(groups), inf
    for index, group in enumerate(groups[:-1], start=1):
        before += sum(len(text.text) for text in group)
        if abs(before - aim) < miss:
            cut, miss = index, abs(before - aim)
    earlier, later = ([text for group in part for text in group] for part in (groups[:cut], groups[cut:]))
    return _by_time(earlier), _by_time(later)


def _files(texts: Sequence[Text]) -> list[list[Text]]:
    """Group the texts by file: of one name, the same to the letter, or half of one's passages standing in the other."""
    groups = [[index] for index in range(len(texts))]
    passages = [duplicates.runs(text.text) for text in texts]
    first: dict[Hashable, int] = {}
    for index, text in enumerate(texts):
        shared = Counter(first[run] for run in passages[index] if run in first)
        alike = {first[key] for key in (("name", text.name), ("text", text.text)) if key in first}
        alike |= {
            other for other, count in shared.items() if 2 * count >= min(len(passages[index]), len(passages[other]))
        }
        for other in alike:
            ours, theirs = groups[index], groups[other]
            if ours is not theirs:
                theirs += ours
                for moved in ours:
                    groups[moved] = theirs
        for key in (("name", text.name), ("text", text.text), *passages[index]):
            first.setdefault(key, index)
    return [_by_time([texts[index] for index in group]) for group in {id(group): group for group in groups}.values()]


def _by_time(texts: Sequence[Text]) -> list[Text]:
    return sorted(texts, key=lambda text: (text.at, text.name))


def save(texts: Sequence[Text], path: Path) -> None:
    """Write texts as JSON lines, for `load`. Raises EmpowerError."""
    write((asdict(text) for text in texts), path)


def write(rows: Iterable[dict[str, Any]], path: Path) -> int:
    """Write JSON lines made of people's texts, for their owner only, as the log is; returns how many.

    Raises EmpowerError where the file cannot be written.
    """
    count = 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as lines:
            for row in rows:
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    except OSError as error:
        raise EmpowerError(f"{path} cannot be written: {error.strerror}.") from error
    return count


def load(path: Path) -> list[Text]:
    """Read what `save` wrote. Raises EmpowerError on anything else."""
    try:
        with path.open(encoding="utf-8") as lines:
            return [Text(**json.loads(line)) for line in lines]
    except OSError as error:
        raise EmpowerError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise EmpowerError(f"{path} holds no texts: make it with `empower-lsp lab texts`.") from error


def globs(lines: Sequence[str]) -> pathspec.GitIgnoreSpec:
    """Return a spec that matches some globs, gitignore style. Raises EmpowerError on an invalid one."""
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise EmpowerError(f"{' '.join(lines)} is not a glob: {error}.") from error
