"""Keeping, promoting and rolling back what was tuned, and taking none that does not fit."""

import logging
import multiprocessing
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from empower_model.calibration import Calibration, sidecar
from empower_model.errors import ModelError, ModelFileInvalid, TuningError
from empower_model.files import store, tunings
from empower_model.files.gguf_file import digest
from empower_model.files.model import Model
from empower_model.files.provenance import Provenance
from empower_model.files.tunings import calibration_file, folder, keep, promote, promoted, rollback, stamp

WHOLE = struct.pack("<4sIQQ", b"GGUF", 3, 2, 1) + bytes(200)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(folder))
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Model:
    """Return a model of the person's own, of which no checksum is known."""
    path = tmp_path / "base.gguf"
    path.write_bytes(WHOLE)
    return store.resolve(str(path), tuned=False)


def provenance(base: Model, date: str = "2026-11-22T10:00:00+00:00") -> Provenance:
    sha256 = base.sha256 or digest(base.path)
    return Provenance(sha256, base.size or 0, "cd" * 32, "empower", 0.32, date, "0.1.0")


def kept(base: Model, tmp_path: Path, calibration: Calibration | None = None, body: int = 300) -> str:
    """Keep a whole model, which any GGUF may be."""
    tuned = tmp_path / "tuned.gguf"
    tuned.write_bytes(WHOLE + bytes(body))
    return keep(base, tuned, provenance(base), calibration).id


def now(base: Model) -> str:
    """Return what is in use, as a server finds it."""
    return store.resolve(base.name).tuning


# Keeping


def test_a_tuning_is_kept_and_not_yet_in_use(base: Model, tmp_path: Path) -> None:
    id = kept(base, tmp_path, Calibration(2.0, 1.0))
    assert id == "2026-11-22-empower"
    assert sorted(path.name for path in (folder(base) / id).iterdir()) == [
        "calibration.json",
        "model.gguf",
        "provenance.json",
    ]
    [tuning] = tunings.tunings(base)
    assert (tuning.id, tuning.problem, tuning.provenance, tuning.is_adapter) == (id, "", provenance(base), False)
    assert promoted(base) is None
    assert now(base) == ""


def test_an_adapter_is_kept_as_one(
    write_adapter: Callable[..., Path], matrices: Callable[..., dict[str, Any]], base: Model, tmp_path: Path
) -> None:
    adapter = write_adapter(tmp_path / "any-name.gguf", matrices("blk.0.attn_q.weight", 256, 256))
    tuning = keep(base, adapter, provenance(base))
    assert tuning.is_adapter
    assert tuning.path.read_bytes() == adapter.read_bytes()
    promote(base, tuning.id)
    model = store.resolve(base.name)
    assert (model.path, model.adapter, model.tuning) == (base.path, tuning.path, tuning.id)


def test_those_of_one_day_get_numbers(base: Model, tmp_path: Path) -> None:
    assert [kept(base, tmp_path) for _ in range(3)] == [
        "2026-11-22-empower",
        "2026-11-22-empower-2",
        "2026-11-22-empower-3",
    ]
    assert sorted(path.name for path in folder(base).iterdir()) == [tuning.id for tuning in tunings.tunings(base)]


def test_they_are_listed_by_date(base: Model, tmp_path: Path) -> None:
    later = kept(base, tmp_path)
    earlier = keep(base, tmp_path / "tuned.gguf", provenance(base, "2026-11-03T10:00:00+00:00")).id
    assert [tuning.id for tuning in tunings.tunings(base)] == [earlier, later]


def test_what_is_no_tuning_of_the_model_is_not_kept(base: Model, tmp_path: Path) -> None:
    other = replace(provenance(base), base_size=7)
    with pytest.raises(TuningError, match=r"no tuning of .*made from a file of 7 bytes"):
        keep(base, base.path, other)
    (tmp_path / "notes.gguf").write_text("no model at all, only notes of a meeting")
    with pytest.raises(ModelFileInvalid):
        keep(base, tmp_path / "notes.gguf", provenance(base))
    assert tunings.tunings(base) == []


def test_a_full_disk_leaves_nothing_behind(base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"GG")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(TuningError, match=r"could not be kept in .*: No space left on device"):
        kept(base, tmp_path)
    assert list(folder(base).iterdir()) == []


# Promoting and rolling back


def test_the_last_one_promoted_is_in_use_until_it_is_rolled_back(base: Model, tmp_path: Path) -> None:
    first, second = kept(base, tmp_path), kept(base, tmp_path)
    assert promote(base, first).id == now(base) == first
    assert promote(base, second).id == now(base) == second
    back = rollback(base)
    assert back is not None
    assert back.id == now(base) == first
    assert rollback(base) is None
    assert now(base) == ""
    with pytest.raises(TuningError, match=r"Nothing is promoted for .*as it came"):
        rollback(base)
    assert [tuning.id for tuning in tunings.tunings(base)] == [first, second], "nothing is deleted"


def test_promoting_what_is_in_use_changes_nothing(base: Model, tmp_path: Path) -> None:
    first, second = kept(base, tmp_path), kept(base, tmp_path)
    for id in (first, second, second, first):
        promote(base, id)
    assert rollback(base) == promoted(base)
    assert now(base) == second
    rollback(base)
    assert now(base) == first


@pytest.mark.parametrize("id", ["2020-01-01-empower", "base", "", ".", "..", "../x", "a/b", "/etc"])
def test_what_is_not_there_cannot_be_promoted(base: Model, tmp_path: Path, id: str) -> None:
    kept(base, tmp_path)
    Calibration().save(made(calibration_file(base)))
    with pytest.raises(TuningError, match=r"has no tuning .*model tunings"):
        promote(base, id)
    assert not (folder(base) / "promoted.json").exists()


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_resolving_applies_a_whole_model_and_can_be_asked_not_to(base: Model, tmp_path: Path) -> None:
    id = kept(base, tmp_path)
    promote(base, id)
    tuned = store.checked(base.name)
    assert tuned.path == folder(base) / id / "model.gguf"
    assert (tuned.name, tuned.size, tuned.adapter) == (base.name, base.size, None), "it is still about the base"
    assert store.checked(base.name, tuned=False) == base
    assert store.verify(base.name).path == base.path
    store.use(base.name)
    assert [(model.path, model.tuning) for model in store.listing() if model.name == base.name] == [(tuned.path, id)]


def test_each_model_has_its_own(base: Model, tmp_path: Path) -> None:
    promote(base, kept(base, tmp_path))
    other = tmp_path / "BASE.gguf"  # the same name on a file system that ignores case
    other.write_bytes(WHOLE)
    assert store.resolve(str(other)).tuning == ""
    names = [
        "empower-python",
        "a/b:c.gguf",
        "A/b:c.gguf",
        "/a/b/c.gguf",
        "/a-b/c.gguf",
        "x" * 400 + "/y.gguf",
        "ü.gguf",
    ]
    slugs = [folder(replace(base, name=name)).name for name in names]
    assert len({slug.lower() for slug in slugs}) == len(names)
    assert slugs[0] == "empower-python"
    assert all(len(slug) < 80 and "/" not in slug and ":" not in slug for slug in slugs)


# Calibration


def test_ones_own_calibration_wins_over_the_sidecar(base: Model, tmp_path: Path) -> None:
    Calibration(2.0, 1.0).save(sidecar(base.path))
    id = kept(base, tmp_path, Calibration(4.0, 1.0))
    assert store.resolve(base.name).calibration == Calibration(2.0, 1.0)
    Calibration(3.0, 1.0).save(made(calibration_file(base)))
    assert store.resolve(base.name).calibration == Calibration(3.0, 1.0)
    promote(base, id)
    tuned = store.resolve(base.name)
    assert tuned.calibration == Calibration(4.0, 1.0)
    assert calibration_file(tuned) == folder(base) / id / "calibration.json"
    calibration_file(tuned).unlink()
    assert store.resolve(base.name).calibration == Calibration(2.0, 1.0)


def test_a_broken_calibration_of_ones_own_is_an_error_a_person_can_read(base: Model) -> None:
    made(calibration_file(base)).write_text("{")
    with pytest.raises(ModelError, match=r"base.calibration\.json cannot be read"):
        store.resolve(base.name)


# What does not fit


def test_another_file_in_the_models_place_leaves_the_tuning_alone(
    base: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    id = kept(base, tmp_path)
    promote(base, id)
    base.path.write_bytes(WHOLE + b"!")
    with caplog.at_level(logging.WARNING):
        assert [now(base) for _ in range(3)] == ["", "", ""]
    [warning] = caplog.messages
    assert id in warning
    assert f"made from a file of {len(WHOLE)} bytes" in warning
    assert "used as it came" in warning
    changed = store.resolve(base.name, tuned=False)
    assert "is one of" in tunings.tunings(changed)[0].problem
    with pytest.raises(TuningError, match="cannot be promoted: It was made from a file of"):
        promote(changed, id)
    base.path.write_bytes(WHOLE)
    assert now(base) == id, "the right file is back"


def test_a_checksum_that_differs_is_another_file(base: Model, tmp_path: Path) -> None:
    known = replace(base, sha256=digest(base.path))
    id = kept(known, tmp_path)
    promote(known, id)
    assert promoted(known) is not None
    assert promoted(replace(known, sha256="00" * 32)) is None


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.gguf", None, r"model\.gguf is missing"),
        ("model.gguf", b"no model", "is not a GGUF file"),
        ("provenance.json", None, r"provenance\.json is missing"),
        ("provenance.json", b"{", r"provenance\.json cannot be read"),
    ],
)
def test_a_damaged_tuning_is_told_and_not_used(
    base: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes | None, reason: str
) -> None:
    id = kept(base, tmp_path)
    promote(base, id)
    path = folder(base) / id / name
    path.unlink() if content is None else path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert now(base) == ""
    assert caplog.text.count("is not used") == 1
    [tuning] = tunings.tunings(base)
    with pytest.raises(TuningError, match=reason):
        promote(base, id)
    assert tuning.problem in caplog.text


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"promoted": "x"}', '{"promoted": [7]}', '{"promoted": ["../x"]}']
)
def test_broken_promotions_are_told_and_never_overwritten(
    base: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    id = kept(base, tmp_path)
    path = folder(base) / "promoted.json"
    path.write_text(content)
    with caplog.at_level(logging.WARNING):
        assert [now(base) for _ in range(3)] == ["", "", ""]
    assert caplog.text.count("promoted.json cannot be read") == 1
    for change in (partial(promote, base, id), partial(rollback, base)):
        with pytest.raises(TuningError, match=r"promoted\.json cannot be read .*mend it, or delete it"):
            change()
    assert path.read_text() == content


def test_a_failed_promotion_leaves_what_was_in_use(
    base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = kept(base, tmp_path), kept(base, tmp_path)
    promote(base, first)

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tunings, "write_whole", full)
    with pytest.raises(TuningError, match=r"No space left on device\. What was in use still is"):
        promote(base, second)
    assert now(base) == first


def test_a_process_that_never_lets_go_is_told(base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    id = kept(base, tmp_path)
    monkeypatch.setattr(tunings, "LOCK_SECONDS", 0.05)
    with FileLock(folder(base) / "promoted.lock"), pytest.raises(TuningError, match="Another process holds"):
        promote(base, id)
    promote(base, id)


def _promote_all(name: str, ids: list[str]) -> None:
    base = store.resolve(name, tuned=False)
    for id in ids:
        promote(base, id)


def test_no_promotion_of_two_processes_is_lost(base: Model, tmp_path: Path) -> None:
    ids = [kept(base, tmp_path) for _ in range(24)]
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_promote_all, args=(base.name, ids[n::2])) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    undone = []
    while (tuning := promoted(base)) is not None:
        undone.append(tuning.id)
        rollback(base)
    assert sorted(undone) == sorted(ids)
    assert [id for id in reversed(undone) if id in ids[::2]] == ids[::2], "each in its own order"


# The stamp


def test_the_stamp_differs_after_whatever_a_server_should_take_up(base: Model, tmp_path: Path) -> None:
    first, second = kept(base, tmp_path), kept(base, tmp_path)
    other = tmp_path / "other.gguf"
    other.write_bytes(WHOLE)
    for change in (
        lambda: promote(base, first),
        lambda: promote(base, second),
        lambda: rollback(base),
        lambda: rollback(base),
        lambda: Calibration(3.0, 1.0).save(made(calibration_file(base))),
        lambda: Calibration(4.0, 1.0).save(calibration_file(base)),
        lambda: calibration_file(base).unlink(),
        lambda: Calibration(4.0, 1.0).save(sidecar(base.path)),
        lambda: store.use(base.name),
        lambda: store.use(str(other)),
        lambda: base.path.write_bytes(WHOLE + b"!"),
    ):
        before = stamp(base)
        assert stamp(base) == before
        change()
        assert stamp(base) != before


def test_the_stamp_of_a_tuned_model_follows_its_calibration(base: Model, tmp_path: Path) -> None:
    promote(base, kept(base, tmp_path, Calibration(2.0, 1.0)))
    tuned = store.resolve(base.name)
    before = stamp(tuned)
    Calibration(3.0, 1.0).save(calibration_file(tuned))
    assert stamp(tuned) != before


def test_the_stamp_without_a_model_follows_the_choice(base: Model) -> None:
    before = stamp()
    store.use(base.name)
    assert stamp() != before


def test_the_stamp_never_raises(base: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(stamp(replace(base, name="x" * 9000, path=Path("/nowhere/" + "y" * 9000)))) == 6
    monkeypatch.setenv("EMPOWER_LSP_DATA", "~nobody-of-that-name/data")
    assert len(stamp(base)) == 6
