"""Says in words why a completion ends where it ends: what was sure, what might have followed, whose choice that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from empower_model.request import Completion, End

if TYPE_CHECKING:
    from empower_model.engine import Token

SURE = 0.9
"""From this probability on, a token is no choice."""
LEAST = 0.005
"""A way on that would be told as 0 % is not told."""
LONGEST = 60
"""Characters of a text that are quoted: of a longer one its end, which the question is about."""
NUMBERS = ("no", "one", "two", "three")
LIMITS = {End.MAX_TOKENS: "maxTokens", End.MAX_LINES: "maxLines"}
ENDS = {
    End.TRIMMED: ". What it went on with did not fit the text around it.",
    End.UNFINISHED: " so far, and was still writing.",
    End.STOPPED: ": a newer request took its place.",
}


def words(completion: Completion) -> str:
    """Return one or two sentences for a person; what is code stands in backticks."""
    text = completion.text
    sure = "sure" if completion.probability >= SURE else f"{_percent(completion.probability)} sure"
    shown = f"It was {sure} of {_quoted(text)}" if text else "It shows nothing here"
    match completion.end:
        case End.END_OF_TEXT:
            return (
                f"{shown}, and takes it that your text ends there."
                if text
                else f"{shown}: nothing seems to be missing."
            )
        case End.MAX_TOKENS | End.MAX_LINES:
            return f"{shown}. It could go on, but no further than the option `{LIMITS[completion.end]}` allows."
        case End.TRIMMED | End.UNFINISHED | End.STOPPED:
            return f"{shown}{ENDS[completion.end]}"
        case End.ASKED:
            return "You asked for the rest of the statement: it wrote on, however unsure, to where that seems to end."
    return f"{shown}{_seen(ways(completion), bool(text))} The choice is yours."


def ways(completion: Completion) -> list[tuple[str, float]]:
    """Return what might have followed the text, likeliest first, with probabilities: up to the first real choice."""
    before = b""
    for token in completion.tokens[completion.kept if completion.text else 0 :]:
        if 2.0**-token.surprisal < SURE:
            return [
                (text, probability)
                for piece, probability in _choices(token)
                if (text := (before + piece).decode(errors="ignore")).strip() and probability >= LEAST
            ]
        before += token.piece
    return []


def _choices(token: Token) -> list[tuple[bytes, float]]:
    return [(token.piece, 2.0**-token.surprisal), *token.others]


def _seen(onward: list[tuple[str, float]], shown: bool) -> str:
    if not onward:
        return ", and less sure of all that follows." if shown else ": nothing was likely enough."
    listed = ", ".join(f"{_quoted(text)} {_percent(probability)}" for text, probability in onward)
    if shown:
        start = "less sure of what follows" if len(onward) == 1 else f"saw {NUMBERS[len(onward)]} ways on"
        return f", and {start}: {listed}."
    count = "a way" if len(onward) == 1 else f"{NUMBERS[len(onward)]} ways"
    return f": it saw {count} to begin, {listed}, and was not sure enough."


def _quoted(text: str) -> str:
    line = " ↵ ".join(part.strip() for part in text.strip().splitlines() if part.strip())
    return f"`…{line[-LONGEST:]}`" if len(line) > LONGEST else f"`{line}`"


def _percent(probability: float) -> str:
    return f"{probability:.0%}".replace("%", " %")
