"""`empower-lsp model use --faster`: a copy is made, measured, and kept or not."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from empower_lsp.commands import requantising as module
from empower_lsp.commands.model import model
from empower_model.engine import requantising
from empower_model.engine.llama_file import requantise
from empower_model.engine.requantising import Requantised
from empower_model.files import store

WORTH = Requantised(1.4, 0.008)


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """Return the path of a model with weights that processors are slow with."""
    path = tmp_path / "slow.gguf"
    requantise(store.resolve(store.bundled()).path, path, {"blk.0.ffn_gate.weight": 6, "blk.0.attn_q.weight": 6})
    return str(path)


def use(monkeypatch: pytest.MonkeyPatch, comparison: Requantised, *arguments: str, answer: str = "") -> str:
    monkeypatch.setattr(requantising, "compare", lambda before, after, text: comparison)
    result = CliRunner().invoke(model, ["use", *arguments], input=answer)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_copy_that_is_worth_it_is_used_until_it_is_dropped(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = use(monkeypatch, WORTH, "--faster", slow)
    assert "1.40 times as fast, and known text takes +0.8% bits: it is used from now on" in told
    assert store.checked(slow).path != Path(slow)
    assert "Its copy for this processor is used." in use(monkeypatch, WORTH, slow)
    assert "is deleted" in use(monkeypatch, WORTH, "--no-faster", slow)
    assert store.checked(slow).path == Path(slow)


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (Requantised(1.1, 0.0), "that is not worth it"),
        (Requantised(1.4, 0.02), "that is not worth it"),
        (Requantised(1.4, 0.008, disturbed=True), "try again without them"),
    ],
)
def test_another_is_not_kept_and_why_is_said(
    slow: str, monkeypatch: pytest.MonkeyPatch, comparison: Requantised, words: str
) -> None:
    assert words in use(monkeypatch, comparison, "--faster", slow)
    assert store.checked(slow).path == Path(slow)


@pytest.mark.parametrize(("answer", "copied"), [("y\n", True), ("\n", False)])
def test_a_person_is_asked(slow: str, monkeypatch: pytest.MonkeyPatch, answer: str, copied: bool) -> None:
    monkeypatch.setattr(module, "can_answer", lambda: True)
    assert "Try a copy in faster ones?" in use(monkeypatch, WORTH, slow, answer=answer)
    assert (store.checked(slow).path != Path(slow)) is copied


def test_nobody_is_asked_who_cannot_answer_or_where_nothing_is_slow(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert use(monkeypatch, WORTH, slow) == f"In use: {slow}\n"
    monkeypatch.setattr(module, "can_answer", lambda: True)
    assert use(monkeypatch, WORTH, store.bundled()) == f"In use: {store.bundled()}\n"
    assert "no faster copy to make" in use(monkeypatch, WORTH, "--faster", store.bundled())
