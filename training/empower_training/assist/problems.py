"""Programming problems with tests: a bundled set of our own, and files in LiveCodeBench's JSONL format.

LiveCodeBench's releases are not bundled: their statements belong to the sites they were taken from. A line holds
`question_id, question_title, question_content, starter_code, platform, contest_date, metadata, public_test_cases` and
`private_test_cases`; the last is JSON, or JSON pickled, packed with zlib and written in base64. The pickle is read
without unpickling. A `solution`, which those files lack, is read too: the reference human needs one.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import pickletools
import random
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from empower_model.errors import EmpowerError
from empower_training.assist import sandbox
from empower_training.assist.sandbox import Bounds, Exit

FOLDER = Path(__file__).with_name("problem_set")
MOST_UNPACKED = 1 << 30
"""Bytes of unpacked tests that are believed."""
_STRINGS = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"})
_AROUND = frozenset({"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "STOP"})
"""All that a pickled string takes."""


class ProblemError(EmpowerError):
    """A file of problems cannot be read, or lacks what is needed."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: of a program standard input and output, of a function JSON values a line and the JSON result."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem; only its human sees more of it than the starter."""

    id: str
    title: str
    statement: str
    cases: tuple[Case, ...]
    starter: str = ""
    """What the program begins with, such as a function's head; empty for most that read standard input."""
    function: str = ""
    """The function, or method of `Solution`, that is tested; empty when the program reads standard input."""
    solution: str = ""
    """A correct program, which begins with the starter; empty where none is known."""

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("it has no tests")
        if self.solution and not self.solution.startswith(self.starter):
            raise ValueError("its solution does not begin with its starter code")


def bundled() -> list[Problem]:
    """Return the problems that come along, by id."""
    return [_from_toml(path) for path in sorted(FOLDER.glob("*.toml"))]


def _from_toml(path: Path) -> Problem:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    cases = tuple(Case(case["input"], case["output"]) for case in data.pop("cases"))
    return Problem(id=path.stem, cases=cases, **data)


def choose(path: Path, *, since: str = "", platform: str = "", count: int = 0, seed: int = 0) -> list[int]:
    """Return where in a JSONL file the wanted problems begin, in bytes; the files are too large to hold.

    Those of a platform, of a contest on or after `since` (an ISO date); a random `count` of them unless that is 0.
    Raises ProblemError.
    """
    places = []
    for place, row in _rows(path):
        if str(row.get("contest_date", "")) >= since and row.get("platform", "") in (platform or row.get("platform"),):
            places.append(place)
    if not places:
        raise ProblemError(f"{path} has no problems of that date and platform: widen the choice.")
    return sorted(random.Random(seed).sample(places, count)) if 0 < count < len(places) else places


def load(path: Path, places: Sequence[int]) -> Iterator[Problem]:
    """Return the problems at these places, one at a time. Raises ProblemError."""
    with path.open("rb") as file:
        for place in places:
            file.seek(place)
            row = json.loads(file.readline())
            try:
                yield _from_row(row)
            except KeyError as error:
                raise ProblemError(
                    f"A problem of {path} has no {error}: LiveCodeBench's code_generation files have all fields."
                ) from error
            except (ValueError, TypeError, binascii.Error, zlib.error) as error:
                name = row.get("question_id", f"at byte {place}")
                raise ProblemError(f"Problem {name} of {path} cannot be read: {error}.") from error


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            place = 0
            for number, line in enumerate(file, start=1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict) or "question_content" not in row:
                        raise ProblemError(f"{path}, line {number}, is no problem: it has no question_content.")
                    yield place, row
                place += len(line)
    except OSError as error:
        raise ProblemError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ProblemError(f"{path}, line {number}, is not JSON: {error}.") from error


def _from_row(row: dict[str, Any]) -> Problem:
    cases = [*json.loads(row["public_test_cases"]), *_private(row.get("private_test_cases", "[]"))]
    functional = any(case.get("testtype") == "functional" for case in cases)
    metadata = json.loads(row.get("metadata") or "{}")
    return Problem(
        id=str(row["question_id"]),
        title=row.get("question_title", ""),
        statement=row["question_content"],
        cases=tuple(Case(case["input"], case["output"]) for case in cases),
        starter=row.get("starter_code", ""),
        function=metadata["func_name"] if functional else "",
        solution=row.get("solution", ""),
    )


def _private(packed: str) -> list[dict[str, str]]:
    """Return the cases of a `private_test_cases`: JSON as it is, or pickled, packed and encoded."""
    if packed.lstrip().startswith("["):
        return list(json.loads(packed))
    unpack = zlib.decompressobj()
    data = unpack.decompress(base64.b64decode(packed, validate=True), MOST_UNPACKED)
    if unpack.unconsumed_tail:
        raise ValueError(f"its tests take more than {MOST_UNPACKED} bytes")
    return list(json.loads(pickled_string(data)))


def pickled_string(data: bytes) -> str:
    """Return the string in a pickle that holds nothing but a string; no part of it is executed. Raises ValueError."""
    text = None
    for opcode, argument, _ in pickletools.genops(io.BytesIO(data)):
        if opcode.name in _STRINGS and text is None:
            text = argument
        elif opcode.name not in _AROUND:
            raise ValueError(f"a pickle with {opcode.name} in it is refused: only a single string is read")
    if not isinstance(text, str):
        raise ValueError("a pickle without a string in it is refused")
    return text


def solves(program: str, problem: Problem, bounds: Bounds | None = None) -> bool:
    """Tell whether a program passes all tests of a problem, run one after the other in the sandbox until one fails."""
    return all(_passes(program, problem, case, bounds) for case in problem.cases)


def _passes(program: str, problem: Problem, case: Case, bounds: Bounds | None) -> bool:
    outcome = sandbox.run(program, case.input, bounds, problem.function)
    if outcome.end is not Exit.DONE:
        return False
    if not problem.function:
        return same(outcome.printed, case.output)
    try:
        return bool(json.loads(outcome.printed) == json.loads(case.output))
    except ValueError:  # it left before there was a result
        return False


def same(printed: str, expected: str) -> bool:
    """Tell whether two outputs agree, by LiveCodeBench's measure.

    Line by line, without space around lines and around the whole; lines of numbers may be written differently.
    """
    ours, theirs = printed.strip().split("\n"), expected.strip().split("\n")
    return len(ours) == len(theirs) and all(map(_same_line, ours, theirs))


def _same_line(ours: str, theirs: str) -> bool:
    if ours.strip() == theirs.strip():
        return True
    try:
        return [Decimal(word) for word in ours.split()] == [Decimal(word) for word in theirs.split()]
    except InvalidOperation:
        return False
