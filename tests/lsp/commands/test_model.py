"""`empower-lsp model ...`, as a person or a script sees it."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from empower_lsp.commands.errors import errors_as_exit
from empower_lsp.commands.model import model
from empower_model import files
from empower_model.errors import DownloadFailed, ModelNotFound
from empower_model.files import store, tunings
from empower_model.files.elsewhere import FoundFile
from empower_model.files.gguf_file import digest
from empower_model.files.provenance import Provenance
from empower_model.files.store import CatalogueEntry

REFERENCE = "acme/tiny-GGUF:tiny.gguf"
GGUF = struct.pack("<4sIQQ", b"GGUF", 3, 2, 1) + bytes(2_500_000)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMPOWER_LSP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "500")
    return tmp_path / "data"


def run(*args: str) -> Result:
    return CliRunner().invoke(model, args)


def put_pulled(name: str = REFERENCE, content: bytes = GGUF) -> Path:
    entry = store.find(name)
    assert entry is not None
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    entry.path.write_bytes(content)
    return entry.path


def rows() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(run("list", "--json").stdout)}


def test_list_as_json() -> None:
    path = put_pulled()
    assert run("use", REFERENCE).exit_code == 0
    assert rows()[REFERENCE] == {
        "name": REFERENCE,
        "size": len(GGUF),
        "where": "pulled",
        "path": str(path),
        "adapter": None,
        "tuning": None,
        "licence": "see its page",
        "description": "Not in the catalogue",
        "in_use": True,
    }
    available = rows()["qwen2.5-coder-0.5b"]
    assert (available["where"], available["size"], available["in_use"]) == ("available", 531068128, False)
    assert [row["name"] for row in rows().values() if row["in_use"]] == [REFERENCE]


def test_list_as_a_table() -> None:
    put_pulled()
    run("use", REFERENCE)
    lines = run("list").stdout.splitlines()
    mine = next(line for line in lines if REFERENCE in line)
    assert mine.startswith("*")
    assert "3 MB" in mine
    assert "pulled" in mine
    qwen = next(line for line in lines if "qwen2.5-coder-1.5b " in line)
    assert not qwen.startswith("*")
    for word in ("1.6 GB", "available", "Apache-2.0"):
        assert word in qwen


def test_the_tables_fit_80_columns_and_cut_nothing(tmp_path: Path) -> None:
    put_pulled()
    run("use", REFERENCE)
    scores = {f"net effort on the later files of part {number}": 0.912345 for number in range(13)}
    used = tuned(tmp_path, scores=scores, kept_aside="")
    aside = tuned(tmp_path, kept_aside="Net effort did not fall on the later files, by the paired interval of 95 %.")
    run("promote", used)
    listed, tunings = run("list").stdout, run("tunings").stdout
    assert max(map(len, (listed + tunings).splitlines())) <= 80
    assert all(name in listed for name in store.catalogue())
    for said in (used, aside, *scores, "Net effort did not fall on the later files, by the paired interval of 95 %."):
        assert said in " ".join(tunings.split())


def test_brackets_in_a_path_are_shown_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "[red]m.gguf"
    path.write_bytes(GGUF)
    run("use", str(path))
    assert "[red]m.gguf" in run("list").stdout


def test_a_narrow_terminal_cuts_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    put_pulled()
    table = run("list").stdout
    assert "…" not in table
    assert all(character in table for character in REFERENCE)


def test_pull_says_where_the_model_is_and_how_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def arrive(name: str, progress: files.Progress, *, force: bool, source: str) -> store.Model:
        progress(0, 10)
        put_pulled(name)
        progress(10, 10)
        return store.resolve(name)

    monkeypatch.setattr(files, "pull", arrive)
    result = run("pull", REFERENCE)
    assert result.exit_code == 0
    where, how = result.stdout.splitlines()  # and no bar, which is no part of what a script reads
    assert where == f"Pulled and verified: {store.resolve(REFERENCE).path}"
    assert how.endswith(f"empower-lsp model use {REFERENCE}")
    again = run("pull", REFERENCE)
    assert again.exit_code == 0
    assert "is already here" in again.stdout


def test_force_fetches_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    put_pulled()
    asked: list[bool] = []

    def arrive(name: str, progress: files.Progress, *, force: bool, source: str) -> store.Model:
        asked.append(force)
        return store.resolve(name)

    monkeypatch.setattr(files, "pull", arrive)
    assert run("pull", "--force", REFERENCE).exit_code == 0
    assert asked == [True]


def test_ctrl_c_says_that_the_pull_can_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str, progress: files.Progress, *, force: bool, source: str) -> store.Model:
        progress(5, 10)
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "pull", interrupted)
    result = run("pull", REFERENCE)
    assert result.exit_code == 130
    assert f"`empower-lsp model pull {REFERENCE}` continues where it stopped" in result.stderr


def test_ctrl_c_says_the_whole_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str, progress: files.Progress, *, force: bool, source: str) -> store.Model:
        assert (force, source) == (True, "my disk/tiny.gguf")
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "pull", interrupted)
    result = run("pull", REFERENCE, "--force", "--from", "my disk/tiny.gguf")
    assert result.exit_code == 130
    assert f"`empower-lsp model pull --force --from 'my disk/tiny.gguf' {REFERENCE}` continues" in result.stderr


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that another program keeps."""
    path = tmp_path / "sha256-abc"
    path.write_bytes(GGUF)
    file = FoundFile(path, "tiny:latest", "Ollama", len(GGUF), None)
    monkeypatch.setattr(store, "found_files", lambda: [file])
    return path


def test_what_other_programs_keep_is_listed_with_where_and_used_in_place(kept: Path) -> None:
    lines = run("list").stdout.splitlines()
    about = " ".join(lines[lines.index(f"  {kept}") :][:4])
    assert " found " in about
    assert "tiny:latest, kept by Ollama" in about
    assert rows()[str(kept)]["where"] == "found"
    assert run("use", str(kept)).stdout == f"In use: {kept}\n"
    assert run("path").stdout == f"{kept}\n"
    assert [row["name"] for row in rows().values() if row["in_use"]] == [str(kept)]


def test_a_catalogued_model_kept_by_another_program_is_not_pulled(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = CatalogueEntry("tiny", "t.gguf", "MIT", "tiny", "acme/t", size=len(GGUF), sha256=digest(kept))
    own = store.catalogue()["empower-python"]
    monkeypatch.setattr(store, "catalogue", lambda: {own.name: own, "tiny": entry})
    assert run("pull", "tiny").stdout == f"tiny is already here: {kept}\n"
    assert run("use", "tiny").stdout == "In use: tiny\n"
    assert rows()["tiny"]["description"] == f"tiny; kept by Ollama: {kept}"


def test_a_failed_pull_is_one_line_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(name: str, progress: files.Progress, *, force: bool, source: str) -> store.Model:
        raise DownloadFailed("The hub cannot be reached.\nTry again.")

    monkeypatch.setattr(files, "pull", failed)
    result = run("pull", REFERENCE)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "Error: The hub cannot be reached. Try again."
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("pull", "quen"), "Error: quen is neither in the catalogue"),
        (("use", "qwen2.5-coder-7b"), "Error: qwen2.5-coder-7b is not pulled yet: run `empower-lsp model pull"),
        (("use", "no-such-file.gguf"), "Error: There is no model and no file no-such-file.gguf."),
        (("path", "qwen2.5-coder-7b"), "Error: qwen2.5-coder-7b is not pulled yet"),
        (("verify", "qwen2.5-coder-7b"), "Error: qwen2.5-coder-7b is not pulled yet"),
        (("tunings", "qwen2.5-coder-7b"), "Error: qwen2.5-coder-7b is not pulled yet"),
        (("rollback",), "Error: Nothing is promoted for empower-python: it is in use as it came."),
        (("promote", "2020-01-01-empower"), "Error: empower-python has no tuning 2020-01-01-empower: `empower-lsp"),
    ],
)
def test_errors_are_one_line_on_stderr(args: tuple[str, ...], message: str) -> None:
    result = run(*args)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("Error:") == 1
    assert result.stderr.splitlines()[-1].startswith(message)


def test_use_checks_the_file_before_it_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("no model at all")
    result = run("use", str(tmp_path / "notes.gguf"))
    assert result.exit_code == 1
    assert "is not a GGUF file" in result.stderr
    assert store.default_model() == "empower-python"


def test_path_prints_only_the_path() -> None:
    path = put_pulled()
    assert run("path", REFERENCE).stdout == f"{path}\n"
    run("use", REFERENCE)
    assert run("path").stdout == f"{path}\n"


def test_verify_tells_checked_from_unknown_from_damaged() -> None:
    path = put_pulled()
    run("use", REFERENCE)
    assert "no checksum is known" in run("verify").stdout
    sha256 = digest(path)
    store.record(path).write_text(json.dumps({"sha256": sha256}))
    assert f"is intact (SHA-256 {sha256})" in run("verify", REFERENCE).stdout
    path.write_bytes(GGUF + b"!")
    damaged = run("verify")
    assert damaged.exit_code == 1
    assert "is damaged" in damaged.stderr


def tuned(tmp_path: Path, **about: Any) -> str:
    """Tune the pulled model; any GGUF is a whole model."""
    base = store.resolve(REFERENCE, tuned=False)
    given = {"method": "empower", "eta": 0.32, "date": "2026-11-22T10:00:00+00:00", **about}
    provenance = Provenance(base_sha256=digest(base.path), base_size=len(GGUF), data="", version="0.1.0", **given)
    (tmp_path / "tuned.gguf").write_bytes(GGUF + b"tuned")
    return tunings.keep(base, tmp_path / "tuned.gguf", provenance).id


def test_promoting_and_rolling_back_say_what_is_in_use_now(tmp_path: Path) -> None:
    path = put_pulled()
    run("use", REFERENCE)
    first, second = tuned(tmp_path), tuned(tmp_path, method="sft-10", eta=None)
    assert run("promote", first).stdout == f"In use now: {REFERENCE}, tuned {first}\n"
    assert run("promote", second, REFERENCE).stdout == f"In use now: {REFERENCE}, tuned {second}\n"
    assert run("path").stdout == f"{tunings.folder(store.resolve(REFERENCE)) / second / 'model.gguf'}\n"
    assert run("use", REFERENCE).stdout == f"In use: {REFERENCE}, tuned {second}\n"
    assert run("rollback").stdout == f"In use now: {REFERENCE}, tuned {first}\n"
    assert run("rollback", REFERENCE).stdout == f"In use now: {REFERENCE}, as it came\n"
    assert run("path").stdout == f"{path}\n"
    again = run("rollback")
    assert again.exit_code == 1
    assert "Nothing is promoted" in again.stderr


def test_list_marks_a_tuned_model(tmp_path: Path) -> None:
    put_pulled()
    run("use", REFERENCE)
    id = tuned(tmp_path)
    assert "tuned:" not in run("list").stdout
    run("promote", id)
    assert f"    tuned: {id}\n" in run("list").stdout
    assert rows()[REFERENCE]["tuning"] == id
    assert run("verify").exit_code == 0, "it is about the model as it came"


def test_a_narrow_terminal_cuts_no_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_pulled()
    run("use", REFERENCE)
    id = tuned(tmp_path, kept_aside="Net effort did not fall on the later files.")
    run("promote", id)
    monkeypatch.setenv("COLUMNS", "60")
    assert id in run("tunings").stdout
    assert id in run("list").stdout


def test_the_path_of_an_adapter_is_no_part_of_what_a_script_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put_pulled()
    monkeypatch.setattr(tunings, "is_adapter", lambda path: True)
    id = tuned(tmp_path)
    run("promote", id, REFERENCE)
    result = run("path", REFERENCE)
    assert result.stdout == f"{path}\n"
    adapter = store.resolve(REFERENCE).adapter
    assert result.stderr == f"with the adapter {adapter}\n"
    assert rows()[REFERENCE]["adapter"] == str(adapter)


def test_tunings_tell_what_became_of_each(tmp_path: Path) -> None:
    put_pulled()
    run("use", REFERENCE)
    assert "Nothing was tuned from" in run("tunings").stdout
    assert json.loads(run("tunings", "--json").stdout) == []
    used = tuned(tmp_path, scores={"net effort": 0.912345, "before": 0.95})
    aside = tuned(tmp_path, kept_aside="Net effort did not fall.")
    broken = tuned(tmp_path)
    (tunings.folder(store.resolve(REFERENCE)) / broken / "provenance.json").write_text("{")
    assert "is used as it came" in run("tunings").stdout
    run("promote", used)
    table = run("tunings").stdout
    lines = {id: next(line for line in table.splitlines() if f" {id} " in line) for id in (used, aside, broken)}
    assert lines[used].startswith("*")
    for word in ("2026-11-22 ", "empower", "0.32", "in use"):
        assert word in lines[used]
    assert "kept aside" in lines[aside]
    assert "cannot be used" in lines[broken]
    for said in ("    net effort 0.9123, before 0.95\n", "    Net effort did not fall.\n", "    Its\n"):
        assert said in table
    assert "as it came" not in table
    by_id = {row["id"]: row for row in json.loads(run("tunings", REFERENCE, "--json").stdout)}
    assert [id for id, row in by_id.items() if row["in_use"]] == [used]
    assert (by_id[used]["scores"], by_id[used]["eta"]) == ({"net effort": 0.912345, "before": 0.95}, 0.32)
    assert by_id[aside]["kept_aside"] == "Net effort did not fall."
    assert (by_id[broken]["date"], by_id[broken]["scores"]) == (None, {})
    assert "provenance.json cannot be read" in by_id[broken]["problem"]


def test_other_errors_are_not_hidden() -> None:
    @errors_as_exit()
    def broken() -> None:
        raise ZeroDivisionError

    @errors_as_exit()
    def unknown() -> None:
        raise ModelNotFound("gone")

    with pytest.raises(ZeroDivisionError):
        broken()
    with pytest.raises(Exception, match="gone") as caught:
        unknown()
    assert type(caught.value).__name__ == "ClickException"


def test_importing_the_commands_is_light() -> None:
    code = (
        "import sys, empower_lsp.commands.model\n"
        "print(*sorted({'huggingface_hub', 'numpy', 'rich', 'platformdirs'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
