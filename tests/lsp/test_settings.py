"""Options: what is accepted, what is said of the rest."""

import dataclasses
from typing import Any

import pytest

from empower_lsp.settings import Settings, json_schema, options_table, parse
from empower_model.request import Limits


def test_defaults_are_those_of_the_completion() -> None:
    assert Settings().limits == Limits()


def nested(depth: int) -> list[Any]:
    """Return a list in a list in a list, and so on; it is taken apart without recursion only by who owns it."""
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("raw", [None, {}, [], {"empower": {}}, {"empower": None}, {"empower": []}, {"model": None}])
def test_nothing_asked_is_the_defaults(raw: object) -> None:
    assert parse(raw) == (Settings(), [])


def test_flat_nested_and_dotted_settings_mean_the_same() -> None:
    expected = Settings(confidence=0.5, max_lines=2, deny_globs=("a", "b/"), languages={"lua": False})
    flat: dict[str, Any] = {"confidence": 0.5, "maxLines": 2, "denyGlobs": ["a", "b/"], "languages": {"lua": False}}
    assert parse(flat) == (expected, [])
    assert parse({"empower": flat, "python": {"confidence": 2}}) == (expected, [])
    assert parse({f"empower.{key}": value for key, value in flat.items()}) == (expected, [])


def test_numbers_of_the_other_kind_are_taken_where_they_are_equal() -> None:
    settings, problems = parse({"confidence": 1, "maxTokens": 8.0, "idleMinutes": 3})
    assert problems == []
    assert (settings.confidence, settings.max_tokens, settings.idle_minutes) == (1.0, 8, 3.0)
    assert isinstance(settings.max_tokens, int)
    assert isinstance(settings.idle_minutes, float)


def test_empty_lua_tables_stand_for_lists_and_objects() -> None:
    assert parse({"languages": [], "denyGlobs": {}}) == (Settings(), [])


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("model", 5, "a string"),
        ("confidence", "high", "a number from 0 to 1"),
        ("confidence", 1.5, "a number from 0 to 1"),
        ("confidence", float("nan"), "a number from 0 to 1"),
        ("confidence", True, "a number from 0 to 1"),
        ("rule", "magic", "one of gain, budget, peak"),
        ("maxTokens", 2.5, "a whole number from 1 to 512"),
        ("maxTokens", 0, "a whole number from 1 to 512"),
        ("maxTokens", float("inf"), "a whole number from 1 to 512"),
        ("trigger", False, "one of automatic, manual"),
        ("memory", "off", "true or false"),
        ("memory", 1, "true or false"),
        ("languages", {"python": "yes"}, "an object of language ids"),
        ("languages", ["python"], "an object of language ids"),
        ("threads", "4", "a whole number"),
        ("gpuLayers", -2, "a whole number from -1"),
        ("idleMinutes", -1, "a number of 0 or more"),
        ("idleMinutes", int("9" * 400), "a number of 0 or more"),
        pytest.param("idleMinutes", 10**5000, "a number of 0 or more", id="5001 digits"),
        ("idleMinutes", float("inf"), "a number of 0 or more"),
        ("logDays", 1e300, "a number of 0 or more"),
        ("threads", int("9" * 400), "a whole number from 0 to 1024"),
        ("model", nested(100_000), "a string"),
        ("languages", {"python": nested(100_000)}, "an object of language ids"),
        ("denyGlobs", "*.txt", "a list of strings"),
        ("denyGlobs", ["ok", 5], "a list of strings"),
        ("denyGlobs", ["!"], "a list of strings"),
    ],
)
def test_what_does_not_fit_is_said_and_the_default_used(name: str, value: object, wanted: str) -> None:
    settings, [problem] = parse({name: value})
    assert settings == Settings()
    assert problem.startswith(f"empower.{name} should be {wanted}")
    assert "; using " in problem


def test_what_does_not_fit_falls_back_on_the_base() -> None:
    base = Settings(confidence=0.7, threads=2)
    settings, [problem] = parse({"confidence": 7, "trigger": "manual"}, base)
    assert settings == dataclasses.replace(base, trigger="manual")
    assert problem == "empower.confidence should be a number from 0 to 1, not 7; using 0.7."


def test_an_unknown_option_names_the_nearest() -> None:
    assert parse({"confidense": 0.5})[1] == ["empower.confidense is not an option; did you mean empower.confidence?"]
    [problem] = parse({"zzz": 1})[1]
    assert "there are model, instant, patience, rest, confidence, " in problem


def test_settings_that_are_no_object_are_ignored() -> None:
    for raw in ("fast", 5, [1], True):
        settings, [problem] = parse(raw)
        assert settings == Settings()
        assert "should be an object" in problem


def test_a_long_value_is_quoted_in_part() -> None:
    [problem] = parse({"trigger": "x" * 5000})[1]
    assert len(problem) < 200


def test_only_some_options_need_another_engine() -> None:
    same = Settings(confidence=0.9, rule="peak", trigger="manual", languages={"c": False}, deny_globs=("x",))
    assert same.engine == Settings().engine
    changes: list[dict[str, Any]] = [
        {"model": "x"},
        {"threads": 1},
        {"gpu_layers": 1},
        {"context_size": 512},
        {"idle_minutes": 1.0},
        {"memory": False},
    ]
    for change in changes:
        assert Settings(**change).engine != Settings().engine


def test_languages_are_on_unless_turned_off() -> None:
    assert Settings().allows("python")
    assert not Settings(languages={"markdown": False}).allows("markdown")
    only = Settings(languages={"*": False, "python": True})
    assert only.allows("python")
    assert not only.allows("c")


def test_commit_messages_and_diffs_are_off_unless_turned_on_by_name() -> None:
    assert not Settings().allows("git-commit")
    assert not Settings(languages={"*": True}).allows("gitcommit")
    assert Settings(languages={"diff": True}).allows("diff")


def test_every_option_is_in_the_tables() -> None:
    names = [field.name for field in dataclasses.fields(Settings)]
    lines = options_table().splitlines()
    assert len(lines) == len(names) + 2
    assert "| `confidence` | a number from 0 to 1 | `0.3` | " in options_table()
    schema = json_schema()
    assert len(schema) == len(names)
    assert schema["empower.trigger"] == {
        "type": "string",
        "default": "automatic",
        "enum": ["automatic", "manual"],
        "markdownDescription": schema["empower.trigger"]["markdownDescription"],
    }
    assert schema["empower.confidence"]["maximum"] == 1
    assert schema["empower.denyGlobs"]["default"] == []
    assert "| `memory` | true or false | `true` | " in options_table()
    assert (schema["empower.memory"]["type"], schema["empower.memory"]["default"]) == ("boolean", True)


def test_the_memory_is_on_unless_turned_off() -> None:
    assert Settings().memory
    assert parse({"memory": False}) == (Settings(memory=False), [])
