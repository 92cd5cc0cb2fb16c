"""The gate judges models as they are used: with a memory of the project, and never of what is typed."""

import pytest

from empower_model.calibration import Calibration
from empower_model.errors import EmpowerError
from empower_model.files import store
from empower_model.files.tunings import calibration_file
from empower_model.memory.in_use import memory_in_use
from empower_training.labels.texts import Text
from empower_training.replay.typist import total
from empower_training.retrain.gate import Known, judge, later_works, typed

BODY = "    stripes = quantified_zebra_margin(animal, width)\n    return stripes.normalised_giraffe_height(animal)\n"


def text(name: str, verb: str) -> Text:
    return Text(name, f"def {verb}(animal, width):\n{BODY}", 0.0)


EARLIER = [text(f"earlier/{verb}.py", verb) for verb in ("load", "store", "check", "send")]
LATER = [text(f"later/{verb}.py", verb) for verb in ("fetch", "merge", "split")]


def kept(texts: list[Text]) -> int:
    model = store.checked("")
    works = later_works(LATER)[:1]
    known = Known(tuple(texts), memory_in_use(model)) if texts else None
    return total(typed(model, works, known=known)).kept


def test_what_the_project_says_is_known_but_not_what_is_typed() -> None:
    assert kept(EARLIER) > kept([]) + 20
    twin = text("copy/fetch.py", "fetch")  # a file of the same name may be the same file
    assert kept([twin]) == kept([Text("other.py", "", 0.0)])


def test_both_models_are_judged_with_the_memory_each_would_have() -> None:
    model = store.checked("")
    works = later_works(LATER)[:2]
    own = calibration_file(model, memory=True)
    own.parent.mkdir(parents=True)
    Calibration(1e-4, 2.0).save(own)  # of the model in use alone: hardly anything is shown any more
    judgement = judge(model, model, works, project=EARLIER)
    assert judgement.before.kept < 20
    assert judgement.after.kept > 80


def test_too_little_later_work_is_one_clear_sentence() -> None:
    with pytest.raises(EmpowerError, match="2 files of later work"):
        later_works(LATER[:2])
