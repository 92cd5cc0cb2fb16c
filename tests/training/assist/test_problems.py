"""Problems, ours and LiveCodeBench's, and what passes their tests."""

import base64
import json
import pickle
import zlib
from pathlib import Path

import pytest

from empower_training.assist import problems
from empower_training.assist.assist import ROUNDS, TYPED_TOKENS
from empower_training.assist.humans import TOKEN
from empower_training.assist.problems import Case, Problem, ProblemError, choose, load, pickled_string, same, solves
from empower_training.assist.sandbox import Bounds

SUM = Problem("sum", "Sum", "Print the sum.", (Case("1 2\n", "3\n"), Case("5 5\n", "10\n")))


def row(**changed: object) -> dict[str, object]:
    """Return a line of a LiveCodeBench file."""
    return {
        "question_id": "abc123_a",
        "question_title": "Sum",
        "question_content": "Print the sum of two numbers.",
        "platform": "atcoder",
        "contest_date": "2024-08-10T00:00:00",
        "starter_code": "",
        "metadata": "{}",
        "public_test_cases": json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]),
        "private_test_cases": packed(json.dumps([{"input": "5 5\n", "output": "10\n", "testtype": "stdin"}])),
        **changed,
    }


def packed(content: object, protocol: int = pickle.DEFAULT_PROTOCOL) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(content, protocol))).decode()


def file(tmp_path: Path, *rows: dict[str, object]) -> Path:
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(problem) + "\n" for problem in rows), encoding="utf-8")
    return path


BUNDLED = problems.bundled()


def test_there_are_enough_of_both_kinds_with_enough_tests() -> None:
    assert len(BUNDLED) >= 30
    assert sum(bool(problem.function) for problem in BUNDLED) >= 8
    assert len({problem.id for problem in BUNDLED}) == len({problem.title for problem in BUNDLED}) == len(BUNDLED)
    for problem in BUNDLED:
        assert len(problem.cases) >= 6, problem.id
        assert len({case.input for case in problem.cases}) == len(problem.cases), problem.id
        assert 8 <= problem.solution.count("\n") <= 40, problem.id
        # somebody without an assistant gets through before the rounds run out
        assert len(TOKEN.findall(problem.solution)) <= (ROUNDS - 1) * TYPED_TOKENS, problem.id


@pytest.mark.parametrize("problem", BUNDLED, ids=lambda problem: problem.id)
def test_a_reference_solution_passes_and_half_of_it_does_not(problem: Problem) -> None:
    assert solves(problem.solution, problem, Bounds(seconds=30))
    lines = problem.solution.splitlines(keepends=True)
    assert not solves("".join(lines[: len(lines) // 2]), problem)


def test_all_tests_have_to_pass() -> None:
    assert solves("print(sum(map(int, input().split())))", SUM)
    assert not solves("print(3)", SUM)  # right on the first
    assert not solves("print(sum(map(int, input().split()))); exit(1)", SUM)


def test_a_function_has_to_return_the_value() -> None:
    problem = Problem("f", "F", "", (Case("2\n[1, 2]", "[2, 4]"),), "", "scaled")
    assert solves("def scaled(k, xs):\n    return tuple(k * x for x in xs)", problem)  # a tuple is as good as a list
    assert not solves("def scaled(k, xs):\n    return str([k * x for x in xs])", problem)
    assert not solves("def scaled(k, xs):\n    print([2, 4])", problem)
    assert not solves("def scaled(k, xs):\n    raise SystemExit", problem)
    assert not solves("scaled = 1", problem)


@pytest.mark.parametrize(
    ("printed", "expected", "agree"),
    [
        ("1 2\n3\n", "1 2\n3", True),
        ("  1 2 \n3  \n\n", "1 2\n3", True),
        ("1 2 3", "1 2\n3", False),
        ("0.50\n", "0.5", True),
        ("1e3", "1000", True),
        ("50000000000000001", "50000000000000000", False),
        ("yes", "Yes", False),
        ("a  b", "a b", False),
        ("", "", True),
        ("", "0", False),
        ("sNaN", "1", False),
    ],
)
def test_outputs_agree_as_livecodebench_has_it(printed: str, expected: str, agree: bool) -> None:
    assert same(printed, expected) is agree


def test_a_file_of_livecodebench_is_read(tmp_path: Path) -> None:
    functional = [{"input": "[1]\n2", "output": "3", "testtype": "functional"}]
    path = file(
        tmp_path,
        row(),
        row(
            question_id="3500",
            platform="leetcode",
            contest_date="2025-01-04T00:00:00",
            starter_code="class Solution:\n    def f(self, xs: List[int], y: int) -> int:\n        ",
            metadata='{"func_name": "f"}',
            public_test_cases=json.dumps(functional),
            private_test_cases=json.dumps(functional),
        ),
    )
    first, second = load(path, choose(path))
    assert (first.id, first.title, first.function) == ("abc123_a", "Sum", "")
    assert first.cases == (Case("1 2\n", "3\n"), Case("5 5\n", "10\n"))
    assert (second.function, second.cases) == ("f", (Case("[1]\n2", "3"),) * 2)
    assert solves(second.starter + "return sum(xs) + y", second)


def test_problems_are_chosen_by_date_site_and_number(tmp_path: Path) -> None:
    dates = ["2024-07-31T00:00:00", "2024-08-01T00:00:00", "2024-09-01T00:00:00"]
    path = file(tmp_path, *(row(question_id=date, contest_date=date) for date in dates), row(platform="leetcode"))

    def ids(**choice: object) -> list[str]:
        return [problem.id for problem in load(path, choose(path, **choice))]  # type: ignore[arg-type]

    assert ids(since="2024-08-01") == [dates[1], dates[2], "abc123_a"]
    assert ids(platform="atcoder") == dates
    assert ids(since="2024-08-02", platform="atcoder") == [dates[2]]
    assert len(ids(count=2)) == 2
    assert ids(count=2, seed=1) == ids(count=2, seed=1)
    assert {*ids(count=2, seed=1)} < {*ids()}
    with pytest.raises(ProblemError, match="has no problems of that date and platform"):
        ids(since="2030-01-01")


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        raise_it = "raise AssertionError('unpickled')"
        return exec, (raise_it,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_string_is_read_without_unpickling(protocol: int) -> None:
    if protocol == 0:  # an older opcode, which LiveCodeBench does not use
        with pytest.raises(ValueError, match="UNICODE"):
            pickled_string(pickle.dumps("text", protocol))
    else:
        assert pickled_string(pickle.dumps("text é \n", protocol)) == "text é \n"
        assert pickled_string(pickle.dumps("x" * 70_000, protocol)) == "x" * 70_000


@pytest.mark.parametrize("content", [Evil(), ["a"], 7, ("a", "b"), b"bytes", None])
def test_any_other_pickle_is_refused(content: object) -> None:
    with pytest.raises(ValueError, match="refused"):
        pickled_string(pickle.dumps(content))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"private_test_cases": packed(Evil())}, "is refused"),
        ({"private_test_cases": "no base64!"}, "cannot be read"),
        ({"private_test_cases": base64.b64encode(b"no zlib").decode()}, "cannot be read"),
        ({"public_test_cases": "["}, "cannot be read"),
        ({"public_test_cases": "[]", "private_test_cases": "[]"}, "it has no tests"),
        ({"solution": "x", "starter_code": "y"}, "does not begin with its starter code"),
        ({"public_test_cases": '[{"input": ""}]'}, "has no 'output'"),
    ],
)
def test_what_is_wrong_with_a_problem_is_said(changed: dict[str, object], message: str, tmp_path: Path) -> None:
    path = file(tmp_path, row(**changed))
    with pytest.raises(ProblemError, match=message):
        list(load(path, choose(path)))


def test_tests_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "MOST_UNPACKED", 1000)
    path = file(tmp_path, row(private_test_cases=packed("x" * 100_000)))
    with pytest.raises(ProblemError, match="more than 1000 bytes"):
        list(load(path, choose(path)))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "line 1, is not JSON"), (b"\n[]\n", "line 2, is no problem"), (b"\xff\n", "line 1, is not JSON")],
)
def test_a_file_of_something_else_is_said(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ProblemError, match=message):
        choose(path)
    with pytest.raises(ProblemError, match="cannot be read"):
        choose(tmp_path / "missing")
