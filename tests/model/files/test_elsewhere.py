"""Models of other programs, on disks laid out as those programs do."""

import hashlib
import json
import os
import struct
from pathlib import Path

import pytest

from empower_model.errors import ModelFileInvalid, ModelNotFound
from empower_model.files import elsewhere, gguf_file, store
from empower_model.files.elsewhere import FoundFile, found_files
from empower_model.files.store import CatalogueEntry, Origin

KEEPERS = elsewhere.KEEPERS
GGUF = struct.pack("<4sIQQ", b"GGUF", 3, 2, 1) + bytes(range(100))
SHA256 = hashlib.sha256(GGUF).hexdigest()
HUB = "hub/models--acme--tiny-GGUF"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home in which the programs keep what they keep, by default."""
    for name in (
        "OLLAMA_MODELS",
        "LLAMA_CACHE",
        "LOCALAPPDATA",
        "XDG_CACHE_HOME",
        "HF_HOME",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr(elsewhere, "KEEPERS", KEEPERS)
    return tmp_path


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> CatalogueEntry:
    """Return the one entry of a catalogue, which knows the file."""
    entry = CatalogueEntry("tiny", "tiny.gguf", "MIT", "tiny", "acme/tiny-GGUF", size=len(GGUF), sha256=SHA256)
    own = store.catalogue()["empower-python"]
    monkeypatch.setattr(store, "catalogue", lambda: {own.name: own, entry.name: entry})
    return entry


def write(path: Path, content: bytes = GGUF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def ollama(folder: Path, name: str = "registry.ollama.ai/library/qwen/0.5b", content: bytes = GGUF) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    layers = [
        {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:" + "ab" * 32, "size": 7},
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{sha256}", "size": len(content)},
    ]
    write(folder / "manifests" / name, json.dumps({"schemaVersion": 2, "layers": layers}).encode())
    return write(folder / "blobs" / f"sha256-{sha256}", content)


def hub(cache: Path, commit: str = "c" * 40, content: bytes = GGUF) -> Path:
    blob = write(cache / "models--acme--tiny-GGUF" / "blobs" / hashlib.sha256(content).hexdigest(), content)
    link = cache / "models--acme--tiny-GGUF" / "snapshots" / commit / "q8" / "tiny.gguf"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    return link


def test_an_empty_home_holds_nothing() -> None:
    assert found_files() == []


def test_ollama(home: Path) -> None:
    path = ollama(home / ".ollama/models")
    assert found_files() == [FoundFile(path, "qwen:0.5b", "Ollama", len(GGUF), SHA256)]


def test_ollama_elsewhere_and_under_longer_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(home / "big disk"))
    ollama(home / "big disk", "hf.co/acme/tiny-GGUF/Q8_0")
    ollama(home / "big disk", "registry.ollama.ai/someone/tiny/latest", GGUF + b"!")
    assert [file.name for file in found_files()] == ["hf.co/acme/tiny-GGUF:Q8_0", "someone/tiny:latest"]


def test_a_blob_under_two_names_is_one_file(home: Path) -> None:
    ollama(home / ".ollama/models")
    ollama(home / ".ollama/models", "registry.ollama.ai/library/qwen/latest")
    assert [file.name for file in found_files()] == ["qwen:0.5b"]


@pytest.mark.parametrize(
    "manifest",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"layers": 7}',
        b'{"layers": [{"digest": 7}]}',
        json.dumps(
            {"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../../mine"}]}
        ).encode(),
        b" " * (elsewhere.MANIFEST_BYTES + 1),
    ],
)
def test_a_broken_manifest_names_nothing(home: Path, manifest: bytes) -> None:
    path = ollama(home / ".ollama/models")
    write(home / ".ollama/models/manifests/registry.ollama.ai/library/broken/latest", manifest)
    write(home / "mine", GGUF)
    assert [file.path for file in found_files()] == [path]


@pytest.mark.parametrize("folder", [".lmstudio/models", ".cache/lm-studio/models"])
def test_lm_studio(home: Path, folder: str) -> None:
    path = write(home / folder / "acme" / "tiny-GGUF" / "tiny.gguf")
    assert found_files() == [FoundFile(path, "acme/tiny-GGUF/tiny.gguf", "LM Studio", len(GGUF), None)]


def test_llama_cpp(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home / ".cache/llama.cpp/acme_tiny-GGUF_tiny.gguf")
    write(home / ".cache/llama.cpp/acme_tiny-GGUF_tiny.gguf.downloadInProgress")
    assert found_files() == [FoundFile(path, path.name, "llama.cpp", len(GGUF), None)]
    monkeypatch.setenv("LLAMA_CACHE", str(home / "other"))
    assert found_files() == []


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        (None, ".cache/huggingface/hub"),
        ("HF_HOME", "given/hub"),
        ("HUGGINGFACE_HUB_CACHE", "given"),
        ("HF_HUB_CACHE", "given"),
    ],
)
def test_the_hubs_cache(home: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, folder: str) -> None:
    if variable:
        monkeypatch.setenv(variable, str(home / "given"))
    path = hub(home / folder)
    assert found_files() == [FoundFile(path, "acme/tiny-GGUF:q8/tiny.gguf", "the hub's cache", len(GGUF), SHA256)]


def test_a_blob_in_two_snapshots_is_one_file(home: Path) -> None:
    first = hub(home / ".cache/huggingface/hub", "a" * 40)
    hub(home / ".cache/huggingface/hub", "b" * 40)
    assert [file.path for file in found_files()] == [first]


def test_what_llama_cpp_cannot_load_as_a_model_is_not_listed(home: Path) -> None:
    folder = home / ".lmstudio/models/acme/tiny-GGUF"
    first = write(folder / "large-00001-of-00002.gguf")
    write(folder / "large-00002-of-00002.gguf", GGUF + b"2")
    write(folder / "mmproj-tiny.gguf", GGUF + b"3")
    write(folder / "notes.gguf", b"no model at all")
    write(folder / "empty.gguf", b"")
    (folder / "folder.gguf").mkdir()
    (folder / "gone.gguf").symlink_to(home / "nowhere")
    os.mkfifo(folder / "pipe.gguf")
    assert [file.path for file in found_files()] == [first]


def test_a_folder_that_cannot_be_read_hides_no_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden() -> list[FoundFile]:
        raise PermissionError

    path = ollama(home / ".ollama/models")
    monkeypatch.setattr(elsewhere, "KEEPERS", (forbidden, *KEEPERS))
    assert [file.path for file in found_files()] == [path]


# A model of the catalogue among them


@pytest.mark.parametrize("place", ["ollama", "lm-studio", "hub"])
def test_a_catalogued_model_is_known_by_size_and_checksum(home: Path, known: CatalogueEntry, place: str) -> None:
    path = {
        "ollama": lambda: ollama(home / ".ollama/models"),
        "lm-studio": lambda: write(home / ".lmstudio/models/other/name/other.gguf"),
        "hub": lambda: hub(home / ".cache/huggingface/hub"),
    }[place]()
    model = store.resolve("tiny")
    assert (model.name, model.path, model.origin) == ("tiny", path, Origin.FOUND)
    assert (model.size, model.sha256, model.licence) == (len(GGUF), SHA256, "MIT")
    listed = store.listing()
    assert [model.name for model in listed] == ["empower-python", "tiny"]
    assert listed[1].origin is Origin.FOUND
    assert str(path) in listed[1].description
    assert store.use("tiny").path == path
    assert store.default_model() == "tiny"
    assert store.verify("tiny").path == path


def test_one_of_another_checksum_is_a_file_of_its_own(home: Path, known: CatalogueEntry) -> None:
    path = write(home / ".lmstudio/models/acme/tiny/tiny.gguf", GGUF[:-1] + b"!")
    with pytest.raises(ModelNotFound, match="not pulled yet"):
        store.resolve("tiny")
    listed = store.listing()[-1]
    assert (listed.name, listed.path, listed.origin, listed.size) == (str(path), path, Origin.FOUND, len(GGUF))
    assert listed.description == "acme/tiny/tiny.gguf, kept by LM Studio"


def test_a_path_of_a_catalogued_model_is_used_under_its_name(home: Path, known: CatalogueEntry) -> None:
    path = hub(home / ".cache/huggingface/hub")
    for given in (path, path.resolve()):
        assert (store.use(str(given)).name, store.default_model()) == ("tiny", "tiny")


def test_a_file_is_used_where_it_lies(home: Path) -> None:
    path = ollama(home / ".ollama/models")
    model = store.use(str(path))
    assert (model.path, model.origin, store.default_model()) == (path, Origin.LOCAL, str(path))
    assert [model.name for model in store.listing()].count(str(path)) == 1
    assert not store.models_folder().exists(), "nothing is copied"


def test_what_was_pulled_comes_first(home: Path, known: CatalogueEntry) -> None:
    ollama(home / ".ollama/models")
    write(known.path)
    assert (store.resolve("tiny").path, store.resolve("tiny").origin) == (known.path, Origin.PULLED)
    assert [model.name for model in store.listing()] == ["empower-python", "tiny"]


def test_a_file_is_read_once_for_its_checksum(
    home: Path, known: CatalogueEntry, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return gguf_file.digest(path)

    monkeypatch.setattr(elsewhere, "digest", counted)
    path = write(home / ".lmstudio/models/acme/tiny/tiny.gguf")
    write(home / ".lmstudio/models/acme/tiny/longer.gguf", GGUF + b"another size")
    for _ in range(3):
        assert store.resolve("tiny").path == path
        store.listing()
    assert read == [path]
    write(path, GGUF[:-1] + b"!")
    os.utime(path, ns=(1, 1))
    with pytest.raises(ModelNotFound):
        store.resolve("tiny")
    assert read == [path, path]
    for broken in ("{", "[]", '{"a": 7}', '{"a": [1]}'):
        (data_folder / "digests.json").write_text(broken)
        with pytest.raises(ModelNotFound):
            store.resolve("tiny")


def test_a_damaged_one_is_found_by_verify_with_the_cure(home: Path, known: CatalogueEntry) -> None:
    path = ollama(home / ".ollama/models")
    path.write_bytes(GGUF[:-1] + b"!")
    with pytest.raises(ModelFileInvalid, match=r"is damaged.*model pull --force tiny"):
        store.verify("tiny")
