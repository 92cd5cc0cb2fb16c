"""`evaluate assist`, driven as a person would, with the bundled model."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from empower_training.commands.assist import assist

LINE = {
    "question_id": "tiny",
    "question_content": "Print the sum of two numbers.",
    "platform": "ours",
    "contest_date": "2025-02-01T00:00:00",
    "public_test_cases": json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]),
    "solution": "first, second = map(int, input().split())\nprint(first + second)\n",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    earlier = LINE | {"question_id": "earlier", "contest_date": "2023-01-01T00:00:00"}
    path.write_text(f"{json.dumps(LINE)}\n{json.dumps(earlier)}\n", encoding="utf-8")
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(assist, [str(argument) for argument in arguments])


def test_a_table_and_its_json(file: Path) -> None:
    chosen = ("--problems", file, "--since", "2024-08-01", "--policy", "Base-10", "--policy", "gain 0.2")
    result = call(*chosen, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["problems"], figures["human"], figures["accept_wrong"]) == (1, "reference", 0)
    alone, base, gain = figures["scores"]
    assert [score["assistant"] for score in figures["scores"]] == ["no assistant", "Base-10", "gain 0.2"]
    typed = len(LINE["solution"])
    [episode] = figures["episodes"]["no assistant"]
    assert (episode["problem"], episode["passed"], episode["written"], episode["read"]) == ("tiny", True, typed, 0)
    assert alone["discounted"]["estimate"] == pytest.approx(0.999 ** (0.5 * typed))
    # a careful human solves it with any assistant, and each proposal read costs something
    assert base["passed"]["estimate"] == gain["passed"]["estimate"] == 1
    assert base["shown"] > 0
    [of_base] = figures["episodes"]["Base-10"]
    assert of_base["kept"] + of_base["written"] == pytest.approx(typed, abs=1)
    assert base["discounted"]["estimate"] == pytest.approx(0.999 ** (0.1 * of_base["read"] + 0.5 * of_base["written"]))
    assert json.loads(call(*chosen, "--json").stdout) == figures
    table = call(*chosen).stdout
    assert [line.split()[0] for line in table.splitlines()] == ["policy", "no", "Base-10", "gain"]
    assert "100.0% (100% to 100%)" in table


def test_whoever_takes_everything_solves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("empower_training.assist.assist.ROUNDS", 6)
    result = call("--problems", file, "--policy", "Base-20", "--accept-wrong", 1, "--json")
    alone, base = json.loads(result.stdout)["scores"]
    assert alone["passed"]["estimate"] == 1
    assert base["accepted"]["estimate"] == 1
    assert base["passed"]["estimate"] == base["discounted"]["estimate"] == 0


def test_whoever_deletes_what_was_wrong_solves_it_at_a_price(file: Path) -> None:
    arguments = ("--problems", file, "--policy", "Base-20", "--accept-wrong", 1, "--deletes", "--json")
    figures = json.loads(call(*arguments).stdout)
    alone, base = figures["scores"]
    assert alone["passed"]["estimate"] == base["passed"]["estimate"] == 1
    assert 0 < base["discounted"]["estimate"] < alone["discounted"]["estimate"]
    assert figures["episodes"]["Base-20"][0]["deleted"] > 0


def test_some_of_the_bundled_problems() -> None:
    result = call("--count", 1, "--seed", 5, "--policy", "gain 0.5", "--json")
    assert json.loads(result.stdout)["problems"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--policy", "nonsense"), "There is no policy 'nonsense'; there are: Base"),
        (("--problems", "nowhere.jsonl"), "nowhere.jsonl cannot be read"),
        (("--since", "2024-08-01"), "The bundled problems have neither date nor site"),
        (("--human", "someone"), "someone is no address of a chat server"),
        (("--human", "http://127.0.0.1:9/v1", "--deletes"), "--deletes is for the reference human"),
        (("--model", "nowhere.gguf"), "nowhere.gguf"),
        (("--human", "http://127.0.0.1:9/v1", "--count", "1", "--policy", "Base"), "http://127.0.0.1:9/v1 cannot be"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    result = call(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert message in result.stderr


def test_problems_without_solutions_need_a_chat_model(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps({name: LINE[name] for name in LINE if name != "solution"}) + "\n", encoding="utf-8")
    result = call("--problems", path, "--policy", "Base")
    assert result.exit_code == 1
    assert "The reference human needs a solution" in result.stderr
