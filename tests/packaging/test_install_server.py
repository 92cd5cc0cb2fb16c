"""`install_server.py` takes a llama.cpp built elsewhere where it works, and leaves nothing when it fails.

The indexes are folders here: of a wheel that works, built once by pip, and of one that cannot be imported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import psutil
import pytest

import empower_model
from tests.packaging.wheels import ROOT, broken_sdist, index, wheel

SCRIPT = ROOT / "editor-clients" / "install_server.py"
WEIGHTS = Path(empower_model.__file__).with_name("weights")
FASTER = {"PIP_NO_COMPILE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def server(folder: Path) -> Path:
    """Return a package that has the bundled model, and requires what the server does of llama.cpp."""
    model = min(WEIGHTS.glob("*.gguf"))
    files = {"empower_model/__init__.py": b"", f"empower_model/weights/{model.name}": model.read_bytes()}
    return wheel(folder, "empower_lsp", "0", files, "llama-cpp-python")


def install(environment: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, "-I", SCRIPT, environment, *arguments]
    given = {**os.environ, **FASTER, **variables}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=500, check=False)


@pytest.mark.index
def test_a_wheel_that_writes_a_token_is_used(tmp_path: Path, good: Path) -> None:
    (tmp_path / "types.py").write_text("raise SystemExit('of the person')\n")
    environment = tmp_path / "environment"
    address = index(tmp_path / "index", good)
    done = install(environment, "--server", str(server(tmp_path)), "--prebuilt", address, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"with {good.name}, which works here" in done.stdout.splitlines()[-1]
    assert "compiling" not in done.stdout
    assert (environment / "bin" / "python").exists()
    assert sorted(path.name for path in tmp_path.glob("environment*")) == ["environment"]


@pytest.mark.index
def test_a_wheel_that_cannot_be_imported_does_not_count(tmp_path: Path, good: Path) -> None:
    bad = wheel(
        tmp_path / "bad", "llama_cpp_python", "0.3.999", {"llama_cpp/__init__.py": b"raise ImportError('libc.musl')\n"}
    )
    environment = tmp_path / "environment"
    address = index(tmp_path / "index", bad)
    compiled = {"PIP_FIND_LINKS": str(good.parent)}  # stands for the compilation, which takes minutes
    done = install(environment, "--server", str(server(tmp_path)), "--prebuilt", address, **compiled)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{bad.name} does not work here: ImportError: libc.musl" in done.stdout
    assert "compiled for this machine" in done.stdout.splitlines()[-1]
    listed = [path.name for path in environment.glob("lib/*/site-packages/llama_cpp_python-*")]
    assert listed == [f"{good.name.split('-py3')[0]}.dist-info"]


def test_a_missing_compiler_is_named_with_what_installs_it(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    environment.mkdir()
    (environment / "kept").touch()
    links = broken_sdist(tmp_path / "links", "raise RuntimeError('CMAKE_CXX_COMPILER not set')")
    only = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(links), "PATH": str(tmp_path), "CXX": ""}
    done = install(environment, "--server", str(server(tmp_path)), **only)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("llama.cpp must be compiled here, and there is no C++ compiler: ")
    if "debian" in Path("/etc/os-release").read_text():
        assert said.endswith("sudo apt install g++.")
    assert [path.name for path in tmp_path.glob("environment*")] == ["environment"]
    assert [path.name for path in environment.iterdir()] == ["kept"], "what was there before is there again"


def test_ended_it_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    started = tmp_path / "started"
    backend = (
        "import subprocess; running = subprocess.Popen(['sleep', '3599']); "
        f"open({str(started)!r}, 'w').write(str(running.pid)); running.wait()"
    )
    links = broken_sdist(tmp_path / "links", backend)
    variables = {**os.environ, **FASTER, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(links)}
    command: list[str | Path] = [sys.executable, "-I", SCRIPT, tmp_path / "environment", "--server", server(tmp_path)]
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        try:
            end = time.monotonic() + 120
            while not (started.exists() and started.read_text()):
                assert time.monotonic() < end
                time.sleep(0.1)
            every = psutil.Process(running.pid).children(recursive=True)
            os.killpg(running.pid, signal.SIGTERM)
            assert running.wait(30) == 1
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
    assert int(started.read_text()) in {process.pid for process in every}
    assert psutil.wait_procs(every, 10)[1] == []
    assert list(tmp_path.glob("environment*")) == []


def test_it_asks_for_what_the_server_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [required] = [line for line in project["dependencies"] if line.startswith("llama-cpp-python")]
    assert f'LLAMA = "{required}"' in SCRIPT.read_text(encoding="utf-8")
