"""The VS Code extension's manifest says what the server and the extension's code say; needs no editor."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from empower_lsp import __version__
from empower_lsp.edge.server import create_server
from empower_lsp.serving.journal import LOGGED
from empower_lsp.settings import UNASKED, json_schema
from empower_model.errors import ModelNotFound
from empower_model.files import store

EXTENSION = Path(__file__).parents[2] / "editor-clients" / "vscode"
MANIFEST: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
CONTRIBUTES = MANIFEST["contributes"]
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in (EXTENSION / "src").glob("*.ts")}
COMMANDS = {command["command"] for command in CONTRIBUTES["commands"]}


def test_the_settings_are_the_servers_options() -> None:
    options, own = (part["properties"] for part in CONTRIBUTES["configuration"])
    assert options == json_schema(), "run editor-clients/vscode/options.py"
    assert not any(name.startswith("empower.") for name in own), "the server would not know it"


def test_the_same_languages_are_off_by_themselves() -> None:
    [listed] = re.findall(r"const UNASKED = \[(.*?)\]", SOURCES["switch.ts"])
    assert set(re.findall(r"'(.*?)'", listed)) == UNASKED


def test_a_workspace_cannot_name_a_program() -> None:
    _, own = (part["properties"] for part in CONTRIBUTES["configuration"])
    assert {option["scope"] for option in own.values()} == {"machine"}


def test_every_command_is_there_and_none_is_the_servers() -> None:
    body = re.search(r"const commands: Record.*?= \{(.*?)\n  \};", SOURCES["commands.ts"], re.S)
    assert body is not None
    registered = {f"empower.{name}" for name in re.findall(r"^    (\w+)[:,]", body[1], re.M)}
    assert registered == COMMANDS | {"empower.menu", "empower.download"}
    servers = set(create_server().protocol.fm.commands)
    assert "empower.why" in servers
    assert not servers & registered, "vscode-languageclient registers the server's commands itself"


def test_what_is_named_exists() -> None:
    keys = {binding["command"] for binding in CONTRIBUTES["keybindings"]}
    steps = [step for walkthrough in CONTRIBUTES["walkthroughs"] for step in walkthrough["steps"]]
    linked = {name for step in steps for name in re.findall(r"command:(empower\.\w+)", step["description"])}
    assert keys <= COMMANDS
    assert linked <= COMMANDS
    assert all((EXTENSION / step["media"]["markdown"]).is_file() for step in steps)


def test_tab_is_left_alone() -> None:
    assert "tab" not in " ".join(binding["key"] for binding in CONTRIBUTES["keybindings"]).lower()


def test_it_has_the_servers_version() -> None:
    assert MANIFEST["version"] == __version__


def test_it_uses_no_proposed_api_and_runs_where_the_files_are() -> None:
    assert "enabledApiProposals" not in MANIFEST
    assert MANIFEST["extensionKind"] == ["workspace"]
    assert not [
        name for name, text in SOURCES.items() if re.search(r"handleDid|handleEnd|InlineCompletionList\(", text)
    ]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_modules_are_small(name: str) -> None:
    assert SOURCES[name].count("\n") < 200


def test_the_notice_of_the_log_is_known_by_what_the_server_says() -> None:
    [mark] = re.findall(r"message\.includes\('(.*?)'\)", SOURCES["notices.ts"])
    assert mark in LOGGED


def test_a_model_that_is_not_pulled_has_a_button_that_pulls_it(data_folder: Path) -> None:
    with pytest.raises(ModelNotFound) as missing:
        store.resolve("qwen2.5-coder-0.5b")
    [pattern] = re.findall(r"const pull = /(.*?)/\.exec", SOURCES["notices.ts"])
    named = re.search(pattern, str(missing.value))
    assert named is not None
    assert named[1] == "qwen2.5-coder-0.5b"
