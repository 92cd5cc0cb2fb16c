"""Fetches code in other languages that no model has read, and writes it as splits that the replay and others read.

`languages.toml` names the programs. Their archives are fetched once and their hashes checked. Written are
`languages.jsonl`, and a split for each language: `evaluate replay FOLDER --split rust`. Paths begin with the language.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tarfile
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

from empower_training.corpus.corpus import Document, FileLimits, refusal
from empower_training.corpus.duplicates import NearDuplicates
from empower_training.corpus.licences import permitted

PROGRAMS = Path(__file__).with_suffix(".toml")
FOLDER = Path(".cache/languages")
ENDS = {
    **dict.fromkeys((".ts", ".tsx"), "typescript"),
    **dict.fromkeys((".js", ".mjs", ".cjs"), "javascript"),
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".sh", ".bash"), "shell"),
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    ".go": "go",
    ".md": "markdown",
    ".rs": "rust",
}
"""Languages by the ends of files' names."""
MOST = 300_000
"""Characters of one language that a program may have."""
LIMITS = FileLimits(smallest_file=1000, largest_file=80_000)


@dataclass(frozen=True, slots=True)
class Program:
    """An archive in a registry, and which files of it are wanted."""

    name: str
    registry: str
    version: str
    file: str
    """Where it is in its registry, without what the registry's own addresses begin with."""
    sha256: str
    licence: str
    first: str
    """When it was first released, as far as its registry tells."""
    languages: tuple[str, ...]
    only: tuple[str, ...] = ("*",)
    without: tuple[str, ...] = ()

    def language(self, path: str) -> str | None:
        """Return the language of a file that is wanted; None for others."""
        language = ENDS.get(PurePosixPath(path).suffix)
        matches = any(fnmatch(path, each) for each in self.only) and not any(
            fnmatch(path, each) for each in self.without
        )
        return language if matches and language in self.languages and not path.endswith(".d.ts") else None


def programs(path: Path = PROGRAMS) -> list[Program]:
    """Read the list."""
    entries: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["program"]
    lists = ("languages", "only", "without")
    return [Program(**entry | {name: tuple(entry[name]) for name in lists if name in entry}) for entry in entries]


def address(program: Program) -> str:
    """Return where a program's archive can be had; raises StopIteration where PyPI lists it no longer."""
    match program.registry:
        case "npm":
            return f"https://registry.npmjs.org/{program.file}"
        case "debian":
            return f"https://deb.debian.org/debian/pool/main/{program.file}"
        case _:
            index = f"https://pypi.org/simple/{program.name}/"
            request = urllib.request.Request(index, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                files: list[dict[str, str]] = json.load(answer)["files"]
            return urljoin(index, next(file["url"] for file in files if file["filename"] == program.file))


def archive(program: Program, folder: Path) -> Path:
    """Return a program's archive, fetched if it is not there; raises SystemExit when it is another file."""
    path = folder / PurePosixPath(program.file).name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(address(program), timeout=120) as answer:
            path.write_bytes(answer.read())
    if hashlib.sha256(path.read_bytes()).hexdigest() != program.sha256:
        raise SystemExit(f"{path} is not the file that {PROGRAMS.name} names. Delete it, and try again.")
    return path


def wanted(program: Program, path: Path) -> Iterator[tuple[str, Document]]:
    """Yield the wanted files of an archive with their languages, in an order shuffled by hash, up to the cap."""
    files: dict[str, bytes] = {}
    with tarfile.open(path) as opened:
        for member in opened:
            name = member.name.partition("/")[2]
            if program.language(name) and (file := opened.extractfile(member)) is not None:
                files[name] = file.read()
    left = dict.fromkeys(program.languages, MOST)
    seen = NearDuplicates()
    for name in sorted(files, key=lambda name: hashlib.sha256(name.encode()).digest()):
        language = program.language(name)
        if language is None or left[language] <= 0 or refusal(files[name], LIMITS) is not None:
            continue
        text = files[name].decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        if seen.add(text):
            left[language] -= len(text)
            yield language, Document(program.name, f"{language}/{program.name}/{name}", text)


def write(found: Mapping[str, Sequence[Document]], folder: Path) -> None:
    """Write a split for each language, and one of all."""
    everything = [document for texts in found.values() for document in texts]
    for split, documents in {**found, "languages": everything}.items():
        lines = (json.dumps(asdict(document), ensure_ascii=False) + "\n" for document in documents)
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    found: dict[str, list[Document]] = {language: [] for language in sorted(set(ENDS.values()))}
    for program in programs():
        if not permitted(program.licence):
            raise SystemExit(f"The licence of {program.name}, {program.licence}, is not a permissive one.")
        for language, document in wanted(program, archive(program, options.folder / "archives")):
            found[language].append(document)
    write(found, options.folder)
    for language, texts in found.items():
        names = ", ".join(sorted({text.package for text in texts}))
        characters = sum(len(text.text) for text in texts)
        print(f"{language:11}{len(texts):5} files {characters:9,} characters  {names}")


if __name__ == "__main__":
    main()
