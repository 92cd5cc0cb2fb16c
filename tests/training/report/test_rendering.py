"""The page: what it says with everything, and with nothing; whatever is in a name stays text."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from math import nan
from pathlib import Path
from typing import Any

import pytest

from empower_lsp.log.summary import Group
from empower_model.fitting.fitting import Bin
from empower_training.replay.policies import DEFAULT, NOBODY
from empower_training.report.log import History, JudgedModel, Period
from empower_training.report.rendering import page
from empower_training.report.replays import Replay, read
from empower_training.report.shares import share_of
from empower_training.report.text import Coloured, HandedSpan, Read, coloured

EVIL = '<script>alert("1")</script>'
BINS: list[dict[str, Any]] = [
    {"spans": 40, "predicted": 0.4, "right": 0.5},
    {"spans": 40, "predicted": 0.8, "right": 0.7},
]
TEXT = coloured(
    "a.py", "m", [Read("return", 9.0, 1.0), Read(" self", 0.1, 0.2), Read("\n", 1.5, 1.0)], [HandedSpan(6, 11, 0.9)]
)
MONDAY = date(2026, 11, 2)
PERIODS = tuple(Period(MONDAY + timedelta(n), 10 + n, n, 20, 10.0 + n, 40.0 + n) for n in range(6))
HISTORY = History(
    Group("all", 1234, 120, 15, 0, 300, 280, 12.0, 48.0), 75, share_of(15, 75), "day", PERIODS,
    (share_of(5, 37), share_of(10, 38)),
    (JudgedModel("m + memory", 75, 0.07, tuple(Bin(**bin_) for bin_ in BINS)),),
)  # fmt: skip


class Page(HTMLParser):
    """Whether every element is closed, and what text there is."""

    VOID = ("meta", "link", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def replay(folder: Path, models: tuple[str, ...] = ("m",), scale: float = 1.0) -> Replay:
    """Return a replay in which the default saves effort and Base does not; `scale` is of what Base costs."""
    rows = [
        {
            "model": "",
            "policy": NOBODY,
            "works": 9,
            "net_effort": [1, 1, 1],
            "kept": [0, 0, 0],
            "latency_ms": [None] * 2,
        }
    ]
    for model in models:
        for policy, effort, kept in ((DEFAULT, 0.8, 0.2), ("budget 1.0", 0.9, 0.1), ("Base", 3.25 * scale, 0.4)):
            rows.append(
                {
                    "model": model,
                    "policy": policy,
                    "works": 9,
                    "net_effort": [effort - 0.05, effort, effort + 0.05],
                    "kept": [kept - 0.05, kept, kept + 0.05],
                    "accepted": [0.4, 0.5, 0.625],
                    "net_effort_minus_default": [effort - 0.85, effort - 0.8, effort - 0.75],
                    "latency_ms": [3.0, 14.0],
                    "calibration_error": 0.1,
                    "reliability": BINS,
                }
            )
    path = folder / "held-out.json"
    path.write_text(json.dumps(rows))
    return read(path)


def written(replays: list[Replay], history: History | None = None, text: Coloured = TEXT) -> str:
    return page(replays, history, text, written="2026-11-22")


def words(html: str) -> str:
    return " ".join(Page(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)).text.split())


def test_with_nothing_it_says_how_to_come_by_something() -> None:
    told = words(written([]))
    assert "A simulated typist" not in told
    assert "Nothing is logged here yet" in told
    assert "The rule would have the model write 42 % of a.py, in 1 piece The stronger" in told  # 5 of 12 characters
    assert "accepted by you" not in told


def test_headings_say_what_to_conclude(tmp_path: Path) -> None:
    told = words(written([replay(tmp_path)], HISTORY))
    for part in (
        "12 % accepted by you 15 of 120 shown 280 characters kept by you of 300 accepted 0.80 net effort, simulated",
        "20 % of the text kept, simulated 15 to 25 %",
        "held-out.json",
        f"With {DEFAULT}, a text costs 0.80 of the effort of typing all of it (0.75 to 0.85): it helps.",
        f"{DEFAULT} costs least: 0.80, with 20 % kept.",
        "Marks at the upper edge lie above it: Base (3.25).",
        f"{DEFAULT}: probabilities are off by 0.10 on average",
        f"{DEFAULT}: half of the answers take up to 3 ms, 95 % up to 14 ms",
        "You accepted 15 of the 120 completions you were shown, 12 %",
        "of these 300 characters, 280 were there when last looked at",
        "Of the 75 you decided on, you accepted 20 % (13 to 30 %)",
        "By day: 14 % (6 to 28 %) in the earlier half of your decisions, 26 % (15 to 42 %) in the later",
        "Half of the answers came within 12 ms, 95 % within 48 ms",
        "of all 1,234 completions",
        "m + memory: off by 0.07, 75 decisions",
    ):
        assert part in told
    assert told.index("Your log") < told.index("Replay held-out.json"), "a person's own figures come first"


def test_the_table_has_every_policy_with_its_intervals(tmp_path: Path) -> None:
    html = written([replay(tmp_path)])
    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr.*?</tr>", html, flags=re.DOTALL)]
    nobody, default, other, base = (" ".join(row.split()) for row in rows[1:])
    assert nobody.startswith("no assistant 1.000")
    assert default.startswith(f"{DEFAULT} the default, lowest effort 0.800 0.750 to 0.850 20.0 % 15.0 to 25.0 %")
    assert other.startswith("budget 1.0 0.900 0.850 to 0.950 +0.100 +0.050 to +0.150 10.0 %")
    assert base.endswith("3.0 14 0.100")
    assert "nan" not in words(html)


def test_several_models_are_told_apart(tmp_path: Path) -> None:
    told = words(written([replay(tmp_path, ("first", "second"))]))
    assert f"With {DEFAULT} on first, a text costs" in told
    assert "Base on first (3.25), Base on second (3.25)" in told
    assert "hollow marks are further models" in told


def test_a_replay_without_latencies_or_probabilities_is_shown(tmp_path: Path) -> None:
    replayed = replay(tmp_path)
    rows = tuple(replace(row, latency=(nan, nan), bins=(), error=nan) for row in replayed.rows)
    told = words(written([replace(replayed, rows=rows)]))
    assert f"{DEFAULT} costs least" in told
    assert "nan" not in told
    assert "half of the answers" not in told


def test_a_log_without_decisions_is_shown() -> None:
    empty = tuple(replace(period, decided=0, accepted=0) for period in PERIODS)
    nobody = share_of(0, 0)
    told = words(
        written(
            [],
            replace(
                HISTORY,
                total=Group("all", 1234, 0, 0, 0, 0, 0, 12.0, 48.0),
                decided=0,
                share=nobody,
                halves=(nobody, nobody),
                periods=empty,
                models=(),
            ),
        )
    )
    assert "1,234 completions are logged; none was shown yet" in told
    assert "you decided on" not in told
    assert "Half of the answers came within 12 ms" in told
    assert "nan" not in told


@pytest.mark.parametrize("number", [1, 2])
def test_few_days_are_drawn(number: int) -> None:
    assert 'aria-label="Share of completions accepted by day. 2 Nov: 0 of 10' in written(
        [], replace(HISTORY, periods=PERIODS[:number])
    )


def test_whatever_is_in_a_name_stays_text(tmp_path: Path) -> None:
    replayed = replay(tmp_path, (EVIL, f"{EVIL} $x$"))
    judged = (replace(HISTORY.models[0], model=EVIL),)
    text = replace(coloured(EVIL, EVIL, [Read(EVIL, 1.0, 1.0)], []))
    html = written([replace(replayed, name=EVIL)], replace(HISTORY, models=judged), text)
    assert "script" not in Page(html).tags
    assert EVIL not in html
    assert words(html).count(EVIL) > 6


def test_it_is_complete_in_itself_and_has_one_meaning_for_each_id(tmp_path: Path) -> None:
    html = written([replay(tmp_path), replay(tmp_path)], HISTORY)
    assert not re.search(r'(src|href)="(?!#|data:)', html)
    assert "@import" not in html
    assert "url(http" not in html
    assert "default-src 'none'" in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    defined = set(re.findall(r"(--[\w-]+):", html))
    assert set(re.findall(r"var\((--[\w-]+)\)", html)) <= defined


def test_a_token_says_its_bits_and_where_it_hands_back() -> None:
    html = written([])
    assert '<span class="l0 written" title="0.10 bits of surprisal, 0.20 of entropy"> self</span>' in html
    assert 'title="control is handed back after 5 characters, right with probability 0.90"' in html
    assert "↵" in html
