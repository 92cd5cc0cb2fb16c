"""A requantised copy: used in the place of its model, and only of that very file."""

import shutil
from pathlib import Path

import pytest

from empower_model.calibration import Calibration, sidecar
from empower_model.errors import ModelFileInvalid
from empower_model.files import requantised, store, tunings
from empower_model.files.model import Model

FIGURES = {"gain": 1.4, "cost": 0.008}


@pytest.fixture
def model(weights: Path, tmp_path: Path) -> Model:
    path = tmp_path / "mine.gguf"
    path.write_bytes(weights.read_bytes())
    Calibration(0.7, 1.3).save(sidecar(path))
    return store.checked(str(path))


def copied(model: Model) -> Path:
    with requantised.draft(model) as draft:
        draft.write_bytes(model.path.read_bytes() + b"faster")
        return requantised.keep(model, draft, FIGURES)


def test_a_copy_is_loaded_and_all_that_is_known_of_the_model_stays(model: Model) -> None:
    path = copied(model)
    used = store.checked(model.name)
    assert used.path == path != model.path
    assert (used.name, used.size, used.calibration) == (model.name, model.size, Calibration(0.7, 1.3))
    assert store.checked(model.name, tuned=False) == model
    assert store.verify(model.name).path == model.path


def test_a_server_that_runs_takes_it_up(model: Model) -> None:
    before = tunings.stamp(model)
    copied(model)
    assert tunings.stamp(model) != before


def test_without_its_model_or_its_record_a_copy_is_left_alone(model: Model) -> None:
    path = copied(model)
    record = path.with_name(requantised.RECORD)
    whole = record.read_text()
    record.write_text("{")
    assert requantised.copy_of(model) is None
    record.write_text(whole)
    assert requantised.copy_of(model) == path
    model.path.write_bytes(model.path.read_bytes() + b"another")
    assert requantised.copy_of(model) is None
    assert store.checked(model.name).path == model.path


def test_a_copy_can_be_dropped(model: Model) -> None:
    path = copied(model)
    assert requantised.drop(model)
    assert not path.exists()
    assert not requantised.drop(model)
    assert store.checked(model.name) == model


def test_a_draft_that_is_not_kept_is_gone(model: Model) -> None:
    with requantised.draft(model) as draft:
        draft.write_bytes(b"half")
    assert list(draft.parent.iterdir()) == []
    assert requantised.copy_of(model) is None


def test_room_is_looked_for_first(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    little = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: little)
    with pytest.raises(ModelFileInvalid, match=r"needs up to 0\.0 GB .* free some space for"), requantised.draft(model):
        pytest.fail("nothing is made")


def test_a_place_that_cannot_be_written_is_one_clear_error(model: Model, data_folder: Path) -> None:
    data_folder.write_text("a file, where a folder should be")
    with pytest.raises(ModelFileInvalid, match="could not be stored"), requantised.draft(model):
        pytest.fail("nothing is made")
