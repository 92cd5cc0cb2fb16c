"""Installs the server into a virtual environment of its own, where it can without compiling.

    python3 install_server.py ENVIRONMENT [--server WHEEL, FOLDER OR REQUIREMENT] [--prebuilt INDEX]

`--prebuilt` names a package index to take a wheel of llama-cpp-python from; nothing else is taken from there. The wheel
counts only if it can be imported and the bundled model writes a token with it; else llama.cpp is compiled, which takes
minutes and a C++ compiler. A line that begins with `==` is a step, and the last line on standard error says what is
wrong and what to do. What was in the environment before is there again when the installation fails or is ended. Needs
nothing but Python.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

LLAMA = "llama-cpp-python>=0.3.36"
"""What the server requires of it, as in its pyproject.toml."""
WINDOWS = os.name == "nt"
COMPILERS = ("cl", "clang-cl", "g++", "clang++") if WINDOWS else ("c++", "g++", "clang++")
PACKAGES = {
    "debian": "sudo apt install g++",
    "fedora": "sudo dnf install gcc-c++",
    "rhel": "sudo dnf install gcc-c++",
    "arch": "sudo pacman -S gcc",
    "suse": "sudo zypper install gcc-c++",
    "alpine": "sudo apk add g++ linux-headers",
}
"""What installs a C++ compiler, by an identifier of `os-release`."""
ONE_TOKEN = """\
import importlib.resources, llama_cpp
files = importlib.resources.files("empower_model") / "weights"
path = min((file for file in files.iterdir() if file.name.endswith(".gguf")), key=lambda file: file.name)
model = llama_cpp.Llama(str(path), n_ctx=64, n_threads=1, verbose=False)
next(model.generate(model.tokenize(b"def ", add_bos=False)))
"""


class Failure(Exception):
    """The installation cannot go on; the message says why, and what to do."""


class Installation:
    """A virtual environment in the making; what works in it is started without the person's own PYTHONPATH."""

    def __init__(self, environment: Path) -> None:
        self.environment = environment
        self.python = environment / ("Scripts/python.exe" if WINDOWS else "bin/python")
        self.before = environment.with_name(environment.name + ".before")
        self.scratch = environment.with_name(environment.name + ".tmp")
        self.variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self.variables |= {"TMPDIR": str(self.scratch), "TEMP": str(self.scratch), "PYTHONUTF8": "1"}

    def __enter__(self) -> Installation:
        for left in (self.scratch, self.before):
            shutil.rmtree(left, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        if self.environment.exists():
            self.environment.rename(self.before)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)
        if kind is None:
            shutil.rmtree(self.before, ignore_errors=True)
            return
        shutil.rmtree(self.environment, ignore_errors=True)
        if self.before.exists():
            self.before.rename(self.environment)

    def make(self) -> None:
        """Make the environment, empty. Raises Failure where Python comes without what that needs."""
        done = self._run([sys.executable, "-I", "-m", "venv", "--clear", str(self.environment)])
        if done:
            cure = "sudo apt install python3-venv" if "debian" in _system() else "install Python with its module venv"
            raise Failure(f"This Python makes no virtual environment; {cure}. It says: {done}")

    def pip(self, *arguments: str) -> str:
        """Run pip in the environment; return what went wrong, empty if nothing did."""
        return self._run([str(self.python), "-I", "-m", "pip", *arguments])

    def prebuilt(self, index: str) -> Path | None:
        """Return a wheel of llama-cpp-python from an index, or None where it has none for this machine."""
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--index-url", index]
        problem = self.pip("download", *options, "--dest", str(self.scratch / "wheels"), LLAMA)
        return None if problem else next((self.scratch / "wheels").glob("llama_cpp_python-*.whl"), None)

    def install(self, *what: str) -> str:
        """Install into the environment; return what went wrong, empty if nothing did."""
        return self.pip("install", "--disable-pip-version-check", "--progress-bar=off", *what)

    def writes(self) -> str:
        """Write a token with the bundled model; return what went wrong, empty if nothing did."""
        return self._run([str(self.python), "-I", "-c", ONE_TOKEN])

    def _run(self, command: list[str]) -> str:
        """Pass on what a program prints; return its last line of an error, empty if it ended well."""
        said = ""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(
            command, cwd=self.scratch, env=self.variables, text=True, errors="replace", **pipes
        ) as running:
            try:
                for line in running.stdout or ():
                    print(line.rstrip(), flush=True)
                    said = line.strip() if line.strip() and (not said or "rror" in line) else said
            except BaseException:
                running.terminate()
                running.wait()
                raise
        return (said or f"{command[0]} ended with {running.returncode}") if running.returncode else ""


def installed(environment: Path, server: str, index: str) -> str:
    """Install the server; return a sentence on what llama.cpp it has. Raises Failure."""
    began = time.monotonic()
    with Installation(environment) as work:
        step("Making the environment")
        work.make()
        if index:
            step("Looking for a llama.cpp that was built for machines like this")
            if wheel := work.prebuilt(index):
                step(f"Installing, with {wheel.name}")
                problem = work.install(str(wheel), server)
                step(f"Trying {wheel.name}")
                problem = problem or work.writes()
                if not problem:
                    return f"Installed in {time.monotonic() - began:.0f} s, with {wheel.name}, which works here."
                print(f"{wheel.name} does not work here: {problem}", flush=True)
                work.make()
            else:
                print("There is none.", flush=True)
        step("Installing; compiling llama.cpp for this machine takes some minutes")
        if problem := work.install(server):
            if not (os.environ.get("CXX") or any(shutil.which(name) for name in COMPILERS)):
                raise Failure(f"llama.cpp must be compiled here, and there is no C++ compiler: {_compiler_cure()}.")
            raise Failure(f"pip could not install {server}: {problem}")
        step("Trying it")
        if problem := work.writes():
            raise Failure(f"llama.cpp was compiled and does not work: {problem}")
        return f"Installed in {time.monotonic() - began:.0f} s, with a llama.cpp compiled for this machine."


def step(text: str) -> None:
    """Say what is done now."""
    print(f"== {text}", flush=True)


def _system() -> str:
    """Return the identifiers of this system: of Linux, its own and those of what it is like."""
    if sys.platform != "linux":
        return sys.platform
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return f"{release.get('ID', '')} {release.get('ID_LIKE', '')}"


def _compiler_cure() -> str:
    if WINDOWS:
        return "install the Build Tools for Visual Studio, with C++"
    if sys.platform == "darwin":
        return "xcode-select --install"
    names = _system()
    return next((cure for name, cure in PACKAGES.items() if name in names), "install g++ or clang++")


def main() -> None:
    """Install as the command line says."""
    parser = argparse.ArgumentParser(description="Install empower-lsp into a virtual environment of its own.")
    parser.add_argument("environment", type=Path)
    parser.add_argument("--server", default=str(Path(__file__).resolve().parents[1]), help="the clone, by default")
    parser.add_argument("--prebuilt", default="", metavar="INDEX")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended on request."))
    try:
        print(installed(given.environment.absolute(), given.server, given.prebuilt))
    except KeyboardInterrupt:
        sys.exit("Ended on request.")
    except (Failure, OSError) as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
