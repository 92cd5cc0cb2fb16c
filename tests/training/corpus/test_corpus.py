import io
import json
import tarfile
from email.message import Message
from pathlib import Path

import pytest

from empower_training.corpus.corpus import FileLimits, Package, build, load, refusal, source_archives
from empower_training.corpus.duplicates import NearDuplicates, copied, shingles
from empower_training.corpus.licences import declared, permitted
from empower_training.corpus.sources import Sources, read_sources

LIMITS = FileLimits()
SOURCES = Sources(
    packages=(),
    heldout=frozenset({"kept-away"}),
    programs=frozenset({"a-program"}),
    tuning=frozenset({"tuned-on"}),
    validation=frozenset({"watched"}),
    excluded=frozenset({"this-project"}),
)


def code(name: str, lines: int = 40) -> str:
    """Return a file of made-up functions, different from those of any other name."""
    return "".join(
        f"def {name}_{i}(x_{name}):\n    return {name}_call{i}(x_{name}) + x_{name}\n\n\n" for i in range(lines)
    )


def package(name: str, files: dict[str, str], licence: str | None = "MIT") -> Package:
    return Package(name, "1.0", licence, tuple(files), lambda path: files[path].encode())


def names(folder: Path, split: str) -> set[tuple[str, str]]:
    return {(document.package, document.path) for document in load(folder, split)}


def test_build(tmp_path: Path) -> None:
    held = code("held")
    packages = [
        package("kept-away", {"kept/a.py": held}),
        package("a-program", {"src/a_program/a.py": code("program")}),
        package("watched", {"watched/a.py": code("watched")}),
        package("tuned-on", {"tuned/a.py": code("tuned"), "tuned/b.py": held.replace("held_4", "held_y")}),
        package("this-project", {"p/a.py": code("own")}),
        package("copyleft", {"c/a.py": code("copyleft")}, "GPL-3.0-only"),
        package("unclear", {"u/a.py": code("unclear")}, None),
        package(
            "app",
            {
                "app/copy.py": held.replace("held_3", "held_x"),
                "app/_vendor/lib.py": code("vendored"),
                "app/a_program/main.py": code("likewise"),
                "app/own.py": code("app"),
                "app/twin.py": code("app") + "\nVERSION = 1\n",
            },
        ),
        package("app", {"app/other.py": code("second")}),
    ]
    entries = build(packages, SOURCES, tmp_path, LIMITS, lambda name: None)
    assert names(tmp_path, "heldout") == {("kept-away", "kept/a.py")}
    assert names(tmp_path, "programs") == {("a-program", "src/a_program/a.py")}
    assert names(tmp_path, "validation") == {("watched", "watched/a.py")}
    assert names(tmp_path, "tuning") == {("tuned-on", "tuned/a.py")}
    kept = names(tmp_path, "train")
    assert len(kept) == 1
    assert kept <= {("app", "app/own.py"), ("app", "app/twin.py")}
    assert entries[-1].left_out == {"near-duplicate": 2, "vendored or empty": 2}
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["refused"] == {"copyleft": "GPL-3.0-only", "unclear": "unclear"}
    assert {entry["package"] for entry in manifest["packages"]} == {
        *("kept-away", "a-program", "watched", "tuned-on", "app")
    }


def test_build_is_repeatable_and_caps_a_package(tmp_path: Path) -> None:
    files = {f"m{i}.py": code(f"m{i}") for i in range(12)}
    limits = FileLimits(package_characters=3 * len(files["m0.py"]))
    outputs = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        entries = build([package("app", files)], SOURCES, folder, limits, lambda name: None)
        assert entries[0].left_out["over the cap"] >= 8
        outputs.append((folder / "train.jsonl").read_bytes() + (folder / "manifest.json").read_bytes())
    assert outputs[0] == outputs[1]


def test_build_takes_a_little_of_what_stands_beside_python(tmp_path: Path) -> None:
    settings = {f"conf/{i}.toml": code(f"setting{i}") for i in range(9)}
    limits = FileLimits(beside_characters=2 * len(settings["conf/0.toml"]))
    held = package("kept-away", {"a.py": code("held"), "README.md": code("readme")})
    entries = build([held, package("app", {**settings, "app.py": code("app")})], SOURCES, tmp_path, limits, print)
    assert names(tmp_path, "heldout") == {("kept-away", "a.py")}
    assert entries[-1].files == 3
    assert entries[-1].characters == entries[-1].beside + len(code("app"))


def test_build_says_how_much_of_what_is_judged_on_is_in_the_training_text(tmp_path: Path) -> None:
    """The first twenty lines of code of eighty; blank lines and comments do not count."""
    held = code("held")
    copy = code("app") + "# the same:\n" + "".join(held.splitlines(keepends=True)[:40])
    packages = [package("kept-away", {"a.py": held}), package("a-program", {"b.py": code("b")})]
    entries = build([*packages, package("app", {"c.py": copy})], SOURCES, tmp_path, LIMITS, lambda name: None)
    assert {entry.package: entry.copied for entry in entries} == {"kept-away": 0.25, "a-program": 0.0, "app": None}


def test_copied() -> None:
    lines = [f"line {i}\n" for i in range(20)]
    other = "".join(lines[3:11])
    assert copied({"a": ["".join(lines)], "b": ["".join(lines[:10])], "c": []}, [other]) == {"a": 0.4, "b": 0, "c": 0}
    commented = "".join(f"# {i}\n\n    {line}" for i, line in enumerate(lines))
    assert copied({"a": [commented]}, [other]) == {"a": 0.4}


def test_a_source_archive(tmp_path: Path) -> None:
    files = {
        "app-1.0/PKG-INFO": "Name: My_App\nVersion: 1.0\nLicense-Expression: MIT\n",
        "app-1.0/tests/test_app.py": code("test"),
        "app-1.0/Makefile": "all:\n",
        "app-1.0/logo.svg": "<svg/>",
    }
    with tarfile.open(tmp_path / "my_app-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    [archived] = source_archives(tmp_path)
    assert (archived.name, archived.version, archived.licence) == ("my-app", "1.0", "MIT")
    assert archived.paths == ("Makefile", "tests/test_app.py")
    assert archived.read("tests/test_app.py").decode() == code("test")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (code("fine").encode(), None),
        (b"x = 1\n", "small"),
        (b"# " + b"x" * 250_000, "large"),
        (b"\xff\xfe" * 300, "not UTF-8"),
        (("x = '" + "y" * 500 + "'\n").encode(), "long lines"),
        (("# Automatically generated by a tool\n" + code("fine")).encode(), "generated"),
        (("DATA = [\n" + "    1.5, 2.5, 3.5,\n" * 80 + "]\n").encode(), "literals"),
        (("NAMES = [\n" + "    'some name', 'another',\n" * 80 + "]\n").encode(), "literals"),
    ],
)
def test_refusal(raw: bytes, reason: str | None) -> None:
    assert refusal(raw, LIMITS) == reason


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-2.0-only", True),
        ("MIT AND MPL-2.0", False),
        ("MPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("MIT AND (Apache-2.0 OR BSD-2-Clause)", True),
        ("MIT AND (Apache-2.0 OR GPL-2.0-only)", False),
        ("Made-Up-1.0", False),
    ],
)
def test_permitted(expression: str, expected: bool) -> None:
    assert permitted(expression) is expected


def metadata(**fields: str) -> Message:
    message = Message()
    for key, value in fields.items():
        message[key.replace("_", "-")] = value
    return message


def test_declared() -> None:
    assert declared(metadata(License_Expression="BSD-3-Clause", License="GPL")) == "BSD-3-Clause"
    assert declared(metadata(Classifier="License :: OSI Approved :: MIT License")) == "MIT"
    assert declared(metadata(Classifier="License :: OSI Approved :: GNU General Public License (GPL)")) is None
    assert declared(metadata(License="Apache License, Version 2.0")) == "Apache-2.0"
    assert declared(metadata(License="See the file LICENSE")) is None
    assert declared(metadata(Classifier="Topic :: Software Development")) is None


def test_near_duplicates() -> None:
    seen = NearDuplicates()
    assert seen.add(code("one"))
    assert not seen.add(code("one").replace("one_7", "seven"))
    assert seen.add(code("two"))
    assert len(shingles("a b")) == 1


def test_the_named_sources() -> None:
    sources = read_sources()
    assert sources.heldout == {"networkx", "jinja2", "flask", "docker"}
    assert len(sources.programs) >= 8
    assert all("==" in pin for pin in sources.packages)
    named = [pin.split("==")[0] for pin in sources.packages]
    assert len(named) == len(set(named))
    assert sources.kept_out | sources.tuning | sources.from_source <= set(named)
    assert not sources.kept_out & (sources.tuning | sources.validation)
    assert sources.split("networkx") == "heldout"
    assert sources.split("posting") == "programs"
    assert sources.split("pygls") is None
    assert sources.split("black") == "tuning"
    assert sources.split("empower-lsp") is None
    assert sources.split("django") == "train"
