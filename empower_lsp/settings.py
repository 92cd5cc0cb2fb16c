"""Every option, declared once; what reads a client's settings and what documents them come from here."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from empower_lsp.workspace import is_glob
from empower_model.request import Limits

SECTION = "empower"
LARGEST_NUMBER = 10**9
"""No option takes a larger one, not even those without a bound of their own."""


def _option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    engine: bool = False,
) -> Any:
    """Declare an option; `engine` marks those that a running engine cannot change."""
    metadata = {"doc": doc, "low": low, "high": high, "choices": choices, "engine": engine}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


UNASKED = frozenset(
    {"diff", "git-commit", "git-rebase", "gitcommit", "gitrebase", "hgcommit", "jjdescription", "log", "scminput"}
)
"""Language ids of what is no code of a person's, as VS Code and Neovim name them: off unless turned on by name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options as a client has set them; names are camelCase on the outside."""

    model: str = _option(
        "",
        "Name of a model in the catalogue, or path of a GGUF file; empty for the one that comes along.",
        engine=True,
    )
    instant: bool = _option(
        True,
        "Whether the model that comes along answers while another `model` is not ready.",
        engine=True,
    )
    patience: float = _option(
        120.0, "Milliseconds that a key waits for the whole text of the better model.", low=0, high=10_000
    )
    rest: str = _option(
        "never",
        "When the chosen model rests and the one that comes along answers alone: on battery power, under a load of "
        "other programs, in any such case, or only when memory is short.",
        choices=("never", "battery", "load", "any"),
    )
    confidence: float = _option(
        0.3,
        "Least probability that all of what is shown is what you would type: higher is shorter and rarer.",
        low=0,
        high=1,
    )
    rule: str = _option(
        "gain",
        "What ends an inline completion: expected gain, a budget of bits, or a peak of uncertainty.",
        choices=("gain", "budget", "peak"),
    )
    max_tokens: int = _option(
        48,
        "Most tokens of an inline completion, whatever the rule says.",
        low=1,
        high=512,
    )
    max_lines: int = _option(
        8,
        "Most lines of an inline completion, whatever the rule says.",
        low=1,
        high=100,
    )
    trigger: str = _option(
        "automatic", "While you type, or only when asked for by a key.", choices=("automatic", "manual")
    )
    languages: Mapping[str, bool] = _option(
        {},
        "On or off by language id; `*` stands for those not named, which are on, but for commit messages and diffs.",
    )
    comments_and_strings: bool = _option(
        True, "Whether anything is shown by itself inside a comment or a string; asked for by a key, it is."
    )
    threads: int = _option(0, "Threads of the engine; 0 for the physical cores.", low=0, high=1024, engine=True)
    gpu_layers: int = _option(0, "Layers of the model on the GPU; -1 for all.", low=-1, high=10_000, engine=True)
    context_size: int = _option(
        2048, "Tokens of text the engine sees, what it writes included.", low=256, high=131_072, engine=True
    )
    idle_minutes: float = _option(
        10.0,
        "Minutes without a request after which the model's memory is let go; 0 for never.",
        low=0,
        engine=True,
    )
    deny_globs: tuple[str, ...] = _option(
        (), "Files never to be read, gitignore style, in addition to the built-in list of keys and secrets."
    )
    memory: bool = _option(
        True,
        "Whether names and habits of the workspace's own files count; they are kept in memory (RAM) only.",
        engine=True,
    )
    log: str = _option(
        "full",
        "What is kept of each inline completion on this machine: with `full` its text and the text around it, secrets "
        "redacted; with `metadata` only times, bits and what became of it. `empower-lsp log off` overrules this.",
        choices=("off", "metadata", "full"),
    )
    log_days: float = _option(90.0, "Days after which the log forgets; 0 for never.", low=0)
    log_megabytes: float = _option(200.0, "Size at which the log forgets the oldest; 0 for no limit.", low=0)
    verbosity: str = _option(
        "warning",
        "What goes to standard error, never any text of yours: with `info`, requests and their durations.",
        choices=("off", "warning", "info"),
    )

    @property
    def limits(self) -> Limits:
        """Return what bounds a completion; the defaults of `Limits` are the same, which a test holds."""
        return Limits(self.confidence, self.rule, self.max_tokens, self.max_lines)

    @property
    def engine(self) -> tuple[object, ...]:
        """Return the options that a running engine cannot change; another value means another engine."""
        return tuple(getattr(self, f.name) for f in fields(self) if f.metadata["engine"])

    def allows(self, language: str) -> bool:
        """Return whether inline completions are on for a language id."""
        return self.languages.get(language, language not in UNASKED and self.languages.get("*", True))


def parse(raw: object, base: Settings | None = None) -> tuple[Settings, list[str]]:
    """Read settings as a client sent them, flat or under `empower`; return them and a sentence for each unusable one.

    What is missing or cannot be used is as in `base`, which is the defaults unless given.
    """
    base = base or Settings()
    if raw is None or raw == []:  # Lua and PHP write an empty object as []
        return base, []
    if not isinstance(raw, Mapping):
        return base, [f"The settings of {SECTION} should be an object, not {_brief(raw)}; they are ignored."]
    inner = raw.get(SECTION)
    given = inner if isinstance(inner, Mapping) else {key: raw[key] for key in raw if key != SECTION}
    known = {_outside(f.name): f for f in fields(Settings)}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in given.items():
        name = str(key).removeprefix(f"{SECTION}.")
        option = known.get(name)
        if option is None:
            problems.append(_unknown(name, list(known)))
        elif value is not None:
            instead = getattr(base, option.name)
            if _fits(value, instead, option.metadata):
                values[option.name] = type(instead)(value)
            else:
                wanted = f"should be {_wanted(option)}, not {_brief(value)}"
                problems.append(f"{SECTION}.{name} {wanted}; using {json.dumps(instead)}.")
    return replace(base, **values), problems


def options_table() -> str:
    """Return all options as a Markdown table: name, kind, default, meaning."""
    rows = ["| option | value | default | meaning |", "|---|---|---|---|"]
    for f in fields(Settings):
        default = json.dumps(getattr(Settings(), f.name))
        rows.append(f"| `{_outside(f.name)}` | {_wanted(f)} | `{default}` | {f.metadata['doc']} |")
    return "\n".join(rows) + "\n"


def json_schema() -> dict[str, dict[str, Any]]:
    """Return all options as VS Code's `contributes.configuration.properties` wants them."""
    schema: dict[str, dict[str, Any]] = {}
    for f in fields(Settings):
        default = getattr(Settings(), f.name)
        entry = {**_kind(default), "default": list(default) if isinstance(default, tuple) else default}
        bounds = {"enum": list(f.metadata["choices"]), "minimum": f.metadata["low"], "maximum": f.metadata["high"]}
        entry |= {key: value for key, value in bounds.items() if value not in (None, [])}
        schema[f"{SECTION}.{_outside(f.name)}"] = {**entry, "markdownDescription": f.metadata["doc"]}
    return schema


def _outside(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _unknown(name: str, known: list[str]) -> str:
    name = name if len(name) <= 60 else f"{name[:59]}…"
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {SECTION}.{near[0]}?" if near else f"there are {', '.join(known)}."
    return f"{SECTION}.{name} is not an option; {hint}"


def _fits(value: object, like: object, option: Mapping[str, Any]) -> bool:
    """Return whether the value is of the type of `like` and within the option's choices or bounds."""
    if isinstance(like, str):
        return isinstance(value, str) and (not option["choices"] or value in option["choices"])
    if isinstance(like, dict):
        return value == [] or (isinstance(value, Mapping) and all(isinstance(on, bool) for on in value.values()))
    if isinstance(like, tuple):
        return value == {} or (isinstance(value, list) and all(isinstance(g, str) and is_glob(g) for g in value))
    if isinstance(like, bool) or isinstance(value, bool):
        return isinstance(like, bool) and isinstance(value, bool)
    if not isinstance(value, int | float) or not abs(value) <= LARGEST_NUMBER:
        return False
    low, high = option["low"], option["high"]
    whole = isinstance(like, float) or isinstance(value, int) or value.is_integer()
    return whole and (low is None or low <= value) and (high is None or value <= high)


def _kind(default: object) -> dict[str, Any]:
    if isinstance(default, Mapping):
        return {"type": "object", "additionalProperties": {"type": "boolean"}}
    if isinstance(default, tuple):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": {str: "string", bool: "boolean", float: "number", int: "integer"}[type(default)]}


def _wanted(option: Field[Any]) -> str:
    """Say what an option takes, in words."""
    low, high, choices = (option.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return "one of " + ", ".join(choices)
    words: dict[type, str] = {
        str: "a string",
        bool: "true or false",
        float: "a number",
        int: "a whole number",
        tuple: "a list of strings",
        dict: "an object of language ids and true or false",
    }
    between = "" if low is None else f" of {low} or more" if high is None else f" from {low} to {high}"
    return words[type(getattr(Settings(), option.name))] + between


def _brief(value: object) -> str:
    try:
        text = json.dumps(value, default=str)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} too deep or too large to show"
    return text if len(text) <= 60 else text[:59] + "…"
