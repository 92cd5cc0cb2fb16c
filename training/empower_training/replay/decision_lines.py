"""A file of decisions, a line of JSON each:

    {"prefix": "def f(", "completion": "self):", "accepted": true, "person": "p1"}

`suffix` and `person` may be left out, and so may `bits` and `entropies`, the surprisal and entropy of each token, which
are measured where `bits` is missing. Those of a person stand in the order in which they were made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empower_model.errors import EmpowerError


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file of decisions."""

    prefix: str
    completion: str
    accepted: bool
    suffix: str = ""
    person: str = ""
    bits: tuple[float, ...] = ()
    entropies: tuple[float, ...] = ()


def read(path: Path) -> Iterator[Line]:
    """Return the decisions in a file. Raises EmpowerError on the first line that is none."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, text in enumerate(lines, start=1):
                if text.strip():
                    yield _line(text, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise EmpowerError(f"{path} cannot be read: {error}.") from error


def _line(text: str, where: str) -> Line:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise EmpowerError(f"{where} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise EmpowerError(f"{where} is not an object.")
    for name, kind in (("prefix", str), ("completion", str), ("accepted", bool)):
        if not isinstance(content.get(name), kind):
            raise EmpowerError(f"{where}: `{name}` must be there, and {_KINDS[kind]}.")
    for name in ("suffix", "person"):
        if not isinstance(content.get(name) or "", str):
            raise EmpowerError(f"{where}: `{name}` must be a string.")
    bits, entropies = (_numbers(content.get(name), name, where) for name in ("bits", "entropies"))
    if entropies and len(entropies) != len(bits):
        raise EmpowerError(f"{where}: `bits` and `entropies` must have an entry a token each.")
    texts = (content["prefix"], content["completion"], content["accepted"])
    return Line(*texts, content.get("suffix") or "", content.get("person") or "", bits, entropies)


_KINDS = {str: "a string", bool: "true or false"}


def _numbers(value: Any, name: str, where: str) -> tuple[float, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(_is_bits(number) for number in value):
        raise EmpowerError(f"{where}: `{name}` must be a list of numbers of 0 or more, one a token.")
    return tuple(float(number) for number in value)


def _is_bits(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
