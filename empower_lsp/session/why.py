"""Explains, as JSON, why a completion ends where it ends: the answer to "why did it stop here?"."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from empower_lsp.session.words import words

if TYPE_CHECKING:
    from empower_lsp.session.query import Source
    from empower_model.request import Completion


def explanation(completion: Completion, source: Source) -> dict[str, Any]:
    """Return what JSON can carry of a completion: surprisal, entropy and eta in bits, durations in milliseconds."""
    return {
        "model": source.model,
        "tier": source.tier,
        "text": completion.text,
        "end": completion.end.value,
        "words": words(completion),
        "eta": _finite(completion.eta),
        "probability": _finite(completion.probability),
        "tokens": [
            {
                "text": token.piece.decode(errors="replace"),
                "surprisal": _finite(token.surprisal),
                "entropy": _finite(token.entropy),
                "kept": number < completion.kept,
                "others": [
                    {"text": piece.decode(errors="replace"), "probability": _finite(probability)}
                    for piece, probability in token.others
                ],
            }
            for number, token in enumerate(completion.tokens)
        ],
        "promptTokens": completion.prompt_tokens,
        "evaluatedTokens": completion.evaluated_tokens,
        "promptMs": _finite(completion.prompt_ms),
        "totalMs": _finite(completion.total_ms),
    }


def _finite(value: float) -> float | None:
    """Return what JSON can carry of a number, rounded to read; None for infinity and what is no number."""
    return round(value, 4) if math.isfinite(value) else None
