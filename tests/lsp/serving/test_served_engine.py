"""When a running server has to take up another model, tuning or calibration: with the real store."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from empower_lsp.serving.served_engine import start_engine, start_instant, watch
from empower_lsp.settings import Settings
from empower_model.calibration import Calibration
from empower_model.errors import ModelError, ModelNotFound
from empower_model.feed import Feed, Remembered
from empower_model.files import store, tunings
from empower_model.files.gguf_file import digest
from empower_model.files.memory_files import DEFAULT_WEIGHTS, memory_sidecar, own_weights
from empower_model.files.provenance import Provenance
from empower_model.files.tunings import calibration_file
from empower_model.host.parent import EngineHost
from empower_model.memory.in_use import memory_in_use
from empower_model.memory.mixture import Weights


def forget(read: int, of: int) -> None:
    """Forget it."""


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
        start_engine(Settings(model=str(tmp_path / "none.gguf")), lambda _: None, Feed(), forget)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what hosts were made with, none of which loads anything."""
    made: list[dict[str, Any]] = []
    begin = EngineHost.__init__

    def noted(self: EngineHost, *arguments: Any, **options: Any) -> None:
        made.append(options)
        begin(self, *arguments, **options)

    monkeypatch.setattr(EngineHost, "__init__", noted)
    monkeypatch.setattr(EngineHost, "start", lambda self: None)
    return made


def test_the_memory_goes_with_the_option_and_has_the_best_weights_there_are(
    tmp_path: Path, hosts: list[dict[str, Any]]
) -> None:
    feed, model = Feed(), store.checked("")
    assert start_engine(Settings(), lambda _: None, feed, forget).source.memory
    assert not start_engine(Settings(memory=False), lambda _: None, feed, forget).source.memory
    other = tmp_path / "other.gguf"
    shutil.copyfile(model.path, other)
    assert start_engine(Settings(model=str(other)), lambda _: None, feed, forget).source.memory
    shutil.copyfile(memory_sidecar(model.path), memory_sidecar(other))
    start_engine(Settings(model=str(other)), lambda _: None, feed, forget)
    fitted = own_weights(store.checked(str(other)))
    fitted.parent.mkdir(parents=True)
    shutil.copyfile(memory_sidecar(model.path), fitted)
    start_engine(Settings(model=str(other)), lambda _: None, feed, forget)
    assert [made["memory"] for made in hosts] == [
        Remembered(memory_sidecar(model.path), feed),
        None,
        Remembered(DEFAULT_WEIGHTS, feed),
        Remembered(memory_sidecar(other), feed),
        Remembered(fitted, feed),
    ]


def test_weights_for_any_model_trust_the_memory_less_than_the_bundled_models_own() -> None:
    default, bundled = Weights.load(DEFAULT_WEIGHTS), Weights.load(memory_sidecar(store.checked("").path))
    assert default is not None
    assert bundled is not None
    assert (default.coefficients[:, :, 0] < bundled.coefficients[:, :, 0]).all()


def test_weights_fitted_meanwhile_are_noticed_once_also_when_they_replace_others(hosts: list[dict[str, Any]]) -> None:
    model = store.checked("")
    path, weights = own_weights(model), Weights.load(memory_sidecar(model.path))
    assert weights is not None
    path.parent.mkdir(parents=True)
    for _ in range(2):
        served = start_engine(Settings(), lambda _: None, Feed(), forget)
        without = start_engine(Settings(memory=False), lambda _: None, Feed(), forget)
        assert not served.outdated()
        draft = path.with_suffix(".draft")
        weights.save(draft)
        draft.replace(path)
        assert [served.outdated(), served.outdated(), without.outdated()] == [True, False, False]


def test_a_calibration_fitted_with_the_memory_is_used_with_it_and_noticed(hosts: list[dict[str, Any]]) -> None:
    served, path = (
        start_engine(Settings(), lambda _: None, Feed(), forget),
        calibration_file(store.checked(""), memory=True),
    )
    without = start_engine(Settings(memory=False), lambda _: None, Feed(), forget)
    assert not served.outdated()
    path.parent.mkdir(parents=True)
    Calibration(3.0, 2.0).save(path)
    assert [served.outdated(), served.outdated(), without.outdated()] == [True, False, False]
    start_engine(Settings(), lambda _: None, Feed(), forget)
    assert [made["memory"].calibration for made in hosts if made["memory"]] == [None, Calibration(3.0, 2.0)]
    assert store.checked("").calibration != Calibration(3.0, 2.0)


def test_the_weights_of_a_tuned_model_are_those_of_the_model_it_was_made_from(
    hosts: list[dict[str, Any]], tmp_path: Path
) -> None:
    base = store.resolve(store.bundled(), tuned=False)
    whole = tmp_path / "whole.gguf"
    shutil.copyfile(base.path, whole)
    provenance = Provenance(digest(base.path), base.size or 0, "cd" * 32, "empower", 0.3, "2026-11-22", "0.1.0")
    tunings.promote(base, tunings.keep(base, whole, provenance).id)
    served = start_engine(Settings(), lambda _: None, Feed(), forget)
    assert served.source.adapter
    assert served.source.memory
    assert hosts[0]["memory"].weights == memory_sidecar(base.path)
    of_base, of_tuning = (own_weights(model) for model in (base, store.checked("")))
    for path in (of_base, of_tuning):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(memory_sidecar(base.path), path)
        start_engine(Settings(), lambda _: None, Feed(), forget)
        assert hosts[-1]["memory"].weights == path, "fitted here counts more, to the tuning itself most"


def test_weights_in_use_have_the_calibration_in_use() -> None:
    model = store.checked("")
    path = calibration_file(model, memory=True)
    came_with = memory_in_use(model)
    path.parent.mkdir(parents=True)
    Calibration(3.0, 2.0).save(path)
    assert memory_in_use(model).calibration == Calibration(3.0, 2.0) != came_with.calibration
    assert (memory_in_use(model).coefficients == came_with.coefficients).all()


@pytest.mark.parametrize("name", ["~nobody-of-that-name/x", "n" * 300, "a\0b", "/dev/zero"])
def test_a_name_that_is_no_model_is_no_engine(name: str) -> None:
    with pytest.raises(ModelError):
        start_engine(Settings(model=name), lambda _: None, Feed(), forget)


def test_beside_another_model_the_bundled_one_answers_at_once(tmp_path: Path, hosts: list[dict[str, Any]]) -> None:
    other = tmp_path / "other.gguf"
    shutil.copyfile(store.checked("").path, other)
    deep = start_engine(Settings(model=str(other)), lambda _: None, Feed(), forget)
    instant = start_instant(Settings(model=str(other)), lambda _: None, Feed(), forget)
    assert instant is not None
    assert (deep.source.tier, instant.source.tier) == ("deep", "instant")
    assert [host["background"] for host in hosts] == [True, False]


@pytest.mark.parametrize("name", ["", "empower-python", "empower-python-tuned", str(store.checked("").path)])
def test_the_bundled_model_works_alone(name: str, hosts: list[dict[str, Any]]) -> None:
    assert start_engine(Settings(model=name), lambda _: None, Feed(), forget).source.tier == "instant"
    assert start_instant(Settings(model=name), lambda _: None, Feed(), forget) is None


def test_no_second_model_is_loaded_where_that_is_not_wanted(tmp_path: Path, hosts: list[dict[str, Any]]) -> None:
    other = tmp_path / "other.gguf"
    shutil.copyfile(store.checked("").path, other)
    settings = Settings(model=str(other), instant=False)
    assert start_engine(settings, lambda _: None, Feed(), forget).is_deep
    assert start_instant(settings, lambda _: None, Feed(), forget) is None
    assert not hosts[0]["background"]


def test_where_the_chosen_model_cannot_be_had_the_bundled_one_is_started(hosts: list[dict[str, Any]]) -> None:
    assert start_instant(Settings(model="no-such-model"), lambda _: None, Feed(), forget) is not None
