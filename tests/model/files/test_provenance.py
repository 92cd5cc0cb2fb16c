"""What is kept beside a tuning."""

import json
from pathlib import Path
from typing import Any

import pytest

from empower_model.errors import TuningError
from empower_model.files.provenance import Provenance

GIVEN = Provenance(
    base_sha256="ab" * 32,
    base_size=88,
    data="cd" * 32,
    method="empower",
    eta=0.32,
    date="2026-11-22T10:00:00+00:00",
    version="0.1.0",
    scores={"net effort": 0.91, "net effort before": 0.94},
    kept_aside="It was no better.",
)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    GIVEN.save(tmp_path)
    assert Provenance.load(tmp_path) == GIVEN


def test_what_a_later_version_adds_is_passed_over(tmp_path: Path) -> None:
    GIVEN.save(tmp_path)
    path = tmp_path / "provenance.json"
    content = json.loads(path.read_text())
    del content["scores"], content["kept_aside"]
    path.write_text(json.dumps({**content, "eta": None, "weather": "fine"}))
    loaded = Provenance.load(tmp_path)
    assert (loaded.scores, loaded.kept_aside, loaded.eta) == ({}, "", None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"base_size": "many"}, "invalid literal"),
        ({"scores": {"net effort": "good"}}, "could not convert"),
        ({"scores": [1]}, "cannot be read"),
        ({"eta": []}, "cannot be read"),
    ],
)
def test_a_broken_one_is_an_error_a_person_can_read(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    GIVEN.save(tmp_path)
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(TuningError, match=reason):
        Provenance.load(tmp_path)


@pytest.mark.parametrize(("text", "reason"), [("{", "cannot be read"), ("[]", "cannot be read"), ("{}", "it lacks")])
def test_no_provenance_at_all(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TuningError, match="is missing"):
        Provenance.load(tmp_path)
    (tmp_path / "provenance.json").write_text(text)
    with pytest.raises(TuningError, match=reason):
        Provenance.load(tmp_path)
