"""A replay's JSON as the report reads it: rows, sweeps, and conclusions that follow the figures."""

import json
from math import inf, isnan
from pathlib import Path
from typing import Any

import pytest

from empower_model.errors import EmpowerError
from empower_training.replay.policies import DEFAULT, NOBODY
from empower_training.report.replays import Replay, baseline, frontier, read, sweeps, swept, worth

FLAT = [0.0, 0.0, 0.0]


def row(policy: str, effort: list[float], kept: float = 0.3, model: str = "m", **others: Any) -> dict[str, Any]:
    return {
        "model": model,
        "policy": policy,
        "works": 12,
        "net_effort": effort,
        "kept": [kept, kept, kept],
        "accepted": [None, None, None],
        "latency_ms": [None, None],
    } | others


NOBODYS = row(NOBODY, [1.0, 1.0, 1.0], 0.0, model="")


def replay(folder: Path, *rows: dict[str, Any]) -> Replay:
    path = folder / "found.json"
    path.write_text(json.dumps([NOBODYS, *rows]))
    return read(path)


def test_a_row_has_its_figures_and_what_is_null_is_no_number(tmp_path: Path) -> None:
    bins = [{"spans": 4, "predicted": 0.5, "right": 0.25}]
    replayed = replay(tmp_path, row("Base", [0.8, 0.9, 1.1], reliability=bins, calibration_error=0.25))
    nobody, base = replayed.rows
    assert replayed.name == "found"
    assert replayed.assisted == (base,)
    assert (base.effort.low, base.effort.estimate, base.effort.high) == (0.8, 0.9, 1.1)
    assert (base.works, base.error, base.bins[0].spans) == (12, 0.25, 4)
    assert isnan(base.figures["accepted"].estimate)
    assert isnan(base.figures["length"].estimate)  # not there at all
    assert isnan(base.latency[0])
    assert isnan(base.minus_default.estimate)
    assert nobody.bins == ()


def test_figures_of_single_packages_change_nothing(tmp_path: Path) -> None:
    base = row("Base", [0.8, 0.9, 1.1])
    plain = replay(tmp_path, base)
    parted = replay(tmp_path, base | {"packages": {"click": row("Base", [1, 2, 3])}})
    assert [each.effort for each in parted.rows] == [each.effort for each in plain.rows]
    assert (parted.models, worth(parted)) == (plain.models, worth(plain))


def test_where_a_model_lies_is_not_shown(tmp_path: Path) -> None:
    replayed = replay(tmp_path, row("Base", [1, 1, 1], model="/home/somebody/tuned.gguf"))
    assert replayed.models == ("tuned",)


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "{}",
        "[]",
        "[1]",
        json.dumps([NOBODYS]),
        json.dumps([NOBODYS, {"policy": "Base"}]),
        json.dumps([NOBODYS, row("Base", [None, None, None])]),  # type: ignore[list-item]
        json.dumps([NOBODYS, row("Base", [1.0, 1.0])]),
        json.dumps({"completions": 3, "auc": {}}),
    ],
)
def test_what_is_no_replay_is_said_in_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(EmpowerError, match=r"other.json is not a replay: make one with `empower-lsp evaluate replay"):
        read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EmpowerError, match=r"nowhere.json cannot be read: No such file"):
        read(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("policy", "rule", "number"),
    [
        ("budget 0.32", "budget", 0.32),
        ("gain 0.3", "gain", 0.3),
        ("stop at p < 0.2", "stop at p <", 0.2),
        ("Base-10", "Base", 10),
        ("Base", "Base", inf),
        ("end of line", "end of line", inf),
    ],
)
def test_a_policy_is_a_rule_and_its_number(policy: str, rule: str, number: float) -> None:
    assert swept(policy) == (rule, number)


def test_lines_follow_the_number_that_is_swept_and_the_default_comes_first(tmp_path: Path) -> None:
    effort = [1.0, 1.0, 1.0]
    names = ("Base", "Base-20", "Base-10", "end of line", DEFAULT)
    others = [row("Base", effort, model="tuned"), row(DEFAULT, effort, model="tuned")]
    lines = sweeps(replay(tmp_path, *(row(name, effort) for name in names), *others))
    assert [series.name for series in lines] == [swept(DEFAULT)[0], "Base", "end of line", "tuned"]
    assert [each.policy for each in lines[1].rows] == ["Base-10", "Base-20", "Base"]
    assert lines[1].labels == ("10", "20", "")
    assert lines[3].labels == ("Base", "")
    assert [series.further for series in lines] == [False, False, False, True]


@pytest.mark.parametrize(
    ("effort", "told"),
    [([0.7, 0.8, 0.9], "it helps"), ([1.1, 1.2, 1.3], "it hinders"), ([0.7, 0.9, 1.2], "too few files")],
)
def test_the_conclusion_follows_the_interval(tmp_path: Path, effort: list[float], told: str) -> None:
    sentence = worth(replay(tmp_path, row(DEFAULT, effort), row("Base", [9, 9, 9])))
    assert sentence.startswith(f"With {DEFAULT}, a text costs {effort[1]:.2f} of the effort")
    assert told in sentence


def test_the_least_effort_is_told_apart_from_the_default_or_not(tmp_path: Path) -> None:
    default = row(DEFAULT, [0.8, 0.85, 0.9], net_effort_minus_default=FLAT)
    best = row("budget 2.0", [0.7, 0.8, 0.9], 0.4, net_effort_minus_default=[-0.08, -0.05, -0.02])
    told = frontier(replay(tmp_path, default, best))
    assert (
        told == f"budget 2.0 costs least: 0.80, with 40\u00a0% kept. The default, {DEFAULT}, costs 0.020 to 0.080 more."
    )
    best["net_effort_minus_default"] = [-0.08, -0.05, 0.01]
    assert frontier(replay(tmp_path, default, best)).endswith("is not told apart from it.")
    assert frontier(replay(tmp_path, default)) == f"{DEFAULT} costs least: 0.85, with 30\u00a0% kept."


def test_of_several_models_it_says_which(tmp_path: Path) -> None:
    default = row(DEFAULT, [0.8, 0.85, 0.9], net_effort_minus_default=FLAT)
    tuned = row(DEFAULT, [0.7, 0.8, 0.9], model="tuned", net_effort_minus_default=FLAT)
    replayed = replay(tmp_path, default, tuned)
    assert worth(replayed).startswith(f"With {DEFAULT} on m, a text costs 0.85")
    # there is no difference of two models, paired: nothing is said of one
    assert frontier(replayed) == f"{DEFAULT} on tuned costs least: 0.80, with 30\u00a0% kept."


def test_without_the_default_the_best_is_spoken_of(tmp_path: Path) -> None:
    replayed = replay(tmp_path, row("Base", [2, 3, 4]), row("peak 2.5", [0.8, 0.9, 0.95]))
    assert [each.policy for each in replayed.chosen] == ["peak 2.5"]
    assert worth(replayed).startswith("With peak 2.5")
    assert "net effort of 3.00 (2.00 to 4.00)" in baseline(replayed)
    assert baseline(replay(tmp_path, row("peak 2.5", [1, 1, 1]))) == ""
