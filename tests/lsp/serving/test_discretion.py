"""No item with a secret in it is shown, whether the model wrote all of it or its end."""

import asyncio
import threading
from dataclasses import replace

import pytest

from empower_lsp.serving import discretion
from empower_lsp.serving.discretion import detector_loading, discreet
from empower_lsp.session.query import Answer, Query


def query(text: str, language: str = "python") -> Query:
    before, _, after = text.partition("|")
    return Query("file:///a.py", before + after, len(before), language)


def answer(text: str, at: Query, identifier: str = "a") -> Answer:
    return Answer(identifier, at.offset, at.offset, text)


@pytest.mark.parametrize(
    ("text", "offered", "language"),
    [
        ("DB_PASSWORD = |\n", '"Copper4711xY"\n', "python"),
        ('DB_PASSWORD = "Copper4711|"\n', "xY", "python"),
        ('HEX = "f|\n', "3a1c09b7e5d2468ace013579bdf02468ace1357", "python"),
        ("password: |\n", "Copper!47#xY", "yaml"),
        ("x = 1\n|", 'url = "redis://:Copper4711@cache:6379/0"\n', "python"),
        ("curl |", "-u admin:Copper4711xY https://a.example.org", "shellscript"),
    ],
)
def test_an_item_with_a_secret_is_not_shown(text: str, offered: str, language: str) -> None:
    at = query(text, language)
    assert discreet(at, answer(offered, at)) is None


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("DB_PASSWORD = |\n", 'os.environ["DB_PASSWORD"]'),
        ('PASSWORD = "hunter2"\n|\n', "connect(PASSWORD)"),
        ("def login(user, |", "password=None):\n    return check(user, password)"),
        ('sha256 = "|"', "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ],
)
def test_other_items_are(text: str, offered: str) -> None:
    at = query(text)
    assert discreet(at, answer(offered, at)) == answer(offered, at)


def test_of_several_items_those_without_secrets_stay() -> None:
    at = query("DB_PASSWORD = |\n")
    secret, fine, other = answer('"Copper4711xY"', at), answer("None", at, "b"), answer("load()", at, "c")
    assert discreet(at, replace(secret, others=(fine, other))) == replace(fine, others=(other,))
    assert discreet(at, replace(fine, others=(secret, other))) == replace(fine, others=(other,))
    assert discreet(at, replace(secret, others=(replace(secret, id="d"),))) is None
    assert discreet(at, None) is None


@pytest.mark.parametrize("fails", [False, True])
async def test_the_detector_is_loaded_while_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    gate = threading.Event()

    def load() -> None:
        assert gate.wait(5)
        if fails:
            raise ImportError

    monkeypatch.setattr(discretion, "prepare", load)
    over = detector_loading()
    await asyncio.sleep(0.05)
    assert not over.is_set()
    gate.set()
    async with asyncio.timeout(5):
        await over.wait()
