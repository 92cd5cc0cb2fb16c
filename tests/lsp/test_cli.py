"""The command line as a person meets it: the installed entry point, real model, exit codes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from empower_lsp import __version__
from empower_lsp.cli import COMMANDS, main
from empower_lsp.commands import waits
from empower_lsp.commands.waits import Wait, Waits
from empower_model.files import store
from empower_model.files.memory_files import memory_sidecar, own_weights
from empower_model.memory.mixture import Weights

IN_THE_LAB = ["corpus", "export", "heldout", "label", "memory", "pack", "pretrain", "texts", "tokenizer", "tune"]
EXTRA = ("accelerate", "datasketch", "gguf", "jinja2", "matplotlib", "peft", "safetensors", "tokenizers", "torch")
SOURCE = "import os\n\n\ndef add(first, second):\n    return first + \n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="empower-lsp")


def test_completing_shows_code_bits_and_the_reason(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = run("complete", f"{source}:5:20")
    assert result.exit_code == 0, result.output
    assert "bits a token" in result.output
    assert "not shown" in result.output
    assert "prompt tokens" in result.output


def test_without_colours_bars_tell_what_is_offered(source: Path) -> None:
    offered = json.loads(run("complete", f"{source}:5:20", "--json").output)["text"]
    output = run("complete", f"{source}:5:20").output
    assert f"    return first + ▏{offered}▕" in output
    assert "not shown" not in output


def test_completing_as_json(source: Path) -> None:
    content = json.loads(run("complete", f"{source}:5", "--json", "--confidence", "0.01").output)
    assert content["text"] == "" or content["text"] in "".join(token["text"] for token in content["tokens"])
    assert content["tokens"]
    assert all(token["surprisal"] >= 0 and token["entropy"] >= 0 for token in content["tokens"])
    assert 0 <= content["probability"] <= 1
    assert content["evaluatedTokens"] <= content["promptTokens"]


def test_retyping_hides_the_rest_of_the_line_and_tells_it_after(source: Path) -> None:
    result = run("complete", f"{source}:4:9", "--retype")
    assert "def add(▏" in result.output
    assert "the file says: first, second):" in result.output


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a repository with a name that no model knows, in another file and in the one that is typed."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "inner").mkdir()
    calls = "".join(f"def f{n}(stripe):\n    return quantified_zebra_margin(stripe, {n})\n\n\n" for n in range(6))
    (tmp_path / "zebra.py").write_text(calls)
    (tmp_path / "inner" / "typed.py").write_text("def total(items):\n    return quantified_zebra_margin(items)\n")
    return tmp_path


def completed(place: str, *options: str) -> dict[str, Any]:
    result = run("complete", place, "--json", *options)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


def test_completing_knows_the_repository_unless_told_otherwise(workspace: Path) -> None:
    place = f"{workspace / 'inner' / 'typed.py'}:2:24"
    told = completed(place, "--retype")
    assert told["text"].startswith("ebra_margin")
    assert told["memory"]["folder"] == str(workspace)
    assert told["memory"]["complete"] is True
    assert told["memory"]["indexingMs"] > 0
    without = completed(place, "--retype", "--no-memory")
    assert without["memory"] is None
    assert not without["text"].startswith("ebra_margin")


def test_retyping_does_not_look_up_what_the_file_itself_says(workspace: Path) -> None:
    (workspace / "zebra.py").unlink()
    told = completed(f"{workspace / 'inner' / 'typed.py'}:2:24", "--retype")
    assert not told["text"].startswith("ebra_margin")
    assert told["memory"]["tokens"] == 0


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("{source}:99", "no line 99"),
        ("{source}:5:99", "no column 99"),
        ("{source}", "not FILE:LINE"),
        ("{source}:0", "not FILE:LINE"),
        ("{folder}/absent.py:1", "No such file"),
        ("{folder}:1", "directory"),
        ("{folder}/binary:1", "binary"),
    ],
)
def test_a_bad_place_is_one_clear_error(source: Path, place: str, words: str) -> None:
    (source.parent / "binary").write_bytes(b"\0\1\2")
    result = run("complete", place.format(source=source, folder=source.parent))
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["complete", "doctor"])
def test_a_broken_model_is_one_clear_error(source: Path, tmp_path: Path, command: str) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(200))
    place = [f"{source}:5"] if command == "complete" else []
    result = run(command, *place, "--model", str(broken))
    assert result.exit_code == 1
    assert "broken.gguf" in result.output


def test_the_doctor_measures_the_bundled_model() -> None:
    result = run("doctor", "--json")
    findings = {finding["subject"]: finding for finding in json.loads(result.stdout)}
    assert re.match(r"[1-9][\d,]* tokens/s of a prompt, \d+", findings["speed"]["value"])
    assert re.fullmatch(r"\d+ for prompts, \d+ to write, of \d+ logical cores", findings["threads"]["value"])
    for wait in ("a new place", "a newline", "a key"):
        assert re.match(r"[\d.]+ m?s to a completion: \d+ tokens evaluated, [1-9]", findings[wait]["value"])
        assert "bundled model answers" not in findings[wait]["value"]
    assert findings["fill in the middle"]["value"] == "yes"
    assert re.search(r"the last 8 .* [1-9]\d*\.\d KiB a token, 128 MiB", findings["places"]["value"])
    assert not findings["model"]["cure"]
    assert findings["memory"]["value"].endswith("weights: came with the model")
    assert findings["indexing"]["value"].endswith(" tokens/s")


@pytest.mark.parametrize("slow", ["place", "newline", "key"])
def test_the_doctor_never_says_that_all_is_well_where_a_person_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slow: str
) -> None:
    soon, late = Wait(0.2, 64, 5), Wait(1.1, 64, 5)
    changed: dict[str, Any] = {slow: late}
    waiting = replace(Waits(soon, 1024, 5.2, soon, soon), **changed)
    monkeypatch.setattr(waits, "timed", lambda engine, calibration: waiting)
    other = tmp_path / "other.gguf"
    other.write_bytes(store.checked("").path.read_bytes())
    result = run("doctor", "--model", str(other))
    assert result.exit_code == 1
    assert "All is well" not in result.output
    assert "1 thing to fix" in result.output
    assert "`empower-lsp setup` says which one fits" in result.output
    assert "all 1,024 tokens of the prompt 5.2 s later" in result.output
    assert "Where it is not ready, the bundled model answers" in result.output


def test_the_doctor_says_where_weights_are_from_and_what_to_do_about_broken_ones(tmp_path: Path) -> None:
    bundled = store.checked("")
    other = tmp_path / "other.gguf"
    other.write_bytes(bundled.path.read_bytes())

    def told() -> dict[str, str]:
        findings = json.loads(run("doctor", "--json", "--model", str(other)).output)
        return dict(next(finding for finding in findings if finding["subject"] == "memory"))

    assert "weights: for any model; `calibrate" in told()["value"]
    path = own_weights(store.checked(str(other)))
    path.parent.mkdir(parents=True)
    weights = Weights.load(memory_sidecar(bundled.path))
    assert weights is not None
    weights.save(path, workspace="zebra", date="2026-11-22")
    assert told()["value"].endswith("weights: fitted to zebra on 2026-11-22")
    path.write_text("{")
    assert "Delete the file" in told()["cure"]


def test_help_lists_every_command_and_the_version_is_told() -> None:
    listed = run("--help").output
    assert all(f"  {command} " in listed for command in COMMANDS)
    assert __version__ in run("--version").output


def test_an_unknown_command_is_refused() -> None:
    assert run("levitate").exit_code == 2


def test_help_shows_what_a_user_does_and_the_lab_what_makes_a_model() -> None:
    listed = commands_of(run("--help").output)
    assert listed == [*sorted(COMMANDS | {"evaluate": "", "report": "", "train": ""})]
    assert commands_of(run("lab", "--help").output) == IN_THE_LAB


def commands_of(text: str) -> list[str]:
    return [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines() if line[2:3].strip()]


@pytest.mark.parametrize("name", IN_THE_LAB)
def test_what_moved_to_the_lab_answers_to_its_old_name_and_says_the_new_one(name: str) -> None:
    old, new = run(name, "--help"), run("lab", name, "--help")
    assert old.exit_code == new.exit_code == 0
    assert old.stdout.replace(f"empower-lsp {name}", f"empower-lsp lab {name}").split() == new.stdout.split()
    said = f"`empower-lsp {name}` is now `empower-lsp lab {name}`; the next version knows only that.\n"
    assert (old.stderr, new.stderr) == (said, "")


def without(lacking: Iterable[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return a run of the command line in a Python that lacks some packages."""
    run = f"import sys; sys.modules.update(dict.fromkeys({lacking})); from empower_lsp.cli import main; main()"
    return subprocess.run([sys.executable, "-c", run, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("named", [("lab", "corpus"), ("corpus",)])
def test_a_missing_extra_is_one_clear_sentence(tmp_path: Path, named: tuple[str, ...]) -> None:
    result = without(["tokenizers"], *named, str(tmp_path / "corpus"))
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "Error: `corpus` needs tokenizers: pip install 'empower-lsp[training]'."
    assert len(result.stderr.splitlines()) == 3 - len(named)


@pytest.mark.parametrize("named", [(), ("lab",), ("train",), ("evaluate",), ("lab", "tune")])
def test_help_needs_no_extra(named: tuple[str, ...]) -> None:
    result = without(EXTRA, *named, "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage: ")


def test_stdio_stands_alone() -> None:
    assert "takes no command" in run("--stdio", "doctor").output


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["lab", "--help"], ["train", "--help"]])
def test_the_command_line_loads_nothing_heavy(arguments: list[str]) -> None:
    heavy = {"torch", "transformers", "numpy", "rich", "pygls", "llama_cpp", "huggingface_hub"}
    check = (
        "import sys; from empower_lsp.cli import main\n"
        f"assert main({arguments}, standalone_mode=False) == 0\n"
        f"sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


NAMES = ["~nobody-of-that-name/x", "n" * 300, "/dev/zero"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_no_command_ends_in_a_traceback_whatever_the_terminal_writes(
    source: Path, tmp_path: Path, data_folder: Path, encoding: str
) -> None:
    odd = tmp_path / "s\N{SNOWMAN}\udcff.py"
    odd.write_bytes("# \N{SNOWMAN} \N{GRINNING FACE}\nx = 1\n".encode())
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "EMPOWER_LSP_DATA": str(data_folder)}
    lines = [
        [],
        ["complete", f"{source}:5:20"],
        ["complete", f"{odd}:1"],
        ["complete", f"{odd}:9"],
        ["model", "list"],
        *(["complete", f"{source}:5", "--model", name] for name in NAMES),
        *(["doctor", "--model", name] for name in NAMES),
        *(["model", "use", name] for name in NAMES),
        *(["model", "verify", name] for name in NAMES),
        ["calibrate"],
        ["log", "show"],
        ["log", "status"],
    ]
    program = (
        "import json, sys; from click.testing import CliRunner; from empower_lsp.cli import main\n"
        "for line in json.loads(sys.stdin.read()):\n"
        "    try: main(line, prog_name='empower-lsp')\n"
        "    except SystemExit as end: print('ended with', end.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(lines).encode(),
        capture_output=True,
        env=environment,
        check=True,
    )
    printed = (done.stdout + done.stderr).decode(encoding, "replace")  # click takes ASCII for a mistake
    assert printed.count("ended with") == len(lines)
    assert "Traceback" not in printed
    assert "failed inside" not in printed


def test_what_no_command_foresees_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise KeyError("of somebody's code")

    monkeypatch.setattr("empower_model.files.store.listing", fail)
    monkeypatch.setattr("empower_model.files.store.default_model", lambda: fail(None))
    result = run("model", "list")
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: `model` failed inside \(\w+ at \w+\.py:\d+\); please report it\.\n", result.stderr)


def test_a_disk_that_cannot_be_written_is_one_line(data_folder: Path) -> None:
    data_folder.write_text("a file, where a folder should be")
    for line in (["model", "use", store.bundled()], ["log", "status"], ["log", "off"], ["model", "list"]):
        result = run(*line)
        assert result.exit_code in (0, 1)
        assert result.exception is None or isinstance(result.exception, SystemExit), line
        assert "failed inside" not in result.stderr


@pytest.mark.parametrize("command", ["complete", "doctor"])
def test_a_model_that_would_end_the_process_is_one_clear_error(source: Path, tmp_path: Path, command: str) -> None:
    content = store.checked("").path.read_bytes()
    at = content.index(b"qwen3.block_count") + len(b"qwen3.block_count") + 4
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(content[:at] + bytes(4) + content[at + 4 :])
    line = [command, *([f"{source}:5"] if command == "complete" else []), "--model", str(broken)]
    program = f"from empower_lsp.cli import main; main({line!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "its block_count is 0" in " ".join((done.stdout + done.stderr).split())
