"""Finding model files, remembering one, and telling a model from what is none."""

import json
import logging
import re
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from empower_model.calibration import Calibration, sidecar
from empower_model.errors import ModelError, ModelFileInvalid, ModelNotFound
from empower_model.files import store
from empower_model.files.gguf_file import check_file, digest
from empower_model.files.store import CatalogueEntry, Origin, default_model, listing, resolve, use, verify

REFERENCE = "acme/tiny-code-GGUF:q8/tiny.gguf"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(folder))
    return folder


def gguf(version: int = 3, tensors: int = 2, pairs: int = 1, magic: bytes = b"GGUF", body: int = 64) -> bytes:
    return struct.pack("<4sIQQ", magic, version, tensors, pairs) + bytes(body)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_pulled(name: str, content: bytes, sha256: str | None = None) -> Path:
    entry = store.find(name)
    assert entry is not None
    path = write(entry.path, content)
    if sha256:
        store.record(path).write_text(json.dumps({"sha256": sha256}))
    return path


# The catalogue


def test_the_catalogue_is_sound() -> None:
    entries = list(store.catalogue().values())
    assert entries[0].name == store.bundled() == "empower-python"
    assert [entry.name for entry in entries if entry.repo is None] == ["empower-python", "empower-python-tuned"]
    assert [entry.base for entry in entries if entry.base] == ["empower-python"]
    assert len({(entry.repo, entry.file) for entry in entries}) == len(entries)
    assert "qwen2.5-coder-0.5b" in store.catalogue()
    for entry in entries:
        assert entry.file.endswith(".gguf")
        assert entry.licence
        assert entry.description
        if entry.repo and entry.sha256:
            assert re.fullmatch("[0-9a-f]{64}", entry.sha256)
            assert re.fullmatch("[0-9a-f]{40}", entry.revision), "a checksum belongs to a commit, not to a branch"


def test_the_publishers_own_instruct_files_stand_beside_the_base_ones() -> None:
    small, large = (store.catalogue()[f"qwen2.5-coder-{size}-instruct"] for size in ("0.5b", "1.5b"))
    assert (small.repo, small.file, small.size) == (
        "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        491_400_064,
    )
    assert small.sha256 == "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
    assert (large.repo, large.file, large.size) == (
        "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        1_117_320_768,
    )
    assert large.sha256 == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    assert {small.licence, large.licence} == {"Apache-2.0"}


def test_a_reference_to_a_catalogued_file_is_that_entry() -> None:
    entry = store.catalogue()["qwen2.5-coder-0.5b"]
    assert store.find(f"{entry.repo}:{entry.file}") is entry


@pytest.mark.parametrize(
    "name", ["a/b:../c.gguf", "../b:c.gguf", "a/b:c.bin", "a:b.gguf", "a/b:/c.gguf", "a/b", "C:/models/m.gguf"]
)
def test_what_is_no_reference(name: str) -> None:
    assert store.find(name) is None


# resolve


def test_the_bundled_model_comes_from_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PACKAGE", tmp_path)
    path = write(tmp_path / "weights" / store.catalogue()["empower-python"].file, gguf())
    model = resolve("empower-python")
    assert (model.path, model.origin, model.licence) == (path, Origin.BUNDLED, "MIT")


def test_a_missing_bundled_model_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PACKAGE", tmp_path)
    with pytest.raises(ModelNotFound, match=r"missing from this installation.*reinstall"):
        resolve("empower-python")


def test_a_catalogued_model_must_be_pulled_first() -> None:
    with pytest.raises(ModelNotFound, match=r"not pulled yet: run `empower-lsp model pull qwen2\.5-coder-0\.5b`"):
        resolve("qwen2.5-coder-0.5b")


def test_a_pulled_model_is_found_with_its_recorded_checksum_and_calibration(data: Path) -> None:
    path = put_pulled(REFERENCE, gguf(), sha256="ab" * 32)
    Calibration(2.0, 1.0).save(sidecar(path))
    model = resolve(REFERENCE)
    assert path == data / "models" / "acme" / "tiny-code-GGUF" / "q8" / "tiny.gguf"
    assert (model.name, model.path, model.origin) == (REFERENCE, path, Origin.PULLED)
    assert model.sha256 == "ab" * 32
    assert model.calibration == Calibration(2.0, 1.0)


@pytest.mark.parametrize("content", ["{", "[]", '{"sha256": 7}', "{}"])
def test_a_broken_record_leaves_the_catalogues_checksum(content: str) -> None:
    path = put_pulled("qwen2.5-coder-0.5b", gguf())
    store.record(path).write_text(content)
    assert resolve("qwen2.5-coder-0.5b").sha256 == store.catalogue()["qwen2.5-coder-0.5b"].sha256


def test_a_model_without_a_sidecar_has_what_ships_for_its_file_or_for_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_any = store.DEFAULT_CALIBRATION
    monkeypatch.setattr(store, "_PACKAGE", tmp_path)
    shipped = write(tmp_path / "weights" / "qwen2.5-coder-0.5b-q8_0.calibration.json", b"")
    Calibration(2.0, 1.0).save(shipped)
    put_pulled("qwen2.5-coder-0.5b", gguf())
    given = write(tmp_path / "here" / "qwen2.5-coder-0.5b-q8_0.gguf", gguf())
    for name in ("qwen2.5-coder-0.5b", str(given)):
        assert resolve(name).calibration == Calibration(2.0, 1.0)
    assert resolve(str(write(tmp_path / "here" / "another.gguf", gguf()))).calibration == Calibration.load(for_any)
    Calibration(3.0, 1.0).save(sidecar(given))
    assert resolve(str(given)).calibration == Calibration(3.0, 1.0)


def test_a_broken_calibration_is_an_error_a_person_can_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gguf", gguf())
    sidecar(path).write_text("no json")
    with pytest.raises(ModelError, match=r"m\.calibration\.json cannot be read"):
        resolve(str(path))


def test_a_path_may_be_absolute_relative_or_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "here" / "m.gguf", gguf())
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in (str(path), "m.gguf", "./m.gguf", "~/here/m.gguf"):
        model = resolve(name)
        assert (model.name, model.path, model.origin) == (str(path), path, Origin.LOCAL)
        assert model.sha256 is None


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ModelNotFound, match=r"Did you mean .*qwen2\.5-coder-1\.5b"):
        resolve("qwen2.5-coder-1b")
    with pytest.raises(ModelNotFound) as caught:
        resolve("zzzzzzzz")
    assert "Did you mean" not in str(caught.value)
    assert "empower-lsp model list" in str(caught.value)


# listing


def test_listing_tells_where_each_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PACKAGE", tmp_path)
    monkeypatch.setattr(
        store,
        "catalogue",
        lambda: {
            "own": CatalogueEntry("own", "own.gguf", "MIT", "bundled"),
            "big": CatalogueEntry("big", "big.gguf", "MIT", "to pull", repo="acme/big", size=5_000),
            "had": CatalogueEntry("had", "had.gguf", "MIT", "pulled", repo="acme/had"),
        },
    )
    write(tmp_path / "weights" / "own.gguf", gguf())
    put_pulled("had", gguf(body=176))
    put_pulled(REFERENCE, gguf())
    write(store.models_folder() / ".partial" / ("ab" * 32), b"half a model")
    mine = use(str(write(tmp_path / "mine.gguf", gguf())))
    assert [(model.name, model.origin, model.size) for model in listing()] == [
        ("own", Origin.BUNDLED, 88),
        ("big", Origin.AVAILABLE, 5_000),
        ("had", Origin.PULLED, 200),
        (REFERENCE, Origin.PULLED, 88),
        (mine.name, Origin.LOCAL, 88),
    ]


def test_listing_tells_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PACKAGE", tmp_path)
    monkeypatch.setattr(store, "catalogue", lambda: {"own": CatalogueEntry("own", "own.gguf", "MIT", "bundled")})
    assert [(model.name, model.origin) for model in listing()] == [("own", Origin.MISSING)]
    mine = use(str(write(tmp_path / "mine.gguf", gguf())))
    mine.path.unlink()
    assert [(model.name, model.origin) for model in listing()][1:] == [(mine.name, Origin.MISSING)]


# use and default_model


def test_the_bundled_model_is_the_default() -> None:
    assert default_model() == "empower-python"


def test_a_used_model_is_remembered_until_another_is_used(tmp_path: Path, data: Path) -> None:
    put_pulled(REFERENCE, gguf())
    use(REFERENCE)
    assert default_model() == REFERENCE
    path = write(tmp_path / "m.gguf", gguf())
    use(str(path))
    assert default_model() == str(path)
    assert resolve(default_model()).path == path
    assert [file.name for file in data.iterdir() if file.is_file()] == ["default.json"], "no draft is left behind"


def test_a_relative_path_is_remembered_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "m.gguf", gguf())
    monkeypatch.chdir(tmp_path)
    use("m.gguf")
    assert default_model() == str(path)


def test_what_is_no_model_is_not_remembered(tmp_path: Path) -> None:
    with pytest.raises(ModelFileInvalid):
        use(str(write(tmp_path / "notes.txt", b"not a model at all, just notes")))
    with pytest.raises(ModelNotFound):
        use("qwen2.5-coder-7b")
    assert default_model() == "empower-python"


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"model": 7}', b'{"model": ""}', b"\xff\xfe"])
def test_a_broken_memory_falls_back_with_a_warning(
    data: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    write(data / "default.json", content)
    with caplog.at_level(logging.WARNING):
        assert default_model() == "empower-python"
    assert "default.json cannot be read" in caplog.text
    assert "using empower-python" in caplog.text


# verify


def test_verify_accepts_what_was_recorded() -> None:
    path = put_pulled(REFERENCE, gguf())
    store.record(path).write_text(json.dumps({"sha256": digest(path)}))
    assert verify(REFERENCE).sha256 == digest(path)


def test_verify_finds_one_changed_byte_and_says_what_to_do() -> None:
    path = put_pulled(REFERENCE, gguf())
    store.record(path).write_text(json.dumps({"sha256": digest(path)}))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileInvalid, match=r"is damaged.*model pull --force acme/tiny-code-GGUF:q8/tiny\.gguf"):
        verify(REFERENCE)


def test_verify_holds_an_unrecorded_file_to_the_catalogue() -> None:
    put_pulled("qwen2.5-coder-0.5b", gguf())
    with pytest.raises(ModelFileInvalid, match="it should be d0f8cd6c"):
        verify("qwen2.5-coder-0.5b")


def test_verify_looks_at_the_header_even_where_no_checksum_is_known(tmp_path: Path) -> None:
    good = write(tmp_path / "good.gguf", gguf())
    assert verify(str(good)).sha256 is None
    with pytest.raises(ModelFileInvalid, match="no weights"):
        verify(str(write(tmp_path / "vocabulary.gguf", gguf(tensors=0))))


# The file itself


@pytest.mark.parametrize("version", [2, 3])
def test_a_model_file_passes(tmp_path: Path, version: int) -> None:
    check_file(write(tmp_path / "m.gguf", gguf(version)))


def test_the_smallest_file_its_header_allows_passes_and_one_byte_less_does_not(tmp_path: Path) -> None:
    body = 2 * 24 + 1 * 13
    check_file(write(tmp_path / "whole.gguf", gguf(body=body)))
    with pytest.raises(ModelFileInvalid, match="cut short or damaged"):
        check_file(write(tmp_path / "short.gguf", gguf(body=body - 1)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a GGUF"),
        (b"GGU", "not a GGUF"),
        (gguf(magic=b"GGML"), "not a GGUF"),
        (b"<!DOCTYPE html><html>Sign in</html>", "not a GGUF"),
        (gguf()[:23], "ends within its header"),
        (gguf(version=1), r"version that llama\.cpp does not read \(1;"),
        (gguf(version=4), r"\(4;"),
        (struct.pack(">4sIQQ", b"GGUF", 3, 2, 1) + bytes(64), r"\(50331648;"),  # big-endian
        (gguf(tensors=0), "a vocabulary and no weights"),
        (gguf(tensors=2**60), "cannot hold the 1152921504606846976 tensors"),
        (gguf(pairs=2**60), "cut short or damaged"),
    ],
)
def test_what_is_no_model_is_named_with_the_cure(tmp_path: Path, content: bytes, reason: str) -> None:
    path = write(tmp_path / "m.gguf", content)
    with pytest.raises(ModelFileInvalid, match=reason) as caught:
        check_file(path)
    assert str(path) in str(caught.value)
    assert "empower-lsp model list" in str(caught.value)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFileInvalid, match="is a folder"):
        check_file(tmp_path)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no file .*gone\.gguf"):
        check_file(tmp_path / "gone.gguf")


@pytest.mark.skipif(sys.platform == "win32", reason="opening a path through a file fails otherwise there")
def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    below_a_file = write(tmp_path / "m.gguf", gguf()) / "below.gguf"
    with pytest.raises(ModelFileInvalid, match="cannot be read: Not a directory"):
        check_file(below_a_file)


def test_a_model_larger_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "m.gguf", gguf())
    memory = SimpleNamespace(total=87)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(ModelFileInvalid, match="use a smaller model"):
        check_file(path)
    memory.total = 88
    check_file(path)
