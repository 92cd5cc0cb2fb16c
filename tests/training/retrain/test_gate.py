"""The gate judges models as they are used: with a memory of the project, and never of what is typed."""

import pytest

from empower_model.calibration import Calibration
from empower_model.errors import EmpowerError
from empower_model.files import store
from empower_model.files.tunings import calibration_file
from empower_model.memory.in_use import memory_in_use
from empower_training.labels.texts import Text
from empower_training.replay.intervals import EFFORT, KEPT, difference, luck
from empower_training.replay.typist import Tally, total
from empower_training.retrain.gate import IN_ALL, Judgement, Known, calibrated, judge, later_works, typed

BODY = "    stripes = quantified_zebra_margin(animal, width)\n    return stripes.normalised_giraffe_height(animal)\n"


def text(name: str, verb: str) -> Text:
    return Text(name, f"def {verb}(animal, width):\n{BODY}", 0.0)


EARLIER = [text(f"earlier/{verb}.py", verb) for verb in ("load", "store", "check", "send")]
LATER = [text(f"later/{verb}.py", verb) for verb in ("fetch", "merge", "split", "parse", "close", "write")]


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


def test_of_many_files_some_are_typed() -> None:
    many = [text(f"{number}.py", f"load_{number}") for number in range(1000)]
    works = later_works(many)
    assert IN_ALL / 4 < sum(len(work.typed) for work in works) < 2 * IN_ALL
    assert works == later_works(many)
    assert {work.source for work in works} < {each.name for each in many}


def test_without_texts_of_its_own_a_model_keeps_its_calibration() -> None:
    model = store.checked("")
    assert calibrated(model, [], 400) is model.calibration


def test_all_that_the_log_has_of_a_file_is_known() -> None:
    parts = [text("earlier/load.py", "load"), Text("earlier/load.py", "stripes = 3\n", 1.0)]
    assert kept(parts) == kept(parts[::-1]) > kept([]) + 20


def test_six_files_of_which_one_is_worse_may_be_chance() -> None:
    def judged(*efforts: float) -> Judgement:
        before, after = (
            [Tally(f"{name}:1", 100, typed=int(100 * effort)) for name, effort in enumerate(sides)]
            for sides in ([0.8] * len(efforts), efforts)
        )
        effort, kept = (difference(after, before, figure) for figure in (EFFORT, KEPT))
        return Judgement(total(before, ""), total(after, ""), effort, kept, luck(after, before, EFFORT))

    assert judged(0.7, 0.6, 0.7, 0.5, 0.7, 0.7).passed
    doubtful = judged(0.6, 0.5, 0.6, 0.5, 0.6, 0.85)
    assert doubtful.effort.high < 0
    assert not doubtful.passed
    assert doubtful.reason.endswith("with 95 % confidence, and with 3% probability by chance.")


def test_too_little_later_work_is_one_clear_sentence() -> None:
    with pytest.raises(EmpowerError, match="5 files of later work"):
        later_works(LATER[:5])
