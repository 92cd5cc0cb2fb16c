import math
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from empower_training.corpus.corpus import Document
from empower_training.pretrain.heldout import CodeLength, Effort, measure, totals
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.pretrain import Run

SHAPE = Shape(width=64, layers=1, feed_forward=64, heads=1, key_value_heads=1, head_width=64)
EFFORT = Effort(characters=20_000, holes=12, context=128, batch=4)


@pytest.fixture
def folder(tmp_path: Path, texts: list[str], tokenizer: Tokenizer) -> Path:
    """Return a model that knows nothing: all weights of the embedding are zero, so every token costs log2(V) bits."""
    run = Run(Plan(shape=SHAPE, precision="float32"), texts, tokenizer)
    run.optimiser.masters["model.embed_tokens.weight"].zero_()
    run.export(tmp_path)
    return tmp_path


def test_a_model_that_knows_nothing_pays_log2_of_its_vocabulary(
    folder: Path, texts: list[str], tokenizer: Tokenizer
) -> None:
    documents = [Document("a", "a.py", texts[2]), Document("b", "b.py", texts[3])]
    first, second = measure(folder, documents, EFFORT)
    tokens = len(tokenizer.encode(texts[2]).ids)
    assert first.left_to_right.bits == pytest.approx(tokens * 10, rel=1e-5)
    assert first.left_to_right.characters == len(texts[2])
    assert first.ends == CodeLength(pytest.approx(120.0), 12)  # type: ignore[arg-type]
    assert second.middle.rate == pytest.approx(second.middle.bits / second.middle.characters)
    assert totals([first, second])[0].characters == len(texts[2]) + len(texts[3])


def test_padding_and_batches_change_nothing(tmp_path: Path, texts: list[str], tokenizer: Tokenizer) -> None:
    Run(Plan(shape=SHAPE), texts, tokenizer).export(tmp_path)
    documents = [Document("a", "a.py", texts[2])]
    alone = measure(tmp_path, documents, Effort(20_000, 12, 128, batch=1))[0]
    many = measure(tmp_path, documents, Effort(20_000, 12, 128, batch=5))[0]
    assert alone.left_to_right.bits == pytest.approx(many.left_to_right.bits, rel=1e-5)
    assert alone.middle.bits == pytest.approx(many.middle.bits, rel=1e-5)
    assert not math.isnan(alone.middle.bits)
