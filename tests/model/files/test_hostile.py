"""Model files, records and sidecars that are not what they should be: said at once, never waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from empower_model.calibration import Calibration, sidecar
from empower_model.engine.adapter_file import header
from empower_model.errors import ModelError, ModelFileInvalid, ModelNotFound
from empower_model.files import store, tunings
from empower_model.files.gguf_file import check_header, digest
from empower_model.files.memory_files import DEFAULT_WEIGHTS, memory_weights
from empower_model.folder import data_folder, default_file
from empower_model.memory.mixture import Weights


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo.gguf")
    return tmp_path / "fifo.gguf"


@pytest.mark.parametrize("name", ["/dev/zero", "fifo"])
def test_a_model_that_is_no_regular_file_is_refused_at_once(fifo: Path, name: str) -> None:
    path = fifo if name == "fifo" else Path(name)
    looks: list[Callable[[], object]] = [
        lambda: check_header(path),
        lambda: store.checked(str(path)),
        lambda: store.use(str(path)),
        lambda: store.verify(str(path)),
        lambda: header(path),
    ]
    for look in looks:
        with pytest.raises(ModelFileInvalid, match="not a regular file"):
            look()
    with pytest.raises(OSError, match="not a regular file"):
        digest(path)


@pytest.mark.parametrize(
    "name",
    [
        "~nobody-of-that-name/x",
        "n" * 300,
        "a/b:" + "n" * 300 + ".gguf",
        "n" * 100_000,
        "a\0b",
        "\ud800",
        "/".join("d" * 3000),
    ],
)
def test_a_name_that_no_file_can_have_is_a_model_that_is_not_there(name: str) -> None:
    for look in (store.resolve, store.checked, store.use, store.verify):
        with pytest.raises(ModelNotFound) as raised:
            look(name)
        assert len(str(raised.value)) < 700
    default_file().parent.mkdir(parents=True, exist_ok=True)
    default_file().write_text(f'{{"model": "{name}"}}', encoding="utf-8", errors="surrogatepass")
    store.listing()


def test_a_relative_name_in_a_folder_that_is_gone_is_a_model_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ModelNotFound):
        store.checked("x.gguf")


def test_a_model_with_the_longest_name_has_the_defaults_beside_it(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".gguf")
    path.symlink_to(weights)
    model = store.checked(str(path))
    assert model.calibration == Calibration.load(store.DEFAULT_CALIBRATION)
    assert memory_weights(model) == DEFAULT_WEIGHTS


DAMAGED: dict[str, str | bytes] = {
    "nested": "[" * 100_000,
    "digits": '{"midpoint": ' + "9" * 400 + ', "slope": 1}',
    "digits of a fraction": '{"midpoint": ' + "9" * 400 + '.5, "slope": 1}',
    "not a number": '{"midpoint": NaN, "slope": 1}',
    "endless": '{"midpoint": Infinity, "slope": 1}',
    "a list": "[1, 2]",
    "a list within": '{"midpoint": [1], "slope": 1}',
    "no utf-8": b"\xff\xfe",
    "empty": "",
}


@pytest.mark.parametrize("kind", [*DAMAGED, "fifo", "/dev/zero", "folder"])
@pytest.mark.parametrize("which", ["calibration", "own calibration", "promoted", "default", "weights"])
def test_a_damaged_record_is_said_or_passed_over(weights: Path, tmp_path: Path, kind: str, which: str) -> None:
    path = tmp_path / "model.gguf"
    path.symlink_to(weights)
    model = store.resolve(str(path))
    places = {
        "calibration": sidecar(path),
        "own calibration": tunings.calibration_file(model),
        "promoted": tunings.folder(model) / tunings.PROMOTED,
        "default": default_file(),
        "weights": path.with_suffix(".memory.json"),
    }
    spoil(places[which], kind)
    match which:
        case "promoted" | "default":
            assert store.checked("" if which == "default" else str(path)).tuning == ""
        case "weights":
            with pytest.raises(ModelError, match="cannot be read: "):
                Weights.load(places[which])
        case _:
            with pytest.raises(ModelError, match=r"cannot be read: .*\. Delete it"):
                store.checked(str(path))


def spoil(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind in DAMAGED:
        content = DAMAGED[kind]
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)


def test_a_data_folder_of_nobody_is_the_usual_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("EMPOWER_LSP_DATA")
    usual = data_folder()
    monkeypatch.setenv("EMPOWER_LSP_DATA", "~nobody-of-that-name/x")
    assert data_folder() == data_folder() == usual
    assert "home of nobody" in caplog.text
    assert store.checked("").name == store.bundled()
