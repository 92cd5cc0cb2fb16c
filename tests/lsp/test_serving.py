"""When a running server has to take up another model, tuning or calibration: with the real store."""

import shutil
from pathlib import Path

import pytest

from empower_lsp.serving import start_engine, watch
from empower_lsp.settings import Settings
from empower_model import store, tunings
from empower_model.calibration import Calibration
from empower_model.errors import ModelNotFound


def test_nothing_is_outdated_until_something_changes() -> None:
    outdated = watch("", store.checked(""))
    assert [outdated(), outdated()] == [False, False]


def test_a_calibration_fitted_meanwhile_is_noticed_once() -> None:
    model = store.checked("")
    outdated = watch("", model)
    path = tunings.calibration_file(model)
    path.parent.mkdir(parents=True)
    Calibration(2.0, 1.0).save(path)
    assert [outdated(), outdated()] == [True, False]


def test_another_model_is_noticed_where_none_was_named(tmp_path: Path) -> None:
    model = store.checked("")
    copy = tmp_path / "copy.gguf"
    shutil.copyfile(model.path, copy)
    free, bound = watch("", model), watch(model.name, model)
    store.use(str(copy))
    assert (free(), bound()) == (True, False)


def test_what_cannot_be_resolved_any_more_leaves_the_engine_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "copy.gguf"
    shutil.copyfile(store.checked("").path, path)
    outdated = watch(str(path), store.checked(str(path)))
    path.unlink()
    assert not outdated()


def test_a_missing_model_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        start_engine(Settings(model=str(tmp_path / "none.gguf")), lambda _: None)
