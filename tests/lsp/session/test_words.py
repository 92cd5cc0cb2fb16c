"""Why it stopped here, in words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from empower_lsp.session.words import words
from empower_model.engine import Token
from empower_model.request import Completion, End


def token(text: str, probability: float, **others: float) -> Token:
    further = tuple((name.encode(), share) for name, share in others.items())
    return Token(0, text.encode(), -math.log2(probability), 1.0, further)


SURE, OPEN = token("return self.", 0.95), token("name", 0.41, path=0.22, id=0.09)
WHY = Completion(
    "return self.",
    (SURE, OPEN),
    1,
    End.UNCERTAIN,
    0.95,
    2.0,
    prompt_tokens=1,
    evaluated_tokens=1,
    prompt_ms=0,
    total_ms=0,
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {},
            "It was sure of `return self.`, and saw three ways on: `name` 41 %, `path` 22 %, `id` 9 %. The choice is"
            " yours.",
        ),
        ({"probability": 0.62}, "It was 62 % sure of `return self.`, and saw"),
        ({"tokens": (SURE, token("na", 0.95), OPEN)}, "`naname` 41 %, `napath` 22 %"),
        ({"tokens": (SURE, token("x", 0.5))}, "and less sure of what follows: `x` 50 %. The choice"),
        ({"tokens": (SURE, token(" ", 0.5, y=0.001))}, "and less sure of all that follows. The choice is yours."),
        ({"text": "", "kept": 0, "tokens": (OPEN,)}, "It shows nothing here: it saw three ways to begin, `name` 41 %,"),
        ({"text": "", "kept": 1, "tokens": (SURE,)}, "It shows nothing here: nothing was likely enough."),
        ({"end": End.END_OF_TEXT}, "and takes it that your text ends there."),
        ({"end": End.MAX_LINES}, "no further than the option `maxLines` allows."),
        ({"end": End.TRIMMED}, "did not fit the text around it."),
        ({"text": "", "end": End.STOPPED}, "It shows nothing here: a newer request took its place."),
        ({"end": End.UNFINISHED}, " so far, and was still writing."),
        ({"text": "a\n    b"}, "It was sure of `a ↵ b`"),
        ({"text": "x" * 70}, f"It was sure of `…{'x' * 60}`"),
    ],
)
def test_it_is_said(changed: dict[str, object], said: str) -> None:
    assert said in words(replace(WHY, **changed))  # type: ignore[arg-type]
