"""Files of decisions, good and bad."""

import json
from pathlib import Path

import pytest

from empower_model.errors import EmpowerError
from empower_training.replay.decision_lines import Line, read

GOOD = {"prefix": "x = ", "completion": "1", "accepted": True}


def test_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    full = GOOD | {"suffix": "\n", "person": "p", "bits": [0.5, 1], "entropies": [1.0, 2.0]}
    file.write_text("\n".join([json.dumps(GOOD), "", json.dumps(full | {"more": 1})]))
    assert list(read(file)) == [
        Line("x = ", "1", True),
        Line("x = ", "1", True, "\n", "p", (0.5, 1.0), (1.0, 2.0)),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        (json.dumps({"completion": "1", "accepted": True}), "`prefix` must be there, and a string"),
        (json.dumps(GOOD | {"accepted": 1}), "`accepted` must be there, and true or false"),
        (json.dumps(GOOD | {"person": 3}), "`person` must be a string"),
        (json.dumps(GOOD | {"bits": 3}), "`bits` must be a list"),
        (json.dumps(GOOD | {"bits": [-1.0]}), "`bits` must be a list"),
        (json.dumps(GOOD | {"bits": [True]}), "`bits` must be a list"),
        (json.dumps(GOOD | {"bits": [1.0], "entropies": [1.0, 2.0]}), "an entry a token each"),
        ('{"prefix": "", "completion": "", "accepted": true, "bits": [NaN]}', "`bits` must be a list"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "decisions.jsonl"
    file.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    with pytest.raises(EmpowerError, match=rf"line 2.*{reason}"):
        list(read(file))


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EmpowerError, match="cannot be read"):
        list(read(file))
