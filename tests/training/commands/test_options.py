"""What options say without loading what they speak of."""

from empower_training.commands import options, train
from empower_training.finetune.recipe import Recipe
from empower_training.labels.example import Method
from empower_training.retrain import rerun


def test_the_methods_are_those_there_are() -> None:
    assert tuple(method.value for method in Method) == options.METHODS


def test_the_defaults_of_a_fine_tune_are_the_recipes() -> None:
    assert (Recipe().epochs, Recipe().rank) == (train.EPOCHS, train.RANK)


def test_the_help_text_says_what_a_large_model_takes() -> None:
    said = {option.name: str(getattr(option, "help", "")) for option in train.train.params}
    assert f"default: {rerun.CONTEXT}, or {rerun.LARGE_CONTEXT} of a large model" in said["context"]
    assert f"default: {rerun.TOGETHER}, or {rerun.LARGE_TOGETHER} of a large model" in said["together"]
