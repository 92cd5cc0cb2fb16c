"""What options say without loading what they speak of."""

from empower_training.commands import options, train
from empower_training.finetune.recipe import Recipe
from empower_training.labels.example import Method


def test_the_methods_are_those_there_are() -> None:
    assert tuple(method.value for method in Method) == options.METHODS


def test_the_defaults_of_a_fine_tune_are_the_recipes() -> None:
    assert (Recipe().epochs, Recipe().rank) == (train.EPOCHS, train.RANK)
