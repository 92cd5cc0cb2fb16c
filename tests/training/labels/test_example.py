"""Where examples are taken, and what their targets are for each method."""

import math
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from empower_training.commands import options
from empower_training.labels.example import Example, Method, cut_points, examples, lines
from empower_training.labels.labelling import Labelled, label
from empower_training.labels.measured import Measured
from empower_training.labels.strips import Page, Strip
from empower_training.labels.texts import Text
from empower_training.pretrain.plan import Shape
from empower_training.pretrain.pretrain import new_model

CONTEXT = 256
SHAPE = Shape(width=64, layers=2, feed_forward=64, heads=1, key_value_heads=1, head_width=64)


@pytest.fixture(scope="module")
def written(texts: list[str]) -> list[Text]:
    return [Text(f"{number}.py", text[:8000], float(number)) for number, text in enumerate(texts[:4])]


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> Any:
    """Sure of itself in places, so that some spans are long."""
    made = new_model(tokenizer, SHAPE, seed=0)
    with torch.no_grad():
        made.model.embed_tokens.weight.mul_(20)
    return made.train(False)


def made(tokenizer: Tokenizer, written: list[Text], method: Method, model: Any = None, **other: Any) -> list[Example]:
    asked = {"eta": 4.0, "seed": 1, "count": 40, "context": CONTEXT} | other
    return examples(model, tokenizer, written, method=method, **asked)


def test_the_methods_of_the_paper_learn_at_the_same_places(
    tokenizer: Tokenizer, written: list[Text], model: Any
) -> None:
    sets = {method: made(tokenizer, written, method, model) for method in Method if method is not Method.TEXT}
    prompts = [example.prompt for example in sets[Method.EMPOWER]]
    assert len(set(prompts)) == 40
    for learned in sets.values():
        assert [example.prompt for example in learned] == prompts
        assert all(example.target[-1] == 0 and 0 not in example.target[:-1] for example in learned)
        assert all(len(example.prompt) + len(example.target) <= CONTEXT for example in learned)
    for ten, twenty in zip(sets[Method.SFT_10], sets[Method.SFT_20], strict=True):
        assert twenty.target[:-1][:10] == ten.target[:-1]
    assert max(len(example.target) for example in sets[Method.SFT_10]) == 11
    assert max(len(example.target) for example in sets[Method.SFT_20]) == 21
    assert Counter(len(example.target) for example in sets[Method.SFT_10])[11] >= 20  # unless the text ends before


def test_random_targets_have_one_to_thirty_tokens(tokenizer: Tokenizer, written: list[Text]) -> None:
    lengths = {len(example.target) - 1 for example in made(tokenizer, written, Method.SFT_RAND, count=600)}
    assert lengths == set(range(1, 31))


def test_an_empower_target_is_what_stays_within_eta(tokenizer: Tokenizer, written: list[Text], model: Any) -> None:
    learned = made(tokenizer, written, Method.EMPOWER, model, eta=20.0)
    page = Page(tokenizer, CONTEXT)
    for (strip, cut), example in zip(islice(cut_points(page, written, 1), 40), learned, strict=True):
        bits, span = label(model, strip, CONTEXT).bits[cut:], len(example.target) - 1
        assert example.prompt == (*strip.prompt, *strip.ids[:cut])
        assert example.target == (*strip.ids[cut : cut + span], page.end)
        assert sum(bits[:span]) <= 20.0
        assert span == len(bits) or sum(bits[: span + 1]) > 20.0
    assert len({len(example.target) for example in learned}) > 1


def test_an_empty_span_is_kept(tokenizer: Tokenizer, written: list[Text], model: Any) -> None:
    learned = made(tokenizer, written, Method.EMPOWER, model, eta=0.0, count=12)
    assert [example.target for example in learned] == [(0,)] * 12


def test_the_same_seed_gives_the_same_examples(tokenizer: Tokenizer, written: list[Text]) -> None:
    first, again, other = (made(tokenizer, written, Method.SFT_RAND, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert {example.prompt for example in first}.isdisjoint(example.prompt for example in other[:5])


def test_half_of_the_lines_have_text_below(tokenizer: Tokenizer, written: list[Text]) -> None:
    drawn = list(islice(lines(Page(tokenizer, CONTEXT), written, 0), 200))
    bare = sum(strip.prompt[-2:] == (3, 2) for strip in drawn)  # the suffix mark, and at once the middle mark
    assert 70 <= bare <= 130
    assert len(drawn) == len(set(drawn)) == 200
    assert {strip.name for strip in drawn} == {text.name for text in written}


def test_texts_are_drawn_from_by_length(tokenizer: Tokenizer, written: list[Text]) -> None:
    few = [replace(written[0], text=written[0].text[:400]), written[1]]
    names = Counter(strip.name for strip, _ in islice(cut_points(Page(tokenizer, CONTEXT), few, 0), 200))
    assert names["1.py"] > 5 * names["0.py"] > 0


def test_small_texts_have_no_more_than_they_have(tokenizer: Tokenizer) -> None:
    tiny = [Text("a.py", "x = 1\n", 0.0), Text("b.py", "", 0.0)]
    learned = made(tokenizer, tiny, Method.SFT_10, count=1000)
    assert 1 < len(learned) == len({example.prompt for example in learned}) < 10
    assert made(tokenizer, [Text("b.py", "", 0.0)], Method.SFT_10) == []
    assert made(tokenizer, [], Method.SFT_10) == []


def test_a_budget_must_be_one(tokenizer: Tokenizer, written: list[Text], model: Any) -> None:
    with pytest.raises(ValueError, match="budget"):
        made(tokenizer, written, Method.EMPOWER, model, eta=math.nan)


def test_rows_hold_the_text_once_and_are_learned_whole(tokenizer: Tokenizer, written: list[Text]) -> None:
    learned = made(tokenizer, written, Method.TEXT, count=1000)
    assert {len(example.prompt) + len(example.target) for example in learned} == {CONTEXT}
    assert all(len(example.prompt) == 1 for example in learned)
    tokens = sum(len(tokenizer.encode(text.text).ids) for text in written)
    assert tokens / 2 <= CONTEXT * len(learned) <= 2 * tokens + CONTEXT  # what is far from a hole is cut off
    assert len(made(tokenizer, written, Method.TEXT, count=2)) == 2


def test_cut_points_of_a_place_share_its_evaluation(tokenizer: Tokenizer, written: list[Text], model: Any) -> None:
    asked: list[Strip] = []

    def counted(model: Any, strip: Strip, context: int) -> Labelled:
        asked.append(strip)
        return label(model, strip, context)

    learned = made(tokenizer, written, Method.EMPOWER, model, together=6, measure=counted)
    assert len(learned) == len({example.prompt for example in learned}) == 40
    assert len(asked) == 7
    assert all(len(example.prompt) + len(example.target) <= CONTEXT for example in learned)
    for number, strip in enumerate(asked):
        whole = (*strip.prompt, *strip.ids)
        for example in learned[6 * number : 6 * number + 6]:
            assert (*example.prompt, *example.target[:-1]) == whole[: len(example.prompt) + len(example.target) - 1]
    lines = [tokenizer.decode(list(strip.ids[: strip.cuts[-1]])).count("\n") for strip in asked]
    assert max(lines) > 3
    baseline = made(tokenizer, written, Method.SFT_20, together=6)
    assert [example.prompt for example in baseline] == [example.prompt for example in learned]


def test_labelling_goes_on_where_it_was(tmp_path: Path, tokenizer: Tokenizer, written: list[Text], model: Any) -> None:
    """Killed after seven places, with a line half written, it asks the model for the others only."""

    class Killed(Exception):
        pass

    def stop(done: int) -> None:
        if done == 14:
            raise Killed

    file = tmp_path / "labels.jsonl"
    whole = made(tokenizer, written, Method.EMPOWER, model, together=2)
    with pytest.raises(Killed):
        made(tokenizer, written, Method.EMPOWER, model, together=2, measure=Measured(file, "one"), report=stop)
    assert len(file.read_text().splitlines()) == 7
    with file.open("a") as lines:
        lines.write('["0123", [0.5, ')
    again = Measured(file, "one")
    assert made(tokenizer, written, Method.EMPOWER, model, together=2, measure=again) == whole
    assert len(file.read_text().splitlines()) == 20
    known = Measured(file, "one", write=False)
    assert made(tokenizer, written, Method.EMPOWER, None, together=2, measure=known) == whole
    with pytest.raises(AttributeError):  # another model's are not taken: this one would have to be asked
        made(tokenizer, written, Method.EMPOWER, None, together=2, measure=Measured(file, "other"))


def test_the_command_knows_the_methods() -> None:
    assert tuple(method.value for method in Method) == options.METHODS
