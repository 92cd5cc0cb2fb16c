"""Which model a rerun starts from and is judged against, whatever a person does while it trains."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from empower_model.files import Model, requantised, store, tunings
from empower_model.fitting.bootstrap import Interval
from empower_training import finetune
from empower_training.labels.example import Example
from empower_training.labels.texts import Text
from empower_training.replay.typist import Tally
from empower_training.retrain import gate, rerun
from empower_training.retrain.rerun import FinetunePlan, begun, retrain

BODY = "    stripes = quantified_zebra_margin(animal, width)\n    return stripes.normalised_giraffe_height(animal)\n"
TEXTS = [Text(f"{n}.py", f"def load_{n}(animal, width):\n{BODY}", float(n)) for n in range(20)]
OTHER = "empower-python-tuned"


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the steps of a rerun are given; a person chooses another model while it trains."""
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "data"))
    seen: dict[str, Any] = {}

    def train(base: Path, examples: list[Example], run: Path, *_: object) -> None:
        seen["trained"] = base
        run.mkdir(parents=True, exist_ok=True)
        if seen.get("power") == "off":
            raise KeyboardInterrupt
        for name in ("arguments.json", "log.jsonl"):
            (run / name).touch()
        store.use(OTHER)

    def judge(current: Model, candidate: Model, *_: object, **__: object) -> gate.Judgement:
        seen["current"], seen["candidate"] = current, candidate
        tally, fell = Tally("", 10), Interval(-0.2, -0.3, -0.1)
        return gate.Judgement(tally, tally, fell, fell, 0.01)

    def keep(parent: Model, *_: object) -> SimpleNamespace:
        seen["kept"] = parent
        return SimpleNamespace(id="new", path=tmp_path / "weights.gguf")

    monkeypatch.setattr(finetune, "finetune", train)
    monkeypatch.setattr(finetune, "leads", lambda: True)
    monkeypatch.setattr(rerun, "base_folder", lambda model, weights: tmp_path / model.name)
    monkeypatch.setattr(rerun, "labelling_folder", lambda model, weights: seen.setdefault("labels", model) and tmp_path)
    monkeypatch.setattr(rerun, "found_examples", lambda *_: [Example((1,), (2, 0), "a")])
    monkeypatch.setattr(rerun, "_exported", lambda *_: tmp_path / "weights.gguf")
    monkeypatch.setattr(gate, "calibrated", lambda model, *_: model.calibration)
    monkeypatch.setattr(gate, "judge", judge)
    monkeypatch.setattr(tunings, "keep", keep)
    monkeypatch.setattr(tunings, "promote", lambda parent, _: seen.setdefault("promoted", parent))
    return seen


def test_another_model_chosen_meanwhile_is_not_the_one_it_is_judged_against(
    seen: dict[str, Any], tmp_path: Path
) -> None:
    before, untuned = store.checked(""), store.checked("", tuned=False)
    assert before.name != OTHER
    done = retrain(TEXTS, FinetunePlan())
    assert done is not None
    assert done.promoted
    assert store.checked("").name == OTHER
    assert seen["current"] == before
    assert seen["candidate"] == replace(untuned, adapter=tmp_path / "weights.gguf")
    assert seen["labels"] == seen["kept"] == seen["promoted"] == untuned
    assert seen["trained"] == tmp_path / untuned.name


def test_a_model_that_is_named_is_the_one_throughout(seen: dict[str, Any]) -> None:
    retrain(TEXTS, FinetunePlan(OTHER))
    assert {seen[step].name for step in ("current", "labels", "kept", "promoted")} == {OTHER}


def test_a_run_on_the_log_goes_on_with_what_the_log_had(seen: dict[str, Any]) -> None:
    plan = FinetunePlan()
    seen["power"] = "off"
    with pytest.raises(KeyboardInterrupt):
        retrain(TEXTS, plan, until=7.0)
    there = begun(plan)
    assert there is not None
    assert there.until == 7.0
    assert begun(replace(plan, seed=1)) is None
    other = [replace(TEXTS[0], text=TEXTS[0].text + BODY), *TEXTS[1:]]
    with pytest.raises(KeyboardInterrupt):
        retrain(other, plan, until=8.0)  # what the log had then is no longer there
    again = begun(plan)
    assert again is not None
    assert again.until == 8.0
    assert not there.folder.exists()
    seen["power"] = "on"
    assert retrain(other, plan, until=8.0) is not None
    assert begun(plan) is None


def test_a_file_saved_again_begins_another_run(seen: dict[str, Any]) -> None:
    """Its texts are learned in another order, which the folder of the run before would refuse."""
    folders = []
    seen["power"] = "off"
    for texts in (TEXTS, TEXTS, [replace(TEXTS[0], at=99.0), *TEXTS[1:]], [*TEXTS[:-1], replace(TEXTS[-1], at=99.0)]):
        with pytest.raises(KeyboardInterrupt):
            retrain(texts, FinetunePlan())
        folders.append(sorted(path.name for path in (store.data_folder() / "training").iterdir()))
    assert list(map(len, folders)) == [1, 1, 2, 2]


def test_a_copy_in_use_is_judged_with_the_new_adapter_too(
    seen: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = tmp_path / "quick.gguf"
    quick.symlink_to(store.checked(OTHER, tuned=False).path)
    monkeypatch.setattr(requantised, "copy_of", lambda _: quick)
    retrain(TEXTS, FinetunePlan(OTHER))
    assert seen["candidate"].path == quick
    assert seen["kept"].path == store.checked(OTHER, tuned=False).path
