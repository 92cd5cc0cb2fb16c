"""The training text: files of permissively licensed packages, filtered, deduplicated and split by package."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from email import message_from_bytes
from email.message import Message
from functools import partial
from importlib import metadata
from pathlib import Path, PurePosixPath

from empower_training.corpus.duplicates import NearDuplicates, copied
from empower_training.corpus.licences import declared, permitted
from empower_training.corpus.sources import Sources

KEPT_OUT = ("heldout", "programs")
"""The splits that models are judged on."""
SPLITS = (*KEPT_OUT, "validation", "tuning", "train")
"""In the order in which they claim a text: what is held out is never trained on, not even as a vendored copy."""

_BESIDE = {".cfg", ".ini", ".md", ".sh", ".toml", ".yaml", ".yml", "Dockerfile", "Makefile"}
_FOREIGN = {"_vendor", "vendor", "vendored", "_vendored", "third_party", "extern", "externals", "node_modules"}
_GENERATED = re.compile(
    r"(auto-?|automatically |@)generated|generated (by|from|file|with)|do not (edit|modify)", re.IGNORECASE
)
_LITERAL_LINE = re.compile(r"""^\s*[-\[\](){}'"\d+.bru][^=:a-zA-Z_]*([a-zA-Z_][^=(]*['"].*)?[,\])}]*$""")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bounds within which a file is worth training on."""

    largest_file: int = 200_000
    """Bytes."""
    smallest_file: int = 200
    longest_line: int = 400
    """Characters; more is minified or data."""
    literal_share: float = 0.5
    """Most of a file's non-empty lines that may hold only literals."""
    package_characters: int = 1_200_000
    """Most characters one package may contribute to the training split."""
    beside_characters: int = 60_000
    """How many of them may be of what stands beside Python: configuration, Markdown, shell. Other splits have none."""


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution and those of its files that `_wanted` names, read when asked for."""

    name: str
    version: str
    licence: str | None
    paths: tuple[str, ...]
    read: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the corpus."""

    package: str
    path: str
    text: str


@dataclass(slots=True)
class ManifestEntry:
    """Line of the manifest on one package."""

    package: str
    version: str
    licence: str
    split: str
    files: int = 0
    characters: int = 0
    beside: int = 0
    """Characters that are not Python."""
    copied: float | None = None
    """Share of the lines that also stand, in runs of eight, in the training split; of packages that are kept out."""
    sha256: str = ""
    left_out: dict[str, int] = field(default_factory=dict)


def canonical(name: str) -> str:
    """Return a distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wanted(path: str) -> bool:
    """Return whether a file is Python or of what stands beside it in a repository."""
    parsed = PurePosixPath(path)
    return parsed.suffix == ".py" or bool({parsed.suffix, parsed.name} & _BESIDE)


def standard_library() -> Package:
    """Return the running interpreter's own library, without its tests."""
    root = Path(sysconfig.get_paths()["stdlib"])
    skipped = {"site-packages", "test", "tests", "idle_test", "lib2to3", "__pycache__"}
    modules = (path.relative_to(root) for path in root.rglob("*.py"))
    paths = tuple(sorted(path.as_posix() for path in modules if not skipped & set(path.parts)))
    version = ".".join(map(str, sys.version_info[:3]))
    return Package("python", version, "PSF-2.0", paths, partial(_read, root))


def installed() -> Iterator[Package]:
    """Yield the distributions installed beside this one."""
    for distribution in metadata.distributions():
        root = Path(str(distribution.locate_file("")))
        paths = tuple(sorted(filter(_wanted, (file.as_posix() for file in distribution.files or ()))))
        message = message_from_bytes((distribution.read_text("METADATA") or "").encode())
        yield _package(message, paths, partial(_read, root))


def wheels(folder: Path) -> Iterator[Package]:
    """Yield the wheels in a folder, by file name."""
    for path in sorted(folder.glob("*.whl")):
        archive = zipfile.ZipFile(path)
        names = sorted(archive.namelist())
        top = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        yield _package(message_from_bytes(archive.read(top)), tuple(filter(_wanted, names)), archive.read)


def source_archives(folder: Path) -> Iterator[Package]:
    """Yield the source archives (`.tar.gz`) in a folder, by file name."""
    for path in sorted(folder.glob("*.tar.gz")):
        files: dict[str, bytes] = {}
        with tarfile.open(path) as archive:
            for member in archive:
                _, _, name = member.name.partition("/")
                if (name == "PKG-INFO" or _wanted(name)) and (file := archive.extractfile(member)) is not None:
                    files[name] = file.read()
        yield _package(message_from_bytes(files.pop("PKG-INFO")), tuple(sorted(files)), files.__getitem__)


def _read(root: Path, path: str) -> bytes:
    return (root / path).read_bytes()


def _package(message: Message, paths: tuple[str, ...], read: Callable[[str], bytes]) -> Package:
    name, version = str(message.get("Name", "")), str(message.get("Version", ""))
    return Package(canonical(name), version, declared(message), paths, read)


def refusal(raw: bytes, limits: FileLimits) -> str | None:
    """Return why a file is not worth training on, as a word or two; None when it is."""
    if len(raw) > limits.largest_file:
        return "large"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    lines = [line for line in text.splitlines() if line.strip()]
    literals = sum(map(bool, map(_LITERAL_LINE.match, lines)))
    reasons = {
        "small": len(text) < limits.smallest_file or not lines,
        "binary": "\0" in text,
        "long lines": max(map(len, lines), default=0) > limits.longest_line,
        "generated": any(_GENERATED.search(line) for line in lines[:12]),
        "literals": literals > limits.literal_share * len(lines),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _foreign(path: str, kept_out: frozenset[str]) -> bool:
    """Return whether a path is a vendored copy, whose licence is not the package's, or one of a package kept out."""
    parts = {part.lower() for part in PurePosixPath(path).with_suffix("").parts}
    return bool(parts & _FOREIGN or {part.strip("_").replace("_", "-") for part in parts} & kept_out)


def documents(
    package: Package, entry: ManifestEntry, limits: FileLimits, seen: NearDuplicates, sources: Sources
) -> Iterator[Document]:
    """Yield a package's files worth keeping, in an order shuffled by hash; counts go into `entry`."""
    digest = hashlib.sha256()
    kept_out = entry.split in KEPT_OUT
    # from the far end: what the model that training goes on from has read of a package of many files is at the other
    for path in sorted(package.paths, key=lambda path: hashlib.sha256(path.encode()).digest(), reverse=True):
        beside = not path.endswith(".py")
        if beside and entry.split != "train":
            continue
        if entry.split == "train" and _full(entry, beside, limits):
            entry.left_out["over the cap"] = entry.left_out.get("over the cap", 0) + 1
            continue
        raw = b"" if not kept_out and _foreign(path, sources.kept_out) else package.read(path)
        reason = refusal(raw, limits) if raw else "vendored or empty"
        text = "" if reason else raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        if reason is None and not seen.add(text) and not kept_out:
            reason = "near-duplicate"
        if reason is not None:
            entry.left_out[reason] = entry.left_out.get(reason, 0) + 1
            continue
        entry.files += 1
        entry.characters += len(text)
        entry.beside += len(text) * beside
        digest.update(text.encode("utf-8"))
        yield Document(package.name, path, text)
    entry.sha256 = digest.hexdigest()


def _full(entry: ManifestEntry, beside: bool, limits: FileLimits) -> bool:
    return entry.characters >= limits.package_characters or (beside and entry.beside >= limits.beside_characters)


def build(
    packages: Iterable[Package], sources: Sources, target: Path, limits: FileLimits, report: Callable[[str], None]
) -> list[ManifestEntry]:
    """Write `<split>.jsonl` for each split and `manifest.json` into `target`; returns the manifest's entries.

    A package seen twice (installed and as a wheel) counts once, the first time. Packages without a clearly
    permissive licence are listed in the manifest as refused. `report` is told each package's name.
    """
    target.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, Package] = {}
    for package in packages:
        chosen.setdefault(package.name, package)
    seen = NearDuplicates()
    entries: list[ManifestEntry] = []
    refused: dict[str, str] = {}
    for split in SPLITS:
        names = sorted(name for name in chosen if sources.split(name) == split)
        with (target / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for package in map(chosen.__getitem__, names):
                if package.licence is None or not permitted(package.licence):
                    refused[package.name] = package.licence or "unclear"
                    continue
                report(package.name)
                entry = ManifestEntry(package.name, package.version, package.licence, split)
                for document in documents(package, entry, limits, seen, sources):
                    file.write(json.dumps(asdict(document), ensure_ascii=False) + "\n")
                if entry.files:
                    entries.append(entry)
    judged: dict[str, list[str]] = {}
    for document in (document for split in KEPT_OUT for document in load(target, split)):
        judged.setdefault(document.package, []).append(document.text)
    shares = copied(judged, (text.text for text in load(target, "train")))
    for entry in entries:
        entry.copied = shares.get(entry.package)
    manifest = {"limits": asdict(limits), "packages": [asdict(entry) for entry in entries], "refused": refused}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return entries


def load(folder: Path, split: str) -> list[Document]:
    """Yield the documents of one split, in file order."""
    with (folder / f"{split}.jsonl").open(encoding="utf-8") as file:
        return [Document(**json.loads(line)) for line in file]
